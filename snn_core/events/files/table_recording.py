"""Recordings of events in tables: a column of times, of x, of y, of polarities, wherever they are kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.base import FileRecording, TriggerQueue
from snn_core.events.files.columns import MICROSECONDS, coordinates, polarities
from snn_core.events.files.limits import UNTIMED

ROWS = 2**15
"""Rows that are read at a time."""


class Columns(NamedTuple):
    """Some rows of a table, each of shape (n,), of any type of number."""

    t: NDArray
    x: NDArray
    y: NDArray
    polarity: NDArray


class TableRecording(FileRecording):
    """Derived classes set the unit of the times and give the rows."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._unit = MICROSECONDS
        self._offset_us = 0
        self._all_triggers = Triggers.uninitialised(0)

    @abstractmethod
    def _rows(self) -> Iterator[Columns]:
        """The table from its first row on, some rows at a time."""

    def _read(self, file: BinaryIO) -> Iterator[Events]:
        screen = self._screen()
        waiting = TriggerQueue(self._all_triggers)
        for rows in self._rows():
            t = self._unit.to_us(rows.t)
            if self._offset_us:
                t = np.where(t == UNTIMED, UNTIMED, t + self._offset_us)
            x, y, polarity = coordinates(rows.x), coordinates(rows.y), polarities(rows.polarity)
            screened = screen(Events(_own(t, rows.t), _own(x, rows.x), _own(y, rows.y), _own(polarity, rows.polarity)))
            self._count(screen)
            if len(screened):
                self._add_triggers(waiting.take(int(screened.t[-1])))
            yield screened
        self._add_triggers(waiting.take())


def _own(array: NDArray, source: NDArray) -> NDArray:
    """An array that may be written to."""
    return array.copy() if np.may_share_memory(array, source) else array
