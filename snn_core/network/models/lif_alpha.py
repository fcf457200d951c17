"""The leaky integrate-and-fire neuron with alpha-shaped synaptic currents, integrated exactly.

    tau_membrane dV/dt = -(V - E_rest) + R (I + I_bias)
    tau_synapse  dI/dt = tau_synapse X - I
    tau_synapse  dX/dt = -X

A presynaptic spike raises X by e / tau_synapse times its weight, so that its current w (t / tau_synapse) exp(1 - t /
tau_synapse) peaks at the weight, tau_synapse after the spike. Between spikes the three linear equations have a closed
solution, so a step of any length is exact (Rotter and Diesmann 1999, Biological Cybernetics 81; NEST has it as
iaf_psc_alpha). When V reaches the threshold at the end of a step the neuron spikes, V is reset and clamped for the
refractory period; the current goes on.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numba import njit
from pydantic import Field

from snn_core.network.compiled import kernel
from snn_core.network.decay import without_negligible
from snn_core.network.models.base import FIRST, SIZE, NeuronModel, PopulationSpec
from snn_core.network.models.lif import LifParameters, lif_propagators
from snn_core.network.models.record import unpack
from snn_core.network.models.threshold import hold_or_move, spike


class LifAlphaPopulation(PopulationSpec):
    """A population of LIF neurons with common parameters and alpha-shaped currents; weights are peaks in nA."""

    model: Literal["lif_alpha"]  # type: ignore[assignment]
    parameters: LifParameters = Field(default_factory=LifParameters)


class LifAlphaPropagators(NamedTuple):
    """What one step does to a neuron; mV, nA, rise in nA per ms, all float32 in the kernel."""

    membrane_decay: float
    current_to_membrane: float
    rise_to_membrane: float
    current_decay: float
    rise_to_current: float
    weight_to_rise: float
    rest: float
    reset: float
    threshold: float
    refractory_steps: float


def lif_alpha_propagators(population: LifAlphaPopulation, dt_ms: float) -> LifAlphaPropagators:
    """The exact propagators of a step of ``dt_ms``; ``rest`` includes what the bias current adds."""
    parameters = population.parameters
    tau_m, tau_s = parameters.tau_membrane_ms, parameters.tau_synapse_ms
    exponential = lif_propagators(parameters, dt_ms)
    # V after a step in which I = t exp(-t / tau_s): the integral of t exp(-x t / dt) weighed by the membrane's decay.
    x = dt_ms * (1 / tau_s - 1 / tau_m)
    rise_to_membrane = parameters.input_resistance_mohm / tau_m * exponential.membrane_decay * dt_ms**2 * _ramp(x)
    return LifAlphaPropagators(
        membrane_decay=exponential.membrane_decay,
        current_to_membrane=exponential.current_to_membrane,
        rise_to_membrane=rise_to_membrane,
        current_decay=exponential.current_decay,
        rise_to_current=dt_ms * exponential.current_decay,
        weight_to_rise=math.e / tau_s,
        rest=exponential.rest,
        reset=exponential.reset,
        threshold=exponential.threshold,
        refractory_steps=exponential.refractory_steps,
    )


def _ramp(x: float) -> float:
    """The integral of s exp(-x s) over s from 0 to 1."""
    if abs(x) > 0.01:
        return (1 - math.exp(-x) * (1 + x)) / x**2
    # The closed form is 0 / 0 at equal time constants; the series' next term is below 1e-11.
    return sum((-x) ** k * (k + 1) / math.factorial(k + 2) for k in range(5))


@njit(cache=True, nogil=True)
def _integrate(p, potential, current, rise, refractory, arriving):
    """A step without reset; neurons in their refractory period hold the potential, which lies below the threshold."""
    membrane_decay, current_to_membrane, rise_to_membrane, rest = p[0], p[1], p[2], p[6]
    current_decay, rise_to_current, weight_to_rise = p[3], p[4], p[5]
    for i in range(potential.size):
        flowing = without_negligible(current[i] * current_decay + rise[i] * rise_to_current)
        rising = without_negligible(rise[i] * current_decay) + arriving[i] * weight_to_rise
        arriving[i] = np.float32(0)
        current[i], rise[i] = flowing, rising
        driven = flowing * current_to_membrane + rising * rise_to_membrane
        v = rest + (potential[i] - rest) * membrane_decay + driven
        hold_or_move(potential, refractory, i, v)


@kernel
def _advance(record, step, spikes, count):
    n = record[SIZE]
    p, state, arriving = unpack(record, step, 10, 4, 1)
    potential, current, rise, refractory = state[0][:n], state[1][:n], state[2][:n], state[3][:n]
    _integrate(p, potential, current, rise, refractory, arriving[0][:n])
    return spike(potential, refractory, p[8], None, p[7], p[9], record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="lif_alpha",
    spec=LifAlphaPopulation,
    variables=("potential", "current", "rise", "refractory"),
    channels=("current",),
    propagators=lif_alpha_propagators,
    initial=lambda population: {"potential": population.parameters.rest_mv},
    advance=_advance,
)
