"""Pooling: which input of the network a pixel belongs to."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import UserError

NO_POOL = -1


class Pooling:
    """Pools are rectangles of pixels that cover the sensor less a cropped border.

    A pixel's pool row is (y - crop_top) * rows // height of the cropped image, its column likewise; where the pixels do
    not divide evenly, pools differ by one pixel. Pools are numbered row by row; with ``per_polarity`` all pools of OFF
    events come first, then all pools of ON events.

    width, height: size of the sensor, pixels.
    crop_top, crop_bottom, crop_left, crop_right: rows and columns of pixels left out at each border.
    size: number of pools.
    table: shape (2, height, width), int32, the pool of polarity, y, x; -1 where cropped; read-only.

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
        self.width = width
        self.height = height
        self.rows = rows
        self.columns = columns
        self.per_polarity = per_polarity
        self.size = (2 if per_polarity else 1) * rows * columns

        pools = row_of_y[:, None] * columns + column_of_x[None, :]
        cropped = (row_of_y == NO_POOL)[:, None] | (column_of_x == NO_POOL)[None, :]
        first_on = rows * columns if per_polarity else 0
        table = np.stack([np.where(cropped, NO_POOL, pools + first) for first in (0, first_on)])
        self.table = np.ascontiguousarray(table, np.int32)
        self.table.flags.writeable = False

    def assign(self, x: NDArray[np.uint16], y: NDArray[np.uint16], polarity: NDArray[np.uint8]) -> NDArray[np.int32]:
        """The pool of each event, shape (n,); -1 where it is cropped or off the sensor.

        x, y: shape (n,), pixels. polarity: shape (n,), 0 is OFF, all else ON. Raises ValueError for unequal lengths.
        """
        _check_lengths(x, y, polarity)
        pools = np.empty(len(x), np.int32)
        _assign(self.table, x, y, polarity, pools)
        return pools

    def counts(self, x: NDArray[np.uint16], y: NDArray[np.uint16], polarity: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The number of events in each pool, shape (size,). Arguments and errors as for ``assign``."""
        _check_lengths(x, y, polarity)
        counts = np.zeros(self.size, np.int64)
        _count(self.table, x, y, polarity, counts)
        return counts


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
def _assign(table, x, y, polarity, pools):
    _, height, width = table.shape
    for i in range(len(x)):
        if x[i] < width and y[i] < height:
            pools[i] = table[1 if polarity[i] else 0, y[i], x[i]]
        else:
            pools[i] = NO_POOL


@njit(cache=True, nogil=True)
def _count(table, x, y, polarity, counts):
    _, height, width = table.shape
    for i in range(len(x)):
        if x[i] < width and y[i] < height:
            pool = table[1 if polarity[i] else 0, y[i], x[i]]
            if pool >= 0:
                counts[pool] += 1
