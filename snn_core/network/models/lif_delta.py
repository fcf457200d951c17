"""The leaky integrate-and-fire neuron with synapses of zero duration, integrated exactly.

    tau_membrane dV/dt = -(V - E_rest) + R I_bias

A presynaptic spike moves V by its weight, which is in mV. Between spikes the solution is an exponential (Rotter and
Diesmann 1999, Biological Cybernetics 81; NEST has it as iaf_psc_delta). The jump comes at the end of the step, after
the decay. When V then reaches the threshold the neuron spikes, V is reset and clamped for the refractory period, and
what arrives meanwhile is lost.

A population may say ``integration: euler`` and ``reset: subtract`` or ``zero``, as other simulators do it: see
``snn_core.network.models.discrete``. With euler

    V <- V + dt / tau_membrane (E_rest - V + R I_bias) + arriving weights
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


class LifDeltaParameters(StrictModel):
    """Leaky integrate-and-fire neuron that a spike moves by its weight; see ``snn_core.network.models.lif_delta``."""

    tau_membrane_ms: float = Field(default=20.0, gt=0)
    resistance_mohm: float = Field(default=10.0, gt=0, description="of the bias current")
    rest_mv: float = -65.0
    reset_mv: float = -65.0
    threshold_mv: float = -50.0
    refractory_ms: float = Field(default=2.0, ge=0)
    bias_current_na: float = 0.0

    _reset_lies_below_threshold = model_validator(mode="after")(reset_below_threshold)


class LifDeltaPopulation(PopulationSpec):
    """A population of LIF neurons with common parameters and synapses of zero duration; weights are in mV."""

    model: Literal["lif_delta"]  # type: ignore[assignment]
    parameters: LifDeltaParameters = Field(default_factory=LifDeltaParameters)
    integration: Integration = "exact"
    reset: Reset = "value"

    @model_validator(mode="after")
    def _reset_fits(self) -> "LifDeltaPopulation":
        check_reset(self.parameters, self.reset)
        return self


class LifDeltaPropagators(NamedTuple):
    """What one step does to a neuron; mV, all float32 in the kernel."""

    decay: float
    rest: float
    threshold: float
    refractory_steps: float
    reset_keeps: float
    reset_adds: float


def lif_delta_propagators(population: LifDeltaPopulation, dt_ms: float) -> LifDeltaPropagators:
    """The propagators of a step of ``dt_ms``; ``rest`` includes what the bias current adds.

    Raises:
        ValueError: with euler, a time constant shorter than the step.
    """
    parameters, tau = population.parameters, population.parameters.tau_membrane_ms
    euler = population.integration == "euler"
    kept, added = reset_numbers(parameters, population.reset)
    return LifDeltaPropagators(
        decay=euler_decay(tau, dt_ms, "tau_membrane_ms") if euler else math.exp(-dt_ms / tau),
        rest=parameters.rest_mv + parameters.resistance_mohm * parameters.bias_current_na,
        threshold=smallest_spiking(parameters.threshold_mv, population.integration),
        refractory_steps=round(parameters.refractory_ms / dt_ms),
        reset_keeps=kept,
        reset_adds=added,
    )


@njit(cache=True, nogil=True)
def _integrate(p, potential, refractory, arriving):
    """A step without reset; neurons in their refractory period hold the potential, which lies below the threshold."""
    decay, rest = p[0], p[1]
    for i in range(potential.size):
        v = rest + without_negligible((potential[i] - rest) * decay) + arriving[i]
        arriving[i] = np.float32(0)
        hold_or_move(potential, refractory, i, v)


@kernel
def _advance(record, step, spikes, count):
    n = record[SIZE]
    p, state, arriving = unpack(record, step, 6, 2, 1)
    potential, refractory = state[0][:n], state[1][:n]
    _integrate(p, potential, refractory, arriving[0][:n])
    return spike(potential, refractory, p[2], p[4], p[5], p[3], record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="lif_delta",
    spec=LifDeltaPopulation,
    variables=("potential", "refractory"),
    channels=("current",),
    propagators=lif_delta_propagators,
    initial=lambda population: {"potential": population.parameters.rest_mv},
    advance=_advance,
)
