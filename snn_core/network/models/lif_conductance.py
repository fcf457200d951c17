"""The leaky integrate-and-fire neuron with exponential synaptic conductances.

    tau_membrane   dV/dt   = -(V - E_rest) + R (I_bias + g_e (E_e - V) + g_i (E_i - V))
    tau_excitatory dg_e/dt = -g_e
    tau_inhibitory dg_i/dt = -g_i

A presynaptic spike raises g_e, or g_i if its population is inhibitory, by its weight, which is in uS. The source is
Destexhe, Mainen and Sejnowski (1998, in Koch and Segev, Methods in Neuronal Modeling). NEST has the model as
iaf_cond_exp, with R = 1 / g_L and tau_membrane = C_m / g_L. When V reaches the threshold at the end of a step the
neuron spikes, V is reset and clamped for the refractory period; the conductances go on.

The conductances are exact. Over a step V relaxes by the exact integral of all conductances towards the potential at
which their means over the step would keep it. This is an exponential Euler step with means instead of the values at its
beginning, of second order in dt. With conductances as large as the leak, tau_membrane 20 ms and tau_excitatory 5 ms the
error at dt 1 ms is below 0.01 mV. ``tests/network/models/test_lif_conductance.py`` compares it with steps a thousand
times finer.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from snn_core.files import StrictModel
from snn_core.network.compiled import kernel
from snn_core.network.decay import NEGLIGIBLE
from snn_core.network.models.base import FIRST, SIZE, NeuronModel, PopulationSpec
from snn_core.network.models.discrete import reset_below_threshold
from snn_core.network.models.exponential import exponential
from snn_core.network.models.record import unpack
from snn_core.network.models.threshold import hold_or_move, spike


class LifConductanceParameters(StrictModel):
    """LIF neuron with exponential conductances; see ``snn_core.network.models.lif_conductance``."""

    tau_membrane_ms: float = Field(default=20.0, gt=0)
    tau_excitatory_ms: float = Field(default=5.0, gt=0)
    tau_inhibitory_ms: float = Field(default=10.0, gt=0)
    resistance_mohm: float = Field(default=10.0, gt=0)
    rest_mv: float = -65.0
    reset_mv: float = -65.0
    threshold_mv: float = -50.0
    excitatory_reversal_mv: float = 0.0
    inhibitory_reversal_mv: float = -80.0
    refractory_ms: float = Field(default=2.0, ge=0)
    bias_current_na: float = 0.0

    _reset_lies_below_threshold = model_validator(mode="after")(reset_below_threshold)


class LifConductancePopulation(PopulationSpec):
    """A population of conductance-based LIF neurons with common parameters; weights are in uS."""

    model: Literal["lif_conductance"]  # type: ignore[assignment]
    parameters: LifConductanceParameters = Field(default_factory=LifConductanceParameters)


class LifConductancePropagators(NamedTuple):
    """What one step needs; mV, conductances in units of the leak after ``*_mean``, all float32 in the kernel."""

    excitatory_decay: float
    inhibitory_decay: float
    excitatory_mean: float
    inhibitory_mean: float
    excitatory_reversal: float
    inhibitory_reversal: float
    leak_exponent: float
    rest: float
    reset: float
    threshold: float
    refractory_steps: float


def lif_conductance_propagators(population: LifConductancePopulation, dt_ms: float) -> LifConductancePropagators:
    """The numbers of a step of ``dt_ms``; ``rest`` includes what the bias current adds."""
    parameters = population.parameters
    tau_e, tau_i, resistance = parameters.tau_excitatory_ms, parameters.tau_inhibitory_ms, parameters.resistance_mohm
    return LifConductancePropagators(
        excitatory_decay=math.exp(-dt_ms / tau_e),
        inhibitory_decay=math.exp(-dt_ms / tau_i),
        excitatory_mean=-resistance * tau_e / dt_ms * math.expm1(-dt_ms / tau_e),
        inhibitory_mean=-resistance * tau_i / dt_ms * math.expm1(-dt_ms / tau_i),
        excitatory_reversal=parameters.excitatory_reversal_mv,
        inhibitory_reversal=parameters.inhibitory_reversal_mv,
        leak_exponent=-dt_ms / parameters.tau_membrane_ms,
        rest=parameters.rest_mv + resistance * parameters.bias_current_na,
        reset=parameters.reset_mv,
        threshold=parameters.threshold_mv,
        refractory_steps=round(parameters.refractory_ms / dt_ms),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _integrate(p, potential, excitatory, inhibitory, refractory, arriving_excitatory, arriving_inhibitory):
    """A step without reset; neurons in their refractory period hold the potential, which lies below the threshold."""
    excitatory_decay, inhibitory_decay, excitatory_mean, inhibitory_mean = p[0], p[1], p[2], p[3]
    excitatory_reversal, inhibitory_reversal, leak_exponent, rest = p[4], p[5], p[6], p[7]
    for i in range(potential.size):
        decayed_e, decayed_i = excitatory[i] * excitatory_decay, inhibitory[i] * inhibitory_decay
        g_e = (decayed_e if decayed_e >= NEGLIGIBLE else np.float32(0)) + arriving_excitatory[i]
        g_i = (decayed_i if decayed_i >= NEGLIGIBLE else np.float32(0)) + arriving_inhibitory[i]
        arriving_excitatory[i] = np.float32(0)
        arriving_inhibitory[i] = np.float32(0)
        excitatory[i], inhibitory[i] = g_e, g_i
        mean_e, mean_i = g_e * excitatory_mean, g_i * inhibitory_mean
        total = np.float32(1) + mean_e + mean_i
        target = (rest + mean_e * excitatory_reversal + mean_i * inhibitory_reversal) / total
        v = target + (potential[i] - target) * exponential(leak_exponent * total)
        hold_or_move(potential, refractory, i, v)


@kernel
def _advance(record, step, spikes, count):
    n = record[SIZE]
    p, state, arriving = unpack(record, step, 11, 4, 2)
    potential, excitatory, inhibitory, refractory = state[0][:n], state[1][:n], state[2][:n], state[3][:n]
    _integrate(p, potential, excitatory, inhibitory, refractory, arriving[0][:n], arriving[1][:n])
    return spike(potential, refractory, p[9], None, p[8], p[10], record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="lif_conductance",
    spec=LifConductancePopulation,
    variables=("potential", "excitatory_conductance", "inhibitory_conductance", "refractory"),
    channels=("excitatory", "inhibitory"),
    propagators=lif_conductance_propagators,
    initial=lambda population: {"potential": population.parameters.rest_mv},
    advance=_advance,
)
