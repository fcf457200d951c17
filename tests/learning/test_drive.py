"""A drive's log, its digests, and the parameters that it runs with."""

import hashlib
import math
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.learning.digests import DriveDigest
from snn_core.learning.drive import DriveResult, InProcess, steps
from snn_core.learning.experiment import Plan, compare, run_experiment
from snn_core.learning.log import DriveLog, WindowRow
from snn_core.learning.parameters import (
    ControllerParameters,
    DriveParameters,
    RewardParameters,
    SimulatorParameters,
    read_drive_parameters,
    read_parameters,
)
from snn_core.learning.train import ShuffledReward, evaluate, network_for, train, with_seed, with_task
from snn_core.network.network import Spikes
from snn_core.sim.track import load_track
from snn_core.tasks.lane.reward import LaneReward
from snn_core.tasks.lane.simulator import LaneSimulator


def _spikes(*spikes: tuple[int, int, int]) -> Spikes:
    time_us, population, neuron = np.array(spikes, np.int64).reshape(-1, 3).T
    return Spikes(time_us, population.astype(np.int32), neuron.astype(np.int32))


def _row(end_us: int, resets: int = 0, pose: Sequence[float] = (0.0, 0.0, 0.0)) -> WindowRow:
    return WindowRow(end_us, pose[0], pose[1], pose[2], 0, False, 0, resets, 1.0, 0.1, 0)


def _parameters(seconds: float, seed: int = 0) -> DriveParameters:
    parameters = DriveParameters(SimulatorParameters(), RewardParameters(), ControllerParameters())
    return with_task(with_seed(parameters, seed), duration_s=seconds)


def _controller(seed: int = 0) -> Controller:
    parameters = _parameters(1.0)
    return Controller(network_for(parameters), parameters.controller.limits, seed)


# Digests


def test_digests_are_of_the_bytes_that_the_design_names() -> None:
    digest, spike_bytes, path_bytes = DriveDigest(), b"", b""
    for end_us, spikes in ((50_000, [(1000, 1, 0), (1000, 1, 1)]), (100_000, []), (150_000, [(149_000, 2, 5)])):
        digest.add(end_us, (0.25, -1.5, math.pi), (1.25, -0.5), _spikes(*spikes))
        spike_bytes += b"".join(struct.pack("<qii", *spike) for spike in spikes)
        path_bytes += struct.pack("<qddddd", end_us, 0.25, -1.5, math.pi, 1.25, -0.5)
    assert digest.spike_sha256 == hashlib.sha256(spike_bytes).hexdigest()
    assert digest.trajectory_sha256 == hashlib.sha256(path_bytes).hexdigest()


@pytest.mark.parametrize("other", [(50_001, 1.0, 0), (50_000, math.nextafter(1.0, 2.0), 0), (50_000, 1.0, 1)])
def test_digests_tell_the_smallest_difference(other: tuple[int, float, int]) -> None:
    digests = [DriveDigest(), DriveDigest()]
    for digest, (end_us, v, neuron) in zip(digests, ((50_000, 1.0, 0), other), strict=True):
        digest.add(end_us, (0.0, 0.0, 0.0), (v, 0.0), _spikes((1000, 1, neuron)))
    first, second = digests
    assert (first.trajectory_sha256 == second.trajectory_sha256) == (other[2] == 1)
    assert (first.spike_sha256 == second.spike_sha256) == (other[2] == 0)


# The log


def test_log_measures_deviation_from_the_lane_that_is_driven() -> None:
    track = load_track("meschede")
    log = DriveLog(track)
    assert (log.last, len(log), log.last_reset_s) == (None, 0, None)
    assert math.isnan(log.mean_abs_deviation_m())
    assert math.isnan(log.max_abs_deviation_m())
    for i, deviation_m in enumerate((0.1, -0.05, 0.0, -0.03)):
        log.add(_row(50_000 * (i + 1), pose=track.pose(0, 0.1 * i, deviation_m)), Spikes.empty(), Events.empty())
    assert log.deviations_m == pytest.approx([0.1, -0.05, 0.0, -0.03])
    assert log.mean_abs_deviation_m() == pytest.approx(0.045)
    assert log.mean_abs_deviation_m(2) == pytest.approx(0.015)
    assert log.max_abs_deviation_m() == pytest.approx(0.1)


