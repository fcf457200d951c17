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
from snn_core.network.compiled import carray, float32_pointer, kernel
from snn_core.network.models.base import (
    FIRST,
    INPUT,
    INPUT_STEPS,
    PARAMETERS,
    PITCH,
    SIZE,
    STATE,
    NeuronModel,
    PopulationSpec,
)
from snn_core.network.models.discrete import (
    Integration,
    Reset,
    check_reset,
    euler_decay,
    reset_numbers,
    smallest_spiking,
)

NEGLIGIBLE_NA = np.float32(1e-30)  # currents below are 0: numbers too small for float32's exponent would slow a step
BLOCK = 64


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

    @model_validator(mode="after")
    def _reset_lies_below_threshold(self) -> "LifParameters":
        if self.reset_mv >= self.threshold_mv:
            raise ValueError(f"reset_mv must lie below threshold_mv ({self.threshold_mv}), found {self.reset_mv}")
        return self


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
def _integrate(p, potential, current, refractory, arriving):
    """A step without reset; neurons in their refractory period hold the potential, which lies below the threshold."""
    membrane_decay, coupling, current_decay, rest = p[0], p[1], p[2], p[3]
    for i in range(potential.size):
        decayed = current[i] * current_decay
        flushed = decayed if abs(decayed) >= NEGLIGIBLE_NA else np.float32(0)
        synaptic = flushed + arriving[i]
        arriving[i] = np.float32(0)
        current[i] = synaptic
        v = rest + (potential[i] - rest) * membrane_decay + synaptic * coupling
        left = refractory[i]
        potential[i] = v if left <= np.float32(0) else potential[i]
        refractory[i] = max(left - np.float32(1), np.float32(0))


@njit(cache=True, nogil=True)
def _spike(p, potential, refractory, first, spikes, count):
    """Reset the neurons that have reached the threshold and append their numbers; most blocks have none."""
    reset, threshold, refractory_steps, kept = p[4], p[5], p[6], p[7]
    for begin in range(0, potential.size, BLOCK):
        end = min(begin + BLOCK, potential.size)
        reached = False
        for i in range(begin, end):
            reached |= potential[i] >= threshold
        if reached:
            for i in range(begin, end):
                if potential[i] >= threshold:
                    potential[i] = kept * potential[i] + reset
                    refractory[i] = refractory_steps
                    spikes[count] = first + i
                    count += 1
    return count


@kernel
def _advance(record, step, spikes, count):
    n, pitch = record[SIZE], record[PITCH]
    p = carray(float32_pointer(record[PARAMETERS]), (8,))
    state = carray(float32_pointer(record[STATE]), (3, pitch))
    arriving = carray(float32_pointer(record[INPUT]), (record[INPUT_STEPS], pitch))[step % record[INPUT_STEPS]][:n]
    potential, current, refractory = state[0][:n], state[1][:n], state[2][:n]
    _integrate(p, potential, current, refractory, arriving)
    return _spike(p, potential, refractory, record[FIRST], spikes, count)


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
