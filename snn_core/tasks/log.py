"""What a drive leaves behind: a row a window, and what follows from it."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from snn_core.control.signals import Signals
from snn_core.events.events import Events
from snn_core.tasks.digests import DriveDigest

if TYPE_CHECKING:
    from snn_core.network.network import Spikes

COMMON = np.dtype(
    [
        ("end_us", np.int64),
        ("goal", np.int32),
        ("placed", np.bool_),
        ("completed", np.uint32),
        ("failed", np.uint32),
        ("events", np.int64),
    ]
)
"""Fields of the rows of every drive; those of its state, command and signals follow, float64."""


class Columns(NamedTuple):
    """Names of the columns of a drive's rows, besides those of ``COMMON``."""

    state: tuple[str, ...]
    command: tuple[str, ...]
    path: tuple[str, ...]
    """What of the state enters the digest."""


class WindowRow(NamedTuple):
    """A window of a drive, as a message of each topic told it."""

    end_us: int
    goal: int
    placed: bool
    """The body was placed at a start when the window began."""
    completed: int
    failed: int
    events: int
    state: tuple[float, ...]
    command: tuple[float, ...]
    """Given at the window's end."""
    signals: Signals


def row_dtype(columns: Columns, signals: Sequence[str]) -> np.dtype:
    """Of the rows as an array: ``COMMON``, the state, the command, and the signals with their terms."""
    names = [*columns.state, *columns.command, *signals]
    return np.dtype([*COMMON.descr, *((name, np.float64) for name in names)])


class DriveLog:
    """Rows and digests of a drive, window after window.

    keep_windows: how many of the newest windows' events and spikes are kept.
    """

    def __init__(self, columns: Columns, keep_windows: int = 0) -> None:
        self.columns = columns
        self._path = [columns.state.index(name) for name in columns.path]
        self._kept: deque[tuple[Events, Spikes]] = deque(maxlen=keep_windows)
        self._rows: list[WindowRow] = []
        self.digest = DriveDigest()
        self.last_failed_s: float | None = None

    def add(self, row: WindowRow, spikes: "Spikes", events: Events) -> None:
        """Append a window; ``events`` may be empty where they are not known."""
        self._kept.append((events, spikes))
        if row.failed > (self._rows[-1].failed if self._rows else 0):
            self.last_failed_s = row.end_us * 1e-6
        self._rows.append(row)
        self.digest.add(row.end_us, [row.state[place] for place in self._path], row.command, spikes)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def last(self) -> WindowRow | None:
        """The newest row, None at first."""
        return self._rows[-1] if self._rows else None

    def rows(self) -> np.ndarray:
        """(windows,) structured array of ``row_dtype``; nan for a signal that a window was not given."""
        signals = tuple(dict.fromkeys(name for row in self._rows for name in row.signals))
        rows = [
            (*row[:6], *row.state, *row.command, *(row.signals.get(name, np.nan) for name in signals))
            for row in self._rows
        ]
        return np.array(rows, row_dtype(self.columns, signals))

    def column(self, name: str, windows: int = 0) -> np.ndarray:
        """A value of the state in the last ``windows`` (0: all), (windows,) float64."""
        place = self.columns.state.index(name)
        return np.array([row.state[place] for row in self._rows[-windows:]], np.float64)

    def kept(self) -> "tuple[Events, Spikes]":
        """Events and spikes of the windows that were kept."""
        from snn_core.network.network import Spikes  # with it come numba and all models, which a node may not need

        if not self._kept:
            return Events.empty(), Spikes.empty()
        events, spikes = zip(*self._kept, strict=True)
        return Events.concatenate(events), Spikes(*map(np.concatenate, zip(*spikes, strict=True)))
