"""The kernels of R-STDP in compressed rows; the algebra is in ``r_stdp_sparse``."""

import numpy as np
from numba import njit

from snn_core.network.compiled import (
    carray,
    float32_pointer,
    int32_pointer,
    int64_pointer,
    kernel,
    prefetch,
    uint8_pointer,
)
from snn_core.network.decay import decay, without_negligible
from snn_core.network.rules.r_stdp_slots import (
    ELIGIBILITY,
    ELIGIBILITY_INVERSE,
    NEVER,
    PAIRING,
    PRE,
    PRE_INVERSE,
    TURN,
    place,
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
)

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
the place of the slot that a row is scaled to. ROW_SLOT: (N_PRE,) int64, the first step of that slot, or NEVER. ROW_END:
(N_PRE,) int64. CYCLE: steps in which every row is looked at. COLUMN_BEGIN: (N_POST + 1,) int64, COLUMN: (synapses,)
int32, the synapses of each postsynaptic neuron. BLOCK_ROW: (blocks,) int32. BLOCK_SHIFT: binary logarithm of the block.
CHANGES: (N_SLOTS,) float32, scratch.
"""
TRACE, SLOT = range(2)
AHEAD = 16  # synapses that are on their way from memory, in a walk that jumps
NEXT_ROW_LINES = 4  # cache lines of the next row that are asked for; the processor guesses the rest


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
        e = without_negligible(pairs[k, 1] * rescale)
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
        e = without_negligible(pairs[k, 1] * rescale)
        left |= e != np.float32(0)
        pairs[k, 1] = e
        pairs[k, 0] = w - e * gains[column + now]
    return left


@njit(cache=True, nogil=True)
def _look_at_rows(record, step, w_max, pairs, gains, shared, powers, row_begin, row_end, post, rows, row_slot):
    """Clip the rows that are due; rewrite those whose slot ends before they are looked at again."""
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
            rows[row, TRACE] = without_negligible(rows[row, TRACE] * powers[PRE, newest - origin])
            rows[row, SLOT] = now
            row_slot[row] = newest if left or rows[row, TRACE] > np.float32(0) else NEVER
            record[LEARNING_UPDATES] += synapses.shape[0]


@njit(cache=True, nogil=True)
def _read(
    record, step, begin, end, next_begin, was, now, rescale, ltd, w_max, pairs, post, gains, shared, x_post, inputs
):
    """A presynaptic spike reads a row: deliver its clipped weights, write it back for the newest slot. The next row
    begins at ``next_begin``.
    """
    sign, n_slots, input_steps, pitch = (
        np.float32(record[SIGN]),
        record[N_SLOTS],
        record[INPUT_STEPS],
        record[INPUT_PITCH],
    )
    delays, each = uint8_pointer(record[DELAYS]), record[DELAYS] != 0
    base = step % input_steps  # and no division a synapse: a delay is at most as many steps
    later = (base + record[DELAY]) % input_steps * pitch
    for k in range(begin, end):
        j = np.int64(post[k])
        if each:
            m = k + AHEAD if k + AHEAD < end else next_begin + k + AHEAD - end
            ahead = base + np.int64(delays[m]) - 1
            ahead = ahead if ahead < input_steps else ahead - input_steps
            prefetch(record[INPUT] + 4 * (ahead * pitch + np.int64(post[m])))
            later = base + np.int64(delays[k]) - 1
            later = (later if later < input_steps else later - input_steps) * pitch
        column = 0 if shared else j * n_slots
        w = min(max(pairs[k, 0] + pairs[k, 1] * gains[column + was], np.float32(0)), w_max)
        inputs[later + j] += sign * w
        e = pairs[k, 1] * rescale - ltd * x_post[j]
        pairs[k, 1] = e
        pairs[k, 0] = w - e * gains[column + now]


@kernel
def deliver(record, step, spiking, count):
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
    decay(x_post, p[1])
    _look_at_rows(record, step, p[7], pairs, gains, shared, powers, row_begin, row_end, post, rows, row_slot)

    ltd = p[5] * powers[ELIGIBILITY_INVERSE, since]
    events = 0
    for n in range(count):
        row = place(spiking[n], n_pre)
        begin, end = row_begin[row], row_end[row]
        following = begin
        if n + 1 < count:
            following = row_begin[place(spiking[n + 1], n_pre)]
            for line in range(NEXT_ROW_LINES):
                prefetch(record[PAIRS] + 8 * following + 64 * line)
                prefetch(record[POST] + 4 * following + 64 * line)
        origin = row_slot[row] if row_slot[row] != NEVER else newest
        was, rescale = origin // slot_steps % n_slots, powers[ELIGIBILITY, newest - origin]
        _read(
            record,
            step,
            begin,
            end,
            following,
            was,
            now,
            rescale,
            ltd,
            p[7],
            pairs,
            post,
            gains,
            shared,
            x_post,
            inputs,
        )
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
def learn(record, step, spikes, count):
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
        reward[j] = without_negligible(reward[j] * reward_decay)
    return 0
