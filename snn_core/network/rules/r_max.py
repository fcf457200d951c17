"""Policy gradient for neurons with escape noise (R-max): weights climb the expected reward.

    u_ij       = what spikes of i have brought to the membrane of j per nA (mV) since j's last reset
    de_ij/dt   = -e_ij / tau_eligibility + d log P(spikes of j) / dw_ij
    dw_ij/dt   = learning_rate (R_j - Rbar_j) e_ij

after Pfister, Toyoizumi, Barber and Gerstner (2006, Neural Computation 18:1318) and Fremaux, Sprekeler and Gerstner
(2010, Journal of Neuroscience 30:13326). Take a step in which the neuron spikes with probability 1 - exp(-rho dt), rho
growing e-fold over delta_u. The gradient is u_ij / delta_u times rho dt / (exp(rho dt) - 1) at a spike and -rho dt
without one. To first order in dt it is the (S_j - rho_j dt) u_i / delta_u of these papers. Their spike response model
adds an after-potential where this neuron is reset, so that their u_i knows no reset. With ``lif_escape`` this u_ij
makes e_ij, but for its decay, the gradient of the neuron's log-likelihood itself.

The mean reward Rbar_j follows the rewards that are set, by the fraction ``mean_reward_fraction`` each time; null: 0.
What rewards do not tell, noise decides: weights wander about what they climb to. With ``consolidation_fraction`` the
rule keeps a mean of the weights, which follows them by that fraction each time a reward is set. For the first
1 / fraction rewards it is the mean of all. Switching learning off makes it the weights (Polyak and Juditsky 1992, SIAM
Journal on Control and Optimization 30:838). A slow variable behind each fast weight is a model of consolidation, too
(Benna and Fusi 2016, Nature Neuroscience 19:1697).
Since the gradient moves while the neuron is silent, too, a row of synapses is touched in every step until its u_ij and
its eligibility have decayed to nothing (1e-30). Times are in ms, the learning rate in nA per ms at an eligibility of
1 / nA and a reward of 1.
"""

import math
from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from snn_core.network.compiled import (
    carray,
    float32_pointer,
    int32_pointer,
    int64_pointer,
    kernel,
    load,
    store,
)
from snn_core.network.decay import without_negligible
from snn_core.network.models.lif import lif_propagators
from snn_core.network.rules.base import Rule, RuleSpec
from snn_core.network.rules.membrane import (
    FREE_OF_MEMBRANE,
    HELD_BEFORE,
    OWN,
    OWN_NUMBERS,
    PAST_STEPS,
    ROW,
    SCRATCH_ROWS,
    MembraneRule,
    arrived,
    bounds_are_ordered,
)
from snn_core.network.rules.plain import AWAKE, ELIGIBILITY, PRE_TRACES, REWARD, SCRATCH, PlainRule
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

NUMBERS = OWN_NUMBERS + 6
STEP_S, ELIGIBILITY_DECAY, REWARD_DECAY, GAIN, W_MIN, W_MAX = range(OWN_NUMBERS, NUMBERS)
"""Of the parameters."""
READ_ONLY, TRACE, LOST, WEIGHT = range(4)
"""Scopes of arrays that share no memory."""
ESCAPE_RATE = FREE_OF_MEMBRANE
"""Of the record: place of the escape rate (Hz) among the postsynaptic variables."""
_KEPT_AT_REST = ("post_traces", "consolidated", "consolidations")
"""They change with rewards, not with time."""


class RMax(RuleSpec):
    """Policy gradient; see ``snn_core.network.rules.r_max``."""

    name: Literal["r_max"]  # type: ignore[assignment]
    learning_rate_per_ms: float = Field(ge=0, description="nA per ms at an eligibility of 1 / nA and a reward of 1")
    w_min_na: float = 0.0
    w_max_na: float = Field(description="weights are clipped to [w_min_na, w_max_na]")
    tau_eligibility_ms: float = Field(default=500.0, gt=0)
    tau_reward_ms: float | None = Field(default=200.0, gt=0, description="null: the reward holds until the next window")
    mean_reward_fraction: float | None = Field(default=None, gt=0, le=1, description="null: no mean is subtracted")
    consolidation_fraction: float | None = Field(
        default=None,
        gt=0,
        le=1,
        exclude_if=lambda fraction: fraction is None,
        description="of the mean that weights become when learning is switched off; null: they stay as they are then",
    )

    _bounds_are_ordered = model_validator(mode="after")(bounds_are_ordered)

    def bounds(self) -> tuple[float, float]:
        return self.w_min_na, self.w_max_na


class RMaxSynapses(MembraneRule):
    """Subtracts the mean reward, and keeps the mean of the weights, where the rule says so."""

    def consolidate(self) -> None:
        """Keep a mean of the weights from now on."""
        self.arrays["consolidated"] = self.arrays["weights"].copy()
        self.arrays["consolidations"] = np.zeros(1, np.int64)

    def set_reward(self, reward: np.ndarray) -> None:
        mean, fraction = self.arrays["post_traces"][0], self.wiring.rule.mean_reward_fraction
        super().set_reward(reward - mean)
        mean += np.float32(fraction or 0.0) * (reward - mean)
        if "consolidated" in self.arrays and self.learning:
            count, slow = self.arrays["consolidations"], self.arrays["consolidated"]
            count += 1
            share = np.float32(max(self.wiring.rule.consolidation_fraction, 1.0 / count[0]))
            slow += share * (self.arrays["weights"] - slow)

    def settle(self) -> None:
        if "consolidated" in self.arrays:
            self.arrays["weights"][:] = self.arrays["consolidated"]

    def set_weights(self, weights: np.ndarray, step: int) -> None:
        super().set_weights(weights, step)
        if "consolidated" in self.arrays:
            self.arrays["consolidated"][:] = weights

    def rest(self) -> None:
        kept = {name: self.arrays[name].copy() for name in _KEPT_AT_REST if name in self.arrays}
        super().rest()
        for name, array in kept.items():
            self.arrays[name][:] = array


