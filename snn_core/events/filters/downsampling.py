"""Coarser pixels, coarser times."""

import numpy as np
from numba import njit

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.filters.base import NEVER, Filter, select

MAX_STEP_US = 10**9


class SpatialDownsampling(Filter):
    """Makes one pixel of each ``factor`` x ``factor`` pixels; no event is dropped.

    The pixels of the last column and row are made of what is left where the factor does not divide the sensor.

    factor: 1 to the longer side of the sensor. Raises UserError for any other.

    Source: A. Gruel et al., "Event data downscaling for embedded computer vision", VISAPP 2022 ("event funneling").
    """

    name = "spatial"

    def __init__(self, width: int, height: int, factor: int) -> None:
        super().__init__(width, height)
        if not 1 <= factor <= max(width, height):
            raise UserError(f"{self.name}: factor {factor}: expected 1 to {max(width, height)}")
        self.factor = factor
        self.out_width, self.out_height = -(-width // factor), -(-height // factor)

    def _filter(self, events: Events) -> Events:
        factor = np.uint16(self.factor)
        return Events(events.t, events.x // factor, events.y // factor, events.polarity)


class TemporalDownsampling(Filter):
    """Rounds times down to whole steps; of the events of a pixel and polarity in a step the first one is kept.

    step_us: us, 1 to 10**9. Raises UserError for any other.
    """

    name = "temporal"

    def __init__(self, width: int, height: int, step_us: int) -> None:
        super().__init__(width, height)
        if not 1 <= step_us <= MAX_STEP_US:
            raise UserError(f"{self.name}: step of {step_us} us: expected 1 to {MAX_STEP_US}")
        self.step_us = step_us
        self._last_step = np.full(2 * height * width, NEVER, np.int64)

    def _filter(self, events: Events) -> Events:
        return select(_first_of_step, events, self.width, self.height, self.step_us, self._last_step)

    def _forget(self) -> None:
        self._last_step[:] = NEVER


@njit(cache=True, nogil=True)
def _first_of_step(t, x, y, polarity, width, height, step_us, last_step, t_kept, x_kept, y_kept, polarity_kept):
    kept = 0
    for i in range(len(t)):
        row = np.uint64(y[i]) + np.uint64(height if polarity[i] else 0)
        pixel = row * np.uint64(width) + np.uint64(x[i])
        step = t[i] // step_us
        t_kept[kept] = min(step * step_us, t[i])  # the product may wrap round, at the least times of all
        x_kept[kept] = x[i]
        y_kept[kept] = y[i]
        polarity_kept[kept] = polarity[i]
        kept += step != last_step[pixel]
        last_step[pixel] = step
    return kept
