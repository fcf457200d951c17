"""The leaky integrate-and-fire neuron with an adaptive threshold (ALIF), integrated exactly.

    tau_membrane   dV/dt = -(V - E_rest) + R (I + I_bias)
    tau_synapse    dI/dt = -I
    tau_adaptation da/dt = -a
    threshold            = V_threshold + beta a

A presynaptic spike raises I by its weight, an own spike raises a by 1. The sources are Bellec et al. 2018 (NeurIPS 31,
"LSNN") and Bellec et al. 2020 (Nature Communications 11: 3625, "ALIF"). beta is ``threshold_increase_mv``. Between
spikes the equations have a closed solution, so a step of any length is exact. When V reaches the threshold at the end
of a step the neuron spikes, V is reset to reset_mv and clamped for the refractory period; current and adaptation go on.
In Bellec's papers V falls by V_threshold instead. There a enters the threshold a step after the spike undecayed; here
it has decayed for a step.
"""

import math
from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from snn_core.network.compiled import kernel
from snn_core.network.decay import without_negligible
from snn_core.network.models.base import FIRST, SIZE, NeuronModel, PopulationSpec
from snn_core.network.models.lif import LifParameters, lif_propagators, unreset_potential
from snn_core.network.models.record import BLOCK, unpack
from snn_core.network.models.threshold import hold_or_move


class AdaptiveLifParameters(LifParameters):
    """LIF neuron whose threshold rises with its own spikes; see ``snn_core.network.models.adaptive_lif``."""

    tau_adaptation_ms: float = Field(default=200.0, gt=0)
    threshold_increase_mv: float = Field(default=1.0, ge=0, description="what a spike adds to the threshold: beta")


class AdaptiveLifPopulation(PopulationSpec):
    """A population of ALIF neurons with common parameters."""

    model: Literal["adaptive_lif"]  # type: ignore[assignment]
    parameters: AdaptiveLifParameters = Field(default_factory=AdaptiveLifParameters)


def adaptive_lif_propagators(population: AdaptiveLifPopulation, dt_ms: float) -> tuple[float, ...]:
    """Those of ``lif`` for a step of ``dt_ms`` but the last, the adaptation's decay, and beta (mV)."""
    parameters = population.parameters
    adaptation_decay = math.exp(-dt_ms / parameters.tau_adaptation_ms)
    return (*lif_propagators(parameters, dt_ms)[:7], adaptation_decay, parameters.threshold_increase_mv)


@njit(cache=True, nogil=True)
def _integrate(p, potential, current, refractory, adaptation, arriving):
    """A step without reset; neurons in their refractory period hold the potential, which lies below the threshold."""
    membrane_decay, coupling, current_decay, rest, adaptation_decay = p[0], p[1], p[2], p[3], p[7]
    for i in range(potential.size):
        v = unreset_potential(i, potential, current, arriving, membrane_decay, coupling, current_decay, rest)
        hold_or_move(potential, refractory, i, v)
        adaptation[i] = without_negligible(adaptation[i] * adaptation_decay)


@njit(cache=True, nogil=True)
def _spike(p, potential, refractory, adaptation, first, spikes, count):
    """Reset the neurons that have reached their thresholds and append their numbers; most blocks have none."""
    reset, threshold, refractory_steps, increase = p[4], p[5], p[6], p[8]
    for begin in range(0, potential.size, BLOCK):
        end = min(begin + BLOCK, potential.size)
        reached = False
        for i in range(begin, end):
            reached |= potential[i] >= threshold + increase * adaptation[i]
        if reached:
            for i in range(begin, end):
                if potential[i] >= threshold + increase * adaptation[i]:
                    potential[i] = reset
                    refractory[i] = refractory_steps
                    adaptation[i] += np.float32(1)
                    spikes[count] = first + i
                    count += 1
    return count


@kernel
def _advance(record, step, spikes, count):
    n = record[SIZE]
    p, state, arriving = unpack(record, step, 9, 4, 1)
    potential, current, refractory, adaptation = state[0][:n], state[1][:n], state[2][:n], state[3][:n]
    _integrate(p, potential, current, refractory, adaptation, arriving[0][:n])
    return _spike(p, potential, refractory, adaptation, record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="adaptive_lif",
    spec=AdaptiveLifPopulation,
    variables=("potential", "current", "refractory", "adaptation"),
    channels=("current",),
    propagators=adaptive_lif_propagators,
    initial=lambda population: {"potential": population.parameters.rest_mv},
    advance=_advance,
)
