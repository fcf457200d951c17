"""The little of FlatBuffers that AEDAT4 needs: fields of a table, and writing tables.

A table begins with a signed offset back to its vtable. The vtable is two uint16 sizes, then a uint16 a field, which
says where in the table the field is, 0 where it is missing. A field of a string, vector or table holds an unsigned
offset ahead to it.
Source: FlatBuffers, "Internals", https://flatbuffers.dev/internals/
"""

import struct
from collections.abc import Sequence

PREFIX_BYTES = 4
"""Bytes of the size before a buffer."""


class MalformedError(ValueError):
    """An offset leads out of the buffer."""


class Table:
    """A table in a buffer of little-endian FlatBuffers data. All reading raises MalformedError."""

    def __init__(self, buffer: bytes | memoryview, place: int) -> None:
        self._buffer = buffer
        self._place = place
        self._vtable = place - self._number("<i", place)
        self._fields = (self._number("<H", self._vtable) - 4) // 2

    @classmethod
    def root(cls, buffer: bytes | memoryview) -> "Table":
        """The root table of a buffer, which follows its size."""
        return cls(buffer, PREFIX_BYTES + _number(buffer, "<I", PREFIX_BYTES))

    def number(self, field: int, kind: str, missing: int) -> int:
        """A scalar field; ``kind`` is its ``struct`` format."""
        place = self._field(field)
        return missing if place is None else self._number(kind, place)

    def string(self, field: int) -> bytes:
        """A string field, empty where it is missing."""
        place, size = self.vector(field)
        if place + size > len(self._buffer):
            raise MalformedError("string")
        return bytes(self._buffer[place : place + size])

    def vector(self, field: int) -> tuple[int, int]:
        """Where the first element of a vector field is, and how many it has."""
        place = self._field(field)
        if place is None:
            return 0, 0
        place += self._number("<I", place)
        return place + 4, self._number("<I", place)

    def tables(self, field: int) -> "Sequence[Table]":
        """The tables of a vector field."""
        first, count = self.vector(field)
        if first + 4 * count > len(self._buffer):
            raise MalformedError("vector")
        places = range(first, first + 4 * count, 4)
        return [Table(self._buffer, place + self._number("<I", place)) for place in places]

    def _field(self, field: int) -> int | None:
        if field >= self._fields:
            return None
        offset = self._number("<H", self._vtable + 4 + 2 * field)
        return self._place + offset if offset else None

    def _number(self, kind: str, place: int) -> int:
        return _number(self._buffer, kind, place)


def _number(buffer: bytes | memoryview, kind: str, place: int) -> int:
    if not 0 <= place <= len(buffer) - struct.calcsize(kind):
        raise MalformedError(f"offset {place}")
    return struct.unpack_from(kind, buffer, place)[0]


class Builder:
    """Makes a buffer, from its root on; what an offset points to comes after it.

    identifier: four letters that name the root's type.
    """

    def __init__(self, identifier: str) -> None:
        self.data = bytearray(bytes(2 * PREFIX_BYTES) + identifier.encode("ascii"))

    def table(self, *fields: tuple[str, int]) -> tuple[int, list[int]]:
        """Append a table; its place, and those of its fields.

        fields: ``struct`` format and value of each. A field that is an offset is "<I", and is set by ``point``.
        """
        ends = 4  # of the offset to the vtable
        inside = []
        for kind, _ in fields:
            size = struct.calcsize(kind)
            inside.append(ends + -ends % size)
            ends = inside[-1] + size
        self.align(max(4, *(struct.calcsize(kind) for kind, _ in fields)), ahead=4 + 2 * len(fields))
        vtable = len(self.data)
        self.data += struct.pack(f"<HH{len(fields)}H", 4 + 2 * len(fields), ends, *inside)
        place = len(self.data)
        self.data += struct.pack("<i", place - vtable) + bytes(ends - 4)
        places = [place + offset for offset in inside]
        for (kind, value), field in zip(fields, places, strict=True):
            struct.pack_into(kind, self.data, field, value)
        return place, places

    def string(self, text: str) -> int:
        """Append a string; its place."""
        self.align(4)
        place = len(self.data)
        data = text.encode()
        self.data += struct.pack("<I", len(data)) + data + b"\0"
        return place

    def point(self, field: int, target: int) -> None:
        """Let the offset at ``field`` point to ``target``."""
        struct.pack_into("<I", self.data, field, target - field)

    def finish(self, root: int) -> bytes:
        """The buffer after its size, with the table at ``root`` as its root."""
        self.align(8)
        self.point(PREFIX_BYTES, root)
        struct.pack_into("<I", self.data, 0, len(self.data) - PREFIX_BYTES)
        return bytes(self.data)

    def align(self, size: int, ahead: int = 0) -> None:
        """Pad so that what comes ``ahead`` bytes later begins at a multiple of ``size``."""
        self.data += bytes(-(len(self.data) + ahead) % size)
