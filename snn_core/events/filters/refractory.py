"""Refractory time: a pixel that has just given an event gives none for a while."""

import numpy as np
from numba import njit

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.filters.base import NEVER, Filter, select

MAX_PERIOD_US = 10**9


class RefractoryFilter(Filter):
    """Drops the events of a pixel, of either polarity, less than ``period_us`` after the last one that it let through.

    period_us: us, 1 to 10**9.

    Raises UserError for a period out of range.
    """

    name = "refractory"

    def __init__(self, width: int, height: int, period_us: int) -> None:
        super().__init__(width, height)
        if not 1 <= period_us <= MAX_PERIOD_US:
            raise UserError(f"{self.name}: period of {period_us} us: expected 1 to {MAX_PERIOD_US}")
        self.period_us = period_us
        self._ready_at = np.full(height * width, NEVER, np.int64)

    def _filter(self, events: Events) -> Events:
        return select(_filter, events, self.width, self.period_us, self._ready_at)

    def _forget(self) -> None:
        self._ready_at[:] = NEVER


@njit(cache=True, nogil=True)
def _filter(t, x, y, polarity, width, period_us, ready_at, t_kept, x_kept, y_kept, polarity_kept):
    kept = 0
    for i in range(len(t)):
        pixel = np.uint64(y[i]) * np.uint64(width) + np.uint64(x[i])
        time = t[i]
        ready = ready_at[pixel]
        passes = time >= ready
        ready_at[pixel] = time + period_us if passes else ready
        t_kept[kept] = time
        x_kept[kept] = x[i]
        y_kept[kept] = y[i]
        polarity_kept[kept] = polarity[i]
        kept += passes
    return kept
