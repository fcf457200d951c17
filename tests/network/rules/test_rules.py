"""The rules on random networks, against their float64 twins and against what must hold for each of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.network.networks import LIF, spike_train
from tests.reference_network import ReferenceNetwork

WINDOW, WINDOWS = 50, 5
SCALING = {"target_rate_hz": 20.0, "rate_per_ms": 1e-3, "tau_rate_ms": 200.0, "interval_ms": 30.0}
# Learning rates so large that a few hundred steps move the weights over much of their range.
RULES: dict[str, list[dict[str, Any]]] = {
    "pair_stdp": [
        {"w_max_na": 2.0, "learning_rate": 0.05},
        {"w_max_na": 2.0, "learning_rate": 0.05, "pairing": "nearest", "mu": 1.0},
        {"w_max_na": 2.0, "learning_rate": 0.05, "mu": 0.3, "scaling": SCALING},
    ],
    "triplet_stdp": [
        {"w_max_na": 2.0, "w_scale_na": 10.0},
        {
            "w_max_na": 2.0,
            "w_scale_na": 10.0,
            "pairing": "nearest",
            "a2_plus": 5e-3,
            "a3_minus": 3e-3,
            "scaling": SCALING,
        },
    ],
    "r_max": [
        {"w_max_na": 2.0, "learning_rate_per_ms": 1e-3},
        {
            "w_max_na": 2.0,
            "w_min_na": -1.0,
            "learning_rate_per_ms": 1e-3,
            "tau_reward_ms": None,
            "mean_reward_fraction": 0.2,
        },
        {"w_max_na": 2.0, "learning_rate_per_ms": 1e-3, "consolidation_fraction": 0.4},
    ],
    "e_prop": [
        {"w_min_na": -1.0, "w_max_na": 2.0, "learning_rate_per_ms": 1e-2},
        {"w_min_na": 0.0, "w_max_na": 2.0, "learning_rate_per_ms": 1e-2, "tau_reward_ms": 100.0},
    ],
    "td_stdp": [
        {"w_max_na": 2.0, "critic": "motor", "learning_rate_per_ms": 1e-3, "value_per_hz": 0.1},
        {"w_max_na": 2.0, "critic": "hidden", "learning_rate_per_ms": 1e-3, "value_offset": 1.0, "tau_reward_ms": 50.0},
    ],
}
CASES = [(name, index) for name, variants in RULES.items() for index in range(len(variants))]


def cells(rule: str, size: int, variant: int, rng: np.random.Generator) -> dict:
    """Neurons that the rule can learn with."""
    parameters = LIF | {"threshold_mv": -55.0}
    effect = str(rng.choice(["excitatory", "inhibitory", "mixed"]))
    if rule == "r_max":
        parameters |= {"rate_at_threshold_hz": 200.0, "refractory_ms": float(rng.integers(0, 4))}
        return {"model": "lif_escape", "size": size, "effect": effect, "parameters": parameters}
    if rule == "e_prop" and variant == 1:
        parameters |= {"tau_adaptation_ms": 80.0, "threshold_increase_mv": 2.0, "reset_mv": -62.0}
        return {"model": "adaptive_lif", "size": size, "effect": effect, "parameters": parameters}
    integration = str(rng.choice(["exact", "euler"]))
    return {"model": "lif", "size": size, "effect": effect, "parameters": parameters, "integration": integration}


def network_spec(name: str, variant: int, rng: np.random.Generator, delay: Any = None) -> NetworkSpec:
    """Inputs onto hidden neurons onto motor neurons, and hidden ones onto each other, all plastic."""
    rule = {"name": name, **RULES[name][variant]}
    inputs, hidden = int(rng.integers(3, 8)), int(rng.integers(2, 5))
    sizes = {"input": inputs, "hidden": hidden, "motor": 2}
    connections = []
    for pre, post in (("input", "hidden"), ("hidden", "hidden"), ("hidden", "motor"), ("input", "motor")):
        present = rng.random((sizes[pre], sizes[post])) < 0.7
        connections.append(
            {
                "pre": pre,
                "post": post,
                "pattern": {"kind": "mask", "rows": present.tolist()} if delay != "dense" else {"kind": "all_to_all"},
                "delay_ms": None if delay == "dense" else delay,
                "weights": {"distribution": "uniform", "low_na": 0.2, "high_na": 1.8},
                "rule": rule,
            }
        )
    return NetworkSpec.model_validate(
        {
            "name": "test",
            "dt_ms": float(rng.choice([0.5, 1.0])),
            "populations": {
                "input": {"model": "spike_source", "size": inputs},
                "hidden": cells(name, hidden, variant, rng),
                "motor": cells(name, 2, variant, rng),
            },
            "connections": connections,
        }
    )


def drive(network: Network, rng: np.random.Generator, windows: int, twin: ReferenceNetwork | None = None) -> tuple:
    """Spikes of network and twin as (step, population, neuron); weights are held in every fourth window."""
    names, begin = list(network.spec.populations), network.step
    ours, theirs = [], []
    for window in range(windows):
        reward = rng.normal(size=network.n_neurons).astype(np.float32)
        frozen = window % 4 == 3
        network.learning = not frozen
        offsets, inputs = spike_train(rng, WINDOW, network.spec.populations["input"].size, 0.15)
        network.set_reward(reward)
        spikes = network.advance(WINDOW, offsets, inputs)
        steps = (spikes.time_us // network.spec.dt_us - 1).tolist()
        ours += zip(steps, spikes.population.tolist(), spikes.neuron.tolist(), strict=True)
        if twin is None:
            continue
        twin.learning = not frozen
        for step in range(WINDOW):
            given_now = {name: reward[network.span(name)] for name in names} if step == 0 else None
            spiked = twin.step({"input": inputs[offsets[step] : offsets[step + 1]].tolist()}, given_now)
            theirs += [
                (begin + window * WINDOW + step, place, neuron)
                for place, name in enumerate(names)
                for neuron in spiked.get(name, [])
            ]
    return ours, theirs


def decided(name: str, twin: ReferenceNetwork) -> bool:
    """Whether float32 cannot have decided a spike: the twin came nowhere near a threshold (mV) or a random number."""
    return twin.margin > (2e-5 if name == "r_max" else 1e-4)


ROUNDING_NA = {"r_max": 2e-3, "e_prop": 1e-3, "td_stdp": 3e-4}
"""Of weights that range over 2 nA, where it is not 1e-4: a membrane high above its threshold has an escape rate, and a
gradient, of hundreds in a step, and what rounds the membrane is a small part of that."""


def assert_like(name: str, network: Network, twin: ReferenceNetwork) -> None:
    """Weights within rounding, traces within a thousandth."""
    for c, synapses in enumerate(twin.synapses):
        pairs = network.connection_pairs(c)
        atol = ROUNDING_NA.get(name, 1e-4)
        np.testing.assert_allclose(network.connection_matrix(c)[pairs], synapses.weights[pairs], atol=atol, rtol=0)
        traces = network.connection_traces(c)
        for trace, expected in synapses.traces().items():
            values = expected[pairs] if np.ndim(expected) == 2 else expected
            atol = 1e-3 * (1 + np.abs(values).max(initial=0.0))
            np.testing.assert_allclose(traces[trace].ravel(), values, atol=atol, rtol=0, err_msg=trace)


@pytest.mark.parametrize(("name", "variant"), CASES)
@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), delay=st.sampled_from([None, 2.0, [1.0, 40.0], "dense"]))
def test_rule_learns_as_its_float64_twin(name: str, variant: int, seed: int, delay: Any) -> None:
    rng = np.random.default_rng(seed)
    network = Network(network_spec(name, variant, rng, delay), seed)
    twin = ReferenceNetwork(network)
    ours, theirs = drive(network, rng, WINDOWS, twin)
    assume(decided(name, twin))
    assert ours == theirs
    assert_like(name, network, twin)


FAST = {
    "tau_membrane_ms": 2.0,
    "tau_synapse_ms": 1.0,
    "tau_adaptation_ms": 2.0,
    "reset_mv": -66.0,
    "threshold_mv": -63.0,
    "rate_at_threshold_hz": 1.0,
}
QUICK_RULES = {
    "r_max": {"tau_eligibility_ms": 2.0},
    "e_prop": {"tau_filter_ms": 2.0},
    "td_stdp": {"tau_eligibility_ms": 2.0, "tau_eligibility_rise_ms": 1.0, "tau_plus_ms": 2.0},
}


@pytest.mark.parametrize(("name", "variant"), [("r_max", 0), ("e_prop", 0), ("e_prop", 1), ("td_stdp", 0)])
def test_silent_rows_are_skipped_and_learn_again(name: str, variant: int) -> None:
    rng = np.random.default_rng(7)
    data = network_spec(name, variant, rng, [1.0, 9.0]).model_dump(mode="json")
    for cells in ("hidden", "motor"):
        known = data["populations"][cells]["parameters"]
        known |= {key: value for key, value in FAST.items() if key in known}
    for connection in data["connections"]:
        connection["rule"] |= QUICK_RULES[name]
    network = Network(NetworkSpec.model_validate(data), 0)
    twin = ReferenceNetwork(network)
    ours, theirs = drive(network, rng, 2, twin)
    assert len(ours) > 10
    assert network.operations().learning_updates > 0
    for _ in range(400):
        network.advance(1, np.zeros(2, np.int64), np.empty(0, np.int32))
        twin.step({}, None)
    silent = network.operations().learning_updates
    network.advance(1, np.zeros(2, np.int64), np.empty(0, np.int32))
    twin.step({}, None)
    if name != "r_max":  # whose neurons spike by themselves
        assert network.operations().learning_updates == silent
    more = drive(network, rng, 2, twin)
    assert more[0]
    assert decided(name, twin)
    assert (ours, more[0]) == (theirs, more[1])
    assert_like(name, network, twin)


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_weights_change_within_their_bounds_and_not_when_frozen(name: str, variant: int) -> None:
    rng = np.random.default_rng(1)
    network = Network(network_spec(name, variant, rng, "dense"), 0)
    before = [network.connection_weights(c) for c in range(4)]
    spikes, _ = drive(network, rng, 3)
    assert len(spikes) > 20
    low, high = network.spec.weight_bounds(network.spec.connections[0])
    for c in range(4):
        after = network.connection_weights(c)
        assert np.abs(after - before[c]).max() > 1e-3
        assert low <= after.min() <= after.max() <= high
    network.learning = False
    frozen = [network.connection_weights(c) for c in range(4)]
    network.set_reward(1.0)
    network.advance(WINDOW, *spike_train(rng, WINDOW, network.spec.populations["input"].size, 0.3))
    for c in range(4):
        np.testing.assert_array_equal(network.connection_weights(c), frozen[c])


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_a_restored_state_goes_on_with_the_same_bits(name: str, variant: int) -> None:
    spec = network_spec(name, variant, np.random.default_rng(2), [1.0, 6.0])
    network, other = Network(spec, 0), Network(spec, 0)
    drive(network, np.random.default_rng(3), 2)
    other.set_state({key: array.copy() for key, array in network.state().items()}, network.time_us)
    other.learning = network.learning
    for each in (network, other):
        drive(each, np.random.default_rng(4), 2)
    for key, array in network.state().items():
        assert array.tobytes() == other.state()[key].tobytes(), key


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "r_max", "w_max_na": 2.0, "learning_rate_per_ms": 1.0}, "escape_rate"),
        ({"name": "td_stdp", "w_max_na": 2.0, "learning_rate_per_ms": 1.0, "critic": "nobody"}, "critic must name"),
        ({"name": "td_stdp", "w_max_na": 2.0, "learning_rate_per_ms": 1.0, "critic": "input"}, "population of neurons"),
        (
            {"name": "td_stdp", "w_max_na": 2.0, "learning_rate_per_ms": 1.0, "critic": "motor", "tau_rise_ms": 200.0},
            "rise",
        ),
        (
            {
                "name": "td_stdp",
                "w_max_na": 2.0,
                "learning_rate_per_ms": 1.0,
                "critic": "motor",
                "tau_eligibility_ms": 50.0,
            },
            "tau_eligibility_rise_ms must be below tau_eligibility_ms",
        ),
        ({"name": "e_prop", "w_min_na": 2.0, "w_max_na": 2.0, "learning_rate_per_ms": 1.0}, "w_min_na must lie below"),
        ({"name": "pair_stdp", "w_max_na": 1.0}, r"must lie in \[0, 1\]"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, message: str) -> None:
    data = network_spec("pair_stdp", 0, np.random.default_rng(0)).model_dump(mode="json")
    data["connections"][0]["rule"] = change
    with pytest.raises(ValidationError, match=message):
        NetworkSpec.model_validate(data)


def test_a_model_that_the_rule_does_not_know_is_refused() -> None:
    """It has the variables, but its membrane is another one."""
    data = network_spec("e_prop", 0, np.random.default_rng(0)).model_dump(mode="json")
    for cells in ("hidden", "motor"):
        data["populations"][cells] = {"model": "lif_escape", "size": data["populations"][cells]["size"]}
    with pytest.raises(ValidationError, match="e_prop needs a postsynaptic model of lif, adaptive_lif; 'hidden' is"):
        NetworkSpec.model_validate(data)


def test_a_neuron_whose_rest_spikes_has_no_pseudo_derivative() -> None:
    data = network_spec("e_prop", 0, np.random.default_rng(0)).model_dump(mode="json")
    data["populations"]["motor"]["parameters"]["rest_mv"] = -40.0
    with pytest.raises(ValidationError, match=r"'motor': parameters\.rest_mv must lie below threshold_mv"):
        NetworkSpec.model_validate(data)
