"""Exponential decay of float32 state, without the denormal numbers that would slow a step."""

import numpy as np
from numba import njit

NEGLIGIBLE = np.float32(1e-30)
"""What lies nearer to 0 counts as 0, in the unit of whatever decays: nA, uS, mV, or a trace's own."""


@njit(cache=True, nogil=True)
def without_negligible(value):
    """The value, or 0 where it is negligible."""
    return value if abs(value) >= NEGLIGIBLE else np.float32(0)


@njit(cache=True, nogil=True)
def decay(values, factor):
    """Multiply each of (n,) values by what a step leaves of it."""
    for n in range(values.size):
        values[n] = without_negligible(values[n] * factor)
