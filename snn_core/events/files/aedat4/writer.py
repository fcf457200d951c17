"""AEDAT4 files, written; ``aedat4`` has the format."""

from __future__ import annotations

import os
import struct
from html import escape

import lz4.frame
import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.aedat4.flatbuffers import Builder
from snn_core.events.files.aedat4.reader import (
    EVENT_BYTES,
    EVENTS_TYPE,
    FALLING_EDGE,
    MAGIC,
    RISING_EDGE,
    TRIGGERS_TYPE,
)
from snn_core.events.files.writer import FileWriter

PACKET_EVENTS = 8192
"""Events in a packet. Readers decompress packets whole: these stay in the processor's cache."""
PACKET_TRIGGERS = 4096
LZ4 = 1  # of IOHeader.compression
EVENTS_STREAM, TRIGGERS_STREAM = 0, 1
EVENTS_BEGIN = 32
"""Where the events begin in their table."""
INDEX_ENTRY = np.dtype(
    [
        ("vtable", "<i4"),
        ("stream", "<i4"),
        ("size", "<i4"),
        ("padding", "<i4"),
        ("place", "<i8"),
        ("elements", "<i8"),
        ("first", "<i8"),
        ("last", "<i8"),
    ]
)
"""A table of the index, after its vtable; stream and size are one field, a struct."""
INDEX_FIELDS = ("place", "stream", "elements", "first", "last")


