"""AEDAT 2.0 and 1.0, the formats of jAER: a header of text, then pairs of an address and a time, big-endian.

The address is uint32 (uint16 in version 1.0), the time uint32, us. What the address means depends on the camera; the
origin is the lower left corner there, the upper left one here.

    DVS128                bit 0 polarity (0 is ON), bits 1-7 x, bits 8-14 y, bit 15 external trigger; x from the right
    DAVIS                 bit 11 polarity, bits 12-21 x, bits 22-30 y, bit 10 external trigger; x from the right; with
                          bit 31 it is a sample of a frame or of the IMU
    DVXplorer             the same, but with the origin at the upper left
    DVS640, DVS1280x720   bit 0 polarity, x from bit 1, y from bit 11 or 12; x from the right

Source: iniVation, "AEDAT 2.0", https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-2.0.html.
That page does not say where x is counted from and what polarity 0 is. Sources of these: the extractors of jAER, and
libcaer, whose events of the same cameras have their origin at the upper left.
"""

from __future__ import annotations

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
from snn_core.events.files.aedat_header import MAGIC, Header, sensor_size
from snn_core.events.files.base import FileRecording, blocks, read_head
from snn_core.events.files.unroll import Unroller

RECORDS = {"1": np.dtype([("address", ">u2"), ("time", ">u4")]), "2": np.dtype([("address", ">u4"), ("time", ">u4")])}
EVENT, OTHER, TRIGGER = range(3)
"""What a record is."""


@dataclass(frozen=True)
class Layout:
    """Where in an address the fields are: number of the first bit, and bits.

    is_off: whether a polarity of 1 is OFF. x_from_right, y_from_below: where they are counted from.
    trigger_mask, other_mask: bits of an address that is a trigger, or else not an event.
    """

    polarity: int
    x: tuple[int, int]
    y: tuple[int, int]
    is_off: bool = False
    x_from_right: bool = True
    y_from_below: bool = True
    trigger_mask: int = 0
    other_mask: int = 0


DVS128 = Layout(0, (1, 7), (8, 7), is_off=True, trigger_mask=2**15, other_mask=2**31)
DAVIS = Layout(11, (12, 10), (22, 9), trigger_mask=2**10, other_mask=2**31)
DVXPLORER = Layout(11, (12, 10), (22, 9), x_from_right=False, y_from_below=False, trigger_mask=2**10, other_mask=2**31)
DVS640 = Layout(0, (1, 10), (11, 10))
DVS1280 = Layout(0, (1, 11), (12, 10))
# By words in the name of the camera, the more particular ones first.
LAYOUTS = (
    ("dvxplorer", DVXPLORER),
    ("dvs640", DVS640),
    ("dvs1280x720", DVS1280),
    ("davis", DAVIS),
    ("sbret", DAVIS),
    ("dvs128", DVS128),
    ("tmpdiff128", DVS128),
)


def sniff(path: Path, size: tuple[int, int] | None) -> Aedat2Recording | None:
    """The recording in an AEDAT 1.0 or 2.0 file; None for any other."""
    head = read_head(path, len(MAGIC) + 1)
    return Aedat2Recording(path, size) if head.startswith(MAGIC) and head[-1:] in (b"1", b"2") else None


class Aedat2Recording(FileRecording):
    """The events of an AEDAT 1.0 or 2.0 file."""

    def __init__(self, path: Path, size: tuple[int, int] | None = None) -> None:
        super().__init__(path)
        header = Header(path)
        self.format = f"AEDAT {header.version}"
        self._begin = header.size_bytes
        if header.version[:1] not in RECORDS:
            raise UserError(f"{path}: the header of this AEDAT file is damaged; copy or record it again")
        self._record = RECORDS[header.version[:1]]
        chip = header.value("AEChip").rpartition(".")[2]
        self.camera = chip or header.value("HardwareInterface")
        if self._bytes < self._begin + self._record.itemsize:
            raise UserError(f"{path}: holds a header and no data; expected a whole AEDAT file, copy it again")
        layout = next((layout for word, layout in LAYOUTS if word in self.camera.lower()), None)
        self._layout = layout or self._guess_layout()
        self._is_sized = True
        known_size = sensor_size(self.camera) or ((128, 128) if self._layout is DVS128 else None)
        if known_size is not None:
            self._set_size(*known_size)
        else:
            self._is_sized = size is not None  # coordinates can be counted from the other side only when it is known
            self._find_size(size, "no sensor in the header that is known")
            self._is_sized = True

    def _guess_layout(self) -> Layout:
        """The layout whose addresses are as large as those of the file's beginning."""
        file = self._open_file()
        file.seek(self._begin)
        addresses = next(blocks(file, self._record.itemsize)).view(self._record)["address"].astype(np.int64)
        largest = int(addresses[addresses < DAVIS.other_mask].max(initial=0))
        name, layout = (
            ("DVS128", DVS128) if largest < 2**16 else ("DVS640", DVS640) if largest < 2**21 else ("DAVIS", DAVIS)
        )
        self._note(f"no camera in the header that is known: addresses read as those of a {name}, which they look like")
        return layout

    def _read(self, file: BinaryIO) -> Iterator[Events]:
        file.seek(self._begin)
        screen = self._screen()
        unroll = Unroller()
        layout = self._layout
        right = self.width - 1 if layout.x_from_right and self._is_sized else -1
        below = self.height - 1 if layout.y_from_below and self._is_sized else -1
        masks = (layout.trigger_mask, layout.other_mask)
        for block in blocks(file, self._record.itemsize):
            if len(block) < self._record.itemsize:
                self.damaged_bytes += len(block)
                continue
            records = block.view(self._record)
            addresses = records["address"].astype(np.int64)
            times = unroll(records["time"].astype(np.uint32))
            events = uninitialised_events(len(addresses))
            kinds = np.empty(len(addresses), np.uint8)
            fields = (layout.polarity, *layout.x, *layout.y, layout.is_off, right, below)
            kept = _unpack(addresses, times, *masks, *fields, kinds, events.t, events.x, events.y, events.polarity)
            at = np.maximum.accumulate(times[kinds == TRIGGER])
            self._add_triggers(Triggers(at, np.zeros(len(at), np.uint16), np.ones(len(at), np.uint8)))
            screened = screen(events[:kept])
            self._count(screen)
            yield screened
            if np.any(kinds == OTHER):
                self._note("samples of frames or of the IMU are not read")


@njit(cache=True, nogil=True)
def _unpack(
    addresses,
    times,
    trigger_mask,
    other_mask,
    polarity_bit,
    x_bit,
    x_bits,
    y_bit,
    y_bits,
    is_off,
    right,
    below,
    kinds,
    t,
    x,
    y,
    polarity,
):
    """``right``, ``below``: the largest coordinates, where they are counted from there; else -1."""
    kept = 0
    for i in range(len(addresses)):
        address = addresses[i]
        kinds[i] = EVENT
        if address & other_mask:
            kinds[i] = OTHER
            continue
        if address & trigger_mask:
            kinds[i] = TRIGGER
            continue
        column = address >> x_bit & ((1 << x_bits) - 1)
        row = address >> y_bit & ((1 << y_bits) - 1)
        # Those off the sensor become negative, which in uint16 lies off every sensor.
        x[kept] = np.uint16(column if right < 0 else right - column)
        y[kept] = np.uint16(row if below < 0 else below - row)
        polarity[kept] = (address >> polarity_bit & 1) != is_off
        t[kept] = times[i]
        kept += 1
    return kept
