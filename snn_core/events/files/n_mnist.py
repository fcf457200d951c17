"""The files of N-MNIST and N-Caltech101 (.bin): events of 5 bytes, big-endian, and nothing else.

    byte 0 x    byte 1 y    bit 7 of byte 2 polarity    the other 23 bits time, us

An event with y 240 is none: from it on 2^13 us are added to the times.
Source: the functions for Matlab that come with the data sets, Orchard et al. 2015, https://www.garrickorchard.com/datasets
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numba import njit

from snn_core.events.codecs.decoder import uninitialised_events
from snn_core.events.events import Events
from snn_core.events.files.base import FileRecording, blocks, is_mostly_sorted, read_head

SUFFIX = ".bin"
EVENT_BYTES = 5
OVERFLOW_ROW = 240
OVERFLOW_US = 2**13
N_MNIST_SIDE = 34


def sniff(path: Path, size: tuple[int, int] | None) -> NMnistRecording | None:
    """The recording in a file of such a name and content; None for any other."""
    if path.suffix.lower() != SUFFIX:
        return None
    records = np.frombuffer(read_head(path, 4000 * EVENT_BYTES), np.uint8)
    records = records[: len(records) // EVENT_BYTES * EVENT_BYTES].reshape(-1, EVENT_BYTES).astype(np.int64)
    times = (records[:, 2] & 0x7F) << 16 | records[:, 3] << 8 | records[:, 4]
    is_overflow = records[:, 1] == OVERFLOW_ROW
    times = (times + OVERFLOW_US * np.cumsum(is_overflow))[~is_overflow]
    return NMnistRecording(path, size) if len(times) and is_mostly_sorted(times) else None


class NMnistRecording(FileRecording):
    """The events of a file of N-MNIST or N-Caltech101."""

    format = "N-MNIST"

    def __init__(self, path: Path, size: tuple[int, int] | None = None) -> None:
        super().__init__(path)
        self.camera = "ATIS"
        self._find_size(size)
        if size is None and max(self.width, self.height) <= N_MNIST_SIDE:
            self._set_size(N_MNIST_SIDE, N_MNIST_SIDE)
            self.notes = ["no sensor size in the file: 34 x 34 as in N-MNIST"]

    def _read(self, file: BinaryIO) -> Iterator[Events]:
        file.seek(0)
        screen = self._screen()
        overflow = np.zeros(1, np.int64)
        for block in blocks(file, EVENT_BYTES):
            events = uninitialised_events(len(block) // EVENT_BYTES)
            arrays = (events.t, events.x, events.y, events.polarity)
            kept = _unpack(block, overflow, *arrays)
            self.damaged_bytes += len(block) % EVENT_BYTES
            screened = screen(events[:kept])
            self._count(screen)
            yield screened


@njit(cache=True, nogil=True)
def _unpack(data, overflow, t, x, y, polarity):
    added = overflow[0]
    kept = 0
    for i in range(len(t)):
        octets = data[EVENT_BYTES * i : EVENT_BYTES * (i + 1)]
        if octets[1] == OVERFLOW_ROW:
            added += OVERFLOW_US
            continue
        third = np.int64(octets[2])
        t[kept] = added + ((third & 0x7F) << 16 | np.int64(octets[3]) << 8 | np.int64(octets[4]))
        x[kept] = octets[0]
        y[kept] = octets[1]
        polarity[kept] = third >> 7
        kept += 1
    overflow[0] = added
    return kept
