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

Each number is drawn from the population's seed, the step and the neuron's place alone (``_uniform``). So there is no
generator whose state would have to be saved, and any step can be computed by itself.
"""

import math
from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from snn_core.network.compiled import carray, float32_pointer, kernel
from snn_core.network.models.base import (
    FIRST,
    INPUT,
    INPUT_STEPS,
    PARAMETERS,
    PITCH,
    SEED,
    SIZE,
    STATE,
    NeuronModel,
    PopulationSpec,
)
from snn_core.network.models.lif import LifParameters, lif_propagators

NEGLIGIBLE_NA = np.float32(1e-30)  # currents below are 0: denormal numbers would slow a step
BLOCK = 32
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio


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
def _mix(z):
    """The output function of splitmix64 (Steele, Lea and Flood 2014, OOPSLA, doi:10.1145/2660193.2660195)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _key(seed, step):
    return _mix(np.uint64(seed) + GOLDEN * np.uint64(step + 1))


@njit(cache=True, nogil=True)
def _uniform(key, i):
    """A float32 in [0, 1), a multiple of 2^-24, for neuron i in the step of the key."""
    return np.float32(np.int32(_mix(key + GOLDEN * np.uint64(i + 1)) >> np.uint64(40))) * np.float32(2.0**-24)


@njit(cache=True, nogil=True)
def _power(x):
    """(2^n, the polynomial of expm1) for exp(x) = 2^n (1 + polynomial), |x| at most 87; float32, within 3e-7."""
    n = np.float32(math.floor(x * np.float32(1.4426950408889634) + np.float32(0.5)))
    # ln(2) in two parts, the first of which n multiplies without rounding.
    r = (x - n * np.float32(0.693359375)) - n * np.float32(-2.12194440e-4)
    power = r * np.float32(1 / 720) + np.float32(1 / 120)
    power = power * r + np.float32(1 / 24)
    power = power * r + np.float32(1 / 6)
    power = power * r + np.float32(0.5)
    power = power * r + np.float32(1)
    return np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32), power * r


@njit(cache=True, nogil=True)
def _probability(rate, negative_dt):
    """1 - exp(-rate dt), without losing small ones to rounding."""
    scale, rest = _power(max(rate * negative_dt, np.float32(-87)))
    return (np.float32(1) - scale) - scale * rest


@njit(cache=True, nogil=True)
def _integrate(p, potential, current, refractory, escape_rate, arriving):
    """A step without spikes, and the rate of each neuron: 0 in its refractory period."""
    membrane_decay, coupling, current_decay, rest = p[0], p[1], p[2], p[3]
    threshold, steepness, rate_at_threshold = p[5], p[7], p[8]
    for i in range(potential.size):
        decayed = current[i] * current_decay
        synaptic = (decayed if abs(decayed) >= NEGLIGIBLE_NA else np.float32(0)) + arriving[i]
        arriving[i] = np.float32(0)
        current[i] = synaptic
        v = rest + (potential[i] - rest) * membrane_decay + synaptic * coupling
        left = refractory[i]
        free = left <= np.float32(0)
        potential[i] = v if free else potential[i]
        refractory[i] = max(left - np.float32(1), np.float32(0))
        scale, polynomial = _power(min(max((v - threshold) * steepness, np.float32(-80)), np.float32(60)))
        escape_rate[i] = rate_at_threshold * (scale + scale * polynomial) if free else np.float32(0)


@njit(cache=True, nogil=True)
def _spike(p, potential, refractory, escape_rate, key, first, spikes, count):
    """Draw the spikes, reset their neurons and append their numbers; many blocks have none."""
    reset, refractory_steps, negative_dt = p[4], p[6], p[9]
    for begin in range(0, potential.size, BLOCK):
        end = min(begin + BLOCK, potential.size)
        escaped = False
        for i in range(begin, end):
            escaped |= _uniform(key, i) < _probability(escape_rate[i], negative_dt)
        if escaped:
            for i in range(begin, end):
                if _uniform(key, i) < _probability(escape_rate[i], negative_dt):
                    potential[i] = reset
                    refractory[i] = refractory_steps
                    spikes[count] = first + i
                    count += 1
    return count


@kernel
def _advance(record, step, spikes, count):
    n, pitch = record[SIZE], record[PITCH]
    p = carray(float32_pointer(record[PARAMETERS]), (10,))
    state = carray(float32_pointer(record[STATE]), (4, pitch))
    arriving = carray(float32_pointer(record[INPUT]), (record[INPUT_STEPS], pitch))[step % record[INPUT_STEPS]][:n]
    potential, current, refractory, escape_rate = state[0][:n], state[1][:n], state[2][:n], state[3][:n]
    _integrate(p, potential, current, refractory, escape_rate, arriving)
    key = _key(record[SEED], step)
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
