"""What a drive comes to: the figures that a report tells of it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from snn_core.sim.track import Track


@dataclass(frozen=True)
class DriveSummary:
    """A drive of at least one window, with its deviations from the lane's centre.

    rows: (n,) structured array with the fields of WindowRow. deviation_m: (n,), m, positive left of the lane's centre.
    """

    rows: np.ndarray
    deviation_m: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, track: Track) -> "DriveSummary | None":
        """Summary of ``rows``; None when there are none."""
        if not rows.size:
            return None
        poses = zip(*(rows[name].tolist() for name in ("x_m", "y_m", "yaw_rad", "lane")), strict=True)
        return cls(rows, np.array([track.locate(*pose).deviation_m for pose in poses]))

    @property
    def time_s(self) -> np.ndarray:
        """(n,) ends of the windows, s."""
        return self.rows["end_us"] * 1e-6

    @property
    def seconds(self) -> float:
        """Event time driven, s, the first window's length being taken from the second's."""
        end_us = self.rows["end_us"]
        window_us = end_us[1] - end_us[0] if end_us.size > 1 else 0
        return float(end_us[-1] - end_us[0] + window_us) * 1e-6

    @property
    def resets(self) -> int:
        """How often the robot left its lane and was put back."""
        return int(self.rows["resets"][-1])

    @property
    def laps(self) -> int:
        """Completed laps."""
        return int(self.rows["laps"][-1])

    def reset_windows(self) -> np.ndarray:
        """Indices of the windows that ended off the lane: their count of resets rose."""
        resets = self.rows["resets"].astype(np.int64)
        return np.flatnonzero(np.diff(resets, prepend=0) > 0)

    def reset_places_m(self) -> np.ndarray:
        """(resets, 2) x and y where the robot was before it was put back, m."""
        at = self.reset_windows()
        return np.stack([self.rows["x_m"][at], self.rows["y_m"][at]], axis=1)

    @property
    def last_reset_s(self) -> float | None:
        """Time of the last reset, None without one."""
        at = self.reset_windows()
        return float(self.time_s[at[-1]]) if at.size else None

    def stretches(self) -> list[slice]:
        """The windows between one placing of the robot and the next."""
        cuts = np.flatnonzero(self.rows["placed"][1:]) + 1
        edges = [0, *cuts.tolist(), self.rows.size]
        return [slice(begin, end) for begin, end in pairwise(edges)]

    def mean_abs_deviation_m(self, lane: int | None = None) -> float:
        """Mean absolute deviation, m, on one lane or on all; nan when the lane was not driven."""
        deviation = self.deviation_m if lane is None else self.deviation_m[self.rows["lane"] == lane]
        return float(np.abs(deviation).mean()) if deviation.size else float("nan")

    @property
    def max_abs_deviation_m(self) -> float:
        """Largest absolute deviation, m."""
        return float(np.abs(self.deviation_m).max())
