"""Temporal-difference learning with a spiking critic: TD-LTP of Fremaux, Sprekeler and Gerstner (2013, PLoS
Computational Biology 9:e1003024).

    dx_i/dt   = -x_i / tau_plus, at an arriving spike x_i := x_i + 1
    k(t)      = (exp(-t / tau) - exp(-t / tau_rise)) / (tau - tau_rise)
    V(t)      = value_offset + value_per_hz (rate of the critic's neurons, filtered by k with tau_rate and tau_rise)
    e_ij(t)   = tau_eligibility (x_i at the spikes of j, filtered by k with tau_eligibility and tau_eligibility_rise)
    delta_j   = dV/dt - V / tau_discount + r_j
    dw_ij/dt  = learning_rate delta_j e_ij

The critic's value is read from one population, whichever connection learns. The same rule on the synapses onto the
critic and onto the actor, with the same ``critic``, makes an actor-critic. r_j is the reward channel, a rate per ms. In
the paper both filters are the same, and x_i has the shape of a postsynaptic potential. There only those of its spikes
count that came after the last spike of j. Here x_i is an exponential, and all count. ``tau_eligibility_rise_ms: null``
makes e_ij an exponential of height x_i and the same area. dV/dt is the step's difference over dt, so that over time the
changes of V add up exactly.

A row of synapses is touched in every step until x_i and its e_ij have decayed to nothing (1e-30). Times are in ms,
rates in Hz, weights in nA.
"""

import math
from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from snn_core.network.compiled import carray, float32_pointer, int32_pointer, int64_pointer, kernel, load, store
from snn_core.network.decay import decay, without_negligible
from snn_core.network.rules.base import Rule, RuleSpec
from snn_core.network.rules.plain import (
    AWAKE,
    COLUMN,
    COLUMN_BEGIN,
    COLUMN_ROW,
    ELIGIBILITY,
    FREE,
    PRE_TRACES,
    REWARD,
    SIGNALS,
    PlainRule,
)
from snn_core.network.synapses import (
    LEARNING,
    LEARNING_UPDATES,
    MEMORY_BYTES,
    N_POST,
    N_PRE,
    PARAMETERS,
    POST,
    POST_FIRST,
    ROW_BEGIN,
    WEIGHTS,
    Wiring,
)

NUMBERS = 15
(
    PRE_DECAY,
    SLOW_DECAY,
    FAST_DECAY,
    HEIGHT,
    REWARD_DECAY,
    RATE_DECAY,
    RISE_DECAY,
    PER_SPIKE,
    PER_STEP,
    PER_DISCOUNT,
    OFFSET,
    RATE,
    W_MIN,
    W_MAX,
    HAS_RISE,
) = range(NUMBERS)
"""Of the parameters. HEIGHT: of each exponential of an eligibility. PER_SPIKE: of each exponential of the value, for a
spike of one neuron of the critic. PER_STEP, PER_DISCOUNT: 1 / dt and 1 / tau_discount."""
READ_ONLY, WEIGHT = range(2)
"""Scopes of arrays that share no memory."""
CRITIC_BEGIN, CRITIC_END = range(FREE, FREE + 2)
"""Of the record: the critic's neurons, numbered among all."""
SLOW, FAST, VALUE, ERROR = range(4)
"""Of the signals: the two exponentials of the critic's rate, V and what delta_j has besides r_j."""


