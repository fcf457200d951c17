"""Random numbers that are drawn from a population's seed, the step and the neuron's place alone.

So there is no generator whose state would have to be saved, and any step can be computed by itself.
"""

import numpy as np
from numba import njit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio


@njit(cache=True, nogil=True)
def _mix(z):
    """The output function of splitmix64 (Steele, Lea and Flood 2014, OOPSLA, doi:10.1145/2660193.2660195)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def step_key(seed, step):
    """What ``uniform`` needs to know of the population and the step."""
    return _mix(np.uint64(seed) + GOLDEN * np.uint64(step + 1))


@njit(cache=True, nogil=True)
def uniform(key, i):
    """A float32 in [0, 1), a multiple of 2^-24, for neuron i in the step of the key."""
    return np.float32(np.int32(_mix(key + GOLDEN * np.uint64(i + 1)) >> np.uint64(40))) * np.float32(2.0**-24)
