"""Descriptions of controllers: what is read, and what is refused in one line that names file and key."""

import pytest
import yaml

from snn_core.control.spec import (
    NETWORKS,
    ControllerSpec,
    load_controller_spec,
    make_decoder,
    make_encoder,
    network_path,
)
from snn_core.errors import UserError
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.network.networks import controller_description, controller_spec, description, replaced

PUSH_PULL = {
    "code": "push_pull",
    "command": {"force_n": {"low": -1.0, "high": 1.0, "raises": "motor", "lowers": "nobody"}},
}
RATE = {"code": "rate", "command": {"force_n": {"low": -1.0, "high": 1.0, "population": "motor"}}}


@pytest.mark.parametrize("file", sorted(NETWORKS.glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_networks_load(file):
    spec = load_controller_spec(file.stem)
    assert spec.name == file.stem
    assert spec == load_controller_spec(str(file))
    assert network_path(file.stem) == file
    encoding, decoding = spec.driving_parts()
    assert {encoding.population, *decoding.populations().values()} <= set(spec.populations)


def test_hash_ignores_what_does_not_matter_and_sees_what_does(tmp_path):
    spec = controller_spec()
    again = tmp_path / "again.yaml"
    again.write_text("# a comment\n" + yaml.safe_dump(controller_description(), sort_keys=True), encoding="utf-8")
    spelt_out = tmp_path / "spelt_out.yaml"
    spelt_out.write_text(spec.to_yaml(), encoding="utf-8")
    assert load_controller_spec(str(again)).sha256() == load_controller_spec(str(spelt_out)).sha256() == spec.sha256()
    changes = (
        ("connections.0.rule.a_plus", 0.99),
        ("connections.0.rule.signal", "error"),
        ("encoder.events_per_spike", 3),
        ("decoder.n_max", 14),
    )
    hashes = {ControllerSpec.model_validate(replaced(controller_description(), *change)).sha256() for change in changes}
    hashes.add(controller_spec(window_ms=20.0).sha256())
    assert len(hashes | {spec.sha256()}) == len(changes) + 2


def test_a_network_without_encoder_and_decoder_is_one_that_no_robot_is_driven_by():
    spec = ControllerSpec.model_validate(description())
    assert (spec.encoder, spec.decoder, spec.window_ms) == (None, None, 50.0)
    assert Network(spec, 0).n_neurons == 6
    for make in (lambda: make_encoder(spec, 0), lambda: make_decoder(spec), spec.driving_parts):
        with pytest.raises(UserError, match="encoder: expected one, since a robot is to be driven"):
            make()
    half = controller_spec(decoder=None)
    with pytest.raises(UserError, match="decoder: expected one"):
        half.driving_parts()


def test_a_window_is_a_whole_number_of_steps():
    spec = controller_spec(window_ms=7.5, dt_ms=0.5)
    assert (spec.window_us, spec.steps_per_window, spec.dt_us) == (7500, 15, 500)


def test_a_plain_network_is_a_controllers_without_its_control():
    plain = NetworkSpec.model_validate(description())
    whole = controller_spec()
    assert isinstance(whole, NetworkSpec)
    assert (plain.populations, plain.connections, plain.dt_ms) == (whole.populations, whole.connections, whole.dt_ms)


def poisson(**changes) -> dict:
    return {"code": "poisson", "population": "input", "pooling": {"rows": 1, "columns": 4}, **changes}


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("encoder.population", "motor", "encoder.population"),
        ("encoder.population", "nobody", "encoder.population"),
        ("encoder.code", "telepathy", "encoder"),
        ("encoder.pooling.columns", 5, "encoder.pooling"),
        ("encoder.events_per_spike", 0, "events_per_spike"),
        ("encoder", poisson(max_rate_hz=1001.0), "encoder.max_rate_hz"),
        ("decoder.population", "input", "decoder.population"),
        ("decoder.population", "nobody", "decoder.population"),
        ("decoder.code", "telepathy", "decoder"),
        ("decoder.right", 2, "decoder.right"),
        ("decoder.v_min_m_s", 2.0, "v_min_m_s"),
        ("decoder", replaced(PUSH_PULL, "command.force_n.lowers", "nobody"), "decoder.command.force_n.lowers"),
        ("decoder", replaced(PUSH_PULL, "command.force_n.raises", "input"), "decoder.command.force_n.raises"),
        (
            "decoder",
            replaced(PUSH_PULL, "command.force_n.lowers", "motor"),
            "decoder.push_pull.command.force_n: lowers",
        ),
        ("decoder", replaced(PUSH_PULL, "command.force_n.high", -1.0), "decoder.push_pull.command.force_n: low"),
        ("decoder", replaced(PUSH_PULL, "command.force_n.low", None), "decoder.push_pull.command.force_n.low"),
        ("decoder", {"code": "push_pull", "command": {}}, "decoder.push_pull.command"),
        ("decoder", replaced(RATE, "command.force_n.population", "input"), "decoder.command.force_n.population"),
        ("decoder", replaced(RATE, "command.force_n.tau_ms", -1.0), "decoder.rate.command.force_n.tau_ms"),
        ("decoder", replaced(RATE, "command.force_n.full_rate_hz", 0.0), "decoder.rate.command.force_n.full_rate_hz"),
        ("decoder", {"code": "rate", "command": {}}, "decoder.rate.command"),
        ("window_ms", 50.5, "window_ms"),
        ("window_ms", 0.0, "window_ms"),
        ("window_ms", 0.0005, "window_ms"),
        ("connections.0.pre", "nobody", "connections.0.pre"),
        ("colour", "red", "colour"),
    ],
)
def test_a_bad_value_is_refused_by_file_and_key(tmp_path, path, value, key):
    data = controller_description()
    data = replaced(data, path, value) if "." in path else data | {path: value}
    file = tmp_path / "network.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_controller_spec(str(file))
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert key in message
    assert "\n" not in message


@pytest.mark.parametrize("decoder", [PUSH_PULL, RATE], ids=["push_pull", "rate"])
def test_a_decoder_is_made_for_the_network(decoder):
    populations = controller_description()["populations"]
    two = populations | {"nobody": populations["motor"] | {"size": 3}}
    made = make_decoder(controller_spec(populations=two, decoder=decoder))
    assert made.errors == ("error",)
    assert made.rest().names == ("force_n",)
    sizes = {population: reward.size for population, reward in made.credit([1.0]).items()}
    assert sizes == {name: two[name]["size"] for name in set(decoder["command"]["force_n"].values()) & set(two)}


def test_a_missing_file_and_an_unknown_name_are_refused(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        load_controller_spec(str(tmp_path / "missing.yaml"))
    with pytest.raises(UserError, match="any_camera, lane"):
        load_controller_spec("motorway")
