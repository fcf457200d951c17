"""Graphs that other programs wrote: what they come to."""

import nir
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from snn_core.network.interchange.nir_files import from_nir, to_nir
from snn_core.network.interchange.nir_neurons import Options
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec, load_network_spec
from tests.network.interchange.nir_graphs import DT, WEIGHT, chain, cuba, graph, lif, sink, source
from tests.network.networks import lif_population, spike_train


def advance(network: Network, spiking: np.ndarray) -> np.ndarray:
    """(steps, neurons) bool of the last population."""
    offsets = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
    spikes = network.advance(len(spiking), offsets, np.nonzero(spiking)[1].astype(np.int32))
    last = len(network.spec.populations) - 1
    fired = np.zeros((len(spiking), list(network.spec.populations.values())[-1].size), bool)
    of = spikes.population == last
    fired[spikes.time_us[of] // network.spec.dt_us - 1, spikes.neuron[of]] = True
    return fired


# Dynamics


@settings(max_examples=30)
@given(data=st.data(), kind=st.sampled_from(["LIF", "CubaLIF"]))
def test_by_euler_spikes_are_those_of_nirs_equations(data, kind):
    r, tau, tau_syn, w_in = (data.draw(st.floats(low, high)) for low, high in ((0.5, 4), (2, 30), (1, 10), (0.5, 20)))
    rest, threshold = data.draw(st.floats(-1, 1)), data.draw(st.floats(1.5, 3))
    own = {"r": r, "v_leak": rest, "v_threshold": threshold, "v_reset": -1.0}
    node = lif(3, tau=tau / 1e3, **own)
    if kind == "CubaLIF":
        node = cuba(3, tau_mem=tau / 1e3, tau_syn=tau_syn / 1e3, w_in=w_in, **own)
    weight = (WEIGHT + 0.7) * np.float32(tau / r)
    spiking = np.random.default_rng(0).random((400, 2)) < 0.3
    fired = advance(Network(from_nir(chain(nir.Linear(weight=weight), node), DT).spec(), 0), spiking)
    v, current, margin, expected = np.full(3, rest), np.zeros(3), np.inf, []
    for row in spiking:
        arriving = weight.astype(float) @ row
        current = current + (w_in * arriving - current) / tau_syn if kind == "CubaLIF" else arriving
        v = v + (rest - v + r * current) / tau
        margin = min(margin, np.abs(v - threshold).min())
        expected.append(v > threshold)
        v = np.where(v > threshold, -1.0, v)
    assume(margin > 1e-3)
    np.testing.assert_array_equal(fired, expected)


def test_exactly_a_spike_moves_a_lif_by_its_charge_over_the_capacity():
    node = lif(3, tau=0.01, r=2.0, v_threshold=9.0)
    imported = from_nir(chain(nir.Linear(weight=WEIGHT), node), DT._replace(integration="exact"))
    network = Network(imported.spec(), 0)
    network.advance(1, np.array([0, 1]), np.array([0]))
    moved = network.population_state("n1")["potential"]
    np.testing.assert_allclose(moved, 2.0 * 1.0 / 10.0 * WEIGHT[:, 0], rtol=1e-6)
    assert imported.spec().populations["n1"].model == "lif_delta"
    assert any("0.2" in note for note in imported.notes)


def test_a_spike_may_raise_the_current_by_w_in_itself():
    node = cuba(3, w_in=1.0, v_threshold=9.0)
    options = DT._replace(spike="jump", integration="exact")
    network = Network(from_nir(chain(nir.Linear(weight=WEIGHT), node), options).spec(), 0)
    network.advance(1, np.array([0, 1]), np.array([1]))
    np.testing.assert_array_equal(network.population_state("n1")["current"], WEIGHT[:, 1])


@pytest.mark.parametrize("w_in", [1.0, 0.1, np.float32(1 / 3), 7.123456789])
def test_r_and_w_in_are_kept_apart(w_in: float):
    node = cuba(3, w_in=w_in, r=3.0)
    imported = from_nir(chain(nir.Linear(weight=WEIGHT), node), DT)
    parameters = lif_population(imported.spec(), "n1").parameters
    assert (parameters.resistance_mohm, parameters.input_gain) == (3.0, pytest.approx(w_in * 1.0 / 5.0))
    network = Network(imported.spec(), 0)
    np.testing.assert_array_equal(network.connection_weights(0), WEIGHT.T)
    again = to_nir(network).graph.nodes["n1"]
    np.testing.assert_array_equal(getattr(again, "r", None), node.r)
    np.testing.assert_array_max_ulp(np.asarray(getattr(again, "w_in", None), float), node.w_in, maxulp=1)
    assert imported.notes == []


def test_a_common_bias_is_a_bias_current():
    for node, expected in ((lif(3), 0.5), (cuba(3), 0.5 * 5.0)):
        affine = nir.Affine(weight=WEIGHT, bias=np.full(3, 0.5, np.float32))
        imported = from_nir(chain(affine, node), DT)
        assert lif_population(imported.spec(), "n1").parameters.bias_current_na == expected
        again = to_nir(Network(imported.spec(), 0)).graph
        np.testing.assert_array_equal(getattr(again.nodes["input_to_n1"], "bias", None), affine.bias)


def test_options_win_and_what_nothing_says_has_defaults():
    node = chain(nir.Linear(weight=WEIGHT), cuba(3))
    plain = lif_population(from_nir(node, DT).spec(), "n1")
    assert (plain.integration, plain.reset, plain.parameters.refractory_ms) == ("euler", "value", 0.0)
    options = Options(dt_ms=0.5, integration="exact", reset="zero", refractory_ms=1.5, time_unit="ms")
    told = from_nir(chain(nir.Linear(weight=WEIGHT), cuba(3, tau_mem=20.0, tau_syn=5.0)), options).spec()
    population = lif_population(told, "n1")
    assert (told.dt_ms, population.integration, population.reset) == (0.5, "exact", "zero")
    p = population.parameters
    assert (p.refractory_ms, p.tau_membrane_ms, p.tau_synapse_ms) == (1.5, 20.0, 5.0)


# Structure


def test_what_lies_between_populations_is_worked_out():
    nodes = {
        "input": source([2]),
        "first": nir.Linear(weight=WEIGHT),
        "late": nir.Delay(delay=np.full(3, 0.004)),
        "half": nir.Scale(scale=np.full(3, 0.5)),
        "a": cuba(3),
        "loop": nir.Linear(weight=np.eye(3, dtype=np.float32)[::-1].copy()),
        "output": sink([3]),
    }
    imported = from_nir(graph("input>first>late>half>a>output first>a a>loop>a a>a", **nodes), DT)
    spec, network = imported.spec(), Network(imported.spec(), 0)
    found = {(c.pre, c.post, c.delay_ms): network.connection_matrix(p).tolist() for p, c in enumerate(spec.connections)}
    del found["a", "a", None]  # two of these
    assert found == {("input", "a", 5.0): (WEIGHT.T / 2).tolist(), ("input", "a", None): WEIGHT.T.tolist()}
    recurrent = [network.connection_matrix(p) for p, c in enumerate(spec.connections) if c.pre == "a"]
    assert sorted(matrix.tolist() for matrix in recurrent) == [np.eye(3)[::-1].tolist(), np.eye(3).tolist()]


def test_a_nested_graph_is_taken_apart():
    inner = graph(
        "in>lif>out lif>w>lif",
        **{"in": source([3]), "out": sink([3])},
        lif=lif(3),
        w=nir.Linear(weight=np.full((3, 3), 0.5, np.float32)),
    )
    outer = graph(
        "input>fc>layer>output",
        input=source([2]),
        fc=nir.Linear(weight=WEIGHT),
        layer=inner,
        output=sink([3]),
    )
    spec = from_nir(outer, DT).spec()
    assert list(spec.populations) == ["input", "layer.lif"]
    assert sorted((c.pre, c.post) for c in spec.connections) == [("input", "layer.lif"), ("layer.lif", "layer.lif")]


def test_one_number_for_all_neurons_is_taken_for_each():
    node = nir.LIF(tau=np.array(0.02), r=np.array(1.0), v_leak=np.array(0.0), v_threshold=np.array(1.0))
    assert from_nir(chain(nir.Linear(weight=WEIGHT), node), DT).spec().populations["n1"].size == 3


@settings(max_examples=40)
@given(data=st.data())
def test_a_convolution_and_pooling_come_to_the_sums_they_stand_for(data):
    draw = data.draw
    groups, stride, dilation, padding = (draw(st.integers(low, high)) for low, high in ((1, 2), (1, 2), (1, 2), (0, 2)))
    channels, outs = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    height, width, kernel = (
        draw(st.integers(5, 7)),
        draw(st.integers(5, 7)),
        (draw(st.integers(1, 2)), draw(st.integers(1, 3))),
    )
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((outs, channels // groups, *kernel)).astype(np.float32)
    convolution = nir.Conv2d((height, width), weight, stride, padding, dilation, groups, np.zeros(outs, np.float32))
    pooling = nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    picture = rng.random((channels, height, width)) < 0.5
    padded = np.pad(picture.astype(float), ((0, 0), (padding, padding), (padding, padding)))
    reach = [(k - 1) * dilation for k in kernel]
    rows, columns = ((n - r - 1) // stride + 1 for n, r in zip(padded.shape[1:], reach, strict=True))
    assume(rows >= 2 and columns >= 2)
    convolved = np.zeros((outs, rows, columns))
    per_group = channels // groups
    for out, row, column in np.ndindex(*convolved.shape):
        first = out // (outs // groups) * per_group
        top, left = row * stride, column * stride
        seen = padded[
            first : first + per_group, top : top + reach[0] + 1 : dilation, left : left + reach[1] + 1 : dilation
        ]
        convolved[out, row, column] = (seen * weight[out]).sum()
    expected = (
        convolved[:, : rows // 2 * 2, : columns // 2 * 2].reshape(outs, rows // 2, 2, columns // 2, 2).sum((2, 4))
    )
    size = expected.size
    nodes = {
        "input": source([channels, height, width]),
        "convolution": convolution,
        "pooling": pooling,
        "flatten": nir.Flatten({"input": np.array(expected.shape)}, 0, -1),
        "a": cuba(size, v_threshold=1e3),
        "output": sink([size]),
    }
    network = Network(from_nir(graph(">".join(nodes), **nodes), DT).spec(), 0)
    active = np.flatnonzero(picture.ravel())
    network.advance(1, np.array([0, active.size]), active)
    np.testing.assert_allclose(network.population_state("a")["current"], expected.ravel(), atol=1e-5)


def test_many_weights_go_into_files(tmp_path):
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((80, 70)).astype(np.float32)
    sparse = np.where(rng.random((80, 80)) < 0.1, dense[:, :1], 0).astype(np.float32)
    nodes = {
        "input": source([70]),
        "dense": nir.Linear(weight=dense),
        "a": cuba(80),
        "sparse": nir.Linear(weight=sparse),
        "b": cuba(80),
        "output": sink([80]),
    }
    imported = from_nir(graph(">".join(nodes), **nodes), DT)
    imported.save(tmp_path / "network.yaml")
    network = Network(load_network_spec(tmp_path / "network.yaml"), 0)
    np.testing.assert_array_equal(network.connection_matrix(0), dense.T)
    np.testing.assert_array_equal(network.connection_matrix(1), sparse.T)
    assert network.connection_weights(1).ndim == 1
    assert (tmp_path / "network.yaml").stat().st_size < 3000


def test_a_large_random_network_keeps_its_spikes():
    spec = NetworkSpec.model_validate(
        {
            "name": "large",
            "populations": {
                "input": {"model": "spike_source", "size": 50},
                "a": {"model": "lif", "size": 200, "effect": "inhibitory"},
            },
            "connections": [
                {"pre": "input", "post": "a", "weights": {"distribution": "uniform", "low_na": 0.0, "high_na": 4.0}},
                {
                    "pre": "a",
                    "post": "a",
                    "pattern": {"kind": "fixed_out_degree", "degree": 20},
                    "delay_ms": 4.0,
                    "weights": {"distribution": "lognormal", "median_na": 0.3, "sigma": 1.0},
                },
            ],
        }
    )
    network = Network(spec, 1)
    again = Network(from_nir(to_nir(network).graph).spec(), 5)
    offsets, inputs = spike_train(np.random.default_rng(0), 500, 50, 0.05)
    expected, found = network.advance(500, offsets, inputs), again.advance(500, offsets, inputs)
    assert expected.neuron.size > 1000
    np.testing.assert_array_equal(np.stack(found), np.stack(expected))
