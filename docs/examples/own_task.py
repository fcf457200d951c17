"""A task of one's own: a camera of 16 pixels learns to follow a bar; where the bar was and where the camera looked."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from snn_core import Command, Events, Outcome, Signals, SimpleTask, TaskWindow, train, weighted


class FollowTask(SimpleTask):
    name, channels, state_names, sensor = "follow", ("speed_px_s",), ("bar_px", "gaze_px"), (16, 1)

    def place(self, rng: np.random.Generator) -> None:
        self._bar_px = self._gaze_px = 0.0

    def advance(self, command: Command, begin_us: int, end_us: int) -> Events:
        self._gaze_px += command["speed_px_s"] * 1e-6 * (end_us - begin_us)
        self._bar_px += 30.0 * float(np.cos(1e-6 * np.pi * begin_us)) * 1e-6 * (end_us - begin_us)
        t, column = np.arange(begin_us, end_us, 1250), np.clip(8.0 + self._bar_px - self._gaze_px, 0.0, 15.0)
        return Events(t, np.full(t.size, column, np.uint16), np.zeros(t.size, np.uint16), np.ones(t.size, np.uint8))

    def state(self) -> tuple[float, ...]:
        return self._bar_px, self._gaze_px

    def outcome(self) -> Outcome:
        return Outcome.FAILED if abs(self._bar_px - self._gaze_px) > 8.0 else Outcome.GOES_ON

    def signals(self, window: TaskWindow) -> Signals:
        return weighted("error", {"offset": (1.0 / 8.0, self._bar_px - self._gaze_px)})


seconds, network = float(sys.argv[1]) if sys.argv[1:] else 20.0, Path(__file__).with_suffix(".yaml")
rows = train(FollowTask, network=network, seconds=seconds, evaluation_seconds=0).rows()
plt.rcParams.update({"svg.hashsalt": "spikedrive", "figure.figsize": (7.0, 2.8), "figure.constrained_layout.use": True})
plt.plot(1e-6 * rows["end_us"], np.column_stack([rows["bar_px"], rows["gaze_px"]]))
plt.gca().set(xlabel="time (s)", ylabel="pixels", title=f"bar (blue), gaze (orange): {rows['failed'][-1]} failures")
plt.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})
