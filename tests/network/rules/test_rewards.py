"""What all rewarded rules share, and what is known of them: they climb, they regress, a critic predicts."""

from typing import Any

import numpy as np
import pytest

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.network.networks import LIF, spike_train
from tests.network.rules.test_rules import CASES, RULES, WINDOW, network_spec

REWARDED = [(name, variant) for name, variant in CASES if name in ("r_max", "e_prop", "td_stdp")]


def advance(network: Network, rng: np.random.Generator, steps: int = WINDOW, probability: float = 0.15) -> Any:
    size = network.spec.populations["input"].size
    return network.advance(steps, *spike_train(rng, steps, size, probability))


@pytest.mark.parametrize(("name", "variant"), REWARDED)
def test_one_reward_for_all_is_the_same_for_each(name: str, variant: int) -> None:
    """Bit by bit."""
    spec = network_spec(name, variant, np.random.default_rng(5), [1.0, 6.0])
    scalar, array = Network(spec, 0), Network(spec, 0)
    for reward in (1.0, -0.5, 0.25):
        scalar.set_reward(reward)
        array.set_reward(np.full(array.n_neurons, reward))
        for each in (scalar, array):
            advance(each, np.random.default_rng(6))
    for key, value in scalar.state().items():
        assert value.tobytes() == array.state()[key].tobytes(), key


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_a_rule_follows_the_signal_that_it_names_as_it_does_the_reward(name: str, variant: int) -> None:
    """Bit by bit; a reward is then nothing to it."""
    plain = network_spec(name, variant, np.random.default_rng(5), [1.0, 6.0])
    data = plain.model_dump(mode="json")
    for connection in data["connections"]:
        connection["rule"]["signal"] = "novelty"
    named, rewarded = Network(NetworkSpec.model_validate(data), 0), Network(plain, 0)
    assert (named.signals, rewarded.signals) == (("novelty",), ("reward",))
    for value in (1.0, -0.5, 0.25):
        named.set_signal("novelty", value)
        named.set_reward(7.0)
        rewarded.set_reward(value)
        for each in (named, rewarded):
            advance(each, np.random.default_rng(6))
    for key, array in named.state().items():
        assert array.tobytes() == rewarded.state()[key].tobytes(), key


@pytest.mark.parametrize("name", ["r_max", "e_prop"])
def test_a_neuron_learns_from_its_own_reward_alone(name: str) -> None:
    spec = network_spec(name, 0, np.random.default_rng(5), "dense")
    rewarded, other = Network(spec, 0), Network(spec, 0)
    reward = np.zeros(other.n_neurons)
    reward[other.span("motor").start] = 1.0
    rewarded.set_reward(reward)
    for each in (rewarded, other):
        advance(each, np.random.default_rng(6))
    for connection in (2, 3):  # onto the motor neurons
        changed = np.any(rewarded.connection_matrix(connection) != other.connection_matrix(connection), axis=0)
        assert changed.tolist() == [True, False]
    for connection in (0, 1):
        np.testing.assert_array_equal(rewarded.connection_weights(connection), other.connection_weights(connection))


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_the_learning_rate_scales_what_is_learnt(name: str, variant: int) -> None:
    """Of the first changes, before they change the spikes."""
    spec = network_spec(name, variant, np.random.default_rng(8), "dense")
    data = spec.model_dump(mode="json")
    for connection in data["connections"]:
        connection["rule"] |= {"scaling": None} if "scaling" in connection["rule"] else {}
        connection["rule"] |= {"learning_rate": 1e-3} if name == "pair_stdp" else {}
    networks = [Network(NetworkSpec.model_validate(data), 0) for _ in range(3)]
    for network, factor in zip(networks, (0.0, 0.5, 1.0), strict=True):
        network.set_learning_rate(3, factor)
        for other in (0, 1, 2):
            network.set_learning_rate(other, 0.0)
        network.set_reward(1.0)
    before = networks[0].connection_weights(3)
    for seed in range(WINDOW):
        for network in networks:
            advance(network, np.random.default_rng(seed), 1, 0.3)
        still, half, whole = (network.connection_weights(3) - before for network in networks)
        if np.abs(whole).max() > 1e-4:
            break
    assert not still.any()
    assert np.abs(whole).max() > 1e-4
    np.testing.assert_allclose(half, whole / 2, rtol=0.02, atol=1e-6)
    assert all(not (network.connection_weights(0) - networks[0].connection_weights(0)).any() for network in networks)


