"""AEDAT 3.0 and 3.1, the formats of cAER: a header of text, then packets of one type of event each, little-endian.

A packet's header has eight fields. Two are int16: type and source. Six are int32: size of an event, place of the time
in it, overflows of the clock, capacity, number of events, valid events.

A polarity event is a word (bit 0 valid, bit 1 polarity, bits 2-16 y, bits 17-31 x) and an int32 time, us. The overflows
are the bits of the time from 31 on. A special event is a word (bit 0 valid, bits 1-7 kind) and the time. In version 3.0
the origin is the lower left corner, in 3.1 the upper left one.

Packets whose type has bit 15 are compressed and have their size in bytes as capacity. Of polarity events, times that
repeat are left out. A time with bit 31 set begins a run. The time of the second event is the number of further ones,
which are words alone.

Sources: iniVation, "AEDAT 3.1", https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-3.1.html;
the compression, which that page does not describe: cAER, modules/ini input_common.c.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.codecs.decoder import uninitialised_events
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.aedat_header import MAGIC, Header, sensor_size
from snn_core.events.files.base import FileRecording, read_head

PACKET_HEADER = struct.Struct("<hhiiiiii")
SPECIAL, POLARITY = 0, 1
MAX_TYPE = 255
COMPRESSED = 0x8000
EVENT_BYTES = 8
MAX_PACKET_BYTES = 2**26
BLOCK_BYTES = 2**20

# Kinds of special events: the external input's edges and pulses, by input and edge.
EXTERNAL_INPUTS = {2: (0, 1), 3: (0, 0), 4: (0, 1), 6: (1, 1), 7: (1, 0), 8: (1, 1), 9: (2, 1), 10: (2, 0), 11: (2, 1)}
TIMESTAMP_RESET = 1


def sniff(path: Path, size: tuple[int, int] | None) -> Aedat3Recording | None:
    """The recording in an AEDAT 3.0 or 3.1 file; None for any other."""
    return Aedat3Recording(path, size) if read_head(path, len(MAGIC) + 1) == MAGIC + b"3" else None


class Aedat3Recording(FileRecording):
    """The polarity events of the first source of an AEDAT 3 file, and its external triggers."""

    def __init__(self, path: Path, size: tuple[int, int] | None = None) -> None:
        super().__init__(path)
        header = Header(path)
        self.format = f"AEDAT {header.version}"
        self._begin = header.size_bytes
        self._is_upside_down = header.version == "3.0"
        self.camera = next((name for source in range(16) if (name := header.value(f"Source {source}"))), "")
        known_size = sensor_size(self.camera)
        self._is_sized = known_size is not None or size is not None
        if known_size is not None:
            self._set_size(*known_size)
        else:
            self._find_size(size, "no sensor in the header that is known")
        self._is_sized = True

    def _read(self, file: BinaryIO) -> Iterator[Events]:
        screen = self._screen()
        below = self.height - 1 if self._is_upside_down and self._is_sized else -1
        source: int | None = None
        for kind, packet_source, overflows, words in self._packets(file):
            source = packet_source if source is None else source
            if packet_source != source:
                self._note(f"of several sources only {source} is read")
            elif kind == SPECIAL:
                if self._take_special_events(words, overflows):
                    screen.begin_anew()
            else:
                events = uninitialised_events(len(words))
                kept = _unpack(words, overflows, below, events.t, events.x, events.y, events.polarity)
                self.unknown_words += len(words) - kept
                screened = screen(events[:kept])
                self._count(screen)
                yield screened

    def _take_special_events(self, words: NDArray[np.uint32], overflows: int) -> bool:
        """Keep the external triggers among special events; whether the camera's clock was reset."""
        valid = words[:, 0] & 1 == 1
        kinds = words[valid, 0] >> 1 & 0x7F
        times = (words[valid, 1].astype(np.int64) & 0x7FFFFFFF) + (overflows << 31)
        places = np.flatnonzero(np.isin(kinds, list(EXTERNAL_INPUTS)))
        if len(places):
            inputs = np.array([EXTERNAL_INPUTS[kind] for kind in kinds[places].tolist()])
            edges = inputs[:, 1].astype(np.uint8)
            self._add_triggers(Triggers(np.maximum.accumulate(times[places]), inputs[:, 0].astype(np.uint16), edges))
        return bool(np.any(kinds == TIMESTAMP_RESET))

    def _packets(self, file: BinaryIO) -> Iterator[tuple[int, int, int, NDArray[np.uint32]]]:
        """Type, source, overflows and words, shape (n, 2), of each packet of polarity or special events."""
        place = self._begin
        while place < self._bytes:
            file.seek(place)
            head = file.read(PACKET_HEADER.size)
            fields = _parse_header(head)
            if fields is None:
                following = self._next_packet(file, place + 1)
                self.damaged_bytes += following - place
                place = following
                continue
            kind, source, size, _, overflows, capacity, number, _ = fields
            is_compressed = bool(kind & COMPRESSED)
            content_bytes = capacity if is_compressed else number * size
            place += PACKET_HEADER.size + content_bytes
            if kind & ~COMPRESSED not in (SPECIAL, POLARITY):
                self._note("frames, samples of the IMU and other data are not read")
                continue
            content = file.read(content_bytes)
            self.damaged_bytes += content_bytes - len(content) if place > self._bytes else 0
            data = np.frombuffer(content, "<u4", len(content) // 4)
            words = _decompress(data, number) if is_compressed else data[: len(data) // 2 * 2].reshape(-1, 2)
            yield kind & ~COMPRESSED, source, overflows, words

    def _next_packet(self, file: BinaryIO, place: int) -> int:
        """Where the next packet begins that looks like one, or the file ends."""
        while place < self._bytes:
            file.seek(place)
            data = np.frombuffer(file.read(BLOCK_BYTES), np.uint8)
            for candidate in _find_headers(data).tolist():
                if _parse_header(data[candidate : candidate + PACKET_HEADER.size].tobytes()) is not None:
                    return place + candidate
            if place + len(data) >= self._bytes:
                break
            place += len(data) - PACKET_HEADER.size
        return self._bytes


def _parse_header(head: bytes) -> tuple[int, ...] | None:
    """The fields of a packet's header, its type without sign; None for one that cannot be."""
    if len(head) < PACKET_HEADER.size:
        return None
    kind, source, size, time_place, overflows, capacity, number, valid = PACKET_HEADER.unpack(head)
    kind &= 0xFFFF
    is_compressed = bool(kind & COMPRESSED)
    fits = 0 < capacity <= MAX_PACKET_BYTES if is_compressed else 0 <= number * size <= MAX_PACKET_BYTES
    if kind & ~COMPRESSED in (SPECIAL, POLARITY):
        fits = fits and size == EVENT_BYTES and time_place == 4
    if not (
        fits
        and kind & ~COMPRESSED <= MAX_TYPE
        and source >= 0
        and 4 < size <= MAX_PACKET_BYTES
        and 0 <= time_place < size
        and overflows >= 0
        and 0 <= valid <= number
        and (is_compressed or capacity == number)
    ):
        return None
    return kind, source, size, time_place, overflows, capacity, number, valid


def _find_headers(data: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Where headers of polarity events may be: an event's size of 8 and a place of the time of 4."""
    pattern = np.frombuffer(struct.pack("<ii", EVENT_BYTES, 4), np.uint8)
    last = len(data) - PACKET_HEADER.size
    if last < 0:
        return np.empty(0, np.intp)
    found = np.ones(last + 1, np.bool_)
    for i, octet in enumerate(pattern.tolist()):
        found &= data[4 + i : 4 + i + last + 1] == octet
    return np.flatnonzero(found)


def _decompress(data: NDArray[np.uint32], number: int) -> NDArray[np.uint32]:
    """The words of polarity events whose repeated times were left out, as many as there are whole."""
    number = min(number, len(data))  # every event has a word of its own at least
    words = np.empty((number, 2), np.uint32)
    return words[: _expand(data, words)]


@njit(cache=True, nogil=True)
def _expand(data, words):
    read = count = 0
    while read + 2 <= len(data) and count < len(words):
        time = data[read + 1] & np.uint32(0x7FFFFFFF)
        words[count, 0] = data[read]
        words[count, 1] = time
        count += 1
        if not data[read + 1] >> 31:
            read += 2
            continue
        if read + 4 > len(data) or count >= len(words):
            return count
        run = np.int64(data[read + 3])
        words[count, 0] = data[read + 2]
        words[count, 1] = time
        count += 1
        read += 4
        while run > 0 and read < len(data) and count < len(words):
            words[count, 0] = data[read]
            words[count, 1] = time
            count += 1
            read += 1
            run -= 1
    return count


@njit(cache=True, nogil=True)
def _unpack(words, overflows, below, t, x, y, polarity):
    """``below``: the largest y, where it is counted from below; else -1."""
    kept = 0
    for i in range(len(words)):
        word = np.int64(words[i, 0])
        if not word & 1:
            continue
        row = word >> 2 & 0x7FFF
        x[kept] = np.uint16(word >> 17)
        y[kept] = np.uint16(row if below < 0 else below - row)
        polarity[kept] = word >> 1 & 1
        t[kept] = (overflows << 31) + np.int64(words[i, 1] & 0x7FFFFFFF)
        kept += 1
    return kept
