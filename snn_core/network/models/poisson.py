"""A population that takes no input and spikes by itself, each neuron a Poisson process of the same rate.

In each step a neuron spikes with probability rate dt, independently of all else. The expected rate is ``rate_hz`` at
any dt, and two spikes in one step do not happen (Heeger 2000, "Poisson model of spike generation").

Each number is drawn from the population's seed, the step and the neuron's place alone (``_uniform``). So there is no
generator whose state would have to be saved, and any step can be computed by itself.
"""

from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from snn_core.network.compiled import carray, float32_pointer, kernel
from snn_core.network.models.base import (
    FIRST,
    PARAMETERS,
    SEED,
    SIZE,
    NeuronModel,
    PopulationSpec,
)

BLOCK = 32
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio


class PoissonPopulation(PopulationSpec):
    """A population of Poisson processes; see ``snn_core.network.models.poisson``."""

    model: Literal["poisson"]  # type: ignore[assignment]
    rate_hz: float = Field(ge=0, description="of each neuron; at most one spike a step")


def poisson_propagators(population: PoissonPopulation, dt_ms: float) -> tuple[float]:
    """The probability of a spike in a step of ``dt_ms``.

    Raises:
        ValueError: a rate of more than one spike a step.
    """
    if population.rate_hz * dt_ms > 1000:
        raise ValueError(f"rate_hz must be at most one spike a step ({1000 / dt_ms:g} Hz), found {population.rate_hz}")
    return (population.rate_hz * dt_ms / 1000,)


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
def _draw(probability, size, key, first, spikes, count):
    """Append the numbers of the neurons that spike; many blocks have none."""
    for begin in range(0, size, BLOCK):
        end = min(begin + BLOCK, size)
        drawn = False
        for i in range(begin, end):
            drawn |= _uniform(key, i) < probability
        if drawn:
            for i in range(begin, end):
                if _uniform(key, i) < probability:
                    spikes[count] = first + i
                    count += 1
    return count


@kernel
def _advance(record, step, spikes, count):
    p = carray(float32_pointer(record[PARAMETERS]), (1,))
    return _draw(p[0], record[SIZE], _key(record[SEED], step), record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="poisson",
    spec=PoissonPopulation,
    variables=(),
    channels=(),
    propagators=poisson_propagators,
    initial=lambda population: {},
    advance=_advance,
)
