"""A population of a model, driven at random, beside its float64 twin."""

import math
from typing import NamedTuple

import numpy as np

from snn_core.network.models import MODELS
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.reference_models import REFERENCE_MODELS

NO_INPUT = np.empty(0, np.int32)


def network_of(population: dict, weight: float = 0.0, dt_ms: float = 1.0, seed: int = 1, sources: int = 1) -> Network:
    """A population named ``neurons``; what takes input has, for each channel, ``sources`` that reach it with the given
    weight: population ``excitatory``, and ``inhibitory`` if the model tells them apart.
    """
    channels = MODELS[population["model"]].channels
    kinds = ("excitatory", "inhibitory")[: len(channels)]
    effects = kinds if len(channels) > 1 else ("mixed",) * len(channels)
    inputs = {
        kind: {"model": "spike_source", "size": sources, "effect": effect}
        for kind, effect in zip(kinds, effects, strict=True)
    }
    weights = {"distribution": "constant", "value_na": weight}
    description = {
        "name": "test",
        "dt_ms": dt_ms,
        "populations": {**inputs, "neurons": population},
        "connections": [{"pre": kind, "post": "neurons", "weights": weights} for kind in kinds],
    }
    return Network(NetworkSpec.model_validate(description), seed)


def state_of(network: Network) -> dict[str, np.ndarray]:
    """The state of ``neurons``; copies."""
    return {name: values.copy() for name, values in network.population_state("neurons").items()}


def silent(network: Network, steps: int) -> np.ndarray:
    """Advance without input; (steps, neurons) bool, who spiked."""
    return spiked(network, network.advance(steps, np.zeros(steps + 1, np.int64), NO_INPUT), steps)


def spiked(network: Network, spikes, steps: int) -> np.ndarray:
    """The last ``steps`` steps' spikes of ``neurons`` as (steps, neurons) bool."""
    found = np.zeros((steps, network.spec.populations["neurons"].size), bool)
    own = spikes.population == list(network.spec.populations).index("neurons")
    found[(spikes.time_us[own] - network.time_us) // network.spec.dt_us + steps - 1, spikes.neuron[own]] = True
    return found


class Agreement(NamedTuple):
    """What a comparison found."""

    neuron_steps: int
    """Steps of neurons that were compared: all in which rounding could not decide a spike."""
    spikes: int
    """Among these."""
    worst: float
    """Largest difference of a state variable among these, in units of 1 + its size."""


def compare(
    population: dict,
    steps: int,
    weights: tuple[float, float],
    margin: float,
    dt_ms: float = 1.0,
    seed: int = 0,
    probability: float = 0.05,
) -> Agreement:
    """Run a population and its twin on random spikes of 20 inputs a channel, with weights drawn from ``weights``.

    Raises AssertionError when a spike differs that was decided by more than ``margin`` (mV, or a probability). Where it
    was not, the twin goes on from the model's state.
    """
    rng = np.random.default_rng(seed)
    network = network_of(population, dt_ms=dt_ms, seed=seed, sources=20)
    spec, size = network.spec, population["size"]
    twin = REFERENCE_MODELS[population["model"]](spec.populations["neurons"], dt_ms, network.population_seed("neurons"))
    matrices = []
    for c in range(len(spec.connections)):
        network.set_weights(c, rng.uniform(*weights, (20, size)).astype(np.float32))
        matrices.append(network.connection_weights(c).astype(np.float64))
    compared = spikes = 0
    worst = 0.0
    for step in range(steps):
        fired = [np.flatnonzero(rng.random(20) < probability) for _ in matrices]
        arriving = np.array([matrix[rows].sum(axis=0) for matrix, rows in zip(matrices, fired, strict=True)])
        inputs = np.concatenate([20 * c + rows for c, rows in enumerate(fired)] or [NO_INPUT]).astype(np.int32)
        found = spiked(network, network.advance(1, np.array([0, inputs.size]), inputs), 1)[0]
        expected = np.zeros(size, bool)
        expected[twin.advance(step, arriving.reshape(len(matrices), size))] = True
        decided = twin.margins > margin
        assert (found == expected)[decided].all(), f"step {step}: {found} instead of {expected}, margins {twin.margins}"
        compared += int(decided.sum())
        spikes += int(expected[decided].sum())
        state = state_of(network)
        for index in np.flatnonzero(~decided):
            twin.adopt(index, state)
        for name, values in twin.variables().items():
            difference = np.abs(state[name] - values) / (1 + np.abs(values))
            worst = max(worst, float(difference[decided & twin.comparable()].max(initial=0.0)))
    assert math.isfinite(worst)
    return Agreement(compared, spikes, worst)