def test_log_remembers_the_last_reset_and_all_rows() -> None:
    log = DriveLog(load_track("meschede"))
    for i, resets in enumerate((1, 1, 2, 2)):
        log.add(_row(50_000 * (i + 1), resets), Spikes.empty(), Events.empty())
    assert log.last_reset_s == pytest.approx(0.15)
    rows = log.rows()
    assert rows["resets"].tolist() == [1, 1, 2, 2]
    assert rows["end_us"].tolist() == [50_000, 100_000, 150_000, 200_000]


def test_log_keeps_events_and_spikes_of_the_newest_windows() -> None:
    log = DriveLog(load_track("meschede"), keep_windows=2)
    assert [part.size for part in log.kept()[1]] == [0, 0, 0]
    for i in range(4):
        one = np.array([i])
        events = Events(one.astype(np.int64), one.astype(np.uint16), one.astype(np.uint16), one.astype(np.uint8))
        log.add(_row(50_000 * (i + 1)), _spikes((i, 1, 0)), events)
    events, spikes = log.kept()
    assert events.t.tolist() == spikes.time_us.tolist() == [2, 3]


# Drives


def test_a_drive_ends_with_the_task_or_when_it_is_told_to() -> None:
    whole = train(_parameters(0.5), _controller())
    assert (whole.simulated_s, len(whole.log)) == (0.5, 10)
    cut = train(_parameters(0.5), _controller(), on_window=lambda log: len(log) == 3)
    assert (cut.simulated_s, len(cut.log)) == (pytest.approx(0.15), 3)
    assert cut.log.rows().tobytes() == whole.log.rows()[:3].tobytes()
    assert DriveResult(DriveLog(load_track("meschede")), 0.0).simulated_s == 0.0


def test_windows_follow_each_other_and_commands_drive_the_next() -> None:
    parameters, controller = _parameters(2.0), _controller()
    simulator = LaneSimulator(parameters.simulator)
    driven = list(steps(simulator, LaneReward(parameters.reward, simulator.track), controller))
    assert [step.answer.end_us for step in driven] == [50_000 * (i + 1) for i in range(40)]
    assert [step.window.end_us for step in driven] == [step.answer.end_us for step in driven]
    robot = parameters.simulator.robot
    for step, following in pairwise(driven):
        if following.window.placed:
            continue
        for now, wanted, reached, limit in (
            (step.window.v, step.answer.command.v_m_s, following.window.v, robot.max_acceleration_m_s2),
            (
                step.window.omega,
                step.answer.command.omega_rad_s,
                following.window.omega,
                robot.max_turn_acceleration_rad_s2,
            ),
        ):
            assert reached == pytest.approx(now + np.clip(wanted - now, -0.05 * limit, 0.05 * limit))
    assert len({step.answer.command for step in driven}) > 20


def test_training_changes_the_weights_and_evaluation_nothing() -> None:
    controller = _controller()
    initial = controller.network.connection_weights(0)
    train(_parameters(3.0), controller, "no-learning")
    np.testing.assert_array_equal(controller.network.connection_weights(0), initial)
    train(_parameters(3.0), controller)
    assert not np.array_equal(controller.network.connection_weights(0), initial)
    before = {name: array.copy() for name, array in controller.network.state().items()}
    result = evaluate(_parameters(3.0), controller, 2.0)
    rows = result.log.rows()
    assert result.simulated_s == 2.0
    assert rows["lane"].tolist() == [0] * 20 + [1] * 20 or rows["resets"][-1] > 0
    for name, array in controller.network.state().items():
        np.testing.assert_array_equal(array, before[name])
    assert controller.network.learning