def _connect(wiring: Wiring) -> PlainRule:
    rule, dt, neuron = wiring.rule, wiring.dt_ms, wiring.post_spec.parameters
    rate = 1.0 / rule.tau_eligibility_ms + (1.0 / rule.tau_reward_ms if rule.tau_reward_ms else 0.0)
    numbers = (
        dt * 1e-3,
        math.exp(-dt / rule.tau_eligibility_ms),
        math.exp(-dt / rule.tau_reward_ms) if rule.tau_reward_ms else 1.0,
        rule.learning_rate_per_ms * -math.expm1(-dt * rate) / rate,
        *wiring.bounds,
    )
    synapses = RMaxSynapses(
        wiring,
        lif_propagators(neuron, dt),
        neuron.escape_width_mv,
        numbers,
        _learn,
        rates=(GAIN,),
        post=("mean_reward",),
        synapse=("eligibility", "reset_potential"),
    )
    synapses.record[ESCAPE_RATE] = synapses.variable("escape_rate")
    if rule.consolidation_fraction:
        synapses.consolidate()
    return synapses


@njit(cache=True, nogil=True)
def _score(rho, step_s, spikes, count, first, gradient, held):
    """d log P / du of the step, per delta_u; neurons that have spiked are clamped from now on."""
    for j in range(gradient.size):
        gradient[j] = -rho[j] * step_s
    for n in range(count):
        j = spikes[n] - first
        if 0 <= j < gradient.size:
            expected = rho[j] * step_s
            gradient[j] = expected / np.float32(math.expm1(expected)) if expected > np.float32(0) else np.float32(1)
            held[j] = np.float32(1)


@njit(cache=True, nogil=True)
def _learn_row(p, learning, post, u, gradient, held, reward, eligibility, lost, weights):
    """A step of a row of synapses; whether any of them is still eligible."""
    membrane_decay, decay, gain, w_min, w_max = p[1], p[ELIGIBILITY_DECAY], p[GAIN], p[W_MIN], p[W_MAX]
    left = np.int32(0)
    for k in range(post.size):
        j, now = np.int64(load(post, k, READ_ONLY)), load(u, k, READ_ONLY)
        before = load(lost, k, LOST) * membrane_decay
        e = load(eligibility, k, TRACE) * decay + load(gradient, j, READ_ONLY) * (now - before)
        e = without_negligible(e)
        before = without_negligible(before)
        store(lost, k, LOST, now if load(held, j, READ_ONLY) > np.float32(0) else before)
        store(eligibility, k, TRACE, e)
        left |= np.int32(e != np.float32(0))
        if learning:
            w = load(weights, k, WEIGHT) + gain * load(reward, j, READ_ONLY) * e
            store(weights, k, WEIGHT, min(max(w, w_min), w_max))
    return left != 0


@kernel
def _learn(record, step, spikes, count):
    n_pre, n_post, past_steps = record[N_PRE], record[N_POST], record[PAST_STEPS]
    p = carray(float32_pointer(record[PARAMETERS]), (NUMBERS,))
    newest = carray(float32_pointer(record[PRE_TRACES]), (2, n_pre))[1]
    rho = carray(float32_pointer(record[POST_STATE] + 4 * record[ESCAPE_RATE] * record[POST_PITCH]), (n_post,))
    scratch = carray(float32_pointer(record[SCRATCH]), (SCRATCH_ROWS, n_post))
    reward = carray(float32_pointer(record[REWARD]), (n_post,))
    row_begin, awake = int64_pointer(record[ROW_BEGIN]), int64_pointer(record[AWAKE])
    post = carray(int32_pointer(record[POST]), (row_begin[n_pre],))
    traces = carray(float32_pointer(record[ELIGIBILITY]), (2, row_begin[n_pre]))
    weights = carray(float32_pointer(record[WEIGHTS]), (row_begin[n_pre],))
    whole_row = carray(float32_pointer(record[ROW]), (n_post,))
    learning, touched = record[LEARNING] != 0, 0
    gradient, held = scratch[OWN], scratch[HELD_BEFORE]
    _score(rho, p[STEP_S], spikes, count, record[POST_FIRST], gradient, held)
    for i in range(n_pre):
        begin, end = row_begin[i], row_begin[i + 1]
        if awake[i]:
            u, to, e, w = whole_row[: end - begin], post[begin:end], traces[0][begin:end], weights[begin:end]
            arrived(record, step, i, u)
            left = _learn_row(p, learning, to, u, gradient, held, reward, e, traces[1][begin:end], w)
            awake[i] = past_steps if left or newest[i] != np.float32(0) else awake[i] - 1
            touched += end - begin
    for j in range(n_post):
        reward[j] *= p[REWARD_DECAY]
    record[LEARNING_UPDATES] += touched
    record[MEMORY_BYTES] += 28 * touched
    return 0


RULE = Rule(name="r_max", spec=RMax, connect=_connect, needs=("escape_rate",), models=("lif_escape",))
