"""Small network descriptions for tests, and spikes to feed them."""

import numpy as np

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
        "encoder": {
            "code": "event_driven",
            "population": "input",
            "events_per_spike": 2,
            "pooling": {"rows": 1, "columns": inputs},
        },
        "decoder": {"code": "differential_steering", "population": "motor", "left": 0, "right": min(1, neurons - 1)},
        **changes,
    }


def spec(*args, **changes) -> NetworkSpec:
    """The checked description."""
    return NetworkSpec.model_validate(description(*args, **changes))


def spike_train(rng: np.random.Generator, steps: int, inputs: int, probability: float) -> tuple[np.ndarray, np.ndarray]:
    """Random input spikes as ``Network.advance`` takes them."""
    spiking = rng.random((steps, inputs)) < probability
    offsets = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
    return offsets, np.nonzero(spiking)[1].astype(np.int32)
