"""Forward Euler and ways to reset: the update orders of Norse and snnTorch, written out in float32, and refusals."""

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.network.models.discrete import smallest_spiking
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.network.models.comparison import network_of, spiked, state_of

F = np.float32
STEPS, SIZE = 400, 40
NONE = {"rest_mv": 0.0, "reset_mv": 0.0, "threshold_mv": 1.0, "refractory_ms": 0.0}


def drive(network: Network, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give (steps, neurons) float32 to ``neurons`` by a source that spikes in every step, with new weights each time.

    Returns (steps, neurons) spikes and potentials after each step.
    """
    found, potentials = [], []
    for row in inputs:
        network.set_weights(0, row[np.newaxis])
        found.append(spiked(network, network.advance(1, np.array([0, 1]), np.array([0], np.int32)), 1)[0])
        potentials.append(state_of(network)["potential"])
    return np.array(found), np.array(potentials)


@pytest.fixture
def inputs() -> np.ndarray:
    rng = np.random.default_rng(3)
    return (rng.normal(0.1, 0.3, (STEPS, SIZE)) * (rng.random((STEPS, SIZE)) < 0.8)).astype(np.float32)


def euler(model: str, reset: str, parameters: dict) -> Network:
    population = {"model": model, "size": SIZE, "integration": "euler", "reset": reset, "parameters": parameters}
    return network_of(population)


@pytest.mark.parametrize("delayed", [False, True])
def test_delta_subtract_is_snntorch_leaky(inputs, delayed):
    """mem = beta mem + x - reset threshold, reset from the membrane of the step before; or right after the spike."""
    beta, memory, expected = F(0.9), np.zeros(SIZE, F), []
    for row in inputs:
        late = (memory > 1).astype(F) if delayed else F(0)
        memory = beta * memory + row - late
        expected.append(memory > 1)
        memory = memory - (0 if delayed else expected[-1].astype(F))
    own = NONE | {"tau_membrane_ms": 10.0, "reset_mv": 1 - 1 / 0.9 if delayed else 0.0}
    found, _ = drive(euler("lif_delta", "subtract", own), inputs)
    assert np.sum(expected) > 300
    assert (found == expected).all()


def test_delta_zero_is_snntorch_leaky_bit_by_bit(inputs):
    beta, memory, expected = F(0.9), np.zeros(SIZE, F), []
    for row in inputs:
        memory = beta * memory + row
        fired = memory > 1
        memory = np.where(fired, F(0), memory)
        expected.append((fired, memory))
    found, potentials = drive(euler("lif_delta", "zero", NONE | {"tau_membrane_ms": 10.0, "reset_mv": 0.5}), inputs)
    assert (found == [fired for fired, _ in expected]).all()
    assert (potentials == [memory for _, memory in expected]).all()


def test_lif_is_snntorch_synaptic_bit_by_bit(inputs):
    alpha, beta = F(0.75), F(0.875)  # exact in binary, as are 1 - alpha and 1 - beta
    synaptic, memory, expected = np.zeros(SIZE, F), np.zeros(SIZE, F), []
    for row in inputs:
        synaptic = alpha * synaptic + row
        memory = beta * memory + synaptic
        fired = memory > 1
        memory = np.where(fired, memory - F(1), memory)
        expected.append((fired, memory))
    own = NONE | {"tau_membrane_ms": 8.0, "tau_synapse_ms": 4.0, "resistance_mohm": 8.0}
    found, potentials = drive(euler("lif", "subtract", own), inputs)
    assert (found == [fired for fired, _ in expected]).all()
    assert (potentials == [memory for _, memory in expected]).all()


def test_synaptic_that_resets_to_zero_a_step_late_has_a_refractory_step(inputs):
    """snnTorch 1.0, Synaptic, reset_mechanism="zero": the step after a spike is lost to the membrane."""
    alpha, beta = F(0.75), F(0.875)
    synaptic, memory, expected = np.zeros(SIZE, F), np.zeros(SIZE, F), []
    for row in inputs:
        late = memory > 1
        synaptic = alpha * synaptic + row
        memory = np.where(late, F(0), beta * memory + synaptic)
        expected.append(memory > 1)
    own = NONE | {"tau_membrane_ms": 8.0, "tau_synapse_ms": 4.0, "resistance_mohm": 8.0, "refractory_ms": 1.0}
    found, _ = drive(euler("lif", "zero", own), inputs)
    assert np.sum(expected) > 300
    assert (found == expected).all()


def test_lif_is_norse_lif_cell(inputs):
    """i_jump = i + x; v + dt / tau ((leak - v) + i_jump) > threshold; i_jump - dt / tau_syn i_jump."""
    rate, rate_synapse = F(0.125), F(0.25)
    v, i, expected, rows = np.full(SIZE, F(-0.5)), np.zeros(SIZE, F), [], inputs * F(5)
    for row in rows:
        i = i + row
        v = v + rate * ((F(-0.5) - v) + i)
        fired = v - F(1) > 0
        v = np.where(fired, F(-0.25), v)
        i = i - rate_synapse * i
        expected.append((fired, v))
    own = NONE | {"tau_membrane_ms": 8.0, "tau_synapse_ms": 4.0, "resistance_mohm": 1.0}
    found, potentials = drive(euler("lif", "value", own | {"rest_mv": -0.5, "reset_mv": -0.25}), rows)
    assert np.sum([fired for fired, _ in expected]) > 300
    assert (found == [fired for fired, _ in expected]).all()
    assert potentials == pytest.approx(np.array([v for _, v in expected]), abs=1e-5)


def test_delta_is_norse_lif_box_cell(inputs):
    v, expected, rows = np.full(SIZE, F(-0.5)), [], inputs * F(8)
    for row in rows:
        v = v + F(0.125) * (row + F(-0.5) - v)
        fired = v - F(1) > 0
        v = np.where(fired, F(-0.25), v)
        expected.append((fired, v))
    own = NONE | {"tau_membrane_ms": 8.0, "rest_mv": -0.5, "reset_mv": -0.25}
    found, potentials = drive(euler("lif_delta", "value", own), rows * F(0.125))
    assert np.sum([fired for fired, _ in expected]) > 200
    assert (found == [fired for fired, _ in expected]).all()
    assert potentials == pytest.approx(np.array([v for _, v in expected]), abs=1e-5)


def test_euler_must_exceed_the_threshold_and_exact_must_reach_it():
    at = {"model": "lif_delta", "size": 1, "parameters": NONE | {"tau_membrane_ms": 1e9}}
    for integration, expected in (("exact", True), ("euler", False)):
        network = network_of(at | {"integration": integration}, weight=1.0)
        network.advance(1, np.array([0, 1]), np.array([0], np.int32))
        assert (state_of(network)["potential"][0] == 0) == expected
    assert smallest_spiking(-50.0, "euler") == np.nextafter(F(-50), F(0))


@pytest.mark.parametrize("model", ["lif", "lif_delta"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reset": "subtract"}, "reset: subtract"),
        ({"reset": "zero"}, "threshold_mv"),
        ({"reset": "none"}, "reset"),
        ({"integration": "rk4"}, "integration"),
    ],
)
def test_what_cannot_be_is_refused(model, changes, expected):
    population = {"model": model, "size": 2, **changes}
    with pytest.raises(UserError, match=expected):
        validate(NetworkSpec, {"name": "x", "populations": {"n": population}, "connections": []}, "file.yaml")


@pytest.mark.parametrize("key", ["tau_membrane_ms", "tau_synapse_ms"])
def test_euler_refuses_a_time_constant_shorter_than_the_step(key):
    population = {"model": "lif", "size": 1, "integration": "euler", "parameters": {key: 0.5}}
    with pytest.raises(ValueError, match=key):
        network_of(population)
