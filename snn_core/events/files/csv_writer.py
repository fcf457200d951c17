"""CSV files, written; ``text`` has the formats."""

from __future__ import annotations

import numpy as np
from numba import njit

from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.writer import FileWriter

HEADER = b"t,x,y,p\n"
LINE_BYTES = 20 + 6 + 6 + 2
"""Bytes of the longest line: a time of 19 digits and its sign, two coordinates, a polarity, and what parts them."""
ROWS = 2**15


class CsvWriter(FileWriter):
    """Writes a line "t,x,y,p" and one an event: us, pixels, 0 or 1."""

    format = "CSV"
    max_size = 32768

    def _begin(self) -> None:
        self._target.file.write(HEADER)

    def _write(self, events: Events, triggers: Triggers | None) -> None:
        for first in range(0, len(events), ROWS):
            part = events[first : first + ROWS]
            text = np.empty(LINE_BYTES * len(part), np.uint8)
            n = _format(part.t, part.x, part.y, part.polarity, text)
            self._target.file.write(text[:n].data)

    def _finish(self) -> None:
        self.notes.append(f"CSV holds no sensor size: read it with --size {self.width}x{self.height}")
        if self.camera:
            self.notes.append("CSV holds no camera's name")


@njit(cache=True, nogil=True)
def _format(t, x, y, polarity, text):
    """Returns how many bytes were written."""
    n = 0
    for i in range(len(t)):
        n = _write_number(t[i], text, n)
        text[n] = 44  # ,
        n = _write_number(np.int64(x[i]), text, n + 1)
        text[n] = 44
        n = _write_number(np.int64(y[i]), text, n + 1)
        text[n] = 44
        text[n + 1] = 49 if polarity[i] else 48
        text[n + 2] = 10
        n += 3
    return n


@njit(cache=True, nogil=True)
def _write_number(value, text, n):
    """Write a whole number, larger than -2**63, at place ``n``; where it ends."""
    if value < 0:
        text[n] = 45  # -
        n += 1
        value = -value
    digits = 1
    rest = value // 10
    while rest:
        digits += 1
        rest //= 10
    for i in range(n + digits - 1, n - 1, -1):
        text[i] = 48 + value % 10
        value //= 10
    return n + digits
