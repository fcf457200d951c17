"""Small network descriptions for tests, and spikes to feed them."""

import copy

import numpy as np

from snn_core.control.spec import ControllerSpec
from snn_core.network.models.lif import LifPopulation
from snn_core.network.spec import NetworkSpec

LIF = {
    "tau_membrane_ms": 20.0,
    "tau_synapse_ms": 5.0,
    "resistance_mohm": 10.0,
    "rest_mv": -65.0,
    "reset_mv": -68.0,
    "threshold_mv": -50.0,
    "refractory_ms": 2.0,
}
RULE = {"name": "r_stdp", "learning_rate_per_ms": 1e-3, "w_max_na": 3.0, "tau_eligibility_ms": 500.0}


def description(inputs: int = 4, neurons: int = 2, **changes) -> dict:
    """An input population onto one of LIF neurons, as YAML would give it; ``changes`` replace top-level keys."""
    return {
        "name": "test",
        "populations": {
            "input": {"model": "spike_source", "size": inputs},
            "motor": {"model": "lif", "size": neurons, "parameters": dict(LIF)},
        },
        "connections": [
            {
                "pre": "input",
                "post": "motor",
                "weights": {"distribution": "uniform", "low_na": 0.0, "high_na": 2.0},
                "rule": dict(RULE),
            }
        ],
        **changes,
    }


def spec(*args, **changes) -> NetworkSpec:
    """The checked description."""
    return NetworkSpec.model_validate(description(*args, **changes))


def controller_description(inputs: int = 4, neurons: int = 2, **changes) -> dict:
    """The same network with an encoder and a decoder, differential steering."""
    return {
        **description(inputs, neurons),
        "encoder": {
            "code": "event_driven",
            "population": "input",
            "events_per_spike": 2,
            "pooling": {"rows": 1, "columns": inputs},
        },
        "decoder": {"code": "differential_steering", "population": "motor", "left": 0, "right": min(1, neurons - 1)},
        **changes,
    }


def controller_spec(*args, **changes) -> ControllerSpec:
    """Its checked description."""
    return ControllerSpec.model_validate(controller_description(*args, **changes))


def replaced(data: dict, path: str, value) -> dict:
    """A description with one value replaced, or taken away (None); ``path`` is dotted."""
    data = copy.deepcopy(data)
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place = data
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


def spike_train(rng: np.random.Generator, steps: int, inputs: int, probability: float) -> tuple[np.ndarray, np.ndarray]:
    """Random input spikes as ``Network.advance`` takes them."""
    spiking = rng.random((steps, inputs)) < probability
    offsets = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
    return offsets, np.nonzero(spiking)[1].astype(np.int32)


def lif_population(spec: NetworkSpec, name: str) -> LifPopulation:
    """A population of LIF neurons, as such."""
    population = spec.populations[name]
    assert isinstance(population, LifPopulation)
    return population
