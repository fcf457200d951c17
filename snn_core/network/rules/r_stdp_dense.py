"""R-STDP of an all-to-all connection at the cost of its presynaptic spikes: a row is touched when its neuron spikes.

Take a row i last read at a time within the slot that began at step o, and let all be scaled by the decays since o. Then
x_pre_i(s) = X_i pre_decay^(s - o) and c_ij(s) = (a_ij + X_i H_j) eligibility_decay^(s - o). Until the row is read
again, postsynaptic spikes and rewards change it in a way that needs nothing of the row but X_i and a_ij:

    at a spike of j in step s:  H_j += A_plus (pre_decay / eligibility_decay)^(s - o)
    at the end of a step s:     G_j += g,  P_j += g H_j,  with g = gain n_j eligibility_decay^(s - o)
    so                          c_ij = (a_ij + X_i H_j) eligibility_decay^(s - o),  w_ij = u_ij + a_ij G_j + X_i P_j

So every postsynaptic neuron keeps three numbers for each of the last slots. G is what a unit of eligibility that was
there when the slot began has done to a weight since. H is the eligibility that a unit of presynaptic trace has gained,
P what that has done to a weight. A row that is read takes its weights and eligibility from the numbers of its own slot.
It is written back for the newest one, with u and a such that w and c come out as they are. No column is ever walked, no
decay touches a synapse, and neither does a reward.

The numbers of a slot lose precision as exp(age / tau), so slots are short (``slot_steps``). A row that is not read for
long is rewritten in its periodic update. Rows that are due in the same step lie side by side in memory, since a walk
over rows that lie apart takes three times as long.
"""

import numpy as np
from numba import njit

from snn_core.network.compiled import aligned, carray, float32_pointer, int64_pointer, kernel, load, prefetch, store
from snn_core.network.decay import decay, without_negligible
from snn_core.network.rules.r_stdp_slots import (
    ELIGIBILITY,
    ELIGIBILITY_INVERSE,
    NEVER,
    PAIRING,
    PRE,
    PRE_INVERSE,
    TURN,
    RStdpPropagators,
    decay_powers,
    place,
    places,
    slot_steps,
)
from snn_core.network.synapses import (
    DELAY,
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
    POST_FIRST,
    ROW_PITCH,
    SIGN,
    SYNAPTIC_EVENTS,
    VECTOR,
    Synapses,
    Wiring,
)

U, A, SLOTS, SLOT_PITCH, POST_TRACE, REWARD, PRE_TRACE, ROW_SLOT, POWERS, SLOT_STEPS, N_SLOTS = range(
    FIRST_OF_RULE, FIRST_OF_RULE + 11
)
"""Of the record. U, A: (N_PRE, ROW_PITCH) float32, rows in the order of ``places``; apart, since a walk along rows is
then one along memory. SLOTS: (N_SLOTS, 3, SLOT_PITCH) float32, G, P and H. POST_TRACE, REWARD: (N_POST,) float32,
x_post and n. PRE_TRACE: (N_PRE,) float32, X in the order of ``places``, and ROW_SLOT: (N_PRE,) int64, the first step of
the slot that a row is scaled to, or NEVER. POWERS: (5, SLOT_STEPS * N_SLOTS) float32, see ``decay_powers``."""

PREFETCHED_BYTES = 704  # of each half of the next row; more than that keeps the memory from the row at work
OUT_OF_CACHE_BYTES = 1 << 24  # rows that come from a cache are there soon enough


