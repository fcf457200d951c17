"""Controllers to and from NIR: encoder, decoder and window travel with the network."""

from pathlib import Path

import nir
import numpy as np
import pytest

from snn_core.control.nir import controller_from_nir, controller_to_nir
from snn_core.control.spec import NETWORKS, ControllerSpec, load_controller_spec
from snn_core.errors import UserError
from snn_core.network.interchange.nir_files import from_nir, to_nir, write_nir
from snn_core.network.interchange.nir_neurons import Options
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.network.interchange.nir_graphs import WEIGHT, chain, lif
from tests.network.networks import controller_description, controller_spec, spec

CHANNEL = {"low": -1.0, "high": 1.0, "raises": "motor", "lowers": "inner"}


def exported(description: ControllerSpec) -> nir.NIRGraph:
    """The graph of a controller, without its plasticity."""
    return controller_to_nir(Network(description, 0), drop_plasticity=True).graph


@pytest.mark.parametrize("name", sorted({file.stem for file in NETWORKS.glob("*.yaml")} - {"lane_reward"}))
def test_a_shipped_network_comes_back_but_for_its_plasticity(name, tmp_path):
    network = Network(load_controller_spec(name), 2)
    write_nir(tmp_path / "lane.nir", controller_to_nir(network, drop_plasticity=True))
    back = controller_from_nir(tmp_path / "lane.nir").save(tmp_path / "lane.yaml")
    assert load_controller_spec(str(tmp_path / "lane.yaml")) == back
    assert isinstance(back, ControllerSpec)
    assert isinstance(network.spec, ControllerSpec)
    assert (back.populations, back.encoder, back.decoder, back.window_ms) == (
        network.spec.populations,
        network.spec.encoder,
        network.spec.decoder,
        network.spec.window_ms,
    )
    assert Network(back, 0).connection_weights(0).tobytes() == network.connection_weights(0).tobytes()


def test_a_shipped_network_of_neurons_that_nir_does_not_have_is_refused_by_their_model():
    with pytest.raises(UserError, match="model lif_escape: NIR has no such neuron"):
        controller_to_nir(Network(load_controller_spec("lane_reward"), 0), drop_plasticity=True)


def test_a_critic_comes_back(tmp_path):
    data = controller_description(critic={"population": "motor", "value_per_hz": 0.01, "horizon_ms": 300.0})
    description = ControllerSpec.model_validate(data)
    write_nir(tmp_path / "network.nir", controller_to_nir(Network(description, 0), drop_plasticity=True))
    back = controller_from_nir(tmp_path / "network.nir").spec()
    assert isinstance(back, ControllerSpec)
    assert back.critic == description.critic is not None


@pytest.mark.parametrize(("dt_ms", "window_ms"), [(0.5, 20.0), (1.0, 7.0), (0.1, 33.3)])
def test_step_and_window_come_back(dt_ms, window_ms, tmp_path):
    description = controller_spec(dt_ms=dt_ms, window_ms=window_ms)
    graph = exported(description)
    write_nir(tmp_path / "network.nir", controller_to_nir(Network(description, 0), drop_plasticity=True))
    for source in (graph, tmp_path / "network.nir"):
        imported = controller_from_nir(source)
        back = imported.spec()
        assert isinstance(back, ControllerSpec)
        assert (back.dt_ms, back.window_ms, back.encoder, back.decoder) == (
            dt_ms,
            window_ms,
            description.encoder,
            description.decoder,
        )
        assert imported.notes == []


def with_push_pull() -> ControllerSpec:
    """A decoder that reads a population which another one reads, too."""
    data = controller_description(decoder={"code": "push_pull", "command": {"force_n": CHANNEL}})
    data["populations"]["inner"] = {**data["populations"]["motor"], "size": 3}
    weights = {"distribution": "constant", "value_na": 0.5}
    data["connections"] += [{"pre": "motor", "post": "inner", "weights": weights}]
    return ControllerSpec.model_validate(data)


