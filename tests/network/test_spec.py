"""Network files: what is read, and that what cannot be is refused in one line that names file and key."""

import copy

import pytest
import yaml

from snn_core.errors import UserError
from snn_core.network.spec import NETWORKS, NetworkSpec, load_network_spec
from tests.network.networks import description


def with_value(path: str, value) -> dict:
    """The plain description with one value replaced; ``path`` is dotted."""
    data = copy.deepcopy(description())
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place = data
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


@pytest.mark.parametrize("file", sorted(NETWORKS.glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_networks_load(file):
    spec = load_network_spec(file.stem)
    assert spec.name == file.stem
    assert spec == load_network_spec(str(file))


def test_hash_ignores_what_does_not_matter_and_sees_what_does(tmp_path):
    spec = NetworkSpec.model_validate(description())
    again = tmp_path / "again.yaml"
    again.write_text("# a comment\n" + yaml.safe_dump(description(), sort_keys=True), encoding="utf-8")
    spelt_out = tmp_path / "spelt_out.yaml"
    spelt_out.write_text(spec.to_yaml(), encoding="utf-8")
    assert load_network_spec(str(again)).sha256() == load_network_spec(str(spelt_out)).sha256() == spec.sha256()
    changed = with_value("connections.0.rule.a_plus", 0.99)
    assert NetworkSpec.model_validate(changed).sha256() != spec.sha256()


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("colour", "red", "colour"),
        ("populations.motor.size", 0, "populations.motor.lif.size"),
        ("populations.motor.size", "many", "populations.motor.lif.size"),
        ("populations.motor.model", "hodgkin_huxley", "populations.motor"),
        ("populations.motor.parameters.tau_membrane_ms", -1.0, "tau_membrane_ms"),
        ("populations.motor.parameters.tau_membrane_ms", float("nan"), "tau_membrane_ms"),
        ("populations.motor.parameters.reset_mv", -10.0, "reset_mv"),
        ("populations.motor.parameters.tau_membrane", 20.0, "tau_membrane"),
        ("connections.0.pre", "nobody", "connections.0.pre"),
        ("connections.0.post", "input", "connections.0.post"),
        ("connections.0.pattern", {"kind": "mask", "rows": [[True]]}, "connections.0.rows"),
        ("connections.0.weights", {"distribution": "values", "values_na": [[1.0]]}, "connections.0.weights.values_na"),
        ("connections.0.weights", {"distribution": "uniform", "low_na": 0.0, "high_na": 9.0}, "connections.0.weights"),
        ("connections.0.weights", {"distribution": "uniform", "low_na": 2.0, "high_na": 1.0}, "low_na"),
        ("connections.0.rule.learning_rate_per_ms", -1.0, "learning_rate_per_ms"),
        ("connections.0.rule.tau_reward_ms", 0.0, "tau_reward_ms"),
        ("encoder.population", "motor", "encoder.population"),
        ("encoder.pooling.columns", 5, "encoder.pooling"),
        ("decoder.population", "input", "decoder.population"),
        ("decoder.right", 2, "decoder.right"),
        ("decoder.v_min_m_s", 2.0, "v_min_m_s"),
        ("dt_ms", 0.0, "dt_ms"),
        ("dt_ms", 0.0005, "dt_ms"),
        ("window_ms", 50.5, "window_ms"),
    ],
)
def test_a_bad_value_is_refused_by_file_and_key(tmp_path, path, value, key):
    data = with_value(path, value) if path not in ("colour", "dt_ms", "window_ms") else description() | {path: value}
    file = tmp_path / "network.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_network_spec(str(file))
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert key in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("populations: [unclosed", "not valid YAML"),
        ("just text", "expected keys and values"),
        ("", "expected keys and values"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_file_that_is_no_description_is_refused(tmp_path, content, expected):
    file = tmp_path / "network.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=expected):
        load_network_spec(str(file))


def test_a_missing_file_and_an_unknown_name_are_refused(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        load_network_spec(str(tmp_path / "missing.yaml"))
    with pytest.raises(UserError, match="any_camera, lane"):
        load_network_spec("motorway")
