"""Network files: what is read, and that what cannot be is refused in one line that names file and key."""

import pytest
import yaml

from snn_core.errors import UserError
from snn_core.network.spec import NetworkSpec, load_network_spec
from tests.network.networks import description, replaced


def with_value(path: str, value) -> dict:
    """The plain description with one value replaced; ``path`` is dotted."""
    return replaced(description(), path, value)


def test_hash_ignores_what_does_not_matter_and_sees_what_does(tmp_path):
    spec = NetworkSpec.model_validate(description())
    again = tmp_path / "again.yaml"
    again.write_text("# a comment\n" + yaml.safe_dump(description(), sort_keys=True), encoding="utf-8")
    spelt_out = tmp_path / "spelt_out.yaml"
    spelt_out.write_text(spec.to_yaml(), encoding="utf-8")
    assert load_network_spec(again).sha256() == load_network_spec(spelt_out).sha256() == spec.sha256()
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
        ("connections.0.rule.signal", "", "signal"),
        ("dt_ms", 0.0, "dt_ms"),
        ("dt_ms", 0.0005, "dt_ms"),
        ("window_ms", 50.0, "window_ms"),
        ("encoder", None, "encoder"),
        ("decoder", None, "decoder"),
    ],
)
def test_a_bad_value_is_refused_by_file_and_key(tmp_path, path, value, key):
    data = with_value(path, value) if "." in path else description() | {path: value}
    file = tmp_path / "network.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_network_spec(file)
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
        load_network_spec(file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        load_network_spec(tmp_path / "missing.yaml")


def test_a_rule_follows_the_reward_unless_it_names_another_signal():
    for data, expected in ((description(), "reward"), (with_value("connections.0.rule.signal", "novelty"), "novelty")):
        rule = NetworkSpec.model_validate(data).connections[0].rule
        assert rule is not None
        assert rule.signal == expected
