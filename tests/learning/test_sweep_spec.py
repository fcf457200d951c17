"""Files of sweeps: what is refused, and what a dotted path changes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from snn_core.control.checkpoint import save_checkpoint
from snn_core.control.controller import Controller
from snn_core.control.spec import load_controller_spec
from snn_core.errors import UserError
from snn_core.learning.sweep.base import base_job, with_values
from snn_core.learning.sweep.paths import with_value
from snn_core.learning.sweep.spec import RunSpec, load_sweep

RATE = "network.connections.0.rule.learning_rate_per_ms"
GOOD = {"vary": {RATE: {"kind": "uniform", "low": 0.0, "high": 1.0}}, "objective": {"figure": "resets"}, "trials": 2}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"objective": None}, "objective"),
        ({"trial": 3}, "trial: unknown key"),
        ({"trials": None}, "trials: expected a number of parameter sets"),
        ({"seeds": [1, 1]}, "seeds: expected at least one seed, and none twice"),
        ({"seeds": {"first": 2**31 - 2, "count": 3}}, "first + count"),
        ({"vary": {"networks.a": {"kind": "uniform", "low": 0, "high": 1}}}, "a path that begins with network, task"),
        ({"vary": {RATE: {"kind": "uniform", "low": 1, "high": 1}}}, "low: expected less than high"),
        ({"vary": {RATE: {"kind": "log_uniform", "low": 0, "high": 1}}}, "more than 0 for log_uniform"),
        ({"vary": {RATE: {"kind": "int", "low": 0, "high": 5, "step": 2}}}, "to be a multiple of it"),
        ({"vary": {RATE: {"kind": "choice", "values": [1, 2, 1.0]}}}, "values that differ"),
        ({"vary": {RATE: {"kind": "normal", "mean": 1}}}, "'normal'"),
        ({"sampler": {"name": "grid"}}, f"expected values or int for {RATE}, found uniform"),
        ({"run": {"seconds": -1}}, "run.seconds"),
    ],
)
def test_a_file_that_cannot_be_is_refused_in_one_line(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in (GOOD | changes).items() if value is not None}))
    with pytest.raises(UserError, match=r"^[^\n]*$") as caught:
        load_sweep(path)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)


def test_a_path_changes_one_value_and_leaves_the_rest() -> None:
    before = {"a": [{"b": 1, "c": 2}, {"b": 3}, None]}
    assert with_value(before, "a.1.b", 9, "x") == {"a": [{"b": 1, "c": 2}, {"b": 9}, None]}
    assert before["a"][1] == {"b": 3}


def test_a_star_changes_every_item_that_the_rest_fits() -> None:
    assert with_value({"a": [{"b": 1}, {"c": 3}, None]}, "a.*.b", 9, "x") == {"a": [{"b": 9}, {"c": 3}, None]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("d", "x: has no 'd'; expected one of a"),
        ("a.2.b", "x.a: has no item '2'; expected * or a number from 0 to 1"),
        ("a.0.b.c", "x.a.0.b: has no parts"),
        ("a.*.z", "x.a.*.z: leads to nothing"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path: str, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        with_value({"a": [{"b": 1}, {"b": 2}]}, path, 0, "x")
    assert expected in str(caught.value)


def test_values_reach_their_sections() -> None:
    base = base_job(RunSpec(seconds=3.0, learning_rate_per_ms=2e-3))
    job: Any = with_values(
        base,
        {
            RATE: 5e-3,
            "task.max_deviation_m": 0.3,
            "simulator.camera.pitch_deg": 25.0,
            "reward.gain_per_m": 2.0,
            "controller.limits.max_speed_m_s": 1.4,
        },
    )
    assert job["network"]["connections"][0]["rule"]["learning_rate_per_ms"] == 5e-3
    assert job["simulator"]["task"] | {"duration_s": 3.0, "max_deviation_m": 0.3} == job["simulator"]["task"]
    assert job["simulator"]["camera"]["pitch_deg"] == 25.0
    assert job["reward"]["gain_per_m"] == 2.0
    assert job["controller"]["limits"]["max_speed_m_s"] == 1.4
    assert base["network"]["connections"][0]["rule"]["learning_rate_per_ms"] == 2e-3  # type: ignore[index]


def test_a_track_is_that_of_simulator_and_reward() -> None:
    job = with_values(base_job(RunSpec()), {"simulator.track": "tight"})
    assert (job["simulator"]["track"], job["reward"]["track"]) == ("tight", "tight")


def test_a_whole_rule_is_set_before_a_value_in_it() -> None:
    rule = load_controller_spec("lane").model_dump(mode="json")["connections"][0]["rule"]
    values = {RATE: 7e-3, RATE.rpartition(".")[0]: rule | {"tau_reward_ms": 10.0, "learning_rate_per_ms": 0.0}}
    job: Any = with_values(base_job(RunSpec()), values)
    changed = job["network"]["connections"][0]["rule"]
    assert changed == rule | {"tau_reward_ms": 10.0, "learning_rate_per_ms": 7e-3}


def test_a_value_out_of_range_is_refused_with_its_key() -> None:
    with pytest.raises(UserError, match=r"network: connections\.0\.rule.*learning_rate_per_ms"):
        with_values(base_job(RunSpec()), {RATE: -1.0})


def test_the_network_of_a_checkpoint_cannot_vary(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoint.npz", Controller(load_controller_spec("lane"), seed=0))
    base = base_job(RunSpec(checkpoint=tmp_path / "checkpoint.npz"))
    with pytest.raises(UserError, match="leave the checkpoint out"):
        with_values(base, {RATE: 1e-3})
