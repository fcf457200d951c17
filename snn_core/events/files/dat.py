"""Prophesee DAT: a header of text, the type and size of an event in a byte each, and events of 8 bytes.

An event is little-endian: uint32 time (us), then a word. In version 2: x bits 0-13, y bits 14-27, polarity bit 28; in
version 1, of the ATIS: x bits 0-8, y bits 9-16, polarity bit 17. Files without a header have no type and size either.
A trigger is uint32 time and a word: edge bit 0, channel bits 8-12.
Sources: Prophesee, "DAT File Format", https://docs.prophesee.ai/stable/data/file_formats/dat.html; version 1: the
functions for Matlab that come with the ATIS data sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numba import njit

from snn_core.errors import UserError
from snn_core.events.codecs.decoder import uninitialised_events
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.base import FileRecording, blocks, is_mostly_sorted, read_head
from snn_core.events.files.prophesee_header import Header
from snn_core.events.files.unroll import Unroller

EVENT_BYTES = 8
EVENT_2D, EVENT_CD, TRIGGER = 0x00, 0x0C, 0x0E
# Bits of x and of y in a word; the polarity follows them.
VERSION_1, VERSION_2 = (9, 8), (14, 14)


def sniff(path: Path, size: tuple[int, int] | None) -> DatRecording | None:
    """The recording in a DAT file; None for any other."""
    is_named_dat = path.suffix.lower() == ".dat"
    if read_head(path, 1) != b"%" and not is_named_dat:
        return None
    header = Header(path)
    is_dat = header.get("Version") or any(line.startswith("Data file containing") for line in header.comments)
    if not is_dat and is_named_dat and not header.size_bytes:
        # A file of old without a header, or one of something else.
        head = read_head(path, 4000 * EVENT_BYTES)
        is_dat = len(head) >= EVENT_BYTES and is_mostly_sorted(
            np.frombuffer(head, "<u4", len(head) // EVENT_BYTES * 2)[::2].astype(np.int64)
        )
    return DatRecording(path, header, size) if is_dat else None


class DatRecording(FileRecording):
    """The events, or the triggers, of a DAT file. Times come after the header's ``t0`` where it has one.

    Raises UserError for a type of event other than these.
    """

    format = "DAT"

    def __init__(self, path: Path, header: Header, size: tuple[int, int] | None = None) -> None:
        super().__init__(path)
        self.camera = header.camera
        self._begin = header.size_bytes
        self._t0 = header.t0
        version = header.get("Version") or "2"
        if not version[0].isdecimal():
            raise UserError(f"{path}: DAT of version {version}; versions 1 and 2 can be read")
        self._bits = VERSION_1 if int(version[0]) < 2 else VERSION_2
        self._type = EVENT_2D
        if header.size_bytes:
            file = self._open_file()
            file.seek(self._begin)
            kind = file.read(2)
            if len(kind) < 2:
                raise UserError(f"{path}: holds a header and no data; expected a whole DAT file, copy it again")
            self._begin += 2
            self._type, event_bytes = kind
            if self._type not in (EVENT_2D, EVENT_CD, TRIGGER) or event_bytes != EVENT_BYTES:
                raise UserError(
                    f"{path}: DAT of events of type {self._type} and {event_bytes} bytes; events (0, 12) and triggers "
                    f"(14) of 8 bytes can be read"
                )
        if header.size is not None:
            self._set_size(*header.size)
        else:
            self._find_size(size, "no sensor size in the header")

    def _read(self, file: BinaryIO) -> Iterator[Events]:
        file.seek(self._begin)
        screen = self._screen()
        unroll = Unroller()
        for block in blocks(file, EVENT_BYTES):
            if len(block) < EVENT_BYTES:
                self.damaged_bytes += len(block)
                continue
            words = block.view("<u4").reshape(-1, 2)
            t = unroll(words[:, 0])
            t += self._t0
            if self._type == TRIGGER:
                channel = (words[:, 1] >> 8 & 0x1F).astype(np.uint16)
                self._add_triggers(Triggers(np.maximum.accumulate(t), channel, (words[:, 1] & 1).astype(np.uint8)))
                continue
            events = uninitialised_events(len(t))
            _unpack(words[:, 1], *self._bits, events.x, events.y, events.polarity)
            screened = screen(Events(t, events.x, events.y, events.polarity))
            self._count(screen)
            yield screened


@njit(cache=True, nogil=True)
def _unpack(words, x_bits, y_bits, x, y, polarity):
    for i in range(len(words)):
        word = np.int64(words[i])
        x[i] = word & ((1 << x_bits) - 1)
        y[i] = word >> x_bits & ((1 << y_bits) - 1)
        polarity[i] = word >> (x_bits + y_bits) & 1
