"""ECF, the codec of Prophesee's HDF5 files: runs of times, rows, columns and polarities, or the latter three packed.

A chunk is little-endian. It begins with uint32: bits 2-31 number of events, bit 1 whether y, x and polarity are packed,
bit 0 whether x and polarity are. Then comes int64, the first time, us.

    times        bytes: 4 bits of us to add, 4 bits of how many events have that time. 15 events or more: uint16 of how
                 many follows. 15 us: the low 4 bits are of a longer wait, least significant first, over such bytes.
    y, x, p      in 24 bits each: 11 bits y, 11 bits x, 1 bit polarity; four in three uint32. The first one is whole in
                 the upper bits of the first. The last one is in the lower bits of the last. Of each other one, the
                 lower part is in what is left of one uint32, the upper part in the upper bits of the next.
    y            uint16: 11 bits y, 5 bits of how many events are of it. 31 or more: uint16 of how many follows.
    x, p         in 12 bits each: 11 bits x, 1 bit polarity; four in three uint16 in the same way.
    x            uint16: 11 bits x, 5 bits mask: bit 4 - i is another event at x + 1 + i.
    polarities   bytes: 1 bit polarity, 7 bits of how many events. 127 or more: uint16 of how many follows.

Source: Prophesee's HDF5Plugin-ECF (Apache-2.0), https://github.com/prophesee-ai/hdf5_ecf
"""

import numpy as np
from numba import njit

from snn_core.events.codecs.decoder import uninitialised_events
from snn_core.events.events import Events
from snn_core.events.files.unaligned import load_int64, load_uint16, load_uint32

MAX_EVENTS = 65535
HEADER_BYTES = 12
SLACK = 32  # bytes that may be read after the end of a chunk
PACKED_ALL, PACKED_X = 2, 1


def decompress(chunk: bytes) -> Events | None:
    """The events of a chunk, times and pixels unchecked; None where it is cut or damaged."""
    if len(chunk) < HEADER_BYTES:
        return None
    data = np.frombuffer(chunk + bytes(SLACK), np.uint8)
    count = int.from_bytes(chunk[:4], "little") >> 2
    if count > MAX_EVENTS:
        return None
    events = uninitialised_events(count + 6)  # runs of x are written in one go
    n_read = _decompress(data, len(chunk), count, events.t, events.x, events.y, events.polarity)
    return events[:count] if n_read >= 0 else None


@njit(cache=True, nogil=True)
def _decompress(data, end, count, t, x, y, polarity):
    """Up to where the data were read; -1 where they end before all events are there, or have more."""
    flags = np.int64(data[0]) & 3
    read = _read_times(data, HEADER_BYTES, end, count, load_int64(data, 4), t)
    if flags & PACKED_ALL:
        return _read_packed(data, read, end, count, x, y, polarity) if read >= 0 else -1
    if read >= 0:
        read = _read_rows(data, read, end, count, y)
    if read >= 0 and flags & PACKED_X:
        return _read_packed_columns(data, read, end, count, x, polarity)
    if read >= 0:
        read = _read_columns(data, read, end, count, x)
    if read >= 0:
        read = _read_polarities(data, read, end, count, polarity)
    return read


@njit(cache=True, nogil=True)
def _read_times(data, read, end, count, time, t):
    done = 0
    while done < count:
        if read >= end:
            return -1
        step, run = np.int64(data[read]) >> 4, np.int64(data[read]) & 15
        if step == 15:
            wait = shift = np.int64(0)
            while step == 15:
                if read >= end or shift > 56:
                    return -1
                wait |= run << shift
                shift += 4
                read += 1
                step, run = np.int64(data[read]) >> 4, np.int64(data[read]) & 15
            time += wait
            continue
        time += step
        read += 1
        if run == 15:
            run = np.int64(load_uint16(data, read))
            read += 2
        if run > count - done or run == 0:
            return -1
        for i in range(run):
            t[done + i] = time
        done += run
    return read if read <= end else -1


@njit(cache=True, nogil=True)
def _read_rows(data, read, end, count, y):
    done = 0
    while done < count:
        if read >= end:
            return -1
        word = np.int64(load_uint16(data, read))
        read += 2
        run = word & 31
        if run == 31:
            run = np.int64(load_uint16(data, read))
            read += 2
        if run > count - done or run == 0:
            return -1
        for i in range(run):
            y[done + i] = word >> 5
        done += run
    return read if read <= end else -1


@njit(cache=True, nogil=True)
def _read_columns(data, read, end, count, x):
    done = 0
    while done < count:
        if read >= end:
            return -1
        word = np.int64(load_uint16(data, read))
        read += 2
        x[done] = word >> 5
        done += 1
        for i in range(5):
            if word >> (4 - i) & 1:
                x[done] = (word >> 5) + 1 + i
                done += 1
    return read if read <= end else -1


@njit(cache=True, nogil=True)
def _read_polarities(data, read, end, count, polarity):
    done = 0
    while done < count:
        if read >= end:
            return -1
        octet = np.int64(data[read])
        read += 1
        run = octet & 127
        if run == 127:
            run = np.int64(load_uint16(data, read))
            read += 2
        if run > count - done or run == 0:
            return -1
        for i in range(run):
            polarity[done + i] = octet >> 7
        done += run
    return read if read <= end else -1


@njit(cache=True, nogil=True)
def _read_packed(data, read, end, count, x, y, polarity):
    for first in range(0, count, 4):
        if read + 12 > end:
            return -1
        words = (
            np.int64(load_uint32(data, read)),
            np.int64(load_uint32(data, read + 4)),
            np.int64(load_uint32(data, read + 8)),
        )
        values = (
            words[0] >> 8,
            words[0] & 0xFF | words[1] >> 16 << 8,
            words[1] & 0xFFFF | words[2] >> 24 << 16,
            words[2] & 0xFFFFFF,
        )
        for i in range(min(4, count - first)):
            y[first + i] = values[i] >> 12 & 0x7FF
            x[first + i] = values[i] >> 1 & 0x7FF
            polarity[first + i] = values[i] & 1
        read += 12
    return read


@njit(cache=True, nogil=True)
def _read_packed_columns(data, read, end, count, x, polarity):
    for first in range(0, count, 4):
        if read + 6 > end:
            return -1
        words = (
            np.int64(load_uint16(data, read)),
            np.int64(load_uint16(data, read + 2)),
            np.int64(load_uint16(data, read + 4)),
        )
        values = (
            words[0] >> 4,
            words[0] & 15 | words[1] >> 8 << 4,
            words[1] & 0xFF | words[2] >> 12 << 8,
            words[2] & 0xFFF,
        )
        for i in range(min(4, count - first)):
            x[first + i] = values[i] >> 1
            polarity[first + i] = values[i] & 1
        read += 6
    return read
