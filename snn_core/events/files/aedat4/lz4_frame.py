"""LZ4 frames, decompressed many at a time by one compiled call, whatever damage they have.

The lz4 package costs a call, an allocation and a copy a frame, and frames of event packets are small (some 30 KB).
With it, reading AEDAT4 took an eighth longer. Checksums are passed over: event cameras' recorders write none.

Sources: "LZ4 Frame Format Description" and "LZ4 Block Format Description" of the LZ4 project.
"""

import numpy as np
from numba import njit

from snn_core.events.files.unaligned import copy_8, load_uint16, load_uint32

MAGIC = b"\x04\x22\x4d\x18"
MAGIC_NUMBER = 0x184D2204

SLACK = 32
"""Bytes that source and target must have after their end: copies are of 8 bytes at a time."""

DAMAGED, NO_ROOM = -1, -2

LONG = 15
"""A length that goes on in the bytes after the token."""
MIN_MATCH = 4
MARGIN = 40
"""More bytes than a token without a long length can read or write."""

# Bits of the frame descriptor's first byte.
VERSION, VERSION_1, BLOCK_CHECKSUM, CONTENT_SIZE, DICTIONARY = 0xC0, 0x40, 0x10, 0x08, 0x01
STORED = 2**31  # bit of a block's size: the block is not compressed


@njit(cache=True, nogil=True)
def decompress_frames(source, frames, target, spans):
    """Decompress frames one after the other until the target is full.

    source, target: uint8 arrays with SLACK bytes after the last frame and in the target.
    frames: where each frame begins and ends, shape (n, 2). spans: the same of each content, to be written to.

    Returns how many frames were taken, how many of them could be decompressed, and the bytes of the others.
    """
    room = len(target) - SLACK
    write = unpacked = damaged = largest = 0
    for i in range(len(frames)):
        begin, end = frames[i, 0], frames[i, 1]
        if write > 0 and room - write < largest:
            return i, unpacked, damaged  # another one as large would be begun in vain
        result = decompress_frame(source, begin, end, target, write, room)
        if result < 0:
            if result == NO_ROOM:
                return i, unpacked, damaged
            damaged += end - begin
            continue
        spans[unpacked, 0] = write
        spans[unpacked, 1] = result
        unpacked += 1
        largest = max(largest, result - write)
        write = result
    return len(frames), unpacked, damaged


@njit(cache=True, nogil=True)
def decompress_frame(source, begin, end, target, first, room):
    """Decompress the frame in source[begin:end] to target[first:]; where its data ends there, DAMAGED or NO_ROOM.

    source, target: uint8 arrays with SLACK bytes after ``end`` and ``room``. ``room``: where the target's space ends.
    """
    if end - begin < 11 or load_uint32(source, begin) != MAGIC_NUMBER:
        return DAMAGED
    flags = np.int64(source[begin + 4])
    if flags & VERSION != VERSION_1 or flags & DICTIONARY:
        return DAMAGED
    read = begin + 7 + (8 if flags & CONTENT_SIZE else 0)
    write = first
    while end - read >= 4:
        size = np.int64(load_uint32(source, read))
        read += 4
        if size == 0:
            return write
        stored = size & STORED
        size &= STORED - 1
        if size > end - read:
            return DAMAGED
        if stored:
            if size > room - write:
                return NO_ROOM
            for i in range(size):
                target[write + i] = source[read + i]
            write += size
        else:
            write = _decompress_block(source, read, read + size, target, first, write, room)
            if write < 0:
                return write
        read += size + (4 if flags & BLOCK_CHECKSUM else 0)
    return DAMAGED


@njit(cache=True, nogil=True)
def _decompress_block(source, read, end, target, first, write, room):
    """Decompress a block; matches may reach back to target[first]."""
    last_read, last_write = end - MARGIN, room - MARGIN
    while read < end:
        token = np.int64(source[read])
        read += 1
        literals = token >> 4
        length = (token & 15) + MIN_MATCH
        if literals < LONG and length < LONG + MIN_MATCH and read < last_read and write < last_write:
            # Nearly always: all of it fits whatever the token says. Copies are of 8 bytes: longer ones would read what
            # two copies have just written, and wait for both.
            copy_8(target, write, source, read)
            copy_8(target, write + 8, source, read + 8)
            read += literals
            write += literals
            offset = np.int64(load_uint16(source, read))
            read += 2
            back = write - offset
            if offset >= 8 and back >= first:
                copy_8(target, write, target, back)
                copy_8(target, write + 8, target, back + 8)
                if length > 16:
                    copy_8(target, write + 16, target, back + 16)
                write += length
                continue
        else:
            read, literals = _add_length(source, read, end, literals, LONG)
            if read < 0 or literals > end - read:
                return DAMAGED
            if literals > room - write:
                return NO_ROOM
            for i in range(0, literals, 8):
                copy_8(target, write + i, source, read + i)
            read += literals
            write += literals
            if read >= end:
                return write
            if end - read < 2:
                return DAMAGED
            offset = np.int64(load_uint16(source, read))
            read, length = _add_length(source, read + 2, end, length, LONG + MIN_MATCH)
            back = write - offset
        if read < 0 or offset == 0 or back < first:
            return DAMAGED
        if length > room - write:
            return NO_ROOM
        for i in range(length):
            target[write + i] = target[back + i]
        write += length
    return DAMAGED


@njit(cache=True, nogil=True)
def _add_length(source, read, end, length, full):
    """A length of which more follows where it is ``full``: after which byte, and how much; -1 where the data end."""
    if length == full:
        while True:
            if read >= end:
                return -1, length
            more = np.int64(source[read])
            read += 1
            length += more
            if more != 255:
                break
    return read, length