class TdStdp(RuleSpec):
    """TD-LTP; see ``snn_core.network.rules.td_stdp``."""

    name: Literal["td_stdp"]  # type: ignore[assignment]
    critic: str = Field(description="population whose rate is the value")
    learning_rate_per_ms: float = Field(ge=0, description="nA per ms at an eligibility and a TD error of 1")
    w_max_na: float = Field(gt=0, description="weights are clipped to [0, w_max_na]")
    tau_plus_ms: float = Field(default=20.0, gt=0)
    tau_eligibility_ms: float = Field(default=200.0, gt=0)
    tau_eligibility_rise_ms: float | None = Field(default=50.0, gt=0, description="null: it rises at once")
    tau_reward_ms: float | None = Field(default=None, gt=0, description="null: the reward holds until it is set anew")
    tau_discount_ms: float = Field(default=4000.0, gt=0)
    tau_rate_ms: float = Field(default=200.0, gt=0, description="slower constant of the rate's filter")
    tau_rise_ms: float = Field(default=50.0, gt=0, description="quicker constant of the rate's filter")
    value_per_hz: float = 1.0
    value_offset: float = 0.0

    @model_validator(mode="after")
    def _filters_rise_before_they_fall(self) -> "TdStdp":
        if self.tau_rise_ms >= self.tau_rate_ms:
            raise ValueError(f"tau_rise_ms must be below tau_rate_ms ({self.tau_rate_ms}), found {self.tau_rise_ms}")
        rise = self.tau_eligibility_rise_ms
        if rise is not None and rise >= self.tau_eligibility_ms:
            raise ValueError(
                f"tau_eligibility_rise_ms must be below tau_eligibility_ms ({self.tau_eligibility_ms}), found {rise}"
            )
        return self

    def bounds(self) -> tuple[float, float]:
        return 0.0, self.w_max_na

    def references(self) -> dict[str, str]:
        return {"critic": self.critic}


class TdSynapses(PlainRule):
    """Begins, and rests, with the value of a silent critic."""

    def rest(self) -> None:
        super().rest()
        self.arrays["signals"][VALUE] = self.wiring.rule.value_offset


def _connect(wiring: Wiring) -> TdSynapses:
    rule, dt = wiring.rule, wiring.dt_ms
    critic = wiring.spans[rule.critic]
    rise = rule.tau_eligibility_rise_ms
    numbers = (
        math.exp(-dt / rule.tau_plus_ms),
        math.exp(-dt / rule.tau_eligibility_ms),
        math.exp(-dt / rise) if rise else 0.0,
        rule.tau_eligibility_ms / (rule.tau_eligibility_ms - rise) if rise else 1.0,
        math.exp(-dt / rule.tau_reward_ms) if rule.tau_reward_ms else 1.0,
        math.exp(-dt / rule.tau_rate_ms),
        math.exp(-dt / rule.tau_rise_ms),
        1000.0 * rule.value_per_hz / (rule.tau_rate_ms - rule.tau_rise_ms) / (critic.stop - critic.start),
        1.0 / dt,
        1.0 / rule.tau_discount_ms,
        rule.value_offset,
        rule.learning_rate_per_ms * dt,
        *wiring.bounds,
        rise is not None,
    )
    synapses = TdSynapses(
        wiring,
        numbers,
        _arrive,
        _learn,
        rates=(RATE,),
        pre=("x_pre",),
        synapse=("eligibility_slow", "eligibility_fast") if rise else ("eligibility",),
        signals=("slow", "fast", "value", "error"),
        rewarded=True,
    )
    synapses.record[CRITIC_BEGIN], synapses.record[CRITIC_END] = critic.start, critic.stop
    synapses.rest()
    return synapses


@kernel
def _arrive(record, step, rows, count):
    p = carray(float32_pointer(record[PARAMETERS]), (NUMBERS,))
    x_pre = carray(float32_pointer(record[PRE_TRACES]), (record[N_PRE],))
    awake = int64_pointer(record[AWAKE])
    decay(x_pre, p[PRE_DECAY])
    for n in range(count):
        x_pre[rows[n]] += np.float32(1)
        awake[rows[n]] = 1
    return 0


@njit(cache=True, nogil=True)
def _judge(record, p, spikes, count, signals):
    """The critic's value after the step, and its TD error but for the reward."""
    slow = without_negligible(signals[SLOW] * p[RATE_DECAY])
    fast = without_negligible(signals[FAST] * p[RISE_DECAY])
    for n in range(count):
        if record[CRITIC_BEGIN] <= spikes[n] < record[CRITIC_END]:
            slow += np.float32(1)
            fast += np.float32(1)
    before = signals[VALUE]
    signals[SLOW], signals[FAST] = slow, fast
    signals[VALUE] = p[OFFSET] + p[PER_SPIKE] * (slow - fast)
    signals[ERROR] = (signals[VALUE] - before) * p[PER_STEP] - signals[VALUE] * p[PER_DISCOUNT]


