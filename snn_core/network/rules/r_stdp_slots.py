"""What dense and sparse R-STDP share: a step's propagators, and the slots of time that rows are scaled to.

``r_stdp_dense`` has the algebra of slots.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from snn_core.network.decay import NEGLIGIBLE

TURN = 100
"""Steps from one turn of a row to the next."""
NEVER = -1
"""Slot of a row without trace and eligibility: nothing but spikes of its own can change it."""

PRE, PRE_INVERSE, ELIGIBILITY, ELIGIBILITY_INVERSE, PAIRING = range(5)
"""Rows of ``decay_powers``."""


class RStdpPropagators(NamedTuple):
    """What one step does to a plastic connection. ``gain`` is nA per unit of c n."""

    pre_decay: float
    post_decay: float
    eligibility_decay: float
    reward_decay: float
    a_plus: float
    a_minus: float
    gain: float
    w_max: float


def slot_steps(*decays: float) -> int:
    """Steps of a slot, so few that no trace with these decays falls below a quarter within one, or just one step."""
    return int(np.clip(-2.5 / math.log(min(decays)), 1, TURN // 2)) if min(decays) > 0 else 1


def decay_powers(pre_decay: float, eligibility_decay: float, steps: int, slot: int) -> np.ndarray:
    """(5, steps) float32: powers 0 to steps - 1 of pre_decay, its inverse, eligibility_decay, its inverse, and
    pre_decay / eligibility_decay. Inverses are needed within a slot only, and are 0 beyond.
    """
    exponent = np.arange(steps, dtype=np.float64)
    powers = np.zeros((5, steps))
    for row, decay in ((PRE, pre_decay), (ELIGIBILITY, eligibility_decay)):
        powers[row] = decay**exponent
        powers[row + 1, :slot] = 1.0 / powers[row, :slot]
    powers[PAIRING] = np.exp(exponent * (math.log(pre_decay) - math.log(eligibility_decay)))
    powers[powers < NEGLIGIBLE] = 0.0
    return np.minimum(powers, 1e30).astype(np.float32)


def places(n_pre: int) -> np.ndarray:
    """(n_pre,) place in memory of each row: rows that are due in the same step are side by side."""
    row = np.arange(n_pre)
    turn = row % TURN
    return turn * (n_pre // TURN) + np.minimum(turn, n_pre % TURN) + row // TURN


@njit(cache=True, nogil=True)
def place(row, n_pre):
    """``places`` of one row."""
    turn = row % TURN
    return turn * (n_pre // TURN) + min(turn, n_pre % TURN) + row // TURN
