"""The leaky integrate-and-fire neuron with escape noise: it spikes at random, at a rate that its membrane sets.

    tau_membrane dV/dt = -(V - E_rest) + R (I + I_bias)
    tau_synapse  dI/dt = -I
    rho                = rho_0 exp((V - theta) / delta_u)

A presynaptic spike raises I by its weight. V and I are integrated exactly, as in ``lif``. In a step that leaves the
membrane at V the neuron spikes with probability 1 - exp(-rho dt). The sources are Gerstner and Kistler (2002, Spiking
Neuron Models, section 5.3) and Pfister, Toyoizumi, Barber and Gerstner (2006, Neural Computation 18: 1318). After a
spike V is reset and clamped, and rho is 0, for the refractory period. The state variable ``escape_rate`` is the rho
(Hz) by which the step's spike was drawn; rules that follow a policy gradient read it. Its exponent is clamped to 60 or
below, which keeps rho finite.

Each number is drawn from the population's seed, the step and the neuron's place alone; see
``snn_core.network.models.random_numbers``.
"""

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from snn_core.network.compiled import kernel
from snn_core.network.models.base import FIRST, SEED, SIZE, NeuronModel, PopulationSpec
from snn_core.network.models.exponential import split_exponential
from snn_core.network.models.lif import LifParameters, lif_propagators, unreset_potential
from snn_core.network.models.random_numbers import step_key, uniform
from snn_core.network.models.record import unpack

BLOCK = 32


class LifEscapeParameters(LifParameters):
    """LIF neuron that spikes at random; threshold_mv is theta; see ``snn_core.network.models.lif_escape``."""

    rate_at_threshold_hz: float = Field(default=100.0, gt=0, le=1e6, description="rho_0")
    escape_width_mv: float = Field(default=2.0, gt=0, description="over which the rate grows e-fold: delta_u")


class LifEscapePopulation(PopulationSpec):
    """A population of stochastic LIF neurons with common parameters."""

    model: Literal["lif_escape"]  # type: ignore[assignment]
    parameters: LifEscapeParameters = Field(default_factory=LifEscapeParameters)


def lif_escape_propagators(population: LifEscapePopulation, dt_ms: float) -> tuple[float, ...]:
    """Those of ``lif`` for a step of ``dt_ms`` but the last, then 1 / delta_u (1/mV), rho_0 (Hz) and -dt (s)."""
    parameters = population.parameters
    escape = (1 / parameters.escape_width_mv, parameters.rate_at_threshold_hz, -dt_ms / 1000)
    return (*lif_propagators(parameters, dt_ms)[:7], *escape)


@njit(cache=True, nogil=True)
def _probability(rate, negative_dt):
    """1 - exp(-rate dt), without losing small ones to rounding."""
    scale, rest = split_exponential(max(rate * negative_dt, np.float32(-87)))
    return (np.float32(1) - scale) - scale * rest


@njit(cache=True, nogil=True)
def _integrate(p, potential, current, refractory, escape_rate, arriving):
    """A step without spikes, and the rate of each neuron: 0 in its refractory period."""
    membrane_decay, coupling, current_decay, rest = p[0], p[1], p[2], p[3]
    threshold, steepness, rate_at_threshold = p[5], p[7], p[8]
    for i in range(potential.size):
        v = unreset_potential(i, potential, current, arriving, membrane_decay, coupling, current_decay, rest)
        left = refractory[i]
        free = left <= np.float32(0)
        potential[i] = v if free else potential[i]
        refractory[i] = max(left - np.float32(1), np.float32(0))
        scale, polynomial = split_exponential(min(max((v - threshold) * steepness, np.float32(-80)), np.float32(60)))
        escape_rate[i] = rate_at_threshold * (scale + scale * polynomial) if free else np.float32(0)


@njit(cache=True, nogil=True)
def _spike(p, potential, refractory, escape_rate, key, first, spikes, count):
    """Draw the spikes, reset their neurons and append their numbers; many blocks have none."""
    reset, refractory_steps, negative_dt = p[4], p[6], p[9]
    for begin in range(0, potential.size, BLOCK):
        end = min(begin + BLOCK, potential.size)
        escaped = False
        for i in range(begin, end):
            escaped |= uniform(key, i) < _probability(escape_rate[i], negative_dt)
        if escaped:
            for i in range(begin, end):
                if uniform(key, i) < _probability(escape_rate[i], negative_dt):
                    potential[i] = reset
                    refractory[i] = refractory_steps
                    spikes[count] = first + i
                    count += 1
    return count


@kernel
def _advance(record, step, spikes, count):
    n = record[SIZE]
    p, state, arriving = unpack(record, step, 10, 4, 1)
    potential, current, refractory, escape_rate = state[0][:n], state[1][:n], state[2][:n], state[3][:n]
    _integrate(p, potential, current, refractory, escape_rate, arriving[0][:n])
    key = step_key(record[SEED], step)
    return _spike(p, potential, refractory, escape_rate, key, record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="lif_escape",
    spec=LifEscapePopulation,
    variables=("potential", "current", "refractory", "escape_rate"),
    channels=("current",),
    propagators=lif_escape_propagators,
    initial=lambda population: {"potential": population.parameters.rest_mv},
    advance=_advance,
)
