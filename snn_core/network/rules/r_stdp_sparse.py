"""R-STDP in compressed rows, at the cost of the spikes on both sides.

As in ``r_stdp_dense`` a row is scaled to the slot in which it was last read: c_ij = e_ij eligibility_decay^(s - o), and
w_ij = u_ij + e_ij G_j. G_j is what a unit of eligibility has done to a weight since the slot began. So neither decay
nor reward touches a synapse. With a hundred synapses a row, to read three numbers of every postsynaptic neuron from far
apart costs more than to walk down the columns of the neurons that spike. The walk is by a reverse index:

    at a spike of j in step s:  e_ij += d,  u_ij -= d G_j,  with d = A_plus X_i (pre_decay / eligibility_decay)^(s - o)

As long as every neuron has the same reward, G is one number a slot and a row's periodic update reads nothing but the
row.
"""

import math

import numpy as np

from snn_core.network.compiled import aligned
from snn_core.network.compressed_rows import CompressedRows, reverse
from snn_core.network.rules.r_stdp_slots import ELIGIBILITY, NEVER, PRE, TURN, RStdpPropagators, decay_powers, places
from snn_core.network.rules.r_stdp_sparse_kernels import (
    AHEAD,
    BLOCK_ROW,
    BLOCK_SHIFT,
    CHANGES,
    COLUMN,
    COLUMN_BEGIN,
    CYCLE,
    GAINS,
    N_SLOTS,
    PAIRS,
    POST_TRACE,
    POWERS,
    REWARD,
    ROW_END,
    ROW_SLOT,
    ROWS,
    SHARED,
    SLOT_STEPS,
    TRACE,
    deliver,
    learn,
)
from snn_core.network.synapses import PARAMETERS, Synapses, Wiring


def block_shift(length: np.ndarray) -> int:
    """Binary logarithm of the block for rows of these lengths.

    It is large enough for a small table of blocks, and small enough that the space of few synapses is lost.
    """
    return int(np.clip(np.log2(max(float(length.mean()), 1.0) / 4), 0, 5)) if length.size else 0


def cycle_steps(eligibility_decay: float) -> int:
    """Steps within which every row is rescaled: a divisor of TURN.

    They are so few that the eligibility's scale stays within a power of ten or so. When that scale is large, u is small
    against what it is the difference of.
    """
    tau_steps = -1.0 / math.log(eligibility_decay) if eligibility_decay > 0 else 0.0
    return max(steps for steps in (1, 2, 4, 5, 10, 20, 25, 50, 100) if steps <= max(1.0, 1.25 * tau_steps))


