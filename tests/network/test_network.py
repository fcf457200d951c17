"""The network against its float64 twin, and what must hold for every network."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.network.networks import LIF, RULE, description, spec, spike_train
from tests.reference_network import ReferenceNetwork

WINDOW = 50


@st.composite
def network_descriptions(draw) -> NetworkSpec:
    """Two layers and a recurrent connection; masks, fixed and plastic synapses, with and without decay of the
    reward.
    """
    n_in, n_hidden = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def rule() -> dict | None:
        if draw(st.booleans()):
            return None
        return {
            **RULE,
            "a_plus": draw(st.floats(0.1, 2.0)),
            "a_minus": draw(st.floats(0.0, 2.0)),
            "tau_plus_ms": draw(st.floats(2.0, 50.0)),
            "tau_minus_ms": draw(st.floats(2.0, 50.0)),
            "tau_reward_ms": draw(st.one_of(st.none(), st.floats(5.0, 500.0))),
        }

    def weights(low: float, high: float) -> dict:
        return {"distribution": "uniform", "low_na": low, "high_na": high}

    def pattern(pre: int, post: int) -> dict:
        if draw(st.booleans()):
            return {"kind": "all_to_all"}
        return {"kind": "mask", "rows": (rng.random((pre, post)) < 0.6).tolist()}

    def delay() -> float | list | None:
        return draw(st.sampled_from([None, 1.0, 3.0, [1.0, 5.0]]))

    def lif(size: int) -> dict:
        parameters = LIF | {"tau_membrane_ms": draw(st.floats(8.0, 40.0)), "refractory_ms": draw(st.integers(0, 4))}
        return {"model": "lif", "size": size, "parameters": parameters}

    plain = description(inputs=n_in)
    recurrent_rule = rule()
    return NetworkSpec.model_validate(
        plain
        | {
            "populations": {
                "motor": lif(2),
                "input": {"model": "spike_source", "size": n_in},
                "hidden": lif(n_hidden),
            },
            "connections": [
                {
                    "pre": "input",
                    "post": "hidden",
                    "weights": weights(0.5, 3.0),
                    "pattern": pattern(n_in, n_hidden),
                    "delay_ms": delay(),
                    "rule": rule(),
                },
                {"pre": "hidden", "post": "motor", "weights": weights(0.5, 3.0), "delay_ms": delay(), "rule": rule()},
                {
                    "pre": "input",
                    "post": "motor",
                    "weights": weights(0.0, 1.0),
                    "pattern": pattern(n_in, 2),
                    "rule": rule(),
                },
                {
                    "pre": "hidden",
                    "post": "hidden",
                    "weights": weights(0.0, 1.0) if recurrent_rule else weights(-1.0, 1.0),
                    "pattern": {"kind": "all_to_all", "allow_self": draw(st.booleans())},
                    "delay_ms": delay(),
                    "rule": recurrent_rule,
                },
            ],
        }
    )


def run_both(network_spec: NetworkSpec, seed: int, windows: int) -> tuple[Network, ReferenceNetwork, list, list]:
    """The same input spikes and rewards into network and twin; their spikes as (step, population, neuron)."""
    rng = np.random.default_rng(seed)
    network = Network(network_spec, seed)
    twin = ReferenceNetwork(network)
    names = list(network_spec.populations)
    first_input = network.span("input").start
    ours, theirs = [], []
    for window in range(windows):
        # The same for every neuron at first: compressed rows keep one number of it as long as that lasts.
        size = () if window < windows // 2 else (network.n_neurons,)
        reward = np.broadcast_to(rng.normal(size=size).astype(np.float32), network.n_neurons)
        network.learning = twin.learning = window % 4 != 3
        offsets, inputs = spike_train(rng, WINDOW, network_spec.populations["input"].size, 0.15)
        network.set_reward(reward if size else float(reward[0]))
        spikes = network.advance(WINDOW, offsets, inputs + first_input)
        ours += zip(
            (spikes.time_us // 1000 - 1).tolist(), spikes.population.tolist(), spikes.neuron.tolist(), strict=True
        )
        for step in range(WINDOW):
            at_start = {name: reward[network.span(name)] for name in names} if step == 0 else None
            spiked = twin.step({"input": inputs[offsets[step] : offsets[step + 1]].tolist()}, at_start)
            theirs += [
                (window * WINDOW + step, place, neuron)
                for place, name in enumerate(names)
                for neuron in spiked.get(name, [])
            ]
    return network, twin, ours, theirs


@settings(max_examples=40, deadline=None)
@given(network_descriptions(), st.integers(0, 2**32 - 1))
def test_network_spikes_and_learns_as_its_float64_twin(network_spec, seed):
    network, twin, ours, theirs = run_both(network_spec, seed, windows=6)

    # float32 decides a spike otherwise only where a membrane passes its threshold by less than its rounding.
    if twin.margin > 1e-3:
        assert ours == theirs
    if ours == theirs:
        for c, synapses in enumerate(twin.synapses):
            pairs = network.connection_pairs(c)
            seen = synapses.seen_weights() if hasattr(synapses, "seen_weights") else synapses.weights
            np.testing.assert_allclose(network.connection_matrix(c)[pairs], seen[pairs], atol=2e-4, rtol=0)
            traces = network.connection_traces(c)
            for name, expected in synapses.traces().items():
                # Several thousand float32 additions and multiplications of numbers up to about 10.
                values = expected[pairs] if name == "eligibility" else expected
                np.testing.assert_allclose(traces[name].ravel(), values, atol=2e-3, rtol=1e-3, err_msg=name)


def test_twin_comparison_sees_spikes_and_weight_changes():
    network_spec = spec(6, 2)
    before = Network(network_spec, 3).connection_weights(0)
    network, twin, ours, theirs = run_both(network_spec, 3, windows=20)

    assert twin.margin > 1e-5
    assert ours == theirs
    assert len(ours) > 100
    assert np.abs(network.connection_weights(0) - before).max() > 0.1


@settings(max_examples=30, deadline=None)
@given(network_descriptions(), st.integers(0, 2**32 - 1), st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_any_cut_into_calls_gives_the_same_bits(network_spec, seed, lengths):
    rng = np.random.default_rng(seed)
    steps = sum(lengths)
    whole, cut = Network(network_spec, seed), Network(network_spec, seed)
    offsets, inputs = spike_train(rng, steps, network_spec.populations["input"].size, 0.2)
    inputs += whole.span("input").start
    reward = rng.normal(size=whole.n_neurons)
    whole.set_reward(reward)
    cut.set_reward(reward)

    expected = whole.advance(steps, offsets, inputs)
    parts, begin = [], 0
    for length in lengths:
        here = offsets[begin : begin + length + 1]
        parts.append(cut.advance(length, here - here[0], inputs[here[0] : here[-1]]))
        begin += length

    for field in range(3):
        np.testing.assert_array_equal(np.concatenate([part[field] for part in parts]), expected[field])
    for name, array in whole.state().items():
        np.testing.assert_array_equal(cut.state()[name], array)
    assert cut.time_us == whole.time_us == steps * 1000


@settings(max_examples=30, deadline=None)
@given(network_descriptions(), st.integers(0, 2**32 - 1))
def test_plastic_weights_stay_within_bounds_and_masked_synapses_stay_absent(network_spec, seed):
    rng = np.random.default_rng(seed)
    network = Network(network_spec, seed)
    for _ in range(4):
        network.set_reward(rng.normal(size=network.n_neurons) * 1000)
        offsets, inputs = spike_train(rng, WINDOW, network_spec.populations["input"].size, 0.3)
        network.advance(WINDOW, offsets, inputs + network.span("input").start)
    for c, connection in enumerate(network_spec.connections):
        weights = network.connection_weights(c)
        if connection.rule is not None:
            assert weights.min(initial=0) >= 0
            assert weights.max(initial=0) <= connection.rule.w_max_na
        if connection.pattern.kind == "mask":
            assert not network.connection_matrix(c)[~np.array(connection.pattern.rows)].any()


def test_frozen_weights_do_not_change_and_eligibility_goes_on():
    network = Network(spec(6, 2), 0)
    network.learning = False
    before = network.connection_weights(0)
    network.set_reward(1.0)
    network.advance(WINDOW, *spike_train(np.random.default_rng(0), WINDOW, 6, 0.3))
    np.testing.assert_array_equal(network.connection_weights(0), before)
    assert np.abs(network.connection_eligibility(0)).max() > 0.1


def test_rest_forgets_all_but_the_weights():
    network, fresh = Network(spec(6, 2), 0), Network(spec(6, 2), 0)
    network.set_reward(1.0)
    network.advance(WINDOW, *spike_train(np.random.default_rng(0), WINDOW, 6, 0.3))
    network.rest()
    assert (network.connection_weights(0) != fresh.connection_weights(0)).any()
    for name, array in network.state().items():
        if name != "connections.0.u":
            np.testing.assert_array_equal(array, fresh.state()[name])


def test_a_spike_of_a_neuron_arrives_one_step_later():
    network_spec = NetworkSpec.model_validate(
        description()
        | {
            "populations": {
                "input": {"model": "spike_source", "size": 4},
                "first": {"model": "lif", "size": 1, "parameters": LIF},
                "motor": {"model": "lif", "size": 2, "parameters": LIF},
            },
            "connections": [
                {"pre": pre, "post": post, "weights": {"distribution": "constant", "value_na": 1000.0}}
                for pre, post in (("input", "first"), ("first", "motor"))
            ],
        }
    )
    network = Network(network_spec, 0)
    spikes = network.advance(3, np.array([0, 1, 1, 1]), np.array([0], np.int32))
    assert list(zip(*map(np.ndarray.tolist, spikes), strict=True)) == [(1000, 1, 0), (2000, 2, 0), (2000, 2, 1)]


@pytest.mark.parametrize(
    ("steps", "offsets", "inputs", "message"),
    [
        (2, [0, 1], [0], "3 values"),
        (1, [0, 2], [0], "from 0 to 1"),
        (1, [1, 1], [0], "count up"),
        (2, [0, 2, 1], [0], "count up"),
        (1, [0, 1], [-1], r"\[0, 6\)"),
        (1, [0, 1], [6], r"\[0, 6\)"),
    ],
)
def test_malformed_input_spikes_are_refused(steps, offsets, inputs, message):
    with pytest.raises(ValueError, match=message):
        Network(spec(), 0).advance(steps, np.array(offsets), np.array(inputs))


@pytest.mark.parametrize("reward", [np.zeros(5), float("nan"), np.full(6, np.inf)])
def test_malformed_reward_is_refused(reward):
    with pytest.raises(ValueError, match="reward must"):
        Network(spec(), 0).set_reward(reward)


@pytest.mark.parametrize("value", [np.zeros(5), float("nan"), np.full(6, np.inf)])
def test_a_malformed_signal_is_refused_by_its_name(value):
    network = Network(spec(), 0)
    before = network.connection_traces(0)["reward"]
    with pytest.raises(ValueError, match="novelty must"):
        network.set_signal("novelty", value)
    np.testing.assert_array_equal(network.connection_traces(0)["reward"], before)


def test_a_signal_that_no_rule_follows_changes_nothing():
    network, other = Network(spec(), 0), Network(spec(), 0)
    network.set_signal("novelty", 1.0)
    for name, array in network.state().items():
        np.testing.assert_array_equal(array, other.state()[name])


def test_signals_are_those_of_the_rules_each_once():
    assert Network(spec(connections=[]), 0).signals == ()
    assert Network(spec(), 0).signals == ("reward",)
    (plain,) = description()["connections"]
    signals = ["novelty", None, "reward", "novelty", "error"]
    rules = [None if signal is None else {**RULE, "signal": signal} for signal in signals]
    network = Network(spec(connections=[{**plain, "rule": rule} for rule in rules]), 0)
    assert network.signals == ("novelty", "reward", "error")
    network.set_signal("novelty", np.arange(6.0))  # of all neurons, the 4 inputs among them
    network.set_signal("error", -1.0)
    traces = [network.connection_traces(place)["reward"].tolist() for place in (0, 2, 3, 4)]
    assert traces == [[4.0, 5.0], [0.0, 0.0], [4.0, 5.0], [-1.0, -1.0]]
