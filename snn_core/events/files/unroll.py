"""Clocks of 32 bits, which roll over every 72 minutes at 1 us."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

TIME_RANGE = 2**32  # us
MAX_STEP_OVER_ROLLOVER = 2**16  # us


class Unroller:
    """Unrolls the times of one stream.

    A step back of more than half the range is a rollover, any smaller one is left as it is. After a rollover, a step
    ahead of all but ``MAX_STEP_OVER_ROLLOVER`` us of the range is one back over it.
    """

    def __init__(self) -> None:
        self._latest = np.full(1, -1, np.int64)

    def __call__(self, times: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
        """The unrolled times, us, shape (n,), of the next times, uint32."""
        t = times.astype(np.int64)
        _unroll(t, self._latest)
        return t


@njit(cache=True, nogil=True)
def _unroll(t, state):
    latest = state[0]
    for i in range(len(t)):
        if latest >= 0:
            ahead = t[i] - latest % TIME_RANGE
            if ahead < -(TIME_RANGE // 2):
                ahead += TIME_RANGE
            elif ahead >= TIME_RANGE - MAX_STEP_OVER_ROLLOVER and latest >= TIME_RANGE:
                ahead -= TIME_RANGE
            t[i] = latest + ahead
        latest = max(latest, t[i])
    state[0] = latest
