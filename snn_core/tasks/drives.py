"""What a drive comes to, whatever its task: the figures that a report tells of it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from snn_core.tasks.log import COMMON


@dataclass(frozen=True)
class Drive:
    """A drive of at least one window.

    rows: (n,) structured array of ``snn_core.tasks.log.row_dtype``.
    """

    rows: np.ndarray

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
    def events_per_s(self) -> float:
        """Mean rate of events (Hz)."""
        return float(self.rows["events"].sum() / max(self.seconds, 1e-9))

    @property
    def failed(self) -> int:
        """How often it failed and was placed at a start."""
        return int(self.rows["failed"][-1])

    @property
    def completed(self) -> int:
        """How often the goal was reached."""
        return int(self.rows["completed"][-1])

    def failed_windows(self) -> np.ndarray:
        """Indices of the windows that ended in a failure."""
        return np.flatnonzero(np.diff(self.rows["failed"].astype(np.int64), prepend=0) > 0)

    @property
    def last_failed_s(self) -> float | None:
        """Time of the last failure, None without one."""
        at = self.failed_windows()
        return float(self.time_s[at[-1]]) if at.size else None

    def stretches(self) -> list[slice]:
        """The windows between one placing of the body and the next."""
        cuts = np.flatnonzero(self.rows["placed"][1:]) + 1
        edges = [0, *cuts.tolist(), self.rows.size]
        return [slice(begin, end) for begin, end in pairwise(edges)]

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of its signals and their terms: ``reward``, ``reward/progress``."""
        names = [name for name in self.rows.dtype.names or () if name not in (COMMON.names or ())]
        signals = {name.split("/")[0] for name in names if "/" in name}
        return tuple(name for name in names if name.split("/")[0] in signals)

    def running_mean(self, values: np.ndarray, window_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Times (s) and mean of ``values`` (n,) over the ``window_s`` before each."""
        step_s = self.seconds / self.rows.size
        count = max(1, min(round(window_s / step_s), self.rows.size)) if step_s else 1
        total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
        return self.time_s[count - 1 :], (total[count:] - total[:-count]) / count
