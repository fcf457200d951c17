"""AEDAT4, the format of iniVation's cameras: packets of several streams, each a compressed FlatBuffers table.

After the line ``MAGIC`` comes a table IOHeader: compression, place of the index, description of the streams as XML.
Then come packets: int32 stream, int32 size, and a table of that size, compressed as an LZ4 or Zstandard frame or not at
all. An index of the packets may end the file. An event is 16 bytes: int64 time (us, Unix), int16 x, int16 y, uint8
polarity.
Source: iniVation, "AEDAT 4.0", https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html

Read here and not by dv-processing, which can hang for good on damaged LZ4 data; this is as fast and passes over what is
damaged.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numba import njit

from snn_core.errors import UserError
from snn_core.events.codecs.decoder import uninitialised_events
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.aedat4.flatbuffers import MalformedError, Table
from snn_core.events.files.aedat4.packets import MAX_STREAMS, STREAM, PacketReader
from snn_core.events.files.base import FileRecording, read_head
from snn_core.events.files.unaligned import load_int64, load_uint16, load_uint32

MAGIC = b"#!AER-DAT4.0\r\n"
EVENTS_TYPE, TRIGGERS_TYPE = "EVTS", "TRIG"
EVENT_BYTES = 16
MAX_HEADER_BYTES = 2**24

# Fields of the table IOHeader, of a packet of events or triggers, and of a trigger.
COMPRESSION, INDEX_PLACE, DESCRIPTION = range(3)
ELEMENTS = 0
TRIGGER_TIME, TRIGGER_TYPE = range(2)
EXTERNAL_TRIGGERS = RISING_EDGE, FALLING_EDGE, _, _, GENERATOR_FALLING_EDGE = range(1, 6)
"""Types of triggers that are signals from outside or of the camera's generator; the others mark frames."""
FALLING_EDGES = (FALLING_EDGE, GENERATOR_FALLING_EDGE)


def sniff(path: Path, size: tuple[int, int] | None) -> Aedat4Recording | None:
    """The recording in an AEDAT4 file; None for any other."""
    return Aedat4Recording(path, size) if read_head(path, len(MAGIC)) == MAGIC else None


@dataclass(frozen=True)
class Stream:
    """What the header says of a stream; 0 and "" where it says nothing."""

    number: int
    type: str
    width: int
    height: int
    camera: str


class Aedat4Recording(FileRecording):
    """The event stream of an AEDAT4 file (the first one, if there are several), and how many external triggers it has.

    Raises UserError, when it is opened, for a file whose header is cut or damaged or has no event stream.
    """

    format = "AEDAT4"

    def __init__(self, path: Path, size: tuple[int, int] | None = None) -> None:
        super().__init__(path)
        header, self._first_packet = self._read_header()
        try:
            streams = _parse_description(header.string(DESCRIPTION).decode("utf-8", "replace"))
            self._index_place = header.number(INDEX_PLACE, "<q", -1)
        except MalformedError as error:
            raise self._damaged_header() from error
        events = [stream for stream in streams if stream.type == EVENTS_TYPE]
        if not events:
            raise UserError(f"{path}: no event stream in this AEDAT4 file; expected a recording of events")
        self._stream = events[0]
        self._numbers = [stream.number for stream in streams]
        self._trigger_numbers = [stream.number for stream in streams if stream.type == TRIGGERS_TYPE]
        self.camera = self._stream.camera
        self._note_contents(streams, len(events))
        if self._stream.width and self._stream.height:
            self._set_size(self._stream.width, self._stream.height)
        else:
            self._find_size(size)

    def _read_header(self) -> tuple[Table, int]:
        file = self._open_file()
        file.seek(len(MAGIC))
        prefix = file.read(4)
        size = int.from_bytes(prefix, "little")
        if len(prefix) < 4 or size > min(MAX_HEADER_BYTES, self._bytes):
            raise self._damaged_header()
        data = prefix + file.read(size)
        try:
            return Table.root(data), file.tell()
        except MalformedError as error:
            raise self._damaged_header() from error

    def _damaged_header(self) -> UserError:
        return UserError(f"{self.path}: the header of this AEDAT4 file is cut or damaged; copy or record it again")

    def _note_contents(self, streams: list[Stream], event_streams: int) -> None:
        if event_streams > 1:
            self._note(f"{event_streams} event streams, of which the first is read")
        others = sorted({stream.type for stream in streams} - {EVENTS_TYPE, TRIGGERS_TYPE})
        if others:
            self._note(f"streams that are not read: {', '.join(others)}")
        if self._index_place < 0:
            self._note("no index: the recorder did not finish the file")
        elif self._index_place > self._bytes:
            self._note(f"the file is cut: {self._bytes} bytes, at least {self._index_place} expected")

    def _read(self, file: BinaryIO) -> Iterator[Events]:
        reader = PacketReader(file, self._bytes, self._first_packet, self._index_place, self._numbers)
        screen = self._screen()
        for buffer, packets in reader:
            streams = packets[:, STREAM]
            for number in self._trigger_numbers:
                for content, spans in reader.unpack(buffer, packets[streams == number]):
                    for begin, end in spans.tolist():
                        self._add_triggers(_parse_triggers(content[begin:end].tobytes()))
            for content, spans in reader.unpack(buffer, packets[streams == self._stream.number]):
                count, malformed = map(int, _locate_events(content, spans))
                events = uninitialised_events(count)
                _convert(content, spans, events.t, events.x, events.y, events.polarity)
                screened = screen(events)
                self._count(screen)
                reader.damaged_bytes += malformed
                self.damaged_bytes = reader.damaged_bytes
                yield screened
        self.damaged_bytes = reader.damaged_bytes


