"""e-prop in its three-factor form, for LIF and adaptive LIF neurons.

    u_i         what spikes of i have brought to the membrane per nA (mV); see ``snn_core.network.rules.membrane``
    psi_j       = damping / span max(0, 1 - |V_j - A_j| / span), span = threshold - rest; 0 in the refractory period
    e_ij        = psi_j (u_i - beta eps_ij)
    eps_ij(t+1) = rho (eps_ij + e_ij)       (of adaptive neurons)
    E_ij        = kappa E_ij + e_ij
    w_ij        = w_ij - learning_rate L_j E_ij dt

after Bellec et al. (2020, Nature Communications 11:3625). V_j is the membrane before it is reset, A_j the threshold.
beta is what a spike adds to the threshold (0 for LIF), rho what a step leaves of the adaptation. eps_ij is the
derivative of the adaptation. In the source a spike enters the next step's threshold whole, so that eps_ij(t+1) = psi_j
u_i + (rho - psi_j beta) eps_ij. In ``adaptive_lif`` it has decayed for that step. As in the source, what a reset takes
from the membrane is left out. The learning signal L_j is the reward channel, one value for each neuron: positive where
the neuron should have fired less.

A row of synapses is touched in every step until its u_i and its traces have decayed to nothing (1e-30). Times are in
ms; weights in nA, clipped to [w_min, w_max].
"""

import math
from typing import Any, Literal

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
    POTENTIAL_BEFORE,
    ROW,
    SCRATCH_ROWS,
    MembraneRule,
    arrived,
    bounds_are_ordered,
)
from snn_core.network.rules.plain import AWAKE, ELIGIBILITY, PRE_TRACES, REWARD, SCRATCH
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

NUMBERS = OWN_NUMBERS + 12
(
    REST,
    COUPLING,
    THRESHOLD,
    PER_SPAN,
    HEIGHT,
    BETA,
    RHO,
    KAPPA,
    RATE,
    REWARD_DECAY,
    W_MIN,
    W_MAX,
) = range(OWN_NUMBERS, NUMBERS)
"""Of the parameters. COUPLING: what a current adds to the membrane, mV per nA. HEIGHT: the greatest psi, 1/mV."""
READ_ONLY, TRACE, ADAPTATION_TRACE, WEIGHT = range(4)
"""Scopes of arrays that share no memory."""
CURRENT, ADAPTATION = range(FREE_OF_MEMBRANE, FREE_OF_MEMBRANE + 2)
"""Of the record: places among the postsynaptic variables; ADAPTATION is -1 for neurons without."""


class EProp(RuleSpec):
    """e-prop; see ``snn_core.network.rules.e_prop``."""

    name: Literal["e_prop"]  # type: ignore[assignment]
    learning_rate_per_ms: float = Field(ge=0, description="nA per ms at a filtered eligibility and a signal of 1")
    w_min_na: float = Field(description="weights are clipped to [w_min_na, w_max_na]")
    w_max_na: float
    damping: float = Field(default=0.3, gt=0, description="gamma_pd of the source")
    tau_filter_ms: float = Field(default=20.0, gt=0, description="of the eligibility: that of the readout, kappa")
    tau_reward_ms: float | None = Field(default=None, gt=0, description="null: L holds until it is set anew")

    _bounds_are_ordered = model_validator(mode="after")(bounds_are_ordered)

    def bounds(self) -> tuple[float, float]:
        return self.w_min_na, self.w_max_na


def _check(rule: EProp, post: Any) -> None:
    neuron = post.parameters
    if neuron.rest_mv >= neuron.threshold_mv:
        raise ValueError(
            f"parameters.rest_mv must lie below threshold_mv ({neuron.threshold_mv}), found {neuron.rest_mv}"
        )


def _connect(wiring: Wiring) -> MembraneRule:
    rule, dt, neuron = wiring.rule, wiring.dt_ms, wiring.post_spec.parameters
    membrane = lif_propagators(neuron, dt, getattr(wiring.post_spec, "integration", "exact"))
    adaptive = "adaptation" in wiring.post_variables
    span = neuron.threshold_mv - neuron.rest_mv
    numbers = (
        membrane.rest,
        membrane.current_to_membrane,
        neuron.threshold_mv,
        1.0 / span,
        rule.damping / span,
        neuron.threshold_increase_mv if adaptive else 0.0,
        math.exp(-dt / neuron.tau_adaptation_ms) if adaptive else 0.0,
        math.exp(-dt / rule.tau_filter_ms),
        rule.learning_rate_per_ms * dt,
        math.exp(-dt / rule.tau_reward_ms) if rule.tau_reward_ms else 1.0,
        *wiring.bounds,
    )
    traces = ("eligibility", "adaptation_eligibility") if adaptive else ("eligibility",)
    synapses = MembraneRule(wiring, membrane, 1.0, numbers, _learn, rates=(RATE,), synapse=traces)
    synapses.record[CURRENT] = synapses.variable("current")
    synapses.record[ADAPTATION] = synapses.variable("adaptation") if adaptive else -1
    return synapses


