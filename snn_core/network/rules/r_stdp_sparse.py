"""R-STDP in compressed rows, at the cost of the spikes on both sides.

As in ``r_stdp_dense`` a row is scaled to the slot in which it was last read, c_ij = e_ij eligibility_decay^(s - o), and
w_ij = u_ij + e_ij G_j, where G_j is what a unit of eligibility has done to a weight since the slot began; so neither
decay nor reward touches a synapse. With a hundred synapses a row it costs less to walk down the columns of the neurons
that spike, by a reverse index, than to read three numbers of every postsynaptic neuron from far apart:

    at a spike of j in step s:  e_ij += d,  u_ij -= d G_j,  with d = A_plus X_i (pre_decay / eligibility_decay)^(s - o)

As long as every neuron has the same reward, G is one number a slot and a row's turn reads nothing but the row.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from snn_core.network.compiled import (
    aligned,
    carray,
    float32_pointer,
    int32_pointer,
    int64_pointer,
    kernel,
    prefetch,
    uint8_pointer,
)
from snn_core.network.compressed_rows import CompressedRows, reverse
from snn_core.network.rules.r_stdp_dense import (
    ELIGIBILITY,
    ELIGIBILITY_INVERSE,
    NEGLIGIBLE,
    NEVER,
    PAIRING,
    PRE,
    PRE_INVERSE,
    TURN,
    decay_powers,
    places,
)
from snn_core.network.synapses import (
    DELAY,
    DELAYS,
    FIRST_OF_RULE,
    INPUT,
    INPUT_PITCH,
    INPUT_STEPS,
    LEARNING,
    LEARNING_UPDATES,
    MEMORY_BYTES,
    N_POST,
    N_PRE,
    PARAMETERS,
    POST,
    POST_FIRST,
    ROW_BEGIN,
    SIGN,
    SYNAPTIC_EVENTS,
    Synapses,
    Wiring,
)

if TYPE_CHECKING:
    from snn_core.network.rules.r_stdp import RStdpPropagators

(
    PAIRS,
    GAINS,
    SHARED,
    POST_TRACE,
    REWARD,
    ROWS,
    ROW_SLOT,
    ROW_END,
    POWERS,
    SLOT_STEPS,
    N_SLOTS,
    CYCLE,
    COLUMN_BEGIN,
    COLUMN,
    BLOCK_ROW,
    BLOCK_SHIFT,
    CHANGES,
) = range(FIRST_OF_RULE, FIRST_OF_RULE + 17)
"""Of the record; rows are in the order of ``places``, each beginning at a whole block, so that a table of blocks tells
a synapse's row. PAIRS: (blocks * block, 2) float32, u and e. GAINS: (N_POST, N_SLOTS) float32, G, of which only the
first row counts while SHARED, (1,) int64, is 1. POST_TRACE, REWARD: (N_POST,) float32. ROWS: (N_PRE, 2) float32, X and
the place of the slot that a row is scaled to; ROW_SLOT: (N_PRE,) int64, the first step of that slot, or NEVER; ROW_END:
(N_PRE,) int64. CYCLE: steps in which every row is looked at. COLUMN_BEGIN: (N_POST + 1,) int64, COLUMN: (synapses,)
int32, the synapses of each postsynaptic neuron. BLOCK_ROW: (blocks,) int32. BLOCK_SHIFT: binary logarithm of the block.
CHANGES: (N_SLOTS,) float32, scratch."""
TRACE, SLOT = range(2)
AHEAD = 16  # synapses that are on their way from memory, in a walk that jumps
NEXT_ROW_LINES = 4  # cache lines of the next row that are asked for; the processor guesses the rest


def block_shift(length: np.ndarray) -> int:
    """Binary logarithm of the block for rows of these lengths: large enough for a small table of blocks, and small
    enough that few synapses' room is lost.
    """
    return int(np.clip(np.log2(max(float(length.mean()), 1.0) / 4), 0, 5)) if length.size else 0


def cycle_steps(eligibility_decay: float) -> int:
    """Steps within which every row is scaled anew: a divisor of TURN, so short that the eligibility's scale stays
    within a power of ten or so, since u is small against what it is the difference of when that scale is large.
    """
    tau_steps = -1.0 / math.log(eligibility_decay) if eligibility_decay > 0 else 0.0
    return max(steps for steps in (1, 2, 4, 5, 10, 20, 25, 50, 100) if steps <= max(1.0, 1.25 * tau_steps))


class SparseRStdp(Synapses):
    """Synapses in compressed rows that learn by R-STDP."""

    def __init__(self, wiring: Wiring, propagators: "RStdpPropagators") -> None:
        assert wiring.rows is not None
        self._place = places(wiring.n_pre)
        self._row_begin = wiring.rows.row_begin
        length = np.empty(wiring.n_pre, np.int64)
        length[self._place] = np.diff(self._row_begin)
        shift = block_shift(length)
        blocks = (length + (1 << shift) - 1) >> shift
        self._stored_begin = np.concatenate([[0], np.cumsum(blocks << shift)])
        order = self._order()
        post = np.zeros(self._stored_begin[-1], np.int32)
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
        self.deliver, self.deliver_always, self.learn = _deliver, True, _learn

    @property
    def n_synapses(self) -> int:
        return int(self._row_begin[-1])

    @property
    def natural_rows(self) -> CompressedRows:
        assert self.wiring.rows is not None
        return CompressedRows(self._row_begin, self.wiring.rows.post[self._order()])

    def delays(self) -> np.ndarray:
        delays = super().delays()
        return delays[self._order()] if isinstance(self.wiring.delay_steps, np.ndarray) else delays

    def _order(self) -> np.ndarray:
        """(synapses,) place in memory of each synapse."""
        shift = self._stored_begin[self._place] - self._row_begin[:-1]
        return np.arange(self._row_begin[-1]) + np.repeat(shift, np.diff(self._row_begin))

    def _make_state(self, propagators: "RStdpPropagators", weights: np.ndarray, order: np.ndarray) -> None:
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


@njit(cache=True, nogil=True)
def _clip_shared(pairs, gain, w_max):
    """Clip a row where it lies, with the same G for every neuron."""
    outside = 0
    for k in range(pairs.shape[0]):
        w = pairs[k, 0] + pairs[k, 1] * gain
        outside |= (w < np.float32(0)) | (w > w_max)
    if outside:
        for k in range(pairs.shape[0]):
            w = pairs[k, 0] + pairs[k, 1] * gain
            pairs[k, 0] += min(max(w, np.float32(0)), w_max) - w


@njit(cache=True, nogil=True)
def _rewrite_shared(pairs, was, now, rescale, w_max, clip):
    """``_rewrite`` with the same G for every neuron."""
    left = 0
    for k in range(pairs.shape[0]):
        w = pairs[k, 0] + pairs[k, 1] * was
        if clip:
            w = min(max(w, np.float32(0)), w_max)
        scaled = pairs[k, 1] * rescale
        e = scaled if abs(scaled) >= NEGLIGIBLE else np.float32(0)
        left |= e != np.float32(0)
        pairs[k, 1] = e
        pairs[k, 0] = w - e * now
    return left


@njit(cache=True, nogil=True)
def _rewrite(pairs, post, gains, was, now, n_slots, rescale, w_max, clip):
    """Write a row for the newest slot; whether anything of its eligibility is left."""
    left = 0
    for k in range(pairs.shape[0]):
        column = post[k] * n_slots
        w = pairs[k, 0] + pairs[k, 1] * gains[column + was]
        if clip:
            w = min(max(w, np.float32(0)), w_max)
        scaled = pairs[k, 1] * rescale
        e = scaled if abs(scaled) >= NEGLIGIBLE else np.float32(0)
        left |= e != np.float32(0)
        pairs[k, 1] = e
        pairs[k, 0] = w - e * gains[column + now]
    return left


@njit(cache=True, nogil=True)
def _look_at_rows(record, step, w_max, pairs, gains, shared, powers, row_begin, row_end, post, rows, row_slot):
    """Clip the rows whose turn it is; write anew those whose slot ends before they are looked at again."""
    n_pre, slot_steps, n_slots, cycle = record[N_PRE], record[SLOT_STEPS], record[N_SLOTS], record[CYCLE]
    newest = step - step % slot_steps
    now = newest // slot_steps % n_slots
    for turn in range(step % cycle, TURN, cycle):
        begin = turn * (n_pre // TURN) + min(turn, n_pre % TURN)
        end = begin + n_pre // TURN + (turn < n_pre % TURN)
        clip = turn == step % TURN
        for row in range(begin, end):
            origin = row_slot[row]
            if origin == NEVER:
                continue
            synapses = pairs[row_begin[row] : row_end[row]]
            was = origin // slot_steps % n_slots
            record[MEMORY_BYTES] += 8 * synapses.shape[0]
            ends = origin + slot_steps * n_slots <= step + cycle
            if not ends and shared:
                if clip:
                    _clip_shared(synapses, gains[was], w_max)
                continue
            if not ends and not clip:
                continue
            rescale = powers[ELIGIBILITY, newest - origin]
            if shared:
                left = _rewrite_shared(synapses, gains[was], gains[now], rescale, w_max, clip)
            else:
                targets = post[row_begin[row] : row_end[row]]
                left = _rewrite(synapses, targets, gains, was, now, n_slots, rescale, w_max, clip)
            x_now = rows[row, TRACE] * powers[PRE, newest - origin]
            rows[row, TRACE] = x_now if x_now >= NEGLIGIBLE else np.float32(0)
            rows[row, SLOT] = now
            row_slot[row] = newest if left or rows[row, TRACE] > np.float32(0) else NEVER
            record[LEARNING_UPDATES] += synapses.shape[0]


@njit(cache=True, nogil=True)
def _place(row, n_pre):
    turn = row % TURN
    return turn * (n_pre // TURN) + min(turn, n_pre % TURN) + row // TURN


@njit(cache=True, nogil=True)
def _read(record, step, begin, end, was, now, rescale, ltd, w_max, pairs, post, gains, shared, x_post, inputs):
    """A presynaptic spike reads a row: deliver its clipped weights, write it back for the newest slot."""
    sign, n_slots, input_steps, pitch = (
        np.float32(record[SIGN]),
        record[N_SLOTS],
        record[INPUT_STEPS],
        record[INPUT_PITCH],
    )
    delays, each, after = uint8_pointer(record[DELAYS]), record[DELAYS] != 0, record[DELAY]
    for k in range(begin, end):
        if each:
            m = min(k + AHEAD, end - 1)
            later = (step + np.int64(delays[m]) - 1) % input_steps
            prefetch(record[INPUT] + 4 * (later * pitch + np.int64(post[m])))
            after = np.int64(delays[k]) - 1
        j = np.int64(post[k])
        column = 0 if shared else j * n_slots
        w = min(max(pairs[k, 0] + pairs[k, 1] * gains[column + was], np.float32(0)), w_max)
        inputs[(step + after) % input_steps * pitch + j] += sign * w
        e = pairs[k, 1] * rescale - ltd * x_post[j]
        pairs[k, 1] = e
        pairs[k, 0] = w - e * gains[column + now]


@kernel
def _deliver(record, step, spiking, count):
    n_pre, n_post, slot_steps, n_slots = record[N_PRE], record[N_POST], record[SLOT_STEPS], record[N_SLOTS]
    p = carray(float32_pointer(record[PARAMETERS]), (8,))
    row_begin = carray(int64_pointer(record[ROW_BEGIN]), (n_pre + 1,))
    row_end = carray(int64_pointer(record[ROW_END]), (n_pre,))
    pairs = carray(float32_pointer(record[PAIRS]), (row_begin[n_pre], 2))
    post = carray(int32_pointer(record[POST]), (row_begin[n_pre],))
    shared = int64_pointer(record[SHARED])[0]
    gains = carray(float32_pointer(record[GAINS]), (n_post * n_slots,))
    powers = carray(float32_pointer(record[POWERS]), (5, slot_steps * n_slots))
    rows = carray(float32_pointer(record[ROWS]), (n_pre, 2))
    row_slot = carray(int64_pointer(record[ROW_SLOT]), (n_pre,))
    x_post = carray(float32_pointer(record[POST_TRACE]), (n_post,))
    inputs = carray(float32_pointer(record[INPUT]), (record[INPUT_STEPS] * record[INPUT_PITCH],))

    since = step % slot_steps
    newest = step - since
    now = newest // slot_steps % n_slots
    if since == 0:
        for column in range(1 if shared else n_post):
            gains[column * n_slots + now] = 0
    for j in range(n_post):
        decayed = x_post[j] * p[1]
        x_post[j] = decayed if decayed >= NEGLIGIBLE else np.float32(0)
    _look_at_rows(record, step, p[7], pairs, gains, shared, powers, row_begin, row_end, post, rows, row_slot)

    ltd = p[5] * powers[ELIGIBILITY_INVERSE, since]
    events = 0
    for n in range(count):
        row = _place(spiking[n], n_pre)
        begin, end = row_begin[row], row_end[row]
        if n + 1 < count:
            following = row_begin[_place(spiking[n + 1], n_pre)]
            for line in range(NEXT_ROW_LINES):
                prefetch(record[PAIRS] + 8 * following + 64 * line)
                prefetch(record[POST] + 4 * following + 64 * line)
        origin = row_slot[row] if row_slot[row] != NEVER else newest
        was, rescale = origin // slot_steps % n_slots, powers[ELIGIBILITY, newest - origin]
        _read(record, step, begin, end, was, now, rescale, ltd, p[7], pairs, post, gains, shared, x_post, inputs)
        rows[row, TRACE] = rows[row, TRACE] * powers[PRE, newest - origin] + powers[PRE_INVERSE, since]
        rows[row, SLOT] = now
        row_slot[row] = newest
        events += end - begin
    record[SYNAPTIC_EVENTS] += events
    record[LEARNING_UPDATES] += events
    record[MEMORY_BYTES] += 21 * events
    return 0


@njit(cache=True, nogil=True)
def _walk_column(record, begin, end, next_begin, gain, pairs, gains, change_of, rows):
    """A postsynaptic spike: eligibility for the synapses whose presynaptic neuron has a trace.

    change_of: (slots,) eligibility for a trace of 1 in the scale of each slot. The walk jumps through memory, so what
    it will need is asked for some synapses ahead, beyond ``end`` from ``next_begin`` on, where the next walk begins.
    """
    column, block_row, shift = int32_pointer(record[COLUMN]), int32_pointer(record[BLOCK_ROW]), record[BLOCK_SHIFT]
    for c in range(begin, end):
        m = c + AHEAD if c + AHEAD < end else next_begin + c + AHEAD - end
        far = np.int64(column[m])
        prefetch(record[PAIRS] + 8 * far)
        prefetch(record[BLOCK_ROW] + 4 * (far >> shift))
        m = c + AHEAD // 2 if c + AHEAD // 2 < end else next_begin + c + AHEAD // 2 - end
        prefetch(record[ROWS] + 8 * np.int64(block_row[np.int64(column[m]) >> shift]))
        k = np.int64(column[c])
        row = np.int64(block_row[k >> shift])
        slot = np.int64(rows[row, SLOT])
        change = change_of[slot] * rows[row, TRACE]
        pairs[k, 1] += change
        pairs[k, 0] -= change * gains[gain + slot]


@kernel
def _learn(record, step, spikes, count):
    n_pre, n_post, slot_steps, n_slots = record[N_PRE], record[N_POST], record[SLOT_STEPS], record[N_SLOTS]
    p = carray(float32_pointer(record[PARAMETERS]), (8,))
    stored = int64_pointer(record[ROW_BEGIN])[n_pre]
    pairs = carray(float32_pointer(record[PAIRS]), (stored, 2))
    shared = int64_pointer(record[SHARED])[0]
    gains = carray(float32_pointer(record[GAINS]), (n_post * n_slots,))
    powers = carray(float32_pointer(record[POWERS]), (5, slot_steps * n_slots))
    rows = carray(float32_pointer(record[ROWS]), (n_pre, 2))
    x_post = carray(float32_pointer(record[POST_TRACE]), (n_post,))
    reward = carray(float32_pointer(record[REWARD]), (n_post,))
    change_of = carray(float32_pointer(record[CHANGES]), (n_slots,))
    column_begin = int64_pointer(record[COLUMN_BEGIN])

    newest = step - step % slot_steps
    oldest = max(newest - slot_steps * (n_slots - 1), 0)
    for origin in range(oldest, newest + 1, slot_steps):
        change_of[origin // slot_steps % n_slots] = p[4] * powers[PAIRING, step - origin]
    walked = 0
    first = record[POST_FIRST]
    for n in range(count):
        j = spikes[n] - first
        if 0 <= j < n_post:
            begin, end = column_begin[j], column_begin[j + 1]
            following = spikes[n + 1] - first if n + 1 < count else np.int64(-1)
            next_begin = column_begin[following] if 0 <= following < n_post else begin
            _walk_column(record, begin, end, next_begin, 0 if shared else j * n_slots, pairs, gains, change_of, rows)
            x_post[j] += np.float32(1)
            walked += end - begin
    record[LEARNING_UPDATES] += walked
    record[MEMORY_BYTES] += 20 * walked

    reward_decay, gain = p[3], p[6]
    for j in range(1 if shared else n_post):
        if reward[j] == np.float32(0):
            continue
        if record[LEARNING]:
            for origin in range(oldest, newest + 1, slot_steps):
                gains[j * n_slots + origin // slot_steps % n_slots] += (
                    gain * powers[ELIGIBILITY, step - origin] * reward[j]
                )
        decayed = reward[j] * reward_decay
        reward[j] = decayed if abs(decayed) >= NEGLIGIBLE else np.float32(0)
    return 0
