"""Hot pixels: those that give many events where the pixels around them give few."""

from collections.abc import Iterable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.filters.base import Filter, select
from snn_core.events.filters.masks import MaskFilter, in_mask

MIN_RATE_HZ = 20.0
MIN_RATIO = 10.0
NEIGHBOURS = [(row, column) for row in range(3) for column in range(3) if (row, column) != (1, 1)]


def find_hot_pixels(
    counts: NDArray[np.integer], duration_us: int, min_rate_hz: float = MIN_RATE_HZ, min_ratio: float = MIN_RATIO
) -> NDArray[np.bool_]:
    """The pixels that are hot, shape (height, width), bool.

    A pixel is hot when its rate is at least ``min_rate_hz`` and its count is more than ``min_ratio`` times one more
    than the median of the 8 pixels around it. So what the camera sees is not hot, since more than one pixel sees it.
    Nor is one pixel among its like. Pairs of hot pixels are found, since a median does not mind a few.

    counts: shape (height, width), the events of each pixel.
    duration_us: the time that they were counted in, us.
    """
    hot = (counts >= min_rate_hz * 1e-6 * duration_us) & (counts > min_ratio)
    y, x = np.nonzero(hot)
    around = np.pad(counts, 1, mode="reflect")
    neighbours = np.stack([around[y + row, x + column] for row, column in NEIGHBOURS])
    hot[y, x] = counts[y, x] > min_ratio * (np.median(neighbours, axis=0) + 1)
    return hot


class HotPixelFilter(MaskFilter):
    """Drops the events of the given pixels.

    pixels: (x, y) of each, px. Raises UserError for one off the sensor.
    """

    name = "hot_pixels"

    def __init__(self, width: int, height: int, pixels: Iterable[tuple[int, int]]) -> None:
        mask = np.ones((height, width), bool)
        for x, y in pixels:
            if not (0 <= x < width and 0 <= y < height):
                raise UserError(f"{self.name}: pixel {x}, {y}: expected one on the sensor of {width} x {height}")
            mask[y, x] = False
        super().__init__(mask)


class LearntHotPixelFilter(Filter):
    """Drops the events of the pixels that were hot, as ``find_hot_pixels`` has it, in the period before.

    Periods follow each other from the first event on; in the first one nothing is dropped.

    period_us: us, at least 1000.
    hot: shape (height, width), bool, the pixels whose events are dropped now.

    Raises UserError for a shorter period.
    """

    name = "hot_pixels"

    def __init__(
        self,
        width: int,
        height: int,
        period_us: int = 1_000_000,
        min_rate_hz: float = MIN_RATE_HZ,
        min_ratio: float = MIN_RATIO,
    ) -> None:
        super().__init__(width, height)
        if period_us < 1000:
            raise UserError(f"{self.name}: period of {period_us} us: expected at least 1000")
        self.period_us = period_us
        self._limits = (min_rate_hz, min_ratio)
        self._counts = np.zeros((height, width), np.int64)
        self._forget()

    def _forget(self) -> None:
        self._period_end_us: int | None = None
        self._counts[:] = 0
        self.hot = np.zeros((self.height, self.width), bool)

    def _filter(self, events: Events) -> Events:
        if self._period_end_us is None:
            self._period_end_us = int(events.t[0]) + self.period_us
        parts = []
        while int(events.t[-1]) >= self._period_end_us:
            cut = int(np.searchsorted(events.t, self._period_end_us))
            parts.append(self._within_period(events[:cut]))
            events = events[cut:]
            self._begin_period(int(events.t[0]))
        parts.append(self._within_period(events))
        return Events.concatenate(parts)

    def _within_period(self, events: Events) -> Events:
        _count(events.x, events.y, self._counts)
        return select(in_mask, events, self.width, ~self.hot.reshape(-1)) if self.hot.any() else events

    def _begin_period(self, time_us: int) -> None:
        """Begin the period that holds ``time_us``; those without events before it had no hot pixels."""
        assert self._period_end_us is not None
        passed = 1 + (time_us - self._period_end_us) // self.period_us
        if passed > 1:
            self._counts[:] = 0
        self.hot = find_hot_pixels(self._counts, self.period_us, *self._limits)
        self._counts[:] = 0
        self._period_end_us += passed * self.period_us


@njit(cache=True, nogil=True)
def _count(x, y, counts):
    for i in range(len(x)):
        counts[np.uint64(y[i]), np.uint64(x[i])] += 1
