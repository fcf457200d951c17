"""The workloads as network files of SpikeDrive would have them."""

from typing import Any

from snn_core.control.spec import ControllerSpec, load_controller_spec
from snn_core.network.spec import NetworkSpec
from spikedrive_benchmarks.snn.workloads import (
    DELAY_MS,
    DT_MS,
    OUT_DEGREE,
    REFRACTORY_MS,
    RESISTANCE_MOHM,
    TAU_ELIGIBILITY_MS,
    TAU_MEMBRANE_MS,
    TAU_SYNAPSE_MS,
    TAU_TRACE_MS,
    THRESHOLD_MV,
    TwoLayers,
    Workload,
)

RECURRENT_W_MAX_NA = 0.2
RECURRENT_LEARNING_RATE = 1e-6
SOURCE_NA = 8.0
"""Enough for a spike of a neuron at rest."""


def describe(what: Workload) -> NetworkSpec:
    """The network of a workload."""
    if isinstance(what, TwoLayers):
        return NetworkSpec.model_validate(_two_layers(what))
    if what.name.startswith("lane"):
        return _lane(what)
    return NetworkSpec.model_validate(_recurrent(what))


def _lif(size: int) -> dict[str, Any]:
    parameters = {
        "tau_membrane_ms": TAU_MEMBRANE_MS,
        "tau_synapse_ms": TAU_SYNAPSE_MS,
        "resistance_mohm": RESISTANCE_MOHM,
        "rest_mv": 0.0,
        "reset_mv": 0.0,
        "threshold_mv": THRESHOLD_MV,
        "refractory_ms": REFRACTORY_MS,
    }
    return {"model": "lif", "size": size, "parameters": parameters}


def _rule(learning_rate: float, w_max: float) -> dict[str, Any]:
    return {
        "name": "r_stdp",
        "learning_rate_per_ms": learning_rate,
        "w_max_na": w_max,
        "tau_plus_ms": TAU_TRACE_MS,
        "tau_minus_ms": TAU_TRACE_MS,
        "tau_eligibility_ms": TAU_ELIGIBILITY_MS,
        "tau_reward_ms": None,
    }


def _two_layers(what: TwoLayers) -> dict[str, Any]:
    n_inputs, n_hidden, n_motor = what.sizes
    populations = {
        "input": {"model": "spike_source", "size": n_inputs},
        "hidden": _lif(n_hidden),
        "motor": _lif(n_motor),
    }
    pairs = zip((("input", "hidden"), ("hidden", "motor")), what.learning_rate, what.w_max, strict=True)
    connections = [
        {
            "pre": pre,
            "post": post,
            "weights": {"distribution": "constant", "value_na": 0.0},
            "rule": _rule(learning_rate, w_max) if what.plastic else None,
        }
        for (pre, post), learning_rate, w_max in pairs
    ]
    return {"name": what.name, "dt_ms": DT_MS, "populations": populations, "connections": connections}


def _recurrent(what: Workload) -> dict[str, Any]:
    populations = {"input": {"model": "spike_source", "size": what.n_inputs}, "neurons": _lif(what.n_counted)}
    driven = {
        "pre": "input",
        "post": "neurons",
        "pattern": {"kind": "one_to_one"},
        "weights": {"distribution": "constant", "value_na": SOURCE_NA},
    }
    recurrent = {
        "pre": "neurons",
        "post": "neurons",
        "pattern": {"kind": "fixed_out_degree", "degree": OUT_DEGREE},
        "delay_ms": DELAY_MS,
        "weights": {"distribution": "uniform", "low_na": 0.0, "high_na": RECURRENT_W_MAX_NA},
        "rule": _rule(RECURRENT_LEARNING_RATE, RECURRENT_W_MAX_NA) if what.plastic else None,
    }
    return {"name": what.name, "dt_ms": DT_MS, "populations": populations, "connections": [driven, recurrent]}


def _lane(what: Workload) -> ControllerSpec:
    spec = load_controller_spec("lane")
    described = spec.model_dump(mode="json")
    if what.name == "lane_polarity":
        described["encoder"]["pooling"]["polarity"] = "separate"
        described["populations"]["retina"]["size"] *= 2
    return ControllerSpec.model_validate(described)