def _parse_description(xml: str) -> list[Stream]:
    """The streams that the header's XML describes; read by their attributes, so that no damage elsewhere matters."""
    streams = []
    parts = re.split(r'<node[^>]*\bname="(\d+)"', xml)
    for number, part in zip(parts[1::2], parts[2::2], strict=True):
        values = dict(re.findall(r'<attr[^>]*\bkey="(\w+)"[^>]*>([^<]*)<', part))
        width, height = (int(side) if (side := values.get(key, "")).isdecimal() else 0 for key in ("sizeX", "sizeY"))
        if int(number) < MAX_STREAMS:
            kind, camera = values.get("typeIdentifier", ""), html.unescape(values.get("source", ""))
            streams.append(Stream(int(number), kind, width, height, camera))
    return streams


def _parse_triggers(content: bytes) -> Triggers:
    """The external triggers in a packet of triggers; none in one that is malformed."""
    try:
        rows = [
            (trigger.number(TRIGGER_TIME, "<q", 0), 0, int(kind not in FALLING_EDGES))
            for trigger in Table.root(content).tables(ELEMENTS)
            if (kind := trigger.number(TRIGGER_TYPE, "<b", 0)) in EXTERNAL_TRIGGERS
        ]
    except MalformedError:
        rows = []
    t, channel, edge = np.array(rows, np.int64).reshape(-1, 3).T
    return Triggers(t.copy(), channel.astype(np.uint16), edge.astype(np.uint8))


@njit(cache=True, nogil=True)
def _locate_events(content, spans):
    """Make of each span (begin and end of a table) the place of its first event and how many they are.

    Returns how many they are in all, and the bytes of tables that are malformed, which get no events.
    """
    total = malformed = 0
    for i in range(len(spans)):
        begin, end = spans[i]
        first, count = _find_vector(content, begin, end)
        if count < 0:
            malformed += end - begin
            count = 0
        spans[i, 0] = first
        spans[i, 1] = count
        total += count
    return total, malformed


@njit(cache=True, nogil=True)
def _find_vector(content, begin, end):
    """Place and length of the vector that is the only field of the root table in content[begin:end]; -1 for none."""
    nothing = begin, np.int64(-1)
    if end - begin < 12:
        return nothing
    table = begin + 4 + np.int64(load_uint32(content, begin + 4))
    if table > end - 4:
        return nothing
    vtable = table - np.int64(np.int32(load_uint32(content, table)))
    if vtable < begin or vtable > end - 6:
        return nothing
    if load_uint16(content, vtable) < 6 or load_uint16(content, vtable + 4) == 0:
        return begin, np.int64(0)
    field = table + np.int64(load_uint16(content, vtable + 4))
    if field > end - 4:
        return nothing
    vector = field + np.int64(load_uint32(content, field))
    if vector > end - 4:
        return nothing
    count = np.int64(load_uint32(content, vector))
    if count > (end - vector - 4) // EVENT_BYTES:
        return nothing
    return vector + 4, count


@njit(cache=True, nogil=True)
def _convert(content, spans, t, x, y, polarity):
    """Events of 16 bytes as arrays. Coordinates below 0 become large ones, which lie off every sensor."""
    done = 0
    for i in range(len(spans)):
        first, count = spans[i, 0], spans[i, 1]
        _convert_packet(content, first, t[done:], x[done:], y[done:], polarity[done:], count)
        done += count


@njit(cache=True, nogil=True)
def _convert_packet(content, first, t, x, y, polarity, count):
    """In a function of its own, where LLVM vectorises it."""
    for i in range(count):
        place = first + EVENT_BYTES * i
        t[i] = load_int64(content, place)
        rest = load_int64(content, place + 8)
        x[i] = np.uint16(rest)
        y[i] = np.uint16(rest >> 16)
        polarity[i] = (rest >> 32 & 0xFF) != 0