def test_in_the_dark_noise_is_left() -> None:
    events = {
        control: train(_parameters(1.0), _controller(), control).log.rows()["events"].sum()
        for control in ("none", "dark")
    }
    assert 0 < events["dark"] < 0.3 * events["none"]


def test_shuffled_rewards_are_those_of_poses_seen_in_another_order() -> None:
    poses = [(float(i), 0.0, 0.0, 0) for i in range(300)]
    shuffled = ShuffledReward(lambda x, y, yaw, lane: np.array([x, -x]), seed=0)
    values = [shuffled(*pose) for pose in poses]
    assert all(values[i][0] == -values[i][1] <= i for i in range(300))
    drawn = np.array([value[0] for value in values])
    assert np.mean(drawn == np.arange(300)) < 0.1  # hardly ever that of the pose itself
    assert drawn.mean() == pytest.approx(75, abs=15)  # of all that was seen so far: half as far, on average
    again = ShuffledReward(lambda x, y, yaw, lane: np.array([x, -x]), seed=0)
    assert [again(*pose)[0] for pose in poses] == drawn.tolist()


def test_an_experiment_has_the_drives_of_its_plan() -> None:
    plan = Plan(before_s=0.5, evaluation_s=0.5)
    record = run_experiment(_parameters(1.0), _controller(), plan)
    assert {name: rows.size for name, rows in record.drives.items()} == {"before": 10, "training": 20, "after": 10}
    assert (record.figures["before_evaluation_s"], record.figures["simulated_s"]) == (0.5, 1.0)
    assert record.spikes.time_us.size > 0
    cut = run_experiment(_parameters(1.0), _controller(), plan, interrupted=lambda: True)
    assert list(cut.drives) == ["before"]


def test_comparison_is_with_the_weights_that_the_seed_draws() -> None:
    controller = _controller(seed=4)
    initial = controller.network.connection_weights(0)
    train(_parameters(2.0, seed=4), controller)
    record = compare(_parameters(1.0, seed=4), controller, 0.5)
    np.testing.assert_array_equal(record.weights_before[0], initial)
    np.testing.assert_array_equal(record.weights_after[0], controller.network.connection_weights(0))
    assert set(record.drives) == {"before", "after"}


def test_what_does_not_fit_is_refused_before_it_drives() -> None:
    parameters = _parameters(1.0)
    simulator = parameters.simulator
    small = simulator.model_copy(update={"camera": simulator.camera.model_copy(update={"width": 64, "height": 64})})
    with pytest.raises(UserError, match=r"128 x 128.*64 x 64"):
        InProcess()(parameters._replace(simulator=small), _controller())
    short = simulator.model_copy(update={"window_ms": 20})
    with pytest.raises(UserError, match=r"window_ms is 50.*20 ms"):
        InProcess()(parameters._replace(simulator=short), _controller())


# Parameters


def _write(path: Path, data: object) -> Path:
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.mark.parametrize("section", ["simulator", "/simulator", "/**/simulator"])
def test_a_section_of_a_node_is_found(tmp_path: Path, section: str) -> None:
    path = _write(tmp_path / "p.yaml", {section: {"ros__parameters": {"window_ms": 25, "task": {"duration_s": 3.0}}}})
    parameters = read_parameters(path, "simulator", SimulatorParameters)
    assert (parameters.window_ms, parameters.task.duration_s) == (25, 3.0)
    assert parameters.track == SimulatorParameters().track
    assert read_parameters(path, "reward", RewardParameters) == RewardParameters()


def test_what_all_nodes_share_is_taken_where_it_is_known(tmp_path: Path) -> None:
    data = {
        "/**": {"ros__parameters": {"track": "tight", "seed": 3, "use_sim_time": True}},
        "simulator": {"ros__parameters": {"seed": 4}},
    }
    simulator, reward, controller = read_drive_parameters(_write(tmp_path / "p.yaml", data))
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
        read_drive_parameters(path)
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
    assert [rule.learning_rate_per_ms for rule in rules] == [0.5]
    assert changed.model_dump(exclude={"connections"}) == shipped.model_dump(exclude={"connections"})
