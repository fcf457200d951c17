"""Pools as an eye has them: fine in the middle, coarse around it."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.pooling import NO_POOL, Pooling


class LogPolarPooling(Pooling):
    """Pools are the parts of rings, each cut into ``sectors``, whose widths grow with the distance from the centre.

    A pixel at a distance r belongs to ring floor(rings log(1 + r / fovea) / log(1 + radius / fovea)). Within the fovea
    rings are about equally wide, beyond it each is wider than the one before by a constant factor. Pools are numbered
    ring by ring from the inside, and in a ring from the right (+x) by way of the bottom (+y).

    width, height: size of the sensor, px.
    rings, sectors: their numbers.
    fovea_px: px, above 0.
    radius_px: px, where the last ring ends; by default half of the sensor's shorter side.
    centre: (x, y), px; by default the sensor's.

    Raises UserError when a pool has no pixel, or a number is out of range.

    Source: after E. L. Schwartz, "Computational anatomy and functional architecture of striate cortex: a spatial
    mapping approach to perceptual coding", Vision Research 20, 1980: log(z + a).
    """

    def __init__(
        self,
        width: int,
        height: int,
        rings: int,
        sectors: int,
        fovea_px: float,
        radius_px: float | None = None,
        centre: tuple[float, float] | None = None,
        per_polarity: bool = False,
    ) -> None:
        radius_px = min(width, height) / 2 if radius_px is None else radius_px
        centre_x, centre_y = ((width - 1) / 2, (height - 1) / 2) if centre is None else centre
        for name, value, is_right in (
            ("rings", rings, rings >= 1),
            ("sectors", sectors, sectors >= 1),
            ("fovea_px", fovea_px, 0 < fovea_px < math.inf),
            ("radius_px", radius_px, 0 < radius_px < math.inf),
        ):
            if not is_right:
                raise UserError(f"pooling: {name} is {value}, expected a number above 0")
        y, x = np.indices((height, width))
        across, down = x - centre_x, y - centre_y
        distance = np.hypot(across, down)
        ring = np.floor(rings * np.log1p(distance / fovea_px) / math.log1p(radius_px / fovea_px)).astype(np.int64)
        turn = np.arctan2(down, across) / (2 * np.pi) % 1.0
        sector = np.minimum((turn * sectors).astype(np.int64), sectors - 1)
        pool_of_pixel = np.where(ring < rings, ring * sectors + sector, NO_POOL)
        _check_pools(pool_of_pixel, rings, sectors)
        self.rings, self.sectors = rings, sectors
        super().__init__(pool_of_pixel, rings * sectors, per_polarity)
        self._kernel, self._tables = _count_entries, (_table(pool_of_pixel, self.size, self._table_type()),)


def _check_pools(pool_of_pixel: NDArray[np.int64], rings: int, sectors: int) -> None:
    pixels = np.bincount(pool_of_pixel[pool_of_pixel != NO_POOL], minlength=rings * sectors)
    if not pixels.all():
        ring = int(np.argmin(pixels)) // sectors
        raise UserError(
            f"pooling: a pool of ring {ring} of {rings} has no pixel; take fewer rings or sectors, a larger fovea_px, "
            "or a radius_px and centre within the sensor"
        )


def _table(pool_of_pixel: NDArray[np.int64], size: int, dtype: type[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """With a border below and to the right, where all that is off the sensor is looked up."""
    height, width = pool_of_pixel.shape
    table = np.full((height + 1, width + 1), size, dtype)
    table[:height, :width] = np.where(pool_of_pixel == NO_POOL, size, pool_of_pixel)
    return table


@njit(cache=True, nogil=True)
def _count_entries(table, first_on, x, y, polarity, borders, room, counts):
    """The pool of an event is its pixel's entry, and ``first_on`` more for ON events. Halves as in ``_count_sums``."""
    size = counts.shape[1]
    below, right = table.shape[0] - 1, table.shape[1] - 1
    for step in range(counts.shape[0]):
        begin, end = borders[step], borders[step + 1]
        half = (end - begin + 1) // 2
        for pool in range(size):
            room[pool] = 0
        for i in range(begin, begin + half):
            for place in (i, i + half):
                if place < end:
                    event = np.uint64(place)
                    row, column = min(np.int64(y[event]), below), min(np.int64(x[event]), right)
                    pool = np.uint64(table[np.uint64(row), np.uint64(column)])
                    room[pool + np.uint64(first_on if polarity[event] else 0)] += 1
        for pool in range(size):
            counts[step, pool] = room[pool]
