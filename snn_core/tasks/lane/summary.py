"""What a drive on the lanes comes to."""

from dataclasses import dataclass

import numpy as np

from snn_core.tasks.drives import Drive


@dataclass(frozen=True)
class LaneDrive(Drive):
    """A drive with its deviations from the lane's centre; its goal is the lane."""

    @property
    def deviation_m(self) -> np.ndarray:
        """(n,) m, positive left of the lane's centre."""
        return self.rows["deviation_m"]

    def reset_places_m(self) -> np.ndarray:
        """(resets, 2) x and y where the robot was before it was put back, m."""
        at = self.failed_windows()
        return np.stack([self.rows["x_m"][at], self.rows["y_m"][at]], axis=1)

    def mean_abs_deviation_m(self, lane: int | None = None) -> float:
        """Mean absolute deviation, m, on one lane or on all; nan when the lane was not driven."""
        deviation = self.deviation_m if lane is None else self.deviation_m[self.rows["goal"] == lane]
        return float(np.abs(deviation).mean()) if deviation.size else float("nan")

    @property
    def max_abs_deviation_m(self) -> float:
        """Largest absolute deviation, m."""
        return float(np.abs(self.deviation_m).max())
