"""Temporal-difference learning with a spiking critic: TD-LTP of Fremaux, Sprekeler and Gerstner (2013, PLoS
Computational Biology 9:e1003024).

    dx_i/dt   = -x_i / tau_plus + 1 at each presynaptic spike
    de_ij/dt  = -e_ij / tau_eligibility + x_i at each postsynaptic spike
    V(t)      = value_offset + value_per_hz (rate of the critic's neurons, filtered by a double exponential)
    delta_j   = dV/dt - V / tau_discount + r_j
    dw_ij/dt  = learning_rate delta_j e_ij

The critic's value is read from one population, whichever connection learns: the same rule on the synapses onto the
critic and onto the actor, with the same ``critic``, makes an actor-critic. r_j is the reward channel, a rate per ms.
Every synapse that has eligibility is touched in every step. Times are in ms, rates in Hz, weights in nA.
"""

import math
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from snn_core.network.compiled import carray, float32_pointer, int32_pointer, int64_pointer, kernel
from snn_core.network.rules.base import Rule, RuleSpec
from snn_core.network.rules.plain import (
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

NEGLIGIBLE = np.float32(1e-30)
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
    tau_eligibility_ms: float = Field(default=500.0, gt=0)
    tau_reward_ms: float | None = Field(default=None, gt=0, description="null: the reward holds until it is set anew")
    tau_discount_ms: float = Field(default=4000.0, gt=0)
    tau_rate_ms: float = Field(default=200.0, gt=0, description="slower constant of the rate's filter")
    tau_rise_ms: float = Field(default=50.0, gt=0, description="quicker constant of the rate's filter")
    value_per_hz: float = 1.0
    value_offset: float = 0.0

    @model_validator(mode="after")
    def _filter_rises_before_it_falls(self) -> "TdStdp":
        if self.tau_rise_ms >= self.tau_rate_ms:
            raise ValueError(f"tau_rise_ms must be below tau_rate_ms ({self.tau_rate_ms}), found {self.tau_rise_ms}")
        return self

    def bounds(self) -> tuple[float, float]:
        return 0.0, self.w_max_na

    def references(self) -> dict[str, str]:
        return {"critic": self.critic}


def _connect(wiring: Wiring) -> PlainRule:
    rule, dt = wiring.rule, wiring.dt_ms
    critic = wiring.spans[rule.critic]
    per_ms = 1000.0 * rule.value_per_hz / (rule.tau_rate_ms - rule.tau_rise_ms)
    numbers = (
        math.exp(-dt / rule.tau_plus_ms),
        math.exp(-dt / rule.tau_eligibility_ms),
        math.exp(-dt / rule.tau_reward_ms) if rule.tau_reward_ms else 1.0,
        math.exp(-dt / rule.tau_rate_ms),
        math.exp(-dt / rule.tau_rise_ms),
        1.0 / (critic.stop - critic.start),
        per_ms,
        1.0 / rule.tau_rate_ms,
        1.0 / rule.tau_rise_ms,
        1.0 / rule.tau_discount_ms,
        rule.value_offset,
        rule.learning_rate_per_ms * dt,
        rule.w_max_na,
    )
    signals = ("slow", "fast", "value", "error")
    synapses = PlainRule(wiring, numbers, _arrive, _learn, pre=("x_pre",), synapse=("eligibility",), signals=signals)
    synapses.record[CRITIC_BEGIN], synapses.record[CRITIC_END] = critic.start, critic.stop
    return synapses


@kernel
def _arrive(record, step, rows, count):
    p = carray(float32_pointer(record[PARAMETERS]), (13,))
    x_pre = carray(float32_pointer(record[PRE_TRACES]), (record[N_PRE],))
    for i in range(record[N_PRE]):
        decayed = x_pre[i] * p[0]
        x_pre[i] = decayed if decayed >= NEGLIGIBLE else np.float32(0)
    for n in range(count):
        x_pre[rows[n]] += np.float32(1)
    return 0


@kernel
def _learn(record, step, spikes, count):
    n_pre, n_post = record[N_PRE], record[N_POST]
    p = carray(float32_pointer(record[PARAMETERS]), (13,))
    x_pre = carray(float32_pointer(record[PRE_TRACES]), (n_pre,))
    signals = carray(float32_pointer(record[SIGNALS]), (4,))
    reward = carray(float32_pointer(record[REWARD]), (n_post,))
    row_begin, post = int64_pointer(record[ROW_BEGIN]), int32_pointer(record[POST])
    eligibility, weights = float32_pointer(record[ELIGIBILITY]), float32_pointer(record[WEIGHTS])
    column_begin, column = int64_pointer(record[COLUMN_BEGIN]), int32_pointer(record[COLUMN])
    column_row = int32_pointer(record[COLUMN_ROW])

    slow, fast = signals[SLOW] * p[3], signals[FAST] * p[4]
    for n in range(count):
        if record[CRITIC_BEGIN] <= spikes[n] < record[CRITIC_END]:
            slow += p[5]
            fast += p[5]
    signals[SLOW], signals[FAST] = slow, fast
    signals[VALUE] = p[10] + p[6] * (slow - fast)
    signals[ERROR] = p[6] * (fast * p[8] - slow * p[7]) - signals[VALUE] * p[9]

    learning, rate = record[LEARNING] != 0, p[11]
    for k in range(row_begin[n_pre]):
        e = eligibility[k] * p[1]
        eligibility[k] = e if e >= NEGLIGIBLE else np.float32(0)
    for n in range(count):
        j = spikes[n] - record[POST_FIRST]
        if 0 <= j < n_post:
            for c in range(column_begin[j], column_begin[j + 1]):
                eligibility[np.int64(column[c])] += x_pre[np.int64(column_row[c])]
    if learning:
        for k in range(row_begin[n_pre]):
            change = rate * (signals[ERROR] + reward[np.int64(post[k])]) * eligibility[k]
            weights[k] = min(max(weights[k] + change, np.float32(0)), p[12])
    for j in range(n_post):
        reward[j] *= p[2]
    record[LEARNING_UPDATES] += row_begin[n_pre]
    record[MEMORY_BYTES] += 20 * row_begin[n_pre]
    return 0


RULE = Rule(name="td_stdp", spec=TdStdp, connect=_connect)
