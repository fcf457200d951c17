"""Event Stream (.es): a header of 12 + 3 + 1 bytes and the sensor's size, then events of 5 bytes.

A DVS event is a byte (bit 0 polarity, bits 1-7 us since the event before), uint16 x and y, little-endian. Of other
first bytes 255 is a silence of 127 us and 254 nothing. An ATIS event's first byte has bit 0 exposure measurement, bit 1
polarity, bits 2-7 us since the event before. With bits 2-7 all set it is bits 0-1 times 63 us of silence. The origin is
the lower left corner.
Source: Event Stream 2.0, https://github.com/neuromorphicsystems/event_stream
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
from snn_core.events.files.base import FileRecording, blocks, read_head

MAGIC = b"Event Stream"
VERSION = 2
GENERIC, DVS, ATIS, COLOUR = 0, 1, 2, 4
TYPES = {GENERIC: "generic", COLOUR: "colour"}
HEADER_BYTES = 20
EVENT_BYTES = 5


def sniff(path: Path, size: tuple[int, int] | None) -> EventStreamRecording | None:
    """The recording in an Event Stream file; None for any other."""
    return EventStreamRecording(path) if read_head(path, len(MAGIC)) == MAGIC else None


class EventStreamRecording(FileRecording):
    """The change events of an Event Stream file, with the origin at the upper left.

    Raises UserError for an older version, and for a file that is cut in its header or has events of another type.
    """

    format = "Event Stream"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        head = read_head(path, HEADER_BYTES)
        if len(head) < 16:
            raise UserError(f"{path}: holds only {len(head)} bytes; expected a whole Event Stream file, copy it again")
        version, kind = head[12], head[15]
        if version != VERSION:
            raise UserError(f"{path}: Event Stream of version {version}; version {VERSION} can be read")
        if kind not in (DVS, ATIS):
            raise UserError(
                f"{path}: Event Stream of {TYPES.get(kind, kind)} events; those of DVS and ATIS can be read"
            )
        if len(head) < HEADER_BYTES:
            raise UserError(f"{path}: holds only {len(head)} bytes; expected a whole Event Stream file, copy it again")
        self.camera = "ATIS" if kind == ATIS else ""
        self._is_atis = kind == ATIS
        self._set_size(int.from_bytes(head[16:18], "little"), int.from_bytes(head[18:20], "little"))

    def _read(self, file: BinaryIO) -> Iterator[Events]:
        file.seek(HEADER_BYTES)
        screen = self._screen()
        rest = np.empty(0, np.uint8)
        state = np.zeros(2, np.int64)  # the time, how many exposure measurements
        for block in blocks(file, 1):
            data = np.concatenate([rest, block])
            events = uninitialised_events(len(data) // EVENT_BYTES)
            arrays = (events.t, events.x, events.y, events.polarity)
            read, kept = _unpack(data, self._is_atis, self.height, state, *arrays)
            rest = data[read:]
            screened = screen(events[:kept])
            self._count(screen)
            if state[1]:
                self._note("exposure measurements are not read")
            yield screened
        self.damaged_bytes += len(rest)


@njit(cache=True, nogil=True)
def _unpack(data, is_atis, height, state, t, x, y, polarity):
    """Returns up to where the data were read, and how many events there are."""
    time = state[0]
    read = kept = 0
    while read < len(data):
        first = np.int64(data[read])
        if is_atis and first >= 0xFC:
            time += 63 * (first & 3)
            read += 1
            continue
        if not is_atis and first >= 0xFE:
            time += 127 * (first & 1)
            read += 1
            continue
        if read + EVENT_BYTES > len(data):
            break
        time += first >> (2 if is_atis else 1)
        if is_atis and first & 1:
            state[1] += 1
        else:
            t[kept] = time
            x[kept] = np.int64(data[read + 1]) | np.int64(data[read + 2]) << 8
            # A row below the sensor becomes negative, which in uint16 lies off every sensor.
            y[kept] = np.uint16(height - 1 - (np.int64(data[read + 3]) | np.int64(data[read + 4]) << 8))
            polarity[kept] = first >> (1 if is_atis else 0) & 1
            kept += 1
        read += EVENT_BYTES
    state[0] = time
    return read, kept