class DenseRStdp(Synapses):
    """All-to-all synapses that learn by R-STDP."""

    def __init__(self, wiring: Wiring, propagators: RStdpPropagators) -> None:
        super().__init__(wiring)
        r, n_pre, n_post = self.record, wiring.n_pre, wiring.n_post
        slot = slot_steps(propagators.pre_decay, propagators.eligibility_decay)
        slots = -(-2 * TURN // slot)
        u, a = aligned((n_pre, int(r[ROW_PITCH]))), aligned((n_pre, int(r[ROW_PITCH])))
        columns = aligned((slots, 3, -(-n_post // VECTOR) * VECTOR))
        post_trace, reward = aligned(n_post), aligned(n_post)
        self.arrays = {
            "u": u[:, :n_post],
            "a": a[:, :n_post],
            "slots": columns[:, :, :n_post],
            "x_pre": aligned(n_pre),
            "row_slot": aligned(n_pre, np.int64),
            "x_post": post_trace,
            "reward": reward,
        }
        r[U], r[A] = u.ctypes.data, a.ctypes.data
        r[SLOTS], r[SLOT_PITCH] = columns.ctypes.data, columns.shape[2]
        r[POST_TRACE], r[REWARD] = post_trace.ctypes.data, reward.ctypes.data
        r[PRE_TRACE], r[ROW_SLOT] = self.arrays["x_pre"].ctypes.data, self.arrays["row_slot"].ctypes.data
        r[SLOT_STEPS], r[N_SLOTS] = slot, slots
        self.powers = decay_powers(propagators.pre_decay, propagators.eligibility_decay, slot * slots, slot)
        r[POWERS] = self._address(self.powers, np.float32)
        self.parameters = aligned(len(propagators))
        self.parameters[:] = propagators
        self._gain_of_description = propagators.gain
        r[PARAMETERS] = self.parameters.ctypes.data
        self._place = places(n_pre)
        self.arrays["row_slot"][:] = NEVER
        self.arrays["u"][self._place] = wiring.weights
        self.deliver, self.deliver_always, self.learn = _deliver, True, _learn

    def _columns(self) -> tuple[np.ndarray, np.ndarray]:
        """Of every row, in order: the first step of its slot (0 for rows without one), and that slot's place."""
        begin = np.maximum(self.arrays["row_slot"][self._place], 0)
        return begin, begin // self.record[SLOT_STEPS] % self.record[N_SLOTS]

    def _learnt(self) -> np.ndarray:
        """What eligibility has added to u, (n_pre, n_post)."""
        _, slot = self._columns()
        gain, traced, _ = np.moveaxis(self.arrays["slots"][slot], 1, 0)
        pre_trace = self.arrays["x_pre"][self._place][:, None]
        return self.arrays["a"][self._place] * gain + pre_trace * traced

    def weights(self, step: int) -> np.ndarray:
        w_max = self.parameters[7]
        return np.clip(self.arrays["u"][self._place] + self._learnt(), np.float32(0), w_max)

    def set_weights(self, weights: np.ndarray, step: int) -> None:
        self.arrays["u"][self._place] = weights - self._learnt()

    def traces(self, step: int) -> dict[str, np.ndarray]:
        begin, slot = self._columns()
        elapsed = np.maximum(step - 1 - begin, 0)
        pre_trace = self.arrays["x_pre"][self._place]
        eligibility = self.arrays["a"][self._place] + pre_trace[:, None] * self.arrays["slots"][slot, 2]
        return {
            "eligibility": eligibility * self._power(ELIGIBILITY, elapsed)[:, None],
            "x_pre": pre_trace * self._power(PRE, elapsed),
            "x_post": self.arrays["x_post"].copy(),
            "reward": self.arrays["reward"].copy(),
        }

    def _power(self, row: int, elapsed: np.ndarray) -> np.ndarray:
        # Rows without a slot have no trace to decay.
        return self.powers[row, np.minimum(elapsed, self.powers.shape[1] - 1)]

    def set_reward(self, reward: np.ndarray) -> None:
        self.arrays["reward"][:] = reward

    def set_learning_rate(self, factor: float) -> None:
        self.parameters[6] = self._gain_of_description * factor

    def settle(self) -> None:
        self.arrays["u"][self._place] += self._learnt()
        self.arrays["slots"][:, :2] = 0

    def rest(self) -> None:
        self.settle()
        for name in ("a", "slots", "x_pre", "x_post", "reward"):
            self.arrays[name][:] = 0
        self.arrays["row_slot"][:] = NEVER


# Scopes of ``load`` and ``store``: what is only read shares one.
READ_ONLY, U_ROW, A_ROW, U_NEXT, A_NEXT, ARRIVING = range(6)


@njit(cache=True, nogil=True)
def _read(n_post, w_max, u, a, was, now, x_post, arriving, sign, x, x_now, rescale, ltd):
    """A presynaptic spike reads a row: deliver its clipped weights, write it back for the newest slot."""
    gain, traced, paired = was[0], was[1], was[2]
    gain_now, traced_now, paired_now = now[0], now[1], now[2]
    for j in range(n_post):
        e = load(a, j, A_ROW)
        w = load(u, j, U_ROW) + e * load(gain, j, READ_ONLY) + x * load(traced, j, READ_ONLY)
        w = min(max(w, np.float32(0)), w_max)
        store(arriving, j, ARRIVING, load(arriving, j, ARRIVING) + sign * w)
        c = (e + x * load(paired, j, READ_ONLY)) * rescale - ltd * load(x_post, j, READ_ONLY)
        c -= x_now * load(paired_now, j, READ_ONLY)
        store(a, j, A_ROW, c)
        store(u, j, U_ROW, w - c * load(gain_now, j, READ_ONLY) - x_now * load(traced_now, j, READ_ONLY))


@njit(cache=True, nogil=True)
def _read_two(
    n_post, w_max, u0, a0, u1, a1, was0, was1, now, x_post, arriving, sign, x0, x1, x0_now, x1_now, f0, f1, ltd
):
    """``_read`` of two rows, in their order: what they share is loaded once, and four streams come from memory."""
    gain0, traced0, paired0 = was0[0], was0[1], was0[2]
    gain1, traced1, paired1 = was1[0], was1[1], was1[2]
    gain_now, traced_now, paired_now = now[0], now[1], now[2]
    for j in range(n_post):
        e0, e1 = load(a0, j, A_ROW), load(a1, j, A_NEXT)
        w0 = load(u0, j, U_ROW) + e0 * load(gain0, j, READ_ONLY) + x0 * load(traced0, j, READ_ONLY)
        w1 = load(u1, j, U_NEXT) + e1 * load(gain1, j, READ_ONLY) + x1 * load(traced1, j, READ_ONLY)
        w0 = min(max(w0, np.float32(0)), w_max)
        w1 = min(max(w1, np.float32(0)), w_max)
        store(arriving, j, ARRIVING, (load(arriving, j, ARRIVING) + sign * w0) + sign * w1)
        depressed, pairs_now = ltd * load(x_post, j, READ_ONLY), load(paired_now, j, READ_ONLY)
        c0 = (e0 + x0 * load(paired0, j, READ_ONLY)) * f0 - depressed - x0_now * pairs_now
        c1 = (e1 + x1 * load(paired1, j, READ_ONLY)) * f1 - depressed - x1_now * pairs_now
        g, t = load(gain_now, j, READ_ONLY), load(traced_now, j, READ_ONLY)
        store(a0, j, A_ROW, c0)
        store(a1, j, A_NEXT, c1)
        store(u0, j, U_ROW, w0 - c0 * g - x0_now * t)
        store(u1, j, U_NEXT, w1 - c1 * g - x1_now * t)


@njit(cache=True, nogil=True)
def _rewrite(n_post, w_max, u, a, was, now, x, x_now, rescale):
    """Clip a row and write it for the newest slot; whether anything of its eligibility is left."""
    gain, traced, paired = was[0], was[1], was[2]
    gain_now, traced_now, paired_now = now[0], now[1], now[2]
    left = False
    for j in range(n_post):
        e = load(a, j, A_ROW)
        w = load(u, j, U_ROW) + e * load(gain, j, READ_ONLY) + x * load(traced, j, READ_ONLY)
        w = min(max(w, np.float32(0)), w_max)
        c = without_negligible((e + x * load(paired, j, READ_ONLY)) * rescale)
        left |= c != np.float32(0)
        c -= x_now * load(paired_now, j, READ_ONLY)
        store(a, j, A_ROW, c)
        store(u, j, U_ROW, w - c * load(gain_now, j, READ_ONLY) - x_now * load(traced_now, j, READ_ONLY))
    return left


@njit(cache=True, nogil=True)
def _clip(n_post, w_max, u, a, was, x):
    """Clip a row where it lies. Most rows need not be written, so they are looked at first."""
    gain, traced = was[0], was[1]
    for j in range(n_post):
        before = load(u, j, U_ROW)
        w = before + load(a, j, A_ROW) * load(gain, j, READ_ONLY) + x * load(traced, j, READ_ONLY)
        store(u, j, U_ROW, before + (min(max(w, np.float32(0)), w_max) - w))


@njit(cache=True, nogil=True)
def _take_turns(record, step, w_max, u_rows, a_rows, slots, powers, pre_trace, row_slot):
    """Clip the rows that are due; rewrite those whose slot ends before they are due again."""
    n_pre, n_post, slot_steps, n_slots = record[N_PRE], record[N_POST], record[SLOT_STEPS], record[N_SLOTS]
    turn = step % TURN
    begin = turn * (n_pre // TURN) + min(turn, n_pre % TURN)
    end = begin + n_pre // TURN + (turn < n_pre % TURN)
    newest = step - step % slot_steps
    now = slots[newest // slot_steps % n_slots]
    for row in range(begin, end):
        origin = row_slot[row]
        if origin == NEVER:
            continue
        u, a, x = u_rows[row], a_rows[row], pre_trace[row]
        was = slots[origin // slot_steps % n_slots]
        if origin + slot_steps * n_slots > step + TURN:
            _clip(n_post, w_max, u, a, was, x)
            continue
        record[LEARNING_UPDATES] += n_post
        x_now = without_negligible(x * powers[PRE, newest - origin])
        rescale = powers[ELIGIBILITY, newest - origin]
        left = _rewrite(n_post, w_max, u, a, was, now, x, x_now, rescale)
        pre_trace[row] = x_now
        row_slot[row] = newest if left or x_now > np.float32(0) else NEVER
    record[MEMORY_BYTES] += 8 * (end - begin) * n_post


@njit(cache=True, nogil=True)
def _note(record, i, newest, one_spike, powers, pre_trace, row_slot):
    """Neuron i spikes: raise its trace.

    Returns the place of its row, that of the slot it is scaled to, two traces and a factor. The traces are in the
    scales of that slot and of the newest; the factor is that between their scales of eligibility.
    """
    row = place(i, record[N_PRE])
    origin = row_slot[row] if row_slot[row] != NEVER else newest
    x = pre_trace[row]
    x_now = x * powers[PRE, newest - origin] + one_spike
    pre_trace[row] = x_now
    row_slot[row] = newest
    return row, origin // record[SLOT_STEPS] % record[N_SLOTS], x, x_now, powers[ELIGIBILITY, newest - origin]


@kernel
def _deliver(record, step, rows, count):
    n_pre, n_post, pitch = record[N_PRE], record[N_POST], record[ROW_PITCH]
    slot_steps, n_slots = record[SLOT_STEPS], record[N_SLOTS]
    p = carray(float32_pointer(record[PARAMETERS]), (8,))
    u_rows = carray(float32_pointer(record[U]), (n_pre, pitch))
    a_rows = carray(float32_pointer(record[A]), (n_pre, pitch))
    slots = carray(float32_pointer(record[SLOTS]), (n_slots, 3, record[SLOT_PITCH]))
    powers = carray(float32_pointer(record[POWERS]), (5, slot_steps * n_slots))
    pre_trace = carray(float32_pointer(record[PRE_TRACE]), (n_pre,))
    row_slot = carray(int64_pointer(record[ROW_SLOT]), (n_pre,))
    x_post = carray(float32_pointer(record[POST_TRACE]), (n_post,))
    inputs = carray(float32_pointer(record[INPUT]), (record[INPUT_STEPS], record[INPUT_PITCH]))
    arriving = inputs[(step + record[DELAY]) % record[INPUT_STEPS]]

    since = step % slot_steps
    newest = step - since
    now = slots[newest // slot_steps % n_slots]
    if since == 0:
        now[:] = 0
    decay(x_post, p[1])
    _take_turns(record, step, p[7], u_rows, a_rows, slots, powers, pre_trace, row_slot)

    w_max = p[7]
    sign, one_spike, ltd = (
        np.float32(record[SIGN]),
        powers[PRE_INVERSE, since],
        p[5] * powers[ELIGIBILITY_INVERSE, since],
    )
    ahead = min(4 * n_post, PREFETCHED_BYTES) if 8 * n_pre * pitch > OUT_OF_CACHE_BYTES else 0
    n = 0
    while n < count:
        for m in range(n + 2, min(n + 4, count)):
            following = place(rows[m], n_pre) * 4 * pitch
            for byte in range(following, following + ahead, 64):
                prefetch(record[U] + byte)
                prefetch(record[A] + byte)
        row, k, x, x_now, f = _note(record, rows[n], newest, one_spike, powers, pre_trace, row_slot)
        u, a, was = u_rows[row], a_rows[row], slots[k]
        if n + 1 == count or rows[n + 1] == rows[n]:
            _read(n_post, w_max, u, a, was, now, x_post, arriving, sign, x, x_now, f, ltd)
            n += 1
            continue
        row1, k1, x1, x1_now, f1 = _note(record, rows[n + 1], newest, one_spike, powers, pre_trace, row_slot)
        u1, a1, was1 = u_rows[row1], a_rows[row1], slots[k1]
        _read_two(n_post, w_max, u, a, u1, a1, was, was1, now, x_post, arriving, sign, x, x1, x_now, x1_now, f, f1, ltd)
        n += 2
    record[SYNAPTIC_EVENTS] += count * n_post
    record[LEARNING_UPDATES] += count * n_post
    record[MEMORY_BYTES] += 16 * count * n_post
    return 0


@njit(cache=True, nogil=True)
def _reward_slot(n_post, gain, traced, paired, reward, factor):
    for j in range(n_post):
        g = factor * load(reward, j, READ_ONLY)
        store(gain, j, U_ROW, load(gain, j, U_ROW) + g)
        store(traced, j, A_ROW, load(traced, j, A_ROW) + g * load(paired, j, READ_ONLY))


@kernel
def _learn(record, step, spikes, count):
    n_post, slot_steps, n_slots = record[N_POST], record[SLOT_STEPS], record[N_SLOTS]
    p = carray(float32_pointer(record[PARAMETERS]), (8,))
    slots = carray(float32_pointer(record[SLOTS]), (n_slots, 3, record[SLOT_PITCH]))
    powers = carray(float32_pointer(record[POWERS]), (5, slot_steps * n_slots))
    x_post = carray(float32_pointer(record[POST_TRACE]), (n_post,))
    reward = carray(float32_pointer(record[REWARD]), (n_post,))
    newest = step - step % slot_steps
    oldest = max(newest - slot_steps * (n_slots - 1), 0)

    for n in range(count):
        j = spikes[n] - record[POST_FIRST]
        if 0 <= j < n_post:
            for origin in range(oldest, newest + 1, slot_steps):
                slots[origin // slot_steps % n_slots, 2, j] += p[4] * powers[PAIRING, step - origin]
            x_post[j] += np.float32(1)

    reward_decay, gain = p[3], p[6]
    rewarded = False
    for j in range(n_post):
        rewarded |= reward[j] != np.float32(0)
    if rewarded:
        if record[LEARNING]:
            for origin in range(oldest, newest + 1, slot_steps):
                slot = slots[origin // slot_steps % n_slots]
                _reward_slot(n_post, slot[0], slot[1], slot[2], reward, gain * powers[ELIGIBILITY, step - origin])
        decay(reward, reward_decay)
    return 0
