"""The leaky integrate-and-fire neuron whose threshold seeks a target rate: intrinsic homeostasis.

    tau_membrane dV/dt = -(V - E_rest) + R (I + I_bias)
    tau_synapse  dI/dt = -I
    dT/dt              = learning_rate (S(t) - target_rate)
    threshold          = V_threshold + T

S(t) is the train of the neuron's own spikes. So the threshold rises by ``learning_rate_mv`` with a spike and falls
steadily between spikes: on average the neuron fires at the target rate. It is the intrinsic plasticity of Lazar, Pipa
and Triesch (2009, Frontiers in Computational Neuroscience 3: 23, "SORN") in continuous time. Zhang and Linden (2003,
Nature Reviews Neuroscience 4: 885) review the biology. Voltage and current are integrated exactly, as in ``lif``. When
V reaches the threshold at the end of a step the neuron spikes, V is reset and clamped for the refractory period. A
threshold that has fallen below reset_mv makes the neuron spike as soon as the refractory period is over.
"""

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from snn_core.files import StrictModel
from snn_core.network.compiled import kernel
from snn_core.network.models.base import FIRST, LEARNING, SIZE, NeuronModel, PopulationSpec
from snn_core.network.models.lif import LifParameters, lif_propagators, unreset_potential
from snn_core.network.models.record import BLOCK, unpack


class ThresholdAdaptation(StrictModel):
    """How the threshold seeks a rate; see ``snn_core.network.models.lif_homeostatic``."""

    target_rate_hz: float = Field(gt=0)
    learning_rate_mv: float = Field(gt=0, description="what a spike adds to the threshold")


class LifHomeostaticPopulation(PopulationSpec):
    """A population of LIF neurons with common parameters, each with a threshold that seeks a target rate."""

    model: Literal["lif_homeostatic"]  # type: ignore[assignment]
    parameters: LifParameters = Field(default_factory=LifParameters)
    threshold_adaptation: ThresholdAdaptation


def lif_homeostatic_propagators(population: LifHomeostaticPopulation, dt_ms: float) -> tuple[float, ...]:
    """Those of ``lif`` for a step of ``dt_ms`` but the last, then what a spike adds to the threshold and what a step
    takes away (mV).
    """
    adaptation = population.threshold_adaptation
    drift = adaptation.learning_rate_mv * adaptation.target_rate_hz * dt_ms / 1000
    return (*lif_propagators(population.parameters, dt_ms)[:7], adaptation.learning_rate_mv, drift)


@njit(cache=True, nogil=True)
def _integrate(p, potential, current, refractory, arriving):
    """A step without reset. ``refractory`` is 0 for neurons that are free to spike."""
    membrane_decay, coupling, current_decay, rest = p[0], p[1], p[2], p[3]
    for i in range(potential.size):
        v = unreset_potential(i, potential, current, arriving, membrane_decay, coupling, current_decay, rest)
        left = max(refractory[i] - np.float32(1), np.float32(0))
        potential[i] = v if left <= np.float32(0) else potential[i]
        refractory[i] = left


@njit(cache=True, nogil=True)
def _drift(p, offset, remainder):
    """The steady fall. A step's share is small against the threshold: the part that rounding loses is kept."""
    drift = p[8]
    for i in range(offset.size):
        change = remainder[i] - drift
        moved = offset[i] + change
        remainder[i] = change - (moved - offset[i])
        offset[i] = moved


@njit(cache=True, nogil=True)
def _spike(p, increase, potential, refractory, offset, first, spikes, count):
    """Reset the neurons that have reached their thresholds and append their numbers; most blocks have none."""
    reset, threshold, refractory_steps = p[4], p[5], p[6]
    for begin in range(0, potential.size, BLOCK):
        end = min(begin + BLOCK, potential.size)
        reached = False
        for i in range(begin, end):
            reached |= (potential[i] >= threshold + offset[i]) & (refractory[i] <= np.float32(0))
        if reached:
            for i in range(begin, end):
                if potential[i] >= threshold + offset[i] and refractory[i] <= np.float32(0):
                    potential[i] = reset
                    refractory[i] = refractory_steps + np.float32(1)
                    offset[i] += increase
                    spikes[count] = first + i
                    count += 1
    return count


@kernel
def _advance(record, step, spikes, count):
    n = record[SIZE]
    p, state, arriving = unpack(record, step, 9, 5, 1)
    potential, current, refractory = state[0][:n], state[1][:n], state[2][:n]
    offset, remainder = state[3][:n], state[4][:n]
    _integrate(p, potential, current, refractory, arriving[0][:n])
    increase = np.float32(0)
    if record[LEARNING]:
        increase = p[7]
        _drift(p, offset, remainder)
    return _spike(p, increase, potential, refractory, offset, record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="lif_homeostatic",
    spec=LifHomeostaticPopulation,
    variables=("potential", "current", "refractory", "threshold_offset", "offset_remainder"),
    channels=("current",),
    propagators=lif_homeostatic_propagators,
    initial=lambda population: {"potential": population.parameters.rest_mv},
    advance=_advance,
    learned=("threshold_offset", "offset_remainder"),
)