class Aedat4Writer(FileWriter):
    """Writes AEDAT4, packets compressed with LZ4, with an index. All triggers are of one channel."""

    format = "AEDAT4"
    max_size = 32767  # coordinates are int16
    holds_triggers = True

    def _begin(self) -> None:
        builder = Builder("IOHE")
        root, (_, self._index_field, description) = builder.table(("<i", LZ4), ("<q", -1), ("<I", 0))
        builder.point(description, builder.string(self._description()))
        self._index_field += len(MAGIC)
        self._target.file.write(MAGIC + builder.finish(root))
        self._packets: list[tuple[int, int, int, int, int, int]] = []
        self._waiting: list[Events] = []
        self._n_waiting = 0
        self._channels: set[int] = set()

    def _description(self) -> str:
        """The streams, as XML."""
        nodes = "".join(
            f'''        <node name="{number}" path="/mainloop/Recorder/outInfo/{number}/">
            <attr key="compression" type="string">LZ4</attr>
            <attr key="originalModuleName" type="string">spikedrive</attr>
            <attr key="originalOutputName" type="string">{output}</attr>
            <attr key="typeDescription" type="string">{about}</attr>
            <attr key="typeIdentifier" type="string">{kind}</attr>
            <node name="info" path="/mainloop/Recorder/outInfo/{number}/info/">
                <attr key="sizeX" type="int">{self.width}</attr>
                <attr key="sizeY" type="int">{self.height}</attr>
                <attr key="source" type="string">{escape(self.camera, quote=False)}</attr>
            </node>
        </node>
'''
            for number, output, kind, about in (
                (EVENTS_STREAM, "events", EVENTS_TYPE, "Array of events (polarity ON/OFF)."),
                (TRIGGERS_STREAM, "triggers", TRIGGERS_TYPE, "External triggers and special signals."),
            )
        )
        outer = '    <node name="outInfo" path="/mainloop/Recorder/outInfo/">'
        return f'<dv version="2.0">\n{outer}\n{nodes}    </node>\n</dv>\n'

    def _write(self, events: Events, triggers: Triggers | None) -> None:
        self._waiting.append(events)
        self._n_waiting += len(events)
        if triggers is not None:
            # Before their events, so that whoever has read those has the triggers; but some readers want events first.
            if not self._packets:
                self._flush(min(self._n_waiting, PACKET_EVENTS))
            for first in range(0, len(triggers), PACKET_TRIGGERS):
                self._write_triggers(triggers[first : first + PACKET_TRIGGERS])
        if self._n_waiting >= PACKET_EVENTS:
            self._flush(self._n_waiting // PACKET_EVENTS * PACKET_EVENTS)

    def _flush(self, n: int) -> None:
        """Write the first ``n`` of the events that wait."""
        events = Events.concatenate(self._waiting)
        for first in range(0, n, PACKET_EVENTS):
            part = events[first : min(first + PACKET_EVENTS, n)]
            content = np.empty(EVENTS_BEGIN + EVENT_BYTES * len(part), np.uint8)
            content[:EVENTS_BEGIN] = np.frombuffer(_events_head(len(part)), np.uint8)
            _encode(part.t, part.x, part.y, part.polarity, content[EVENTS_BEGIN:].view(np.int64))
            self._append(EVENTS_STREAM, content, part.t)
        self._waiting = [events[n:]]
        self._n_waiting = len(events) - n

    def _write_triggers(self, triggers: Triggers) -> None:
        builder = Builder("TRIG")
        root, (field,) = builder.table(("<I", 0))
        vector = len(builder.data)
        builder.point(field, vector)
        builder.data += struct.pack("<I", len(triggers)) + bytes(4 * len(triggers))
        for i, (t, edge) in enumerate(zip(triggers.t.tolist(), triggers.edge.tolist(), strict=True)):
            place, _ = builder.table(("<q", t), ("<b", RISING_EDGE if edge else FALLING_EDGE))
            builder.point(vector + 4 + 4 * i, place)
        self._append(TRIGGERS_STREAM, np.frombuffer(builder.finish(root), np.uint8), triggers.t)
        self._channels |= set(triggers.channel.tolist())

    def _append(self, stream: int, content: NDArray[np.uint8], t: NDArray[np.int64]) -> None:
        """Write a packet, and remember it for the index."""
        data = lz4.frame.compress(content.data, store_size=False)
        self._target.file.write(struct.pack("<ii", stream, len(data)))
        place = self._target.file.tell()
        self._target.file.write(data)
        self._packets.append((stream, len(data), place, len(t), int(t[0]), int(t[-1])))

    def _finish(self) -> None:
        self._flush(self._n_waiting)
        file = self._target.file
        place = file.tell()
        file.write(lz4.frame.compress(_index(self._packets), store_size=False))
        file.seek(self._index_field)
        file.write(struct.pack("<q", place))
        file.seek(0, os.SEEK_END)
        if len(self._channels) > 1:
            self.notes.append(f"AEDAT4 has no channels of triggers: those of {len(self._channels)} are mixed")


def _events_head(count: int) -> bytes:
    """The 32 bytes before the events: root, identifier, vtable, table, and the number of events."""
    builder = Builder("EVTS")
    root, (field,) = builder.table(("<I", 0))
    builder.point(field, len(builder.data))
    builder.data += struct.pack("<I", count)
    head = bytearray(builder.finish(root))
    struct.pack_into("<I", head, 0, len(head) - 4 + EVENT_BYTES * count)
    return bytes(head)


def _index(packets: list[tuple[int, int, int, int, int, int]]) -> bytes:
    """The table of all packets: stream, size, place, number of elements, first and last time of each."""
    builder = Builder("FTAB")
    root, (field,) = builder.table(("<I", 0))
    vector = len(builder.data)
    builder.point(field, vector)
    builder.data += struct.pack("<I", len(packets)) + bytes(4 * len(packets))
    builder.align(8)
    vtable = len(builder.data)
    offsets = INDEX_ENTRY.fields or {}
    builder.data += struct.pack("<8H", 14, INDEX_ENTRY.itemsize, *(offsets[name][1] for name in INDEX_FIELDS), 0)
    # All tables have one vtable, so that they are made at once.
    tables = np.zeros(len(packets), INDEX_ENTRY)
    places = len(builder.data) + INDEX_ENTRY.itemsize * np.arange(len(packets))
    tables["vtable"] = places - vtable
    names = ("stream", "size", "place", "elements", "first", "last")
    for name, column in zip(names, np.array(packets, np.int64).reshape(-1, 6).T, strict=True):
        tables[name] = column
    slots = vector + 4 + 4 * np.arange(len(packets))
    builder.data[vector + 4 : vector + 4 + 4 * len(packets)] = (places - slots).astype("<u4").tobytes()
    builder.data += tables.tobytes()
    return builder.finish(root)


@njit(cache=True, nogil=True)
def _encode(t, x, y, polarity, words):
    """Two words an event: its time; x, y and polarity, and three bytes of 0."""
    for i in range(len(t)):
        words[2 * i] = t[i]
        words[2 * i + 1] = np.int64(x[i]) | np.int64(y[i]) << 16 | np.int64(polarity[i] != 0) << 32