@njit(cache=True, nogil=True)
def _pseudo_derivative(record, p, spikes, count, scratch):
    """psi of the step, into the scratch's own row; a spike has reset the membrane, so V is computed again."""
    n_post, pitch, first = record[N_POST], record[POST_PITCH], record[POST_FIRST]
    state = float32_pointer(record[POST_STATE])
    psi, before, held = scratch[OWN], scratch[POTENTIAL_BEFORE], scratch[HELD_BEFORE]
    for j in range(n_post):
        potential = p[REST] + (before[j] - p[REST]) * p[1] + state[record[CURRENT] * pitch + j] * p[COUPLING]
        threshold = p[THRESHOLD]
        if record[ADAPTATION] >= 0:
            threshold += p[BETA] * state[record[ADAPTATION] * pitch + j]
        psi[j] = potential - threshold
    if record[ADAPTATION] >= 0:
        for n in range(count):
            if 0 <= spikes[n] - first < n_post:  # its own spike has raised the adaptation already
                psi[spikes[n] - first] += p[BETA]
    for j in range(n_post):
        near = np.float32(1) - abs(psi[j]) * p[PER_SPAN]
        psi[j] = np.float32(0) if held[j] > np.float32(0) else p[HEIGHT] * max(np.float32(0), near)


@njit(cache=True, nogil=True)
def _learn_row(p, learning, post, u, psi, signal, filtered, weights):
    """A step of a row of synapses onto LIF neurons; whether any of them is still eligible."""
    kappa, rate, w_min, w_max = p[KAPPA], p[RATE], p[W_MIN], p[W_MAX]
    left = np.int32(0)
    for k in range(post.size):
        j = np.int64(load(post, k, READ_ONLY))
        e = without_negligible(load(filtered, k, TRACE) * kappa + load(psi, j, READ_ONLY) * load(u, k, READ_ONLY))
        store(filtered, k, TRACE, e)
        left |= np.int32(e != np.float32(0))
        if learning:
            w = load(weights, k, WEIGHT) - rate * load(signal, j, READ_ONLY) * e
            store(weights, k, WEIGHT, min(max(w, w_min), w_max))
    return left != 0


@njit(cache=True, nogil=True)
def _learn_adaptive_row(p, learning, post, u, psi, signal, filtered, adaptation, weights):
    """A step of a row of synapses onto ALIF neurons; whether any of them is still eligible."""
    beta, rho, kappa, rate, w_min, w_max = p[BETA], p[RHO], p[KAPPA], p[RATE], p[W_MIN], p[W_MAX]
    left = np.int32(0)
    for k in range(post.size):
        j = np.int64(load(post, k, READ_ONLY))
        before = load(adaptation, k, ADAPTATION_TRACE)
        own = load(psi, j, READ_ONLY) * (load(u, k, READ_ONLY) - beta * before)
        after, e = rho * (before + own), load(filtered, k, TRACE) * kappa + own
        after = without_negligible(after)
        e = without_negligible(e)
        store(adaptation, k, ADAPTATION_TRACE, after)
        store(filtered, k, TRACE, e)
        left |= np.int32(e != np.float32(0)) | np.int32(after != np.float32(0))
        if learning:
            w = load(weights, k, WEIGHT) - rate * load(signal, j, READ_ONLY) * e
            store(weights, k, WEIGHT, min(max(w, w_min), w_max))
    return left != 0


@kernel
def _learn(record, step, spikes, count):
    n_pre, n_post, past_steps = record[N_PRE], record[N_POST], record[PAST_STEPS]
    p = carray(float32_pointer(record[PARAMETERS]), (NUMBERS,))
    newest = carray(float32_pointer(record[PRE_TRACES]), (2, n_pre))[1]
    scratch = carray(float32_pointer(record[SCRATCH]), (SCRATCH_ROWS, n_post))
    signal = carray(float32_pointer(record[REWARD]), (n_post,))
    row_begin, awake = int64_pointer(record[ROW_BEGIN]), int64_pointer(record[AWAKE])
    post = carray(int32_pointer(record[POST]), (row_begin[n_pre],))
    filtered = carray(float32_pointer(record[ELIGIBILITY]), (row_begin[n_pre],))
    adaptation = carray(float32_pointer(record[ELIGIBILITY] + 4 * row_begin[n_pre]), (row_begin[n_pre],))
    weights = carray(float32_pointer(record[WEIGHTS]), (row_begin[n_pre],))
    whole_row = carray(float32_pointer(record[ROW]), (n_post,))
    adaptive, learning, touched = record[ADAPTATION] >= 0, record[LEARNING] != 0, 0
    _pseudo_derivative(record, p, spikes, count, scratch)
    psi = scratch[OWN]
    for i in range(n_pre):
        begin, end = row_begin[i], row_begin[i + 1]
        if awake[i]:
            u, to, e, w = whole_row[: end - begin], post[begin:end], filtered[begin:end], weights[begin:end]
            arrived(record, step, i, u)
            if adaptive:
                left = _learn_adaptive_row(p, learning, to, u, psi, signal, e, adaptation[begin:end], w)
            else:
                left = _learn_row(p, learning, to, u, psi, signal, e, w)
            awake[i] = past_steps if left or newest[i] != np.float32(0) else awake[i] - 1
            touched += end - begin
    for j in range(n_post):
        signal[j] *= p[REWARD_DECAY]
    record[LEARNING_UPDATES] += touched
    record[MEMORY_BYTES] += (28 if adaptive else 20) * touched
    return 0


RULE = Rule(
    name="e_prop",
    spec=EProp,
    connect=_connect,
    needs=("potential", "current", "refractory"),
    models=("lif", "adaptive_lif"),
    check=_check,
)
