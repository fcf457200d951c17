"""e-prop in its three-factor form, for LIF and adaptive LIF neurons.

    u_i(t)      what spikes of i have brought to the membrane per nA (mV), as the postsynaptic neuron filters them
    psi_j       = damping / (threshold - rest) max(0, 1 - |V_j - A_j| / (threshold - rest)), 0 in the refractory period
    eps_ij(t+1) = psi_j u_i + (rho - psi_j beta) eps_ij       (adaptive neurons; rho is their adaptation's decay)
    e_ij        = psi_j (u_i - beta eps_ij)
    E_ij        = kappa E_ij + e_ij
    w_ij        = w_ij - learning_rate L_j E_ij dt

after Bellec et al. (2020, Nature Communications 11:3625). A_j is the threshold, beta what a spike adds to it (0 for
LIF). The learning signal L_j is the reward channel, one value for each neuron: positive where the neuron should have
fired less. In the step of a spike V is not known any more, since it has been reset; it is taken to have been at the
threshold. Every synapse is touched in every step.

Times are in ms; weights in nA, clipped to [w_min, w_max].
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
POTENTIAL, REFRACTORY, ADAPTATION = range(FREE, FREE + 3)
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

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> "EProp":
        if self.w_min_na >= self.w_max_na:
            raise ValueError(f"w_min_na must lie below w_max_na ({self.w_max_na}), found {self.w_min_na}")
        return self

    def bounds(self) -> tuple[float, float]:
        return self.w_min_na, self.w_max_na


def _connect(wiring: Wiring) -> PlainRule:
    rule, dt, neuron = wiring.rule, wiring.dt_ms, wiring.post_spec.parameters
    lif = lif_propagators(neuron, dt)
    adaptive = "adaptation" in wiring.post_variables
    span = neuron.threshold_mv - neuron.rest_mv
    numbers = (
        lif.current_decay,
        lif.membrane_decay,
        lif.current_to_membrane,
        neuron.threshold_mv,
        1.0 / span,
        rule.damping / span,
        neuron.threshold_increase_mv if adaptive else 0.0,
        math.exp(-dt / neuron.tau_adaptation_ms) if adaptive else 0.0,
        math.exp(-dt / rule.tau_filter_ms),
        rule.learning_rate_per_ms * dt,
        math.exp(-dt / rule.tau_reward_ms) if rule.tau_reward_ms else 1.0,
        rule.w_min_na,
        rule.w_max_na,
    )
    traces = {"pre": ("current", "potential"), "synapse": ("eligibility", "adaptation_eligibility")}
    synapses = PlainRule(wiring, numbers, _arrive, _learn, **traces)
    synapses.record[POTENTIAL] = synapses.variable("potential")
    synapses.record[REFRACTORY] = synapses.variable("refractory")
    synapses.record[ADAPTATION] = synapses.variable("adaptation") if adaptive else -1
    return synapses


@njit(cache=True, nogil=True)
def _filter(current, potential, membrane_decay, coupling):
    for i in range(current.size):
        decayed = potential[i] * membrane_decay + current[i] * coupling
        potential[i] = decayed if decayed >= NEGLIGIBLE else np.float32(0)


@kernel
def _arrive(record, step, rows, count):
    p = carray(float32_pointer(record[PARAMETERS]), (13,))
    traces = carray(float32_pointer(record[PRE_TRACES]), (2, record[N_PRE]))
    current = traces[0]
    for i in range(record[N_PRE]):
        decayed = current[i] * p[0]
        current[i] = decayed if decayed >= NEGLIGIBLE else np.float32(0)
    for n in range(count):
        current[rows[n]] += np.float32(1)
    _filter(current, traces[1], p[1], p[2])
    return 0


@njit(cache=True, nogil=True)
def _pseudo_derivative(record, p, spikes, count, psi):
    n_post, pitch = record[N_POST], record[POST_PITCH]
    state = float32_pointer(record[POST_STATE])
    for j in range(n_post):
        threshold = p[3]
        if record[ADAPTATION] >= 0:
            threshold += p[6] * state[record[ADAPTATION] * pitch + j]
        distance = abs(state[record[POTENTIAL] * pitch + j] - threshold) * p[4]
        held = state[record[REFRACTORY] * pitch + j] > np.float32(0)
        psi[j] = np.float32(0) if held else p[5] * max(np.float32(0), np.float32(1) - distance)
    for n in range(count):
        j = spikes[n] - record[POST_FIRST]
        if 0 <= j < n_post:
            psi[j] = p[5]


@kernel
def _learn(record, step, spikes, count):
    n_pre, n_post = record[N_PRE], record[N_POST]
    p = carray(float32_pointer(record[PARAMETERS]), (13,))
    u = carray(float32_pointer(record[PRE_TRACES]), (2, n_pre))[1]
    psi = carray(float32_pointer(record[SPIKED]), (n_post,))
    signal = carray(float32_pointer(record[REWARD]), (n_post,))
    row_begin, post = int64_pointer(record[ROW_BEGIN]), int32_pointer(record[POST])
    n_synapses = row_begin[n_pre]
    traces = carray(float32_pointer(record[ELIGIBILITY]), (2, n_synapses))
    filtered, adaptation, weights = traces[0], traces[1], float32_pointer(record[WEIGHTS])
    _pseudo_derivative(record, p, spikes, count, psi)
    beta, rho, kappa, rate = p[6], p[7], p[8], p[9]
    learning = record[LEARNING] != 0
    for i in range(n_pre):
        for k in range(row_begin[i], row_begin[i + 1]):
            j = np.int64(post[k])
            before = adaptation[k]
            e = filtered[k] * kappa + psi[j] * (u[i] - beta * before)
            after = psi[j] * u[i] + (rho - psi[j] * beta) * before
            adaptation[k] = after if abs(after) >= NEGLIGIBLE else np.float32(0)
            filtered[k] = e if abs(e) >= NEGLIGIBLE else np.float32(0)
            if learning:
                weights[k] = min(max(weights[k] - rate * signal[j] * e, p[11]), p[12])
    for j in range(n_post):
        signal[j] *= p[10]
    record[LEARNING_UPDATES] += n_synapses
    record[MEMORY_BYTES] += 28 * n_synapses
    return 0


RULE = Rule(name="e_prop", spec=EProp, connect=_connect, needs=("potential", "refractory"))
