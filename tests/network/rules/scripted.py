"""Spike trains that a test writes down: two inputs, and a driver that makes their target spike in its own step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec

DRIVE_NA = 1e5
"""Enough for a spike in the step of its arrival, in a neuron whose current is gone after that step."""


def scripted(rule: Mapping[str, Any], weights: Sequence[float] = (1.0,), **connection: Any) -> Network:
    """Inputs 0, 1, ... onto one neuron by this rule, and a last input that drives it."""
    cell = {"tau_synapse_ms": 0.05, "refractory_ms": 0.0}
    drive = {"distribution": "constant", "value_na": DRIVE_NA}
    plastic = {"distribution": "values", "values_na": [[weight] for weight in weights]}
    spec = {
        "name": "scripted",
        "populations": {
            "input": {"model": "spike_source", "size": len(weights)},
            "driver": {"model": "spike_source", "size": 1},
            "cell": {"model": "lif", "size": 1, "parameters": cell},
        },
        "connections": [
            {"pre": "input", "post": "cell", "weights": plastic, "rule": dict(rule), **connection},
            {"pre": "driver", "post": "cell", "weights": drive},
        ],
    }
    return Network(NetworkSpec.model_validate(spec), 0)


def play(network: Network, pre: Mapping[int, Sequence[int]], post: Sequence[int], steps: int) -> np.ndarray:
    """Let inputs spike in the steps of ``pre`` and the neuron in those of ``post``; the weights after ``steps``."""
    driver = len(network.connection_weights(0))
    spikes = sorted([(step, i) for i, times in pre.items() for step in times] + [(step, driver) for step in post])
    counts = np.bincount([step for step, _ in spikes], minlength=steps)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    came = network.advance(steps, offsets, np.array([neuron for _, neuron in spikes], np.int32))
    assert (came.time_us // network.spec.dt_us - 1).tolist() == sorted(post)
    return network.connection_weights(0)