class SparseRStdp(Synapses):
    """Synapses in compressed rows that learn by R-STDP."""

    def __init__(self, wiring: Wiring, propagators: RStdpPropagators) -> None:
        assert wiring.rows is not None
        self._place = places(wiring.n_pre)
        self._row_begin = wiring.rows.row_begin
        length = np.empty(wiring.n_pre, np.int64)
        length[self._place] = np.diff(self._row_begin)
        shift = block_shift(length)
        blocks = (length + (1 << shift) - 1) >> shift
        self._stored_begin = np.concatenate([[0], np.cumsum(blocks << shift)])
        order = self._order()
        post = np.zeros(self._stored_begin[-1] + AHEAD, np.int32)  # a walk looks ahead of its end
        post[order] = wiring.rows.post
        delays = wiring.delay_steps
        if isinstance(delays, np.ndarray):
            delays = np.ones(post.size, np.uint8)
            delays[order] = wiring.delay_steps
        stored = CompressedRows(self._stored_begin, post)
        super().__init__(wiring._replace(rows=stored, delay_steps=delays, weights=np.empty(0, np.float32)))
        r = self.record
        r[BLOCK_SHIFT], r[ROW_END] = shift, self._address(self._stored_begin[:-1] + length, np.int64)
        r[BLOCK_ROW] = self._address(np.append(np.repeat(np.arange(wiring.n_pre), blocks), 0), np.int32)
        column_begin, column = reverse(self._row_begin, wiring.rows.post, wiring.n_post)
        r[COLUMN_BEGIN], r[COLUMN] = (
            self._address(column_begin, np.int64),
            self._address(
                np.append(order[column], np.zeros(AHEAD)),
                np.int32,  # a walk looks ahead of its end
            ),
        )
        self._make_state(propagators, wiring.weights, order)
        self.deliver, self.deliver_always, self.learn = deliver, True, learn

    @property
    def n_synapses(self) -> int:
        return int(self._row_begin[-1])

    @property
    def natural_rows(self) -> CompressedRows:
        assert self.wiring.rows is not None
        return CompressedRows(self._row_begin, self.wiring.rows.post[self._order()])

    def delays(self) -> np.ndarray:
        delays = self.wiring.delay_steps
        return delays[self._order()] if isinstance(delays, np.ndarray) else super().delays()

    def _order(self) -> np.ndarray:
        """(synapses,) place in memory of each synapse."""
        shift = self._stored_begin[self._place] - self._row_begin[:-1]
        return np.arange(self._row_begin[-1]) + np.repeat(shift, np.diff(self._row_begin))

    def _make_state(self, propagators: RStdpPropagators, weights: np.ndarray, order: np.ndarray) -> None:
        r, n_pre, n_post = self.record, self.wiring.n_pre, self.wiring.n_post
        cycle = cycle_steps(propagators.eligibility_decay)
        # A spike's trace in the scale of its slot must stay a float32.
        longest = -10.0 / math.log(propagators.pre_decay) if propagators.pre_decay > 0 else 1
        slot = int(np.clip(min(cycle // 4, longest), 1, TURN))
        slots = -(-2 * cycle // slot)
        pairs = aligned((int(self._stored_begin[-1]), 2))
        pairs[order, 0] = weights
        self.arrays = {
            "pairs": pairs,
            "gains": aligned((n_post, slots)),
            "shared": aligned(1, np.int64),
            "rows": aligned((n_pre, 2)),
            "row_slot": aligned(n_pre, np.int64),
            "x_post": aligned(n_post),
            "reward": aligned(n_post),
        }
        self.arrays["shared"][0] = 1
        names = (PAIRS, GAINS, SHARED, ROWS, ROW_SLOT, POST_TRACE, REWARD)
        for field, array in zip(names, self.arrays.values(), strict=True):
            r[field] = array.ctypes.data
        r[SLOT_STEPS], r[N_SLOTS], r[CYCLE] = slot, slots, cycle
        r[CHANGES] = self._address(np.zeros(slots), np.float32)
        self.powers = decay_powers(propagators.pre_decay, propagators.eligibility_decay, slot * slots, slot)
        r[POWERS] = self._address(self.powers, np.float32)
        self.parameters = aligned(len(propagators))
        self.parameters[:] = propagators
        self._gain_of_description = propagators.gain
        r[PARAMETERS] = self.parameters.ctypes.data
        self.arrays["row_slot"][:] = NEVER

    def _gain(self) -> np.ndarray:
        """(synapses,) G of each, in the natural order."""
        begin = np.maximum(self.arrays["row_slot"][self._place], 0)
        slot = np.repeat(begin // self.record[SLOT_STEPS] % self.record[N_SLOTS], np.diff(self._row_begin))
        gains = self.arrays["gains"]
        return gains[0, slot] if self.arrays["shared"][0] else gains[self.natural_rows.post, slot]

    def weights(self, step: int) -> np.ndarray:
        u, e = self.arrays["pairs"][self._order()].T
        return np.clip(u + e * self._gain(), np.float32(0), self.parameters[7])

    def set_weights(self, weights: np.ndarray, step: int) -> None:
        order, pairs = self._order(), self.arrays["pairs"]
        pairs[order, 0] = weights - pairs[order, 1] * self._gain()

    def traces(self, step: int) -> dict[str, np.ndarray]:
        elapsed = np.maximum(step - 1 - np.maximum(self.arrays["row_slot"][self._place], 0), 0)
        elapsed = np.minimum(elapsed, self.powers.shape[1] - 1)  # rows without a slot have no trace to decay
        decayed = np.repeat(self.powers[ELIGIBILITY, elapsed], np.diff(self._row_begin))
        reward = self.arrays["reward"]
        return {
            "eligibility": self.arrays["pairs"][self._order(), 1] * decayed,
            "x_pre": self.arrays["rows"][self._place, TRACE] * self.powers[PRE, elapsed],
            "x_post": self.arrays["x_post"].copy(),
            "reward": np.full_like(reward, reward[0]) if self.arrays["shared"][0] else reward.copy(),
        }

    def set_reward(self, reward: np.ndarray) -> None:
        shared = self.arrays["shared"]
        if shared[0] and reward.ndim:
            self.arrays["gains"][:] = self.arrays["gains"][0]
            shared[0] = 0
        self.arrays["reward"][:] = reward

    def set_learning_rate(self, factor: float) -> None:
        self.parameters[6] = self._gain_of_description * factor

    def settle(self) -> None:
        order, pairs = self._order(), self.arrays["pairs"]
        pairs[order, 0] += pairs[order, 1] * self._gain()
        self.arrays["gains"][:] = 0

    def rest(self) -> None:
        self.settle()
        self.arrays["pairs"][:, 1] = 0
        for name in ("gains", "rows", "x_post", "reward"):
            self.arrays[name][:] = 0
        self.arrays["row_slot"][:] = NEVER
