"""Time surfaces: how lately each pool had an event."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.events import Events
from snn_core.events.pooling import Pooling

NEVER = np.iinfo(np.int64).min


class TimeSurface:
    """Holds the time of the last event of each pool. For a surface of pixels, pools are one pixel each.

    pooling: the pools. tau_us: time constant of the decay, us, above 0. Raises ValueError for any other.

    Source: X. Lagorce et al., "HOTS: a hierarchy of event-based time-surfaces for pattern recognition", IEEE TPAMI 39,
    2017.
    """

    def __init__(self, pooling: Pooling, tau_us: float) -> None:
        if not 0 < tau_us < np.inf:
            raise ValueError(f"tau of {tau_us} us: expected one above 0")
        self.tau_us = tau_us
        self._pooling = pooling
        self._last_us = np.full(pooling.size, NEVER, np.int64)

    def update(self, events: Events) -> None:
        """Take in the next batch of the stream, sorted by time."""
        _note(self._pooling.assign(events.x, events.y, events.polarity), events.t, self._last_us)

    def at(self, time_us: int) -> NDArray[np.float32]:
        """The surface, shape (size,): exp(-(time_us - last) / tau_us), 1 for an event of that moment, 0 without one.

        time_us: us, not before the last event that was taken in; a later one counts as one of that moment.
        """
        age_us = np.maximum(time_us - self._last_us.astype(np.float64), 0.0)
        surface = np.exp(-age_us / self.tau_us)
        surface[self._last_us == NEVER] = 0.0
        return surface.astype(np.float32)

    def reset(self) -> None:
        """Forget all events."""
        self._last_us[:] = NEVER


@njit(cache=True, nogil=True)
def _note(pools, t, last_us):
    for i in range(len(pools)):
        if pools[i] >= 0:
            last_us[pools[i]] = t[i]
