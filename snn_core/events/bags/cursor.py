"""Reads the fields of a record, one after the other, never past its end."""

import struct

Buffer = bytes | memoryview


class DamagedError(ValueError):
    """Bytes that are not what the format says; whoever reads a file drops them and says so."""


class Cursor:
    """A place in ``data`` that moves on with each field read; all reads raise DamagedError past the end.

    order: "<" or ">", the byte order of numbers.
    is_aligned: whether each number begins at a multiple of its size, counted from ``origin``, as in CDR.
    """

    def __init__(self, data: Buffer, position: int = 0, order: str = "<", is_aligned: bool = False) -> None:
        self.data = data
        self.position = self.origin = position
        self.order = order
        self._is_aligned = is_aligned

    def number(self, kind: str) -> int:
        """The next number; ``kind`` is its letter in the module struct."""
        size = struct.calcsize(self.order + kind)
        if self._is_aligned:
            self.position += (self.origin - self.position) % size
        try:
            (value,) = struct.unpack_from(self.order + kind, self.data, self.position)
        except struct.error:
            raise DamagedError(f"ends inside a number at byte {self.position}") from None
        self.position += size
        return value

    def numbers(self, kinds: str) -> tuple[int, ...]:
        """The next numbers, one for each letter, without alignment."""
        return tuple(self.number(kind) for kind in kinds)

    def octets(self, size: int) -> Buffer:
        """The next ``size`` bytes."""
        end = self.position + size
        if not 0 <= size <= len(self.data) - self.position:
            raise DamagedError(f"says {size} bytes at byte {self.position}, {len(self.data) - self.position} are there")
        octets = self.data[self.position : end]
        self.position = end
        return octets

    def sized(self) -> Buffer:
        """The next bytes, as many as the uint32 before them says."""
        return self.octets(self.number("I"))

    def text(self) -> str:
        """The next string, its size before it as a uint32; a NUL at its end is cut off."""
        return bytes(self.sized()).rstrip(b"\0").decode("utf-8", "replace")

    @property
    def left(self) -> int:
        """Bytes from here to the end."""
        return len(self.data) - self.position
