"""Prophesee RAW files in EVT3, written; ``raw`` has the format."""

from __future__ import annotations

import numpy as np

from snn_core.errors import UserError
from snn_core.events.codecs.evt3_encoder import encode_evt3
from snn_core.events.codecs.evt3_words import TIME_RANGE
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.writer import FileWriter

CHANNELS = 16


class RawWriter(FileWriter):
    """Writes RAW EVT3. Words hold 24 bits of a time: whole multiples of that are in the header, as ``t0``."""

    format = "RAW EVT3"
    max_size = 2048
    holds_triggers = True

    def _begin(self) -> None:
        self._t0: int | None = None
        self._after: int | None = None
        self._moved = self._dropped = 0

    def _write(self, events: Events, triggers: Triggers | None) -> None:
        if triggers is not None:
            triggers = self._fitting(triggers)
        if self._t0 is None:
            first = min(int(part.t[0]) for part in (events, triggers) if part is not None and len(part))
            self._t0 = first // TIME_RANGE * TIME_RANGE
            self._write_header(self._t0)
        try:
            words = encode_evt3(events, triggers, self._after)
        except ValueError as error:
            raise UserError(f"{self.path}: {error}; choose another format") from error
        self._target.file.write(words.data)
        last = [int(part.t[-1]) for part in (events, triggers) if part is not None and len(part)]
        self._after = max([*last] if self._after is None else [*last, self._after])

    def _fitting(self, triggers: Triggers) -> Triggers:
        """Triggers in order, after what was written, of channels that there are."""
        fits = triggers.channel < CHANNELS
        self._dropped += int(np.count_nonzero(~fits))
        earliest = np.iinfo(np.int64).min if self._after is None else self._after
        t = np.maximum.accumulate(np.maximum(triggers.t, earliest))
        self._moved += int(np.count_nonzero(t != triggers.t))
        return Triggers(t[fits], triggers.channel[fits], triggers.edge[fits])

    def _write_header(self, t0: int) -> None:
        lines = [
            "camera_integrator_name Prophesee",
            "evt 3.0",
            f"format EVT3;height={self.height};width={self.width}",
            f"geometry {self.width}x{self.height}",
            "plugin_integrator_name Prophesee",
            *([f"t0 {t0}"] if t0 else []),
            *([f"camera_name {' '.join(self.camera.split())}"] if self.camera else []),
            "end",
        ]
        self._target.file.write("".join(f"% {line}\n" for line in lines).encode("ascii", "replace"))

    def _finish(self) -> None:
        if self._t0 is None:
            self._write_header(0)
        if self._moved:
            self.notes.append(f"{self._moved} triggers came late and are written at the time of the event before")
        if self._dropped:
            self.notes.append(f"RAW EVT3 has {CHANNELS} channels of triggers: {self._dropped} of others left out")