def outputs(graph: nir.NIRGraph) -> set[str]:
    """The populations that lead to an Output."""
    return {pre for pre, post in graph.edges if isinstance(graph.nodes[post], nir.Output)}


def test_what_a_decoder_reads_is_an_output():
    description = with_push_pull()
    graph = exported(description)
    assert outputs(graph) == {"motor", "inner"}
    assert outputs(to_nir(Network(description, 0), drop_plasticity=True).graph) == {"inner"}
    back = controller_from_nir(graph).spec()
    assert isinstance(back, ControllerSpec)
    assert back.decoder == description.decoder


def test_the_network_alone_has_nothing_of_its_control():
    network = Network(controller_spec(window_ms=20.0), 0)
    graph = to_nir(network, drop_plasticity=True).graph
    assert not {"encoder", "decoder", "window_ms"} & set(graph.metadata)
    assert type(from_nir(exported(controller_spec())).spec()) is NetworkSpec
    back = controller_from_nir(graph).spec()
    assert isinstance(back, ControllerSpec)
    assert (back.encoder, back.decoder, back.window_ms) == (None, None, 50.0)


def test_a_network_without_control_is_exported_as_it_is():
    network = Network(spec(), 0)
    graph, plain = (make(network, drop_plasticity=True).graph for make in (controller_to_nir, to_nir))
    assert graph.metadata == plain.metadata
    assert set(graph.nodes) == set(plain.nodes)


@pytest.mark.parametrize(("dt_ms", "window_ms"), [(1.0, 50.0), (0.3, 50.1), (0.7, 49.7)])
def test_a_graph_of_another_program_gets_a_window_of_whole_steps(dt_ms, window_ms):
    graph = chain(nir.Linear(weight=WEIGHT), lif(3))
    back = controller_from_nir(graph, Options(dt_ms=dt_ms)).spec()
    assert isinstance(back, ControllerSpec)
    assert (back.dt_ms, back.window_ms) == (dt_ms, window_ms)


def test_a_window_that_does_not_fit_another_step_is_replaced():
    back = controller_from_nir(exported(controller_spec(window_ms=25.0)), Options(dt_ms=2.0)).spec()
    assert isinstance(back, ControllerSpec)
    assert (back.dt_ms, back.window_ms) == (2.0, 50.0)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("encoder", '"columns": 4', '"columns": 5'),
        ("decoder", '"right": 1', '"right": 2'),
        ("decoder", '"population": "motor"', '"population": "nobody"'),
        ("decoder", "differential_steering", "telepathy"),
    ],
)
def test_a_part_that_no_longer_fits_is_left_out_and_said(part, old, new):
    graph = exported(controller_spec())
    assert old in graph.metadata[part]
    graph.metadata[part] = graph.metadata[part].replace(old, new)
    imported = controller_from_nir(graph)
    back = imported.spec()
    assert isinstance(back, ControllerSpec)
    assert getattr(back, part) is None
    assert any(part in note for note in imported.notes)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_metadata_that_cannot_be_read_are_left_out_and_said(part):
    description = controller_spec()
    graph = exported(description)
    graph.metadata[part] = "{"
    imported = controller_from_nir(graph)
    back = imported.spec()
    other = "decoder" if part == "encoder" else "encoder"
    assert getattr(back, part) is None
    assert getattr(back, other) == getattr(description, other)
    assert imported.notes == [f"{part}: the metadata cannot be read and are left out"]


def test_what_is_no_network_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"missing\.nir"):
        controller_from_nir(tmp_path / "missing.nir")
    with pytest.raises(UserError, match="dt_ms"):
        controller_from_nir(chain(nir.Linear(weight=WEIGHT), lif(3)))


def test_weights_are_written_as_they_are_when_learnt():
    network = Network(controller_spec(), 3)
    learnt = np.linspace(0, 3, 8, dtype=np.float32).reshape(4, 2)
    network.set_weights(0, learnt)
    back = Network(controller_from_nir(controller_to_nir(network, drop_plasticity=True).graph).spec(), 0)
    np.testing.assert_array_equal(back.connection_weights(0), learnt)
