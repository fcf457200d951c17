"""Prophesee DAT files, written; ``dat`` has the format."""

from __future__ import annotations

import numpy as np
from numba import njit

from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.dat import EVENT_BYTES, EVENT_CD
from snn_core.events.files.unroll import TIME_RANGE
from snn_core.events.files.writer import FileWriter


class DatWriter(FileWriter):
    """Writes DAT, version 2. Events hold 32 bits of a time: whole multiples of that go into the header, ``t0``."""

    format = "DAT"
    max_size = 2**14

    def _begin(self) -> None:
        self._t0: int | None = None
        self._after: int | None = None
        self._silences = 0

    def _write(self, events: Events, triggers: Triggers | None) -> None:
        if self._t0 is None:
            self._t0 = int(events.t[0]) // TIME_RANGE * TIME_RANGE
            self._write_header(self._t0)
        before = events.t[:1] if self._after is None else self._after
        # A reader takes a step back of more than half the range for a rollover, so a longer silence needs an event.
        self._silences += int(np.count_nonzero(np.diff(events.t, prepend=before) >= TIME_RANGE // 2))
        words = np.empty((len(events), 2), "<u4")
        _pack(events.t, events.x, events.y, events.polarity, self._t0, words)
        self._target.file.write(words.data)
        self._after = int(events.t[-1])

    def _write_header(self, t0: int) -> None:
        lines = [
            "Data file containing CD events",
            "Version 2",
            *([f"t0 {t0}"] if t0 else []),
            *([f"camera_name {' '.join(self.camera.split())}"] if self.camera else []),
            f"Width {self.width}",
            f"Height {self.height}",
        ]
        text = "".join(f"% {line}\n" for line in lines).encode("ascii", "replace")
        self._target.file.write(text + bytes([EVENT_CD, EVENT_BYTES]))

    def _finish(self) -> None:
        if self._t0 is None:
            self._write_header(0)
        if self._silences:
            self.notes.append(
                f"DAT holds 32 bits of a time: after {self._silences} silences of over 35 minutes times may be read as "
                f"earlier ones"
            )


@njit(cache=True, nogil=True)
def _pack(t, x, y, polarity, t0, words):
    for i in range(len(t)):
        words[i, 0] = (t[i] - t0) & 0xFFFFFFFF
        words[i, 1] = np.int64(x[i]) | np.int64(y[i]) << 14 | np.int64(polarity[i] != 0) << 28
