"""The parameters of a drive: files, options of the command line, and what does not fit."""

import math
from pathlib import Path

import pytest
import yaml

from snn_core.errors import UserError
from snn_core.learning.parameters import (
    DriveParameters,
    load_parameters,
    read_drive_parameters,
    read_parameters,
    reward_parameters,
    simulator_parameters,
    with_seed,
    with_task,
    with_window,
)
from snn_core.learning.train import network_for
from snn_core.tasks.lane.task import LaneTask
from tests.tasks.point import Point, PointSignals

SIMULATOR, REWARD = simulator_parameters(LaneTask), reward_parameters(LaneTask)


def _parameters(seconds: float, seed: int = 0) -> DriveParameters:
    return with_task(load_parameters(None, seed), duration_s=seconds)


def _write(path: Path, data: object) -> Path:
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.parametrize("section", ["simulator", "/simulator", "/**/simulator"])
def test_a_section_of_a_node_is_found(tmp_path: Path, section: str) -> None:
    path = _write(tmp_path / "p.yaml", {section: {"ros__parameters": {"window_ms": 25, "task": {"duration_s": 3.0}}}})
    parameters = read_parameters(path, "simulator", SIMULATOR)
    assert (parameters.window_ms, parameters.task.duration_s) == (25, 3.0)
    assert parameters.track == SIMULATOR().track
    assert read_parameters(path, "reward", REWARD) == REWARD()


def test_what_all_nodes_share_is_taken_where_it_is_known(tmp_path: Path) -> None:
    data = {
        "/**": {"ros__parameters": {"track": "tight", "seed": 3, "use_sim_time": True}},
        "simulator": {"ros__parameters": {"seed": 4}},
    }
    _, simulator, reward, controller = read_drive_parameters(_write(tmp_path / "p.yaml", data), LaneTask)
    assert (simulator.track, simulator.seed, reward.track, controller.seed) == ("tight", 4, "tight", 3)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([1], "expected a section for each node"),
        ({"controller": 3}, "controller: expected the key ros__parameters"),
        ({"controller": {"network": "lane"}}, "controller: expected the key ros__parameters"),
        ({"controller": {"ros__parameters": {"netwrok": "lane"}}}, "controller: netwrok: unknown key"),
        ({"controller": {"ros__parameters": {"limits": {"max_speed_m_s": "fast"}}}}, "limits.max_speed_m_s"),
    ],
)
def test_a_wrong_parameter_file_is_refused_by_file_and_key(tmp_path: Path, data: object, expected: str) -> None:
    path = _write(tmp_path / "p.yaml", data)
    with pytest.raises(UserError) as error:
        read_drive_parameters(path, LaneTask)
    assert str(error.value).startswith(str(path))
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_values_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(UserError, match="duration_s"):
        with_task(_parameters(1.0), duration_s=-1.0)
    with pytest.raises(UserError, match="learning_rate_per_ms"):
        network_for(_parameters(1.0), math.inf)


def test_another_learning_rate_changes_that_alone() -> None:
    shipped, changed = network_for(_parameters(1.0)), network_for(_parameters(1.0), 0.5)
    rules = [connection.rule for connection in changed.connections if connection.rule]
    assert [getattr(rule, "learning_rate_per_ms", None) for rule in rules] == [0.5]
    assert changed.model_dump(exclude={"connections"}) == shipped.model_dump(exclude={"connections"})


def test_the_command_line_goes_before_the_file_and_the_file_before_the_defaults(tmp_path: Path) -> None:
    data = {
        "simulator": {"ros__parameters": {"track": "tight", "seed": 3}},
        "reward": {"ros__parameters": {"track": "tight"}},
        "controller": {"ros__parameters": {"network": "any_camera"}},
    }
    path = _write(tmp_path / "p.yaml", data)
    read = load_parameters(path, 9)
    assert (read.simulator.track, read.simulator.seed, read.controller.seed) == ("tight", 9, 9)
    assert (read.controller.network, read.task, read.simulator.task_name) == ("any_camera", LaneTask, "lane")
    told = load_parameters(path, 9, network="lane_poisson", options={"track": "s_bend", "backend": None})
    assert (told.simulator.track, told.reward.track, told.simulator.backend) == ("s_bend", "s_bend", "embedded")
    assert told.controller.network == "lane_poisson"
    assert load_parameters(None, 9).controller.network == LaneTask.network


def test_a_checkpoint_stands_for_its_network(tmp_path: Path) -> None:
    data = {"controller": {"ros__parameters": {"checkpoint": "c.npz", "network": ""}}}
    assert load_parameters(_write(tmp_path / "p.yaml", data), 0).controller.network == ""


def test_tracks_that_differ_are_refused_by_file(tmp_path: Path) -> None:
    path = _write(tmp_path / "p.yaml", {"simulator": {"ros__parameters": {"track": "tight"}}})
    with pytest.raises(UserError) as error:
        load_parameters(path, 0)
    assert str(error.value).startswith(f"{path}: reward: track: expected that of the simulator, 'tight'")


def test_an_unknown_task_or_option_is_refused() -> None:
    with pytest.raises(UserError, match="task 'chess': expected one of lane"):
        load_parameters(None, 0, "chess")
    with pytest.raises(UserError, match="--gravity: the task 'lane' has no such setting"):
        load_parameters(None, 0, options={"gravity": "0"})


def test_the_window_is_the_networks_unless_the_file_says_another(tmp_path: Path) -> None:
    told = with_window(load_parameters(None, 0), 20.0)
    assert (told.simulator.window_ms, told.reward.window_ms) == (20.0, 20.0)
    path = _write(tmp_path / "p.yaml", {"simulator": {"ros__parameters": {"window_ms": 25}}})
    kept = with_window(load_parameters(path, 0), 20.0)
    assert (kept.simulator.window_ms, kept.reward.window_ms) == (25.0, 25.0)


def test_a_seed_is_that_of_scene_and_controller() -> None:
    seeded = with_seed(load_parameters(None, 1), 5)
    assert (seeded.simulator.seed, seeded.controller.seed) == (5, 5)


def test_the_simulator_of_a_task_without_a_reward_node_sends_the_signals() -> None:
    parameters = load_parameters(None, 0, Point)
    parameters = parameters._replace(reward=parameters.reward.model_copy(update={"effort": 0.75}))
    assert "signals" not in SIMULATOR.model_fields
    assert load_parameters(None, 0).with_signals() == load_parameters(None, 0)
    assert parameters.with_signals().simulator.signals == PointSignals(effort=0.75)