def test_a_fixed_connection_has_no_learning_rate() -> None:
    data = network_spec("pair_stdp", 0, np.random.default_rng(0)).model_dump(mode="json")
    data["connections"][0]["rule"] = None
    network = Network(NetworkSpec.model_validate(data), 0)
    with pytest.raises(ValueError, match="does not learn"):
        network.set_learning_rate(0, 1.0)


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_after_a_rest_only_what_has_been_learnt_is_left(name: str, variant: int) -> None:
    spec = network_spec(name, variant, np.random.default_rng(9), [1.0, 6.0])
    used, fresh = Network(spec, 0), Network(spec, 0)
    rng = np.random.default_rng(10)
    for _ in range(3):
        used.set_reward(rng.normal(size=used.n_neurons))
        advance(used, rng)
    used.rest(0)
    for connection in range(4):
        fresh.set_weights(connection, used.connection_weights(connection))
        kept = {"mean_reward_fraction": ["post_traces"], "consolidation_fraction": ["consolidated", "consolidations"]}
        for key in (key for option, keys in kept.items() if RULES[name][variant].get(option) for key in keys):
            assert used.state()[f"connections.{connection}.{key}"].any()  # means of what has been are no traces
            fresh.state()[f"connections.{connection}.{key}"][:] = used.state()[f"connections.{connection}.{key}"]
    for each in (used, fresh):
        each.set_reward(0.3)
        advance(each, np.random.default_rng(11))
    for key, value in used.state().items():
        np.testing.assert_array_equal(value, fresh.state()[key], err_msg=key)


def test_rules_without_a_reward_leave_it() -> None:
    network = Network(network_spec("pair_stdp", 0, np.random.default_rng(0)), 0)
    network.set_reward(1.0)
    assert "reward" not in network.connection_traces(0)


def test_mean_reward_is_subtracted_before_it_follows() -> None:
    network = Network(network_spec("r_max", 1, np.random.default_rng(0)), 0)
    for reward, mean, left in ((1.0, 0.2, 1.0), (1.0, 0.36, 0.8), (0.0, 0.288, -0.36)):
        network.set_reward(reward)
        traces = network.connection_traces(0)
        np.testing.assert_allclose(traces["mean_reward"], mean, rtol=1e-6)
        np.testing.assert_allclose(traces["reward"], left, rtol=1e-6)


def one_layer(model: str, size: int, rule: dict[str, Any], weight: float, **parameters: float) -> Network:
    """Twenty inputs onto some neurons."""
    spec = {
        "name": "layer",
        "populations": {
            "input": {"model": "spike_source", "size": 20},
            "out": {"model": model, "size": size, "parameters": LIF | {"threshold_mv": -55.0} | parameters},
        },
        "connections": [
            {
                "pre": "input",
                "post": "out",
                "weights": {"distribution": "constant", "value_na": weight},
                "rule": rule,
            }
        ],
    }
    return Network(NetworkSpec.model_validate(spec), 0)


def test_r_max_raises_what_is_rewarded_and_lowers_what_is_punished() -> None:
    """Reward: the spikes that a neuron has fired in the last window, or minus them; less the mean."""
    rule = {"name": "r_max", "w_max_na": 1.0, "learning_rate_per_ms": 3e-4, "mean_reward_fraction": 0.1}
    network = one_layer("lif_escape", 2, rule, 0.5, rate_at_threshold_hz=20.0, escape_width_mv=3.0)
    rng, counts = np.random.default_rng(1), []
    for _ in range(300):
        spikes = advance(network, rng, 100, 0.02)
        counts.append(np.bincount(spikes.neuron, minlength=2))
        reward = np.zeros(network.n_neurons)
        reward[network.span("out")] = counts[-1] * np.array([1, -1])
        network.set_reward(reward)
    early, late = np.mean(counts[:50], axis=0), np.mean(counts[-50:], axis=0)
    assert late[0] > 1.3 * early[0]
    assert late[1] < 0.7 * early[1]


def consolidating(fraction: float = 0.5) -> tuple[Network, list[np.ndarray]]:
    """A network after four windows, and its weights as each reward found them."""
    rule = {"name": "r_max", "w_max_na": 1.0, "learning_rate_per_ms": 3e-4, "consolidation_fraction": fraction}
    network = one_layer("lif_escape", 2, rule, 0.5, rate_at_threshold_hz=20.0, escape_width_mv=3.0)
    rng, found = np.random.default_rng(1), []
    for reward in (1.0, -2.0, 3.0, 2.0):
        found.append(network.connection_weights(0))
        network.set_reward(reward)
        advance(network, rng, 100, 0.02)
    return network, found


