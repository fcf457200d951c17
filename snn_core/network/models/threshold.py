"""How neurons with a common, fixed threshold spike and are clamped in their refractory period."""

import numpy as np
from numba import njit

from snn_core.network.models.record import BLOCK


@njit(cache=True, nogil=True)
def hold_or_move(potential, refractory, i, moved):
    """Neuron i goes on to the potential ``moved``, or holds its own, below the threshold, for one more step."""
    left = refractory[i]
    potential[i] = moved if left <= np.float32(0) else potential[i]
    refractory[i] = max(left - np.float32(1), np.float32(0))


@njit(cache=True, nogil=True)
def spike(potential, refractory, threshold, kept, added, refractory_steps, first, spikes, count):
    """Reset the neurons that have reached the threshold and append their numbers, the place counted from ``first``.

    A spike makes kept V + added of V; kept may be None: it makes ``added`` of it. Returns the new count of spikes.
    """
    for begin in range(0, potential.size, BLOCK):
        end = min(begin + BLOCK, potential.size)
        reached = False
        for i in range(begin, end):
            reached |= potential[i] >= threshold
        if reached:
            for i in range(begin, end):
                if potential[i] >= threshold:
                    potential[i] = added if kept is None else kept * potential[i] + added
                    refractory[i] = refractory_steps
                    spikes[count] = first + i
                    count += 1
    return count
