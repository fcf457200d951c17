"""Pooling: which input of the network a pixel belongs to, and how many events each input gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.events import Events

NO_POOL = -1
COORDINATES = 2**16  # what uint16 can say; tables of so many entries need no look at the sensor's size
PROBE = 16  # events


class Pooling:
    """Pixels in pools; subclasses say which. With ``per_polarity`` all pools of OFF events come first, then all of ON.

    width, height: size of the sensor, px.
    pool_of_pixel: shape (height, width), int32, pool of a pixel's OFF events; -1 where it has none; read-only.
    first_on: what is added to it for ON events.
    size: number of pools, both polarities together.

    Raises UserError when a pool has no pixel.
    """

    _kernel: Callable[..., Any]
    """Counts events of steps, by ``_tables``."""
    _tables: tuple[NDArray[np.unsignedinteger], ...]

    def __init__(self, pool_of_pixel: NDArray[np.integer], pools: int, per_polarity: bool) -> None:
        self.height, self.width = pool_of_pixel.shape
        self.per_polarity = per_polarity
        self.first_on = pools if per_polarity else 0
        self.size = pools + self.first_on
        self.pool_of_pixel = np.ascontiguousarray(pool_of_pixel, np.int32)
        self.pool_of_pixel.flags.writeable = False

    def assign(self, x: NDArray[np.uint16], y: NDArray[np.uint16], polarity: NDArray[np.uint8]) -> NDArray[np.int32]:
        """The pool of each event, shape (n,); -1 where it belongs to none or is off the sensor.

        x, y: shape (n,), px. polarity: shape (n,), 0 is OFF, all else ON. Raises ValueError for unequal lengths.
        """
        _check_lengths(x, y, polarity)
        pools = np.empty(len(x), np.int32)
        _assign(self.pool_of_pixel, self.first_on, x, y, polarity, pools)
        return pools

    def counts(self, x: NDArray[np.uint16], y: NDArray[np.uint16], polarity: NDArray[np.uint8]) -> NDArray[np.int32]:
        """The number of events in each pool, shape (size,). Arguments and errors as for ``assign``."""
        _check_lengths(x, y, polarity)
        counts = np.empty((1, self.size), np.int32)
        self._count(x, y, polarity, np.array([0, len(x)]), counts)
        return counts[0]

    def step_counts(
        self, events: Events, begin_us: int, steps: int, step_us: int = 1000, out: NDArray[np.int32] | None = None
    ) -> NDArray[np.int32]:
        """The number of events in each pool and step of a window, shape (steps, size).

        events: those of the window, sorted by time.
        begin_us, steps, step_us: begin of the window, number and length of its steps.
        out: array to write to and to return, shape (steps, size), int32, C order.

        Raises ValueError for events outside the window, no step, or an ``out`` of another form.
        """
        if steps < 1 or step_us < 1:
            raise ValueError(f"{steps} steps of {step_us} us: expected at least one of each")
        if len(events) and not begin_us <= events.t[0] <= events.t[-1] < begin_us + steps * step_us:
            raise ValueError(f"events must lie within the {steps} steps of {step_us} us from {begin_us} us")
        counts = np.empty((steps, self.size), np.int32) if out is None else out
        if counts.shape != (steps, self.size) or counts.dtype != np.int32 or not counts.flags.c_contiguous:
            raise ValueError(f"out must be a C array of {steps} x {self.size} int32")
        borders = np.empty(steps + 1, np.int64)
        _find_steps(events.t, begin_us, step_us, borders)
        self._count(events.x, events.y, events.polarity, borders, counts)
        return counts

    def _count(
        self,
        x: NDArray[np.uint16],
        y: NDArray[np.uint16],
        polarity: NDArray[np.uint8],
        borders: NDArray[np.int64],
        counts: NDArray[np.int32],
    ) -> None:
        """Count the events from ``borders[i]`` to ``borders[i + 1]`` into ``counts[i]``."""
        # What belongs to no pool is counted behind the last one, and forgotten.
        room = np.empty(3 * self.size + 1, np.int32)
        self._kernel(*self._tables, self.first_on, x, y, polarity, borders, room, counts)

    def _table_type(self) -> type[np.unsignedinteger]:
        """The smallest that can say ``size``: small tables stay in the cache."""
        return np.uint16 if self.size < 2**16 else np.uint32


class RectanglePooling(Pooling):
    """Pools are rectangles of pixels that cover the sensor less a cropped border.

    A pixel's pool row is (y - crop_top) * rows // height of the cropped image, its column likewise; where the pixels do
    not divide evenly, pools differ by one pixel. Pools are numbered row by row.

    width, height: size of the sensor, px.
    crop_top, crop_bottom, crop_left, crop_right: rows and columns of pixels left out at each border.

    Raises UserError when less than one pixel falls to a pool, or a number is out of range.
    """

    def __init__(
        self,
        width: int,
        height: int,
        rows: int,
        columns: int,
        crop_top: int = 0,
        crop_bottom: int = 0,
        crop_left: int = 0,
        crop_right: int = 0,
        per_polarity: bool = False,
    ) -> None:
        row_of_y = _pool_of_pixel("rows", height, rows, "crop_top", crop_top, "crop_bottom", crop_bottom)
        column_of_x = _pool_of_pixel("columns", width, columns, "crop_left", crop_left, "crop_right", crop_right)
        self.rows = rows
        self.columns = columns
        pools = row_of_y[:, None] * columns + column_of_x[None, :]
        cropped = (row_of_y == NO_POOL)[:, None] | (column_of_x == NO_POOL)[None, :]
        super().__init__(np.where(cropped, NO_POOL, pools), rows * columns, per_polarity)
        # Two small tables that are added are read faster than a large one; with one of them at ``size``, the sum is
        # behind the last pool whatever else is added.
        row, column = np.full((2, COORDINATES), self.size, self._table_type())
        row[:height] = np.where(row_of_y == NO_POOL, self.size, row_of_y * columns)
        column[:width] = np.where(column_of_x == NO_POOL, self.size, column_of_x)
        self._kernel, self._tables = _count_sums, (row, column)


def _pool_of_pixel(
    name: str, pixels: int, pools: int, first_name: str, first: int, last_name: str, last: int
) -> NDArray[np.int64]:
    """The pool row (or column) of each pixel row (or column) along one side of the sensor; -1 where cropped."""
    for key, value, least in ((name, pools, 1), (first_name, first, 0), (last_name, last, 0)):
        if value < least:
            raise UserError(f"pooling: {key} is {value}, expected at least {least}")
    left = pixels - first - last
    if pools > left:
        raise UserError(
            f"pooling: {pools} {name} of pools need as many {name} of pixels, "
            f"{first_name} {first} and {last_name} {last} leave {max(left, 0)} of {pixels}; "
            f"crop less or take fewer {name}"
        )
    pool = np.full(pixels, NO_POOL, np.int64)
    pool[first : pixels - last] = np.arange(left) * pools // left
    return pool


def _check_lengths(x: NDArray[np.uint16], y: NDArray[np.uint16], polarity: NDArray[np.uint8]) -> None:
    if not len(x) == len(y) == len(polarity):
        raise ValueError(f"x, y and polarity must be of equal length, found {len(x)}, {len(y)}, {len(polarity)}")


@njit(cache=True, nogil=True)
def _assign(pool_of_pixel, first_on, x, y, polarity, pools):
    height, width = pool_of_pixel.shape
    for i in range(len(x)):
        pool = NO_POOL
        if x[i] < width and y[i] < height:
            pool = pool_of_pixel[y[i], x[i]]
        pools[i] = pool + first_on if pool != NO_POOL and polarity[i] else pool


@njit(cache=True, nogil=True)
def _find_steps(t, begin_us, step_us, borders):
    """Where each step begins in ``t``, and where the last one ends.

    The next step is taken to have as many events as the last one, and looked for from there in growing strides. So
    hardly more than its own places in ``t`` are read, which come from memory.
    """
    n = len(t)
    borders[0] = 0
    for step in range(1, len(borders)):
        end_us = begin_us + step * step_us
        low = borders[step - 1]
        high = min(2 * low - borders[max(step - 2, 0)], n)
        stride = PROBE
        if high > low and t[high - 1] >= end_us:
            probe = high - 1
            while probe >= low and t[probe] >= end_us:
                high = probe
                probe -= stride
                stride *= 2
            low = max(probe + 1, low)
        else:
            low = high
            probe = high
            while probe < n and t[probe] < end_us:
                low = probe + 1
                probe += stride
                stride *= 2
            high = min(probe, n)
        while low < high:
            middle = (low + high) >> 1
            if t[middle] < end_us:
                low = middle + 1
            else:
                high = middle
        borders[step] = low


@njit(cache=True, nogil=True)
def _count_sums(row, column, first_on, x, y, polarity, borders, room, counts):
    """The pool of an event is the sum of its row's and its column's entry, and of ``first_on`` for ON events.

    The two halves of a step are counted alternately: events that follow each other often share a pool, and a count
    would wait for the one before.
    """
    size = counts.shape[1]
    for step in range(counts.shape[0]):
        begin, end = borders[step], borders[step + 1]
        half = (end - begin) // 2
        for pool in range(size):
            room[pool] = 0
        for i in range(begin, begin + half):
            first, second = np.uint64(i), np.uint64(i + half)
            pool = np.uint64(row[y[first]]) + np.uint64(column[x[first]])
            room[pool + np.uint64(first_on if polarity[first] else 0)] += 1
            pool = np.uint64(row[y[second]]) + np.uint64(column[x[second]])
            room[pool + np.uint64(first_on if polarity[second] else 0)] += 1
        if end - begin > 2 * half:
            last = np.uint64(end - 1)
            pool = np.uint64(row[y[last]]) + np.uint64(column[x[last]])
            room[pool + np.uint64(first_on if polarity[last] else 0)] += 1
        for pool in range(size):
            counts[step, pool] = room[pool]