def test_frozen_weights_are_the_mean_that_r_max_keeps() -> None:
    network, (first, second, third, fourth) = consolidating()
    wandering = network.connection_weights(0)
    mean = 0.5 * (0.5 * (0.5 * (first + second) + third) + fourth)
    assert not np.allclose(wandering, mean, atol=1e-4)
    state = {name: array.copy() for name, array in network.state().items()}
    network.rest()
    network.learning = False
    np.testing.assert_allclose(network.connection_weights(0), mean, rtol=1e-6)
    network.set_reward(5.0)
    network.learning = True
    np.testing.assert_allclose(network.connection_weights(0), mean, rtol=1e-6)
    network.set_state(state, network.time_us)
    np.testing.assert_array_equal(network.connection_weights(0), wandering)
    network.learning = False
    np.testing.assert_allclose(network.connection_weights(0), mean, rtol=1e-6)


def test_weights_that_are_set_are_the_mean_as_well() -> None:
    network, _ = consolidating(0.01)
    wanted = np.linspace(0.0, 1.0, network.connection_weights(0).size, dtype=np.float32)
    network.set_weights(0, wanted)
    network.learning = False
    np.testing.assert_array_equal(network.connection_weights(0), wanted)


@pytest.mark.parametrize("model", ["lif", "adaptive_lif"])
def test_e_prop_brings_neurons_to_their_target_rates(model: str) -> None:
    """The learning signal of a rate regression: a neuron's smoothed rate less its target, in kHz."""
    rule = {"name": "e_prop", "w_min_na": 0.0, "w_max_na": 2.0, "learning_rate_per_ms": 2e-2}
    network = one_layer(model, 3, rule, 0.3)
    targets, rates, rng = np.array([10.0, 30.0, 60.0]), np.zeros(3), np.random.default_rng(2)
    late = np.zeros(3)
    for window in range(400):
        spikes = advance(network, rng, 50, 0.05)
        counts = np.bincount(spikes.neuron, minlength=3)
        rates += 0.2 * (counts / 0.05 - rates)
        signal = np.zeros(network.n_neurons)
        signal[network.span("out")] = (rates - targets) / 1000
        network.set_reward(signal)
        late += counts / 0.05 / 100 * (window >= 300)
    np.testing.assert_allclose(late, targets, rtol=0.15)


@pytest.mark.parametrize("reward_per_ms", [0.005, 0.01])
def test_a_critics_value_is_the_reward_that_it_can_expect(reward_per_ms: float) -> None:
    """A reward at a constant rate r is worth r tau_discount; the critic learns to say so."""
    rule = {
        "name": "td_stdp",
        "critic": "out",
        "w_max_na": 2.0,
        "learning_rate_per_ms": 1e-4,
        "tau_discount_ms": 1000.0,
        "value_per_hz": 0.5,
        "value_offset": -2.0,
    }
    network, rng = one_layer("lif", 10, rule, 0.3), np.random.default_rng(3)
    network.set_reward(reward_per_ms)
    values = []
    for _ in range(400):
        advance(network, rng, 200, 0.05)
        values.append(network.connection_traces(0)["value"][0])
    assert np.mean(values[-100:]) == pytest.approx(reward_per_ms * 1000.0, rel=0.1)


def test_td_error_adds_up_to_what_the_value_has_changed() -> None:
    """Without reward, the errors of all steps are the change of V less what was discounted, exactly."""
    spec = network_spec("td_stdp", 1, np.random.default_rng(4), "dense")
    network, rng = Network(spec, 0), np.random.default_rng(5)
    network.learning = False
    dt, discount = spec.dt_ms, 4000.0
    before = network.connection_traces(0)["value"][0]
    assert before == 1.0
    errors = values = 0.0
    for _ in range(300):
        advance(network, rng, 1)
        traces = network.connection_traces(0)
        errors += float(traces["error"][0]) * dt
        values += float(traces["value"][0]) * dt / discount
    after = network.connection_traces(0)["value"][0]
    assert abs(after - before) > 0.5
    assert errors == pytest.approx(after - before - values, abs=1e-3)
