"""Pixels that are let through and pixels that are not: masks, regions, a polarity."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.filters.base import Filter, select

MIN_CORNERS = 3


class MaskFilter(Filter):
    """Keeps the events of the pixels that a mask names.

    mask: shape (height, width), bool, True where events are kept. Raises ValueError for another type or shape.
    """

    name = "mask"

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        if mask.ndim != 2 or mask.dtype != np.bool_:
            raise ValueError(f"mask must be a 2-d array of bool, found {mask.dtype}, {mask.ndim}-d")
        super().__init__(mask.shape[1], mask.shape[0])
        self._mask = np.array(mask, order="C")

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Shape (height, width), bool, True where events are kept; a copy."""
        return self._mask.copy()

    def _filter(self, events: Events) -> Events:
        return select(in_mask, events, self.width, self._mask.reshape(-1))


class PolygonFilter(MaskFilter):
    """Keeps the events within a polygon, its border included; where it crosses itself, by the even-odd rule.

    corners: at least 3, (x, y) of whole pixels, which may lie off the sensor.

    Raises UserError for fewer corners.
    """

    name = "region"

    def __init__(self, width: int, height: int, corners: Sequence[tuple[int, int]]) -> None:
        super().__init__(polygon_mask(width, height, corners))


def polygon_mask(width: int, height: int, corners: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """The pixels whose centre lies in or on the polygon, shape (height, width), bool; see ``PolygonFilter``."""
    if len(corners) < MIN_CORNERS:
        raise UserError(f"region: {len(corners)} corners: expected at least {MIN_CORNERS}")
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    inside, on_border = np.zeros((2, height, width), bool)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)  # of the edge that the pixel lies on; whole numbers
        between_x = (min(x0, x1) <= x) & (x <= max(x0, x1))
        between_y = (min(y0, y1) <= y) & (y <= max(y0, y1))
        on_border |= (side == 0) & between_x & between_y
        # A ray to the right crosses the edge: its ends lie on either side of the ray, the pixel to the left of it.
        inside ^= ((y0 > y) != (y1 > y)) & ((side > 0) == (y1 > y0)) & (side != 0)
    return inside | on_border


class RectangleFilter(Filter):
    """Keeps the events of a rectangle of pixels and counts their coordinates from its corner (a crop).

    left, top: of the rectangle's first pixel, px. out_width, out_height: its size, px.

    Raises UserError for a rectangle that does not lie on the sensor.
    """

    name = "crop"

    def __init__(self, width: int, height: int, left: int, top: int, out_width: int, out_height: int) -> None:
        super().__init__(width, height)
        if (
            min(left, top) < 0
            or min(out_width, out_height) < 1
            or left + out_width > width
            or top + out_height > height
        ):
            raise UserError(
                f"{self.name}: {out_width} x {out_height} pixels from {left}, {top}: "
                f"expected a rectangle on the sensor of {width} x {height}"
            )
        self.left, self.top = left, top
        self.out_width, self.out_height = out_width, out_height

    def _filter(self, events: Events) -> Events:
        return select(_in_rectangle, events, self.left, self.top, self.out_width, self.out_height)


class PolarityFilter(Filter):
    """Keeps the events of one polarity, "on" or "off". Raises UserError for any other."""

    name = "polarity"

    def __init__(self, width: int, height: int, polarity: Literal["on", "off"]) -> None:
        super().__init__(width, height)
        if polarity not in ("on", "off"):
            raise UserError(f"{self.name}: {polarity!r}: expected on or off")
        self.polarity = polarity

    def _filter(self, events: Events) -> Events:
        return select(_of_polarity, events, self.polarity == "on")


@njit(cache=True, nogil=True)
def in_mask(t, x, y, polarity, width, mask, t_kept, x_kept, y_kept, polarity_kept):
    kept = 0
    for i in range(len(t)):
        t_kept[kept] = t[i]
        x_kept[kept] = x[i]
        y_kept[kept] = y[i]
        polarity_kept[kept] = polarity[i]
        kept += mask[np.uint64(y[i]) * np.uint64(width) + np.uint64(x[i])]
    return kept


@njit(cache=True, nogil=True)
def _in_rectangle(t, x, y, polarity, left, top, width, height, t_kept, x_kept, y_kept, polarity_kept):
    kept = 0
    for i in range(len(t)):
        column, row = np.int64(x[i]) - left, np.int64(y[i]) - top
        t_kept[kept] = t[i]
        x_kept[kept] = column
        y_kept[kept] = row
        polarity_kept[kept] = polarity[i]
        kept += (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return kept


@njit(cache=True, nogil=True)
def _of_polarity(t, x, y, polarity, on, t_kept, x_kept, y_kept, polarity_kept):
    kept = 0
    for i in range(len(t)):
        t_kept[kept] = t[i]
        x_kept[kept] = x[i]
        y_kept[kept] = y[i]
        polarity_kept[kept] = polarity[i]
        kept += (polarity[i] != 0) == on
    return kept
