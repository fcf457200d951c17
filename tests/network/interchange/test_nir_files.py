"""NIR: what comes back from an export, and what an import writes again."""

from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.network.interchange.nir_files import from_nir, read_nir, to_nir, write_nir
from snn_core.network.interchange.nir_neurons import Options, milliseconds, seconds
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.network.networks import lif_population, spike_train
from tests.network.networks import spec as plastic_spec

PARAMETERS = ("tau", "tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in", "weight", "bias", "delay")
DT_MS = 0.5

number = st.floats(0.01, 100)


def around_zero(low: float, high: float) -> st.SearchStrategy[float]:
    """0 and numbers that are still normal ones in NIR's units, V and A."""
    return st.floats(low, high).map(lambda value: value if abs(value) > 1e-290 else 0.0)


@st.composite
def neurons(draw: st.DrawFn) -> dict:
    """A population of a model that NIR has, as YAML would give it."""
    model = draw(st.sampled_from(["lif", "lif_delta"]))
    integration, reset = draw(st.sampled_from(["exact", "euler"])), draw(st.sampled_from(["value", "subtract", "zero"]))
    threshold = draw(st.floats(0.1, 50) if reset == "zero" else around_zero(-50, 50))
    parameters = {
        "tau_membrane_ms": draw(st.floats(DT_MS, 50)),
        "resistance_mohm": draw(number),
        "rest_mv": draw(around_zero(-80, 20)),
        "threshold_mv": threshold,
        "reset_mv": threshold - draw(number),
        "refractory_ms": 0.0 if reset == "subtract" else draw(st.sampled_from([0.0, 0.5, 2.0])),
        "bias_current_na": draw(st.sampled_from([0.0, 0.3]) | around_zero(-1, 1)),
    }
    if model == "lif":
        parameters["tau_synapse_ms"] = tau_synapse_ms = draw(st.just(DT_MS) | st.floats(DT_MS, 50))
        if integration == "exact" or tau_synapse_ms != DT_MS:
            parameters["input_gain"] = draw(st.just(1.0) | number)
    effect = draw(st.sampled_from(["excitatory", "inhibitory", "mixed"]))
    size = draw(st.integers(1, 4))
    return {
        "model": model,
        "size": size,
        "effect": effect,
        "parameters": parameters,
        "integration": integration,
        "reset": reset,
    }


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A network without plasticity, each population with a connection that leads to it."""
    effect = draw(st.sampled_from(["excitatory", "inhibitory", "mixed"]))
    populations = {"input": {"model": "spike_source", "size": draw(st.integers(1, 4)), "effect": effect}}
    populations |= {name: draw(neurons()) for name in ("b", "a", "10")[: draw(st.integers(1, 3))]}
    connections = []
    for post in list(populations)[1:]:
        for pre in draw(st.lists(st.sampled_from(list(populations)), min_size=1, max_size=3)):
            low = -2.0 if populations[pre]["effect"] == "mixed" else 0.0
            weights = draw(
                st.sampled_from(
                    [
                        {"distribution": "uniform", "low_na": low, "high_na": 2.0},
                        {"distribution": "normal", "mean_na": 0.0, "std_na": 1.0},
                        {"distribution": "constant", "value_na": 0.0},
                    ]
                )
            )
            pattern = draw(
                st.sampled_from(
                    [
                        {"kind": "all_to_all"},
                        {"kind": "bernoulli", "probability": 0.5},
                        {"kind": "fixed_in_degree", "degree": 1},
                    ]
                )
            )
            delay_ms = draw(st.sampled_from([None, 0.5, 1.0, 3.5]))
            connections.append({"pre": pre, "post": post, "pattern": pattern, "weights": weights, "delay_ms": delay_ms})
    description = {"name": "drawn", "dt_ms": DT_MS, "populations": populations}
    return Network(NetworkSpec.model_validate(description | {"connections": connections}), draw(st.integers(0, 99)))


def spikes(network: Network, steps: int = 60) -> list[list[int]]:
    """All spikes under a random input, by time, population and neuron."""
    rng = np.random.default_rng(1)
    offsets, inputs = spike_train(rng, steps, network.spec.populations["input"].size, 0.3)
    return np.stack(network.advance(steps, offsets, inputs)).tolist()


def arrays(graph: nir.NIRGraph) -> dict[str, np.ndarray]:
    """All parameters of a graph by node and key."""
    return {
        f"{name}.{key}": np.asarray(getattr(node, key))
        for name, node in graph.nodes.items()
        for key in PARAMETERS
        if getattr(node, key, None) is not None
    }


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks())
def test_an_export_comes_back_as_the_same_network(network):
    spec = network.spec
    back = from_nir(to_nir(network).graph).spec()
    assert back.populations == spec.populations
    assert (back.name, back.dt_ms) == (spec.name, spec.dt_ms)
    assert [(c.pre, c.post, c.delay_ms) for c in back.connections] == [
        (c.pre, c.post, c.delay_ms) for c in spec.connections
    ]
    again = Network(back, 0)
    for place in range(len(spec.connections)):
        assert again.connection_weights(place).tobytes() == network.connection_weights(place).tobytes()
        np.testing.assert_array_equal(again.connection_pairs(place), network.connection_pairs(place))
    assert spikes(again) == spikes(network)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks())
def test_what_was_imported_is_exported_and_imported_again_as_it_is(network):
    first = from_nir(to_nir(network).graph).spec()
    graph = to_nir(Network(first, 0)).graph
    assert from_nir(graph).spec() == first
    before = arrays(to_nir(network).graph)
    assert before.keys() == arrays(graph).keys()
    for key, array in arrays(graph).items():
        assert array.tobytes() == before[key].tobytes(), key


def test_the_file_holds_what_the_graph_does_and_other_readers_check_its_types(tmp_path):
    network = Network(plastic_spec(), 3)
    exported = to_nir(network, drop_plasticity=True)
    write_nir(tmp_path / "network.nir", exported)
    read = nir.read(tmp_path / "network.nir", type_check=True)
    expected = arrays(exported.graph)
    assert {key: array.tolist() for key, array in arrays(read).items()} == {
        key: array.tolist() for key, array in expected.items()
    }
    assert read_nir(tmp_path / "network.nir").spec() == from_nir(read).spec()


def test_weights_are_written_as_they_are_when_learnt():
    network = Network(plastic_spec(), 3)
    learnt = np.linspace(0, 3, 8, dtype=np.float32).reshape(4, 2)
    network.set_weights(0, learnt)
    back = Network(from_nir(to_nir(network, drop_plasticity=True).graph).spec(), 0)
    np.testing.assert_array_equal(back.connection_weights(0), learnt)


@given(ms=st.floats(1e-3, 1e4))
def test_milliseconds_come_back_when_they_are_known(ms):
    assert milliseconds(seconds(ms), ms) == ms


@given(s=st.floats(2**-17, 2**10, width=32))
def test_any_float32_time_comes_back(s):
    assert seconds(milliseconds(s)) == s
    assert milliseconds(s, known=2 * s) == milliseconds(s)


float32s = st.floats(2**-6, 2**6, width=32)


@settings(max_examples=100)
@given(data=st.data(), kind=st.sampled_from(["LIF", "CubaLIF"]), dt_ms=st.sampled_from([0.1, 0.5, 1.0]))
def test_parameters_of_another_simulator_are_written_again_as_they_were(data, kind, dt_ms):
    weight = np.array(data.draw(st.lists(st.floats(-4, 4, width=32), min_size=6, max_size=6)), np.float32).reshape(3, 2)
    weight.flat[0] = 1.0  # one that is not 0
    v_reset, distance = data.draw(st.floats(-4, 4, width=32)), data.draw(float32s)
    tau, tau_syn = (np.float32(data.draw(st.floats(2**-9, 1, width=32))) for _ in range(2))
    own = {"tau": tau} if kind == "LIF" else {"tau_mem": tau, "tau_syn": tau_syn, "w_in": data.draw(float32s)}
    own |= {"r": data.draw(float32s), "v_leak": data.draw(st.floats(-4, 4, width=32)), "v_reset": v_reset}
    own |= {"v_threshold": np.float32(v_reset) + np.float32(distance)}
    node = getattr(nir, kind)(**{key: np.full(3, value, np.float32) for key, value in own.items()})
    graph = nir.NIRGraph.from_list(nir.Input({"input": np.array([2])}), nir.Linear(weight=weight), node)
    imported = from_nir(graph, Options(dt_ms=dt_ms))
    again = to_nir(Network(imported.spec(), 0)).graph
    written = next(other for other in again.nodes.values() if type(other) is type(node))
    for key in own:
        np.testing.assert_array_equal(getattr(written, key).astype(np.float32), getattr(node, key))
    linear = next(other for other in again.nodes.values() if isinstance(other, nir.Linear))
    np.testing.assert_array_equal(linear.weight, weight)


def test_a_number_that_someone_changed_counts_and_not_the_metadata():
    graph = to_nir(Network(plastic_spec(), 0), drop_plasticity=True).graph
    setattr(graph.nodes["motor"], "tau_mem", np.full(2, 0.03))  # noqa: B010
    setattr(graph.nodes["motor"], "v_reset", np.full(2, -70.0))  # noqa: B010
    parameters = lif_population(from_nir(graph).spec(), "motor").parameters
    assert (parameters.tau_membrane_ms, parameters.reset_mv, parameters.tau_synapse_ms) == (30.0, -70.0, 5.0)


def put(data: dict[str, Any], path: str, value: object) -> NetworkSpec:
    """The description with one value replaced; ``path`` is dotted."""
    *parents, last = path.split(".")
    place: Any = data
    for part in parents:
        place = place[int(part)] if part.isdecimal() else place[part]
    place[int(last) if last.isdecimal() else last] = value
    return NetworkSpec.model_validate(data)


def changed(path: str, value: object) -> NetworkSpec:
    """The plain network without plasticity, one value replaced."""
    return put(put(plastic_spec().model_dump(), "connections.0.rule", None).model_dump(), path, value)


EULER_PARAMETERS = {
    "rest_mv": 0.0,
    "reset_mv": 0.0,
    "threshold_mv": 1.0,
    "refractory_ms": 0.0,
    "resistance_mohm": 200.0,
}


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (plastic_spec(), ("connections.0 (input -> motor)", "rule", "r_stdp")),
        (changed("connections.0.delay_ms", (1.0, 3.0)), ("connections.0 (input -> motor)", "delay_ms")),
        (
            changed("populations.motor", {"model": "izhikevich", "size": 2, "parameters": {}}),
            ("populations.motor", "izhikevich"),
        ),
        (
            NetworkSpec.model_validate(
                {
                    "name": "alone",
                    "populations": {"a": {"model": "lif", "size": 1, "parameters": {"bias_current_na": 1.0}}},
                    "connections": [],
                }
            ),
            ("populations.a", "bias_current_na"),
        ),
    ],
)
def test_what_nir_cannot_say_is_refused_by_name(spec, named):
    with pytest.raises(UserError) as caught:
        to_nir(Network(spec, 1))
    assert all(name in str(caught.value) for name in named)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("target", ["norse", "snntorch"])
def test_a_loop_is_refused_for_a_target(target):
    loop = {"pre": "motor", "post": "motor", "weights": {"distribution": "constant", "value_na": 0.1}}
    data = put(plastic_spec().model_dump(), "connections.0", loop).model_dump()
    euler = {"model": "lif", "size": 2, "integration": "euler", "parameters": dict(EULER_PARAMETERS)}
    network = Network(put(data | {"dt_ms": 0.1}, "populations.motor", euler), 0)
    to_nir(network)
    with pytest.raises(UserError, match=r"motor -> motor.*recurrent"):
        to_nir(network, target=target)


@pytest.mark.parametrize("target", ["norse", "snntorch"])
@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("populations.motor.integration", "exact", "integration"),
        ("populations.motor.parameters.refractory_ms", 1.0, "refractory_ms"),
        ("populations.motor.parameters.reset_mv", -1.0, "reset_mv"),
        ("populations.motor.parameters.rest_mv", -1.0, "rest_mv"),
        ("populations.motor.reset", "subtract", "reset"),
        ("connections.0.delay_ms", 0.3, "delay_ms"),
    ],
)
def test_what_a_target_would_drop_is_refused_by_name(target, path, value, named):
    data = plastic_spec().model_dump()
    data["connections"][0]["rule"] = None
    data["dt_ms"] = 0.1
    euler = {"model": "lif", "size": 2, "integration": "euler", "reset": "value"}
    data["populations"]["motor"] = euler | {"parameters": dict(EULER_PARAMETERS)}
    to_nir(Network(NetworkSpec.model_validate(data), 0), target=target)
    spec = put(data, path, value)
    with pytest.raises(UserError, match=named):
        to_nir(Network(spec, 0), target=target)
    to_nir(Network(spec, 0))