@njit(cache=True, nogil=True)
def _pair(record, spikes, count, height, rises):
    """The presynaptic traces at the step's postsynaptic spikes, added to the eligibilities."""
    n_synapses = int64_pointer(record[ROW_BEGIN])[record[N_PRE]]
    x_pre, slow = float32_pointer(record[PRE_TRACES]), float32_pointer(record[ELIGIBILITY])
    fast = float32_pointer(record[ELIGIBILITY] + 4 * n_synapses)
    column_begin, column = int64_pointer(record[COLUMN_BEGIN]), int32_pointer(record[COLUMN])
    column_row = int32_pointer(record[COLUMN_ROW])
    for n in range(count):
        j = spikes[n] - record[POST_FIRST]
        if 0 <= j < record[N_POST]:
            for c in range(column_begin[j], column_begin[j + 1]):
                added = height * x_pre[np.int64(column_row[c])]
                slow[np.int64(column[c])] += added
                if rises:
                    fast[np.int64(column[c])] += added


@njit(cache=True, nogil=True)
def _learn_row(p, error, post, reward, slow, fast, weights):
    """A step of a row of synapses; ``fast`` is empty where the eligibility rises at once."""
    rate, w_min, w_max, rises = p[RATE], p[W_MIN], p[W_MAX], fast.size > 0
    for k in range(post.size):
        e = load(slow, k, READ_ONLY) - (load(fast, k, READ_ONLY) if rises else np.float32(0))
        w = load(weights, k, WEIGHT) + rate * (error + load(reward, np.int64(load(post, k, READ_ONLY)), READ_ONLY)) * e
        store(weights, k, WEIGHT, min(max(w, w_min), w_max))


@njit(cache=True, nogil=True)
def _is_zero(trace):
    left = np.int32(0)
    for k in range(trace.size):
        left |= np.int32(trace[k] != np.float32(0))
    return left == 0


@kernel
def _learn(record, step, spikes, count):
    n_pre, n_post = record[N_PRE], record[N_POST]
    p = carray(float32_pointer(record[PARAMETERS]), (NUMBERS,))
    x_pre = carray(float32_pointer(record[PRE_TRACES]), (n_pre,))
    signals = carray(float32_pointer(record[SIGNALS]), (4,))
    reward = carray(float32_pointer(record[REWARD]), (n_post,))
    row_begin, awake = int64_pointer(record[ROW_BEGIN]), int64_pointer(record[AWAKE])
    n_synapses, rises = row_begin[n_pre], p[HAS_RISE] != np.float32(0)
    post = carray(int32_pointer(record[POST]), (n_synapses,))
    weights = carray(float32_pointer(record[WEIGHTS]), (n_synapses,))
    slow = carray(float32_pointer(record[ELIGIBILITY]), (n_synapses,))
    fast = carray(float32_pointer(record[ELIGIBILITY] + 4 * n_synapses), (n_synapses if rises else 0,))
    _judge(record, p, spikes, count, signals)
    for i in range(n_pre):
        if awake[i]:
            decay(slow[row_begin[i] : row_begin[i + 1]], p[SLOW_DECAY])
            decay(fast[row_begin[i] : row_begin[i + 1]], p[FAST_DECAY])
    _pair(record, spikes, count, p[HEIGHT], rises)
    touched = 0
    for i in range(n_pre):
        begin, end = row_begin[i], row_begin[i + 1]
        if awake[i]:
            e = slow[begin:end]
            if record[LEARNING]:
                _learn_row(p, signals[ERROR], post[begin:end], reward, e, fast[begin:end], weights[begin:end])
            awake[i] = x_pre[i] != np.float32(0) or not _is_zero(e)
            touched += end - begin
    for j in range(n_post):
        reward[j] *= p[REWARD_DECAY]
    record[LEARNING_UPDATES] += touched
    record[MEMORY_BYTES] += (28 if rises else 20) * touched
    return 0


RULE = Rule(name="td_stdp", spec=TdStdp, connect=_connect)
