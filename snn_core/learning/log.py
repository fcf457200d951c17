"""What a drive leaves behind: a row a window, and what follows from it."""

from collections import deque
from typing import NamedTuple

import numpy as np

from snn_core.events.events import Events
from snn_core.learning.digests import DriveDigest
from snn_core.network.network import Spikes
from snn_core.sim.track import Track


class WindowRow(NamedTuple):
    """A window of a drive, as a message of each topic told it."""

    end_us: int
    x_m: float
    y_m: float
    yaw_rad: float
    lane: int
    placed: bool
    """The robot was placed anew when the window began."""
    laps: int
    resets: int
    v_m_s: float
    """Commanded at the window's end."""
    omega_rad_s: float
    events: int


ROW_DTYPE = np.dtype(
    [
        ("end_us", np.int64),
        ("x_m", np.float64),
        ("y_m", np.float64),
        ("yaw_rad", np.float64),
        ("lane", np.uint8),
        ("placed", np.bool_),
        ("laps", np.uint32),
        ("resets", np.uint32),
        ("v_m_s", np.float64),
        ("omega_rad_s", np.float64),
        ("events", np.int64),
    ]
)


class DriveLog:
    """Rows and digests of a drive, window after window."""

    def __init__(self, track: Track, keep_windows: int = 0) -> None:
        """``keep_windows``: how many of the newest windows' events and spikes are kept."""
        self._track = track
        self._kept: deque[tuple[Events, Spikes]] = deque(maxlen=keep_windows)
        self._rows: list[WindowRow] = []
        self.digest = DriveDigest()
        self.deviations_m: list[float] = []
        self.last_reset_s: float | None = None

    def add(self, row: WindowRow, spikes: Spikes, events: Events) -> None:
        """Append a window; ``events`` may be empty where they are not known."""
        self._kept.append((events, spikes))
        pose = (row.x_m, row.y_m, row.yaw_rad)
        if (self._rows and row.resets > self._rows[-1].resets) or (not self._rows and row.resets):
            self.last_reset_s = row.end_us * 1e-6
        self._rows.append(row)
        self.deviations_m.append(self._track.locate(*pose, row.lane).deviation_m)
        self.digest.add(row.end_us, pose, (row.v_m_s, row.omega_rad_s), spikes)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def last(self) -> WindowRow | None:
        """The newest row, None at first."""
        return self._rows[-1] if self._rows else None

    def rows(self) -> np.ndarray:
        """(windows,) structured array with the fields of WindowRow."""
        return np.array(self._rows, ROW_DTYPE)

    def kept(self) -> tuple[Events, Spikes]:
        """Events and spikes of the windows that were kept."""
        if not self._kept:
            return Events.empty(), Spikes.empty()
        events, spikes = zip(*self._kept, strict=True)
        return Events.concatenate(events), Spikes(*map(np.concatenate, zip(*spikes, strict=True)))

    def mean_abs_deviation_m(self, windows: int = 0) -> float:
        """Mean absolute lateral deviation over the last ``windows`` (0: all); nan without any."""
        deviations = np.abs(self.deviations_m[-windows:])
        return float(deviations.mean()) if deviations.size else float("nan")

    def max_abs_deviation_m(self) -> float:
        """Largest absolute lateral deviation; nan without windows."""
        return float(np.abs(self.deviations_m).max()) if self.deviations_m else float("nan")
