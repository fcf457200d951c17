"""The packets of an AEDAT4 file: found one after the other, past damage, and decompressed many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.files import zstandard
from snn_core.events.files.aedat4 import lz4_frame
from snn_core.events.files.base import BLOCK_BYTES
from snn_core.events.files.unaligned import load_uint32

HEADER_BYTES = 8
MAX_STREAMS = 1024
MAX_PACKET_BYTES = 2**26
MAX_PACKETS = 4096  # at a time
UNPACKED_BYTES = 2**19  # at a time: what is decompressed is converted while it is in the processor's cache
MAX_UNPACKED_BYTES = 2**29  # of one packet

# How a packet is compressed.
STORED, LZ4, ZSTANDARD, NO_PACKET = range(4)
ZSTANDARD_NUMBER = int.from_bytes(zstandard.MAGIC, "little")
# Why the search for packets stopped.
TABLE_FULL, AT_INDEX, INCOMPLETE, DAMAGED = range(4)
# Columns of a table of packets; begin and end are those of the content.
STREAM, BEGIN, END, COMPRESSION, COLUMNS = range(5)


class PacketReader:
    """Reads the packets of a file.

    first: place of the first packet. end: place of the index, -1 where there is none. streams: their numbers.

    damaged_bytes: bytes passed over so far.
    """

    def __init__(self, file: BinaryIO, size: int, first: int, index: int, streams: list[int]) -> None:
        self._file = file
        self._size = size
        self._first = first
        self._index = index
        self._known = np.zeros(max(streams) + 1, np.bool_)
        self._known[streams] = True
        self._scratch = np.empty(UNPACKED_BYTES + lz4_frame.SLACK, np.uint8)
        self.damaged_bytes = 0

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """A buffer and a table of the packets in it, which the next iteration overwrites."""
        self._file.seek(self._first)
        buffer = np.empty(BLOCK_BYTES + lz4_frame.SLACK, np.uint8)
        table = np.empty((MAX_PACKETS, COLUMNS), np.int64)
        place, held = self._first, 0  # place of the buffer in the file, bytes in it
        while True:
            read = self._file.readinto(memoryview(buffer)[held : -lz4_frame.SLACK])  # type: ignore[attr-defined]
            held += read
            here = (held, self._size - place, self._index - place, self._known)
            begin, why, needed = 0, TABLE_FULL, 0
            while why != INCOMPLETE:
                count, begin, why, needed = _find_packets(buffer, begin, *here, table)
                if count:
                    yield buffer, table[:count]
                if why == AT_INDEX:
                    return
                if why == DAMAGED:
                    found = _next_packet(buffer, begin + 1, *here)
                    self.damaged_bytes += found - begin
                    begin = found
            place, held = place + begin, held - begin
            if not read:
                self.damaged_bytes += held
                return
            remains = buffer[begin : begin + held].copy()
            if needed > len(buffer) - lz4_frame.SLACK:
                buffer = np.empty(needed + lz4_frame.SLACK, np.uint8)
            buffer[:held] = remains

    def unpack(
        self, buffer: NDArray[np.uint8], packets: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """The contents of packets, in order: an array, and where in it each content begins and ends, shape (n, 2).

        The array is overwritten by the next iteration. Contents that cannot be decompressed are counted and left out.
        """
        compression = packets[:, COMPRESSION]
        changes = np.flatnonzero(compression[1:] != compression[:-1]) + 1  # none, in files that are not damaged
        for run in np.split(packets, changes) if len(changes) else [packets]:
            if len(run) == 0:
                return
            if run[0, COMPRESSION] == STORED:
                yield buffer, run[:, [BEGIN, END]]
            elif run[0, COMPRESSION] == ZSTANDARD:
                yield from self._unpack_zstandard(buffer, run)
            else:
                yield from self._unpack_lz4(buffer, run)

    def _unpack_lz4(
        self, buffer: NDArray[np.uint8], packets: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        spans = np.empty((len(packets), 2), np.int64)
        done = 0
        while done < len(packets):
            count, unpacked, damaged = lz4_frame.decompress_frames(
                buffer, packets[done:, BEGIN : END + 1], self._scratch, spans
            )
            if count == 0 and len(self._scratch) < MAX_UNPACKED_BYTES:
                self._scratch = np.empty(2 * len(self._scratch), np.uint8)
                continue
            if count == 0:
                count = 1
                damaged += int(packets[done, END] - packets[done, BEGIN])
            done += count
            self.damaged_bytes += damaged
            yield self._scratch, spans[:unpacked]

    def _unpack_zstandard(
        self, buffer: NDArray[np.uint8], packets: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        contents: list[bytes] = []
        total = 0
        for _, begin, end, _ in packets.tolist():
            content = zstandard.decompress_frame(buffer[begin:end].data, MAX_UNPACKED_BYTES)
            if content is None:
                self.damaged_bytes += end - begin
                continue
            contents.append(content)
            total += len(content)
            if total > UNPACKED_BYTES:
                yield _join(contents)
                contents, total = [], 0
        if contents:
            yield _join(contents)


def _join(contents: list[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    sizes = np.array([len(content) for content in contents], np.int64)
    ends = np.cumsum(sizes)
    spans = np.stack([ends - sizes, ends], axis=1)
    return np.frombuffer(b"".join(contents), np.uint8), spans


@njit(cache=True, nogil=True)
def _compression(buffer, place, limit, known):
    """How the packet at ``place`` is compressed; NO_PACKET where there is none. There must be 12 bytes to look at."""
    stream = np.int64(load_uint32(buffer, place))
    size = np.int64(load_uint32(buffer, place + 4))
    if stream >= len(known) or not known[stream] or size > MAX_PACKET_BYTES or size > limit - place - HEADER_BYTES:
        return NO_PACKET
    magic = np.int64(load_uint32(buffer, place + HEADER_BYTES))
    if magic == lz4_frame.MAGIC_NUMBER:
        return LZ4
    if magic == ZSTANDARD_NUMBER:
        return ZSTANDARD
    return STORED if magic == size - 4 and size > 4 else NO_PACKET


@njit(cache=True, nogil=True)
def _find_packets(buffer, begin, held, limit, index, known, table):
    """Enter into the table the packets from ``begin`` on.

    limit, index: where the file ends and where its index begins, counted from the buffer's beginning.
    Returns how many they are, where the search stopped and why, and up to where the buffer must reach to go on.
    """
    count = 0
    while count < len(table):
        if begin == index:
            return count, begin, AT_INDEX, 0
        if held - begin < HEADER_BYTES + 4:
            return count, begin, INCOMPLETE, HEADER_BYTES + 4
        compression = _compression(buffer, begin, limit, known)
        if compression == NO_PACKET:
            return count, begin, DAMAGED, 0
        end = begin + HEADER_BYTES + np.int64(load_uint32(buffer, begin + 4))
        if end > held:
            return count, begin, INCOMPLETE, end - begin
        table[count, STREAM] = load_uint32(buffer, begin)
        table[count, BEGIN] = begin + HEADER_BYTES
        table[count, END] = end
        table[count, COMPRESSION] = compression
        count += 1
        begin = end
    return count, begin, TABLE_FULL, 0


@njit(cache=True, nogil=True)
def _next_packet(buffer, begin, held, limit, index, known):
    """Where the next packet begins, or the index, or where the buffer holds too little to tell."""
    last = held - HEADER_BYTES - 4
    for place in range(begin, last + 1):
        if place == index or _compression(buffer, place, limit, known) != NO_PACKET:
            return place
    return max(begin, last + 1)
