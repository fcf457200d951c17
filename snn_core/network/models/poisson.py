"""A population that takes no input and spikes by itself, each neuron a Poisson process of the same rate.

In each step a neuron spikes with probability rate dt, independently of all else. The expected rate is ``rate_hz`` at
any dt, and two spikes in one step do not happen (Heeger 2000, "Poisson model of spike generation").

Each number is drawn from the population's seed, the step and the neuron's place alone; see
``snn_core.network.models.random_numbers``.
"""

from typing import Literal

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
from snn_core.network.models.random_numbers import step_key, uniform

BLOCK = 32


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
def _draw(probability, size, key, first, spikes, count):
    """Append the numbers of the neurons that spike; many blocks have none."""
    for begin in range(0, size, BLOCK):
        end = min(begin + BLOCK, size)
        drawn = False
        for i in range(begin, end):
            drawn |= uniform(key, i) < probability
        if drawn:
            for i in range(begin, end):
                if uniform(key, i) < probability:
                    spikes[count] = first + i
                    count += 1
    return count


@kernel
def _advance(record, step, spikes, count):
    p = carray(float32_pointer(record[PARAMETERS]), (1,))
    return _draw(p[0], record[SIZE], step_key(record[SEED], step), record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="poisson",
    spec=PoissonPopulation,
    variables=(),
    channels=(),
    propagators=poisson_propagators,
    initial=lambda population: {},
    advance=_advance,
)
