"""A reward of one's own on the lane task: deviation and heading as weighted terms, over time, and the resets."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

from snn_core import LaneTask, Signals, TaskWindow, train, weighted


class HeadingTask(LaneTask):
    """The lane task, taught by where the robot heads, too; the decoder credits an error to each motor neuron."""

    name = "heading"

    def signals(self, window: TaskWindow) -> Signals:
        """The error and its terms."""
        x_m, y_m, yaw_rad, deviation_m = window.state
        heading_rad = self.track.locate(x_m, y_m, yaw_rad, window.goal).heading_error_rad
        return weighted("error", {"deviation": (1.0, deviation_m), "heading": (0.1, heading_rad)})


run = train(HeadingTask, seconds=float(sys.argv[1]) if sys.argv[1:] else 100.0, evaluation_seconds=0)
rows = run.rows()
figure, (above, below) = plt.subplots(2, 1, figsize=(7.0, 4.2), sharex=True, layout="constrained")
for term, colour in (("error/deviation", "#1f6fb4"), ("error/heading", "#c8502d")):
    above.plot(1e-6 * rows["end_us"], rows[term], color=colour, lw=0.8, label=term)
above.set(ylabel="weighted term")
above.legend(frameon=False, fontsize=8)
below.plot(1e-6 * rows["end_us"], rows["failed"], color="0.2")
below.set(xlabel="time (s)", ylabel="resets")
plt.rcParams["svg.hashsalt"] = "spikedrive"
figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})
