"""Policy gradient for neurons with escape noise (R-max): weights climb the expected reward.

    u_i        = what a spike of i brings to the membrane per nA (mV), as the postsynaptic neuron filters it
    de_ij/dt   = -e_ij / tau_eligibility + d log P(spikes of j) / dw_ij
    dw_ij/dt   = learning_rate (R_j - Rbar_j) e_ij

after Pfister, Toyoizumi, Barber and Gerstner (2006, Neural Computation 18:1318) and Fremaux, Sprekeler and Gerstner
(2010, Journal of Neuroscience 30:13326). For a step in which the neuron spikes with probability 1 - exp(-rho dt), rho
growing e-fold over delta_u, the gradient is u_i / delta_u times rho dt / (exp(rho dt) - 1) at a spike and -rho dt
without one: to first order in dt the (S_j - rho_j dt) u_i / delta_u of these papers. What a reset takes from the
membrane is left out of u_i, as in their spike response model.

The mean reward Rbar_j follows the rewards that are set, by the fraction ``mean_reward_fraction`` each time; null: 0.
Since the gradient moves while the neuron is silent, too, every synapse whose presynaptic neuron has u_i is touched in
every step. Times are in ms, the learning rate in nA per ms at an eligibility of 1 / nA and a reward of 1.
"""

import math
from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from snn_core.network.compiled import carray, float32_pointer, int32_pointer, int64_pointer, kernel
from snn_core.network.models.lif import lif_propagators
from snn_core.network.rules.base import Rule, RuleSpec
from snn_core.network.rules.plain import ELIGIBILITY, FREE, PRE_TRACES, REWARD, SPIKED, PlainRule
from snn_core.network.synapses import (
    LEARNING,
    LEARNING_UPDATES,
    MEMORY_BYTES,
    N_POST,
    N_PRE,
    PARAMETERS,
    POST,
    POST_FIRST,
    POST_PITCH,
    POST_STATE,
    ROW_BEGIN,
    WEIGHTS,
    Wiring,
)

NEGLIGIBLE = np.float32(1e-30)
ESCAPE_RATE = FREE
"""Of the record: place of the escape rate (Hz) among the postsynaptic variables."""


class RMax(RuleSpec):
    """Policy gradient; see ``snn_core.network.rules.r_max``."""

    name: Literal["r_max"]  # type: ignore[assignment]
    learning_rate_per_ms: float = Field(ge=0, description="nA per ms at an eligibility of 1 / nA and a reward of 1")
    w_min_na: float = 0.0
    w_max_na: float = Field(description="weights are clipped to [w_min_na, w_max_na]")
    tau_eligibility_ms: float = Field(default=500.0, gt=0)
    tau_reward_ms: float | None = Field(default=200.0, gt=0, description="null: the reward holds until the next window")
    mean_reward_fraction: float | None = Field(default=None, gt=0, le=1, description="null: no mean is subtracted")

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> "RMax":
        if self.w_min_na >= self.w_max_na:
            raise ValueError(f"w_min_na must lie below w_max_na ({self.w_max_na}), found {self.w_min_na}")
        return self

    def bounds(self) -> tuple[float, float]:
        return self.w_min_na, self.w_max_na


class RMaxSynapses(PlainRule):
    """Subtracts the mean reward where the rule says so."""

    def set_reward(self, reward: np.ndarray) -> None:
        fraction = self.wiring.rule.mean_reward_fraction
        mean = self.arrays["post_traces"][0]
        self.arrays["reward"][:] = reward - mean if fraction else reward
        if fraction:
            mean += np.float32(fraction) * (reward - mean)


def _connect(wiring: Wiring) -> PlainRule:
    rule, dt, neuron = wiring.rule, wiring.dt_ms, wiring.post_spec.parameters
    lif = lif_propagators(neuron, dt)
    rate = 1.0 / rule.tau_eligibility_ms + (1.0 / rule.tau_reward_ms if rule.tau_reward_ms else 0.0)
    numbers = (
        lif.current_decay,
        lif.membrane_decay,
        lif.current_to_membrane / neuron.escape_width_mv,
        dt * 1e-3,
        math.exp(-dt / rule.tau_eligibility_ms),
        math.exp(-dt / rule.tau_reward_ms) if rule.tau_reward_ms else 1.0,
        rule.learning_rate_per_ms * -math.expm1(-dt * rate) / rate,
        rule.w_min_na,
        rule.w_max_na,
    )
    traces = {"pre": ("current", "potential"), "post": ("mean_reward",), "synapse": ("eligibility",)}
    synapses = RMaxSynapses(wiring, numbers, _arrive, _learn, **traces)
    synapses.record[ESCAPE_RATE] = synapses.variable("escape_rate")
    return synapses


@njit(cache=True, nogil=True)
def _filter(current, potential, current_decay, membrane_decay, coupling):
    for i in range(current.size):
        decayed = potential[i] * membrane_decay + current[i] * coupling
        potential[i] = decayed if decayed >= NEGLIGIBLE else np.float32(0)


@kernel
def _arrive(record, step, rows, count):
    p = carray(float32_pointer(record[PARAMETERS]), (9,))
    traces = carray(float32_pointer(record[PRE_TRACES]), (2, record[N_PRE]))
    current = traces[0]
    for i in range(record[N_PRE]):
        decayed = current[i] * p[0]
        current[i] = decayed if decayed >= NEGLIGIBLE else np.float32(0)
    for n in range(count):
        current[rows[n]] += np.float32(1)
    _filter(current, traces[1], p[0], p[1], p[2])
    return 0


@kernel
def _learn(record, step, spikes, count):
    n_pre, n_post = record[N_PRE], record[N_POST]
    p = carray(float32_pointer(record[PARAMETERS]), (9,))
    u = carray(float32_pointer(record[PRE_TRACES]), (2, n_pre))[1]
    rho = carray(float32_pointer(record[POST_STATE] + 4 * record[ESCAPE_RATE] * record[POST_PITCH]), (n_post,))
    gradient = carray(float32_pointer(record[SPIKED]), (n_post,))
    reward = carray(float32_pointer(record[REWARD]), (n_post,))
    eligibility, weights = float32_pointer(record[ELIGIBILITY]), float32_pointer(record[WEIGHTS])
    row_begin, post = int64_pointer(record[ROW_BEGIN]), int32_pointer(record[POST])
    for j in range(n_post):
        gradient[j] = -rho[j] * p[3]
    for n in range(count):
        j = spikes[n] - record[POST_FIRST]
        if 0 <= j < n_post:
            expected = rho[j] * p[3]
            gradient[j] = expected / np.float32(math.expm1(expected)) if expected > np.float32(0) else np.float32(1)
    learning = record[LEARNING] != 0
    for i in range(n_pre):
        for k in range(row_begin[i], row_begin[i + 1]):
            j = np.int64(post[k])
            e = eligibility[k] * p[4] + gradient[j] * u[i]
            eligibility[k] = e if abs(e) >= NEGLIGIBLE else np.float32(0)
            if learning:
                weights[k] = min(max(weights[k] + p[6] * reward[j] * e, p[7]), p[8])
    for j in range(n_post):
        reward[j] *= p[5]
    record[LEARNING_UPDATES] += row_begin[n_pre]
    record[MEMORY_BYTES] += 20 * row_begin[n_pre]
    return 0


RULE = Rule(name="r_max", spec=RMax, connect=_connect, needs=("escape_rate",))
