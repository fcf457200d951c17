"""The leaky integrate-and-fire neuron with an exponential synaptic current, integrated exactly.

    tau_membrane dV/dt = -(V - E_rest) + R (g I + I_bias)
    tau_synapse  dI/dt = -I

A presynaptic spike raises I by its weight, the current by g (``input_gain``) times that. Between spikes the two linear
equations have a closed solution, so a step of any length is exact (Rotter and Diesmann 1999, Biological Cybernetics
81). When V reaches the threshold at the end of a step the neuron spikes, V is reset and clamped for the refractory
period; the current goes on.

A population may say ``integration: euler`` and ``reset: subtract`` or ``zero``, as other simulators do it: see
``snn_core.network.models.discrete``. With euler, in this order:

    I <- (1 - dt / tau_synapse) I + arriving weights
    V <- V + dt / tau_membrane (E_rest - V + R (g I + I_bias))
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from snn_core.files import StrictModel
from snn_core.network.compiled import kernel
from snn_core.network.decay import without_negligible
from snn_core.network.models.base import FIRST, SIZE, NeuronModel, PopulationSpec
from snn_core.network.models.discrete import (
    Integration,
    Reset,
    check_reset,
    euler_decay,
    reset_below_threshold,
    reset_numbers,
    smallest_spiking,
)
from snn_core.network.models.record import unpack
from snn_core.network.models.threshold import hold_or_move, spike


class LifParameters(StrictModel):
    """Leaky integrate-and-fire neuron with an exponential synaptic current; see ``snn_core.network.models.lif``."""

    tau_membrane_ms: float = Field(default=20.0, gt=0)
    tau_synapse_ms: float = Field(default=5.0, gt=0)
    resistance_mohm: float = Field(default=10.0, gt=0)
    rest_mv: float = -65.0
    reset_mv: float = -65.0
    threshold_mv: float = -50.0
    refractory_ms: float = Field(default=2.0, ge=0)
    bias_current_na: float = 0.0
    input_gain: float = Field(default=1.0, gt=0, description="a spike raises the current by its weight times this")

    @property
    def input_resistance_mohm(self) -> float:
        """mV that a lasting I of 1 nA brings."""
        return self.resistance_mohm * self.input_gain

    _reset_lies_below_threshold = model_validator(mode="after")(reset_below_threshold)


class LifPopulation(PopulationSpec):
    """A population of LIF neurons with common parameters."""

    model: Literal["lif"]  # type: ignore[assignment]
    parameters: LifParameters = Field(default_factory=LifParameters)
    integration: Integration = "exact"
    reset: Reset = "value"

    @model_validator(mode="after")
    def _reset_fits(self) -> "LifPopulation":
        check_reset(self.parameters, self.reset)
        return self


class LifPropagators(NamedTuple):
    """What one step does to a LIF neuron; voltages in mV, currents in nA, all float32 in the kernel."""

    membrane_decay: float
    current_to_membrane: float
    current_decay: float
    rest: float
    reset: float
    threshold: float
    refractory_steps: float
    reset_keeps: float


def lif_propagators(
    parameters: LifParameters, dt_ms: float, integration: Integration = "exact", reset: Reset = "value"
) -> LifPropagators:
    """The propagators of a step of ``dt_ms``; ``rest`` includes what the bias current adds.

    Raises:
        ValueError: with euler, a time constant shorter than the step.
    """
    if integration == "euler":
        decay_m = euler_decay(parameters.tau_membrane_ms, dt_ms, "tau_membrane_ms")
        decay_s = euler_decay(parameters.tau_synapse_ms, dt_ms, "tau_synapse_ms")
        coupling = parameters.input_resistance_mohm * dt_ms / parameters.tau_membrane_ms
    else:
        decay_m, coupling, decay_s = _exact_propagators(parameters, dt_ms)
    kept, added = reset_numbers(parameters, reset)
    return LifPropagators(
        membrane_decay=decay_m,
        current_to_membrane=coupling,
        current_decay=decay_s,
        rest=parameters.rest_mv + parameters.resistance_mohm * parameters.bias_current_na,
        reset=added,
        threshold=smallest_spiking(parameters.threshold_mv, integration),
        refractory_steps=round(parameters.refractory_ms / dt_ms),
        reset_keeps=kept,
    )


def _exact_propagators(parameters: LifParameters, dt_ms: float) -> tuple[float, float, float]:
    """Decay of the membrane, from current to membrane, decay of the current."""
    tau_m, tau_s = parameters.tau_membrane_ms, parameters.tau_synapse_ms
    decay_m, decay_s = math.exp(-dt_ms / tau_m), math.exp(-dt_ms / tau_s)
    if math.isclose(tau_m, tau_s, rel_tol=1e-6):
        # The two-exponential form is 0 / 0 here; this is its limit.
        coupling = parameters.input_resistance_mohm * dt_ms / tau_m * decay_m
    else:
        coupling = parameters.input_resistance_mohm * tau_s / (tau_m - tau_s) * (decay_m - decay_s)
    return decay_m, coupling, decay_s


@njit(cache=True, nogil=True)
def unreset_potential(i, potential, current, arriving, membrane_decay, coupling, current_decay, rest):
    """The potential of neuron i after a step without reset; its current takes what arrives."""
    synaptic = without_negligible(current[i] * current_decay) + arriving[i]
    arriving[i] = np.float32(0)
    current[i] = synaptic
    return rest + (potential[i] - rest) * membrane_decay + synaptic * coupling


@njit(cache=True, nogil=True)
def _integrate(p, potential, current, refractory, arriving):
    """A step without reset; neurons in their refractory period hold the potential, which lies below the threshold."""
    membrane_decay, coupling, current_decay, rest = p[0], p[1], p[2], p[3]
    for i in range(potential.size):
        v = unreset_potential(i, potential, current, arriving, membrane_decay, coupling, current_decay, rest)
        hold_or_move(potential, refractory, i, v)


@kernel
def _advance(record, step, spikes, count):
    n = record[SIZE]
    p, state, arriving = unpack(record, step, 8, 3, 1)
    potential, current, refractory = state[0][:n], state[1][:n], state[2][:n]
    _integrate(p, potential, current, refractory, arriving[0][:n])
    return spike(potential, refractory, p[5], p[7], p[4], p[6], record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="lif",
    spec=LifPopulation,
    variables=("potential", "current", "refractory"),
    channels=("current",),
    propagators=lambda population, dt_ms: lif_propagators(
        population.parameters, dt_ms, population.integration, population.reset
    ),
    initial=lambda population: {"potential": population.parameters.rest_mv},
    advance=_advance,
)
