"""A small task: a point on a line that a force moves, seen by a camera of 16 x 4 pixels; and who learns it."""

from pathlib import Path

import numpy as np
import yaml
from pydantic import Field

from snn_core.control.command import Command
from snn_core.control.signals import Signals, weighted
from snn_core.events.events import Events
from snn_core.files import StrictModel
from snn_core.tasks.base import TaskSettings, TaskWindow
from snn_core.tasks.simple import Outcome, SimpleTask

GOAL_M, EDGE_M = 0.5, -1.0


class PointSettings(TaskSettings):
    """The scene: where the point starts, give or take a tenth of a metre."""

    start_m: float = Field(default=0.0, description="where the point starts, on average (m)")


class PointSignals(StrictModel):
    """Weights of the reward's terms."""

    near: float = 1.0
    effort: float = 0.5


class Point(SimpleTask[PointSettings, PointSignals]):
    """A point of 1 kg that is to get beyond GOAL_M, and not below EDGE_M."""

    name = "point"
    summary = "Push a point to the right."
    channels = ("force_n",)
    state_names = ("x_m", "v_m_s")
    sensor = (16, 4)
    settings_type = PointSettings
    signal_settings_type = PointSignals

    def place(self, rng: np.random.Generator) -> None:
        self._x_m, self._v_m_s = self.settings.start_m + rng.uniform(-0.1, 0.1), 0.0

    def advance(self, command: Command, begin_us: int, end_us: int) -> Events:
        seconds = 1e-6 * (end_us - begin_us)
        self._v_m_s += command["force_n"] * seconds
        self._x_m += self._v_m_s * seconds
        column = int(np.clip(8 + 8 * self._x_m, 0, 15))
        t = np.arange(begin_us, end_us, 1000)
        return Events(
            t, np.full(t.size, column, np.uint16), (t // 1000 % 4).astype(np.uint16), np.ones(t.size, np.uint8)
        )

    def state(self) -> tuple[float, ...]:
        return self._x_m, self._v_m_s

    def outcome(self) -> Outcome:
        if self._x_m > GOAL_M:
            return Outcome.COMPLETED
        return Outcome.FAILED if self._x_m < EDGE_M else Outcome.GOES_ON

    def signals(self, window: TaskWindow) -> Signals:
        x_m, v_m_s = window.state
        weights = self.signal_settings
        terms = {"near": (weights.near, x_m - GOAL_M), "effort": (weights.effort, -abs(v_m_s))}
        return weighted("reward", terms) | weighted("error", {"distance": (1.0, GOAL_M - x_m)})


def force(value_n: float) -> Command:
    """A command to the point."""
    return Command(("force_n",), (value_n,))


def write_network(folder: Path) -> Path:
    """A network for the point: two populations that push and pull, taught by the error."""
    neurons = {"model": "lif", "size": 1}
    rule = {"name": "r_stdp", "signal": "error", "learning_rate_per_ms": 1e-3, "w_max_na": 8.0}
    weights = {"distribution": "uniform", "low_na": 2.0, "high_na": 4.0}
    channel = {"raises": "right", "lowers": "left", "low": -20.0, "high": 20.0, "full_rate_hz": 100.0}
    description = {
        "name": "pusher",
        "populations": {"eye": {"model": "spike_source", "size": 16}, "right": neurons, "left": neurons},
        "connections": [{"pre": "eye", "post": side, "weights": weights, "rule": rule} for side in ("right", "left")],
        "encoder": {
            "code": "event_driven",
            "population": "eye",
            "events_per_spike": 2,
            "pooling": {"sensor": [16, 4], "rows": 1, "columns": 16},
        },
        "decoder": {"code": "push_pull", "command": {"force_n": channel}},
    }
    path = folder / "pusher.yaml"
    path.write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    return path
