"""A drive's log, its digests, and the parameters that it runs with."""

import hashlib
import math
import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest

from snn_core.control.command import velocity
from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.learning.drive import DriveResult, InProcess, columns_of, drive_baseline, empty_log, steps
from snn_core.learning.experiment import Plan, compare, run_experiment
from snn_core.learning.parameters import (
    DriveParameters,
    load_parameters,
    with_task,
)
from snn_core.learning.train import ShuffledSignals, evaluate, network_for, train
from snn_core.network.network import Spikes
from snn_core.sim.track import load_track
from snn_core.tasks.digests import DriveDigest
from snn_core.tasks.lane.task import LaneTask, LaneWindow
from snn_core.tasks.log import COMMON, Columns, DriveLog, WindowRow, row_dtype

LANE = columns_of(LaneTask)


def _spikes(*spikes: tuple[int, int, int]) -> Spikes:
    time_us, population, neuron = np.array(spikes, np.int64).reshape(-1, 3).T
    return Spikes(time_us, population.astype(np.int32), neuron.astype(np.int32))


def _row(
    end_us: int,
    failed: int = 0,
    deviation_m: float = 0.0,
    pose: Sequence[float] = (0.0, 0.0, 0.0),
    signals: Mapping[str, float] | None = None,
) -> WindowRow:
    return WindowRow(end_us, 0, False, 0, failed, 0, (*pose, deviation_m), (1.0, 0.1), signals or {})


def _add(log: DriveLog, row: WindowRow) -> None:
    log.add(row, Spikes.empty(), Events.empty())


def _parameters(seconds: float, seed: int = 0) -> DriveParameters:
    return with_task(load_parameters(None, seed), duration_s=seconds)


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


def test_log_measures_what_the_state_names() -> None:
    log = DriveLog(LANE)
    assert (log.last, len(log), log.last_failed_s) == (None, 0, None)
    figures = LaneTask.evaluation_figures(log)
    assert all(math.isnan(figures[key] or 0.0) for key in ("mean_abs_deviation_m", "max_abs_deviation_m"))
    assert (figures["evaluation_resets"], figures["evaluation_laps"]) == (0, 0)
    for i, deviation_m in enumerate((0.1, -0.05, 0.0, -0.03)):
        _add(log, _row(50_000 * (i + 1), deviation_m=deviation_m))
    assert log.column("deviation_m").tolist() == [0.1, -0.05, 0.0, -0.03]
    assert log.column("deviation_m", 2).tolist() == [0.0, -0.03]
    figures = LaneTask.evaluation_figures(log)
    assert figures["mean_abs_deviation_m"] == pytest.approx(0.045)
    assert figures["max_abs_deviation_m"] == pytest.approx(0.1)


def test_a_drive_logs_the_deviation_from_the_lane_that_is_driven() -> None:
    track = load_track("meschede")
    rows = train(_parameters(2.0), _controller()).log.rows()
    found = [track.locate(r["x_m"], r["y_m"], r["yaw_rad"], int(r["goal"])).deviation_m for r in rows]
    assert rows["deviation_m"].tolist() == found
    assert np.abs(found).max() > 0.001


def test_log_remembers_the_last_failure_and_all_rows() -> None:
    log = DriveLog(LANE)
    for i, failed in enumerate((1, 1, 2, 2)):
        _add(log, _row(50_000 * (i + 1), failed, pose=(0.1 * i, 0.2, 0.3), deviation_m=0.4))
    assert log.last_failed_s == pytest.approx(0.15)
    rows = log.rows()
    assert rows["failed"].tolist() == [1, 1, 2, 2]
    assert rows["end_us"].tolist() == [50_000, 100_000, 150_000, 200_000]
    assert rows["x_m"].tolist() == [0.1 * i for i in range(4)]
    assert set(rows[["y_m", "yaw_rad", "deviation_m", "v_m_s", "omega_rad_s"]].tolist()) == {(0.2, 0.3, 0.4, 1.0, 0.1)}
    assert rows.dtype == row_dtype(LANE, ())


def test_log_has_a_column_for_every_signal_and_nan_where_it_was_not_given() -> None:
    log = DriveLog(LANE)
    assert log.rows().size == 0
    for i, signals in enumerate(({}, {"error": 0.5, "error/deviation": 0.5}, {"reward": 2.0, "error": -0.5})):
        _add(log, _row(50_000 * (i + 1), signals=signals))
    rows = log.rows()
    assert rows.dtype == row_dtype(LANE, ("error", "error/deviation", "reward"))
    assert rows.dtype.names is not None
    assert rows.dtype.names[: len(COMMON.names or ())] == COMMON.names
    np.testing.assert_array_equal(rows["error"], [np.nan, 0.5, -0.5])
    np.testing.assert_array_equal(rows["error/deviation"], [np.nan, 0.5, np.nan])
    np.testing.assert_array_equal(rows["reward"], [np.nan, np.nan, 2.0])


def test_the_path_alone_enters_the_digest() -> None:
    columns = Columns(("height_m", "x_m", "battery"), ("force_n",), ("x_m", "height_m"))
    log, other, moved = DriveLog(columns), DriveLog(columns), DriveLog(columns)
    for each, state in ((log, (1.0, 2.0, 3.0)), (other, (1.0, 2.0, 4.0)), (moved, (1.0, 2.5, 3.0))):
        _add(each, WindowRow(50_000, 0, False, 0, 0, 0, state, (7.0,), {}))
    expected = hashlib.sha256(struct.pack("<qddd", 50_000, 2.0, 1.0, 7.0)).hexdigest()
    assert log.digest.trajectory_sha256 == other.digest.trajectory_sha256 == expected
    assert moved.digest.trajectory_sha256 != expected


def test_log_keeps_events_and_spikes_of_the_newest_windows() -> None:
    log = DriveLog(LANE, keep_windows=2)
    assert [part.size for part in log.kept()[1]] == [0, 0, 0]
    for i in range(4):
        one = np.array([i])
        events = Events(one.astype(np.int64), one.astype(np.uint16), one.astype(np.uint16), one.astype(np.uint8))
        log.add(_row(50_000 * (i + 1)), _spikes((i, 1, 0)), events)
    events, spikes = log.kept()
    assert events.t.tolist() == spikes.time_us.tolist() == [2, 3]


def test_a_report_has_the_last_seconds() -> None:
    log = empty_log(LaneTask, 100_000)
    for i in range(60):
        log.add(_row(100_000 * (i + 1)), _spikes((i, 1, 0)), Events.empty())
    assert log.kept()[1].time_us.tolist() == list(range(20, 60))  # 4 s


# Drives


def test_a_drive_ends_with_the_task_or_when_it_is_told_to() -> None:
    whole = train(_parameters(0.5), _controller())
    assert (whole.simulated_s, len(whole.log)) == (0.5, 10)
    cut = train(_parameters(0.5), _controller(), on_window=lambda log: len(log) == 3)
    assert (cut.simulated_s, len(cut.log)) == (pytest.approx(0.15), 3)
    assert cut.log.rows().tobytes() == whole.log.rows()[:3].tobytes()
    assert DriveResult(DriveLog(LANE), 0.0).simulated_s == 0.0


def test_windows_follow_each_other_and_commands_drive_the_next() -> None:
    parameters, controller = _parameters(2.0), _controller()
    simulator = parameters.make_task()
    driven = list(steps(simulator, controller))
    assert [step.answer.end_us for step in driven] == [50_000 * (i + 1) for i in range(40)]
    assert [step.window.end_us for step in driven] == [step.answer.end_us for step in driven]
    robot = parameters.simulator.robot
    for step, following in pairwise(driven):
        now, then = step.window, following.window
        assert isinstance(now, LaneWindow)
        assert isinstance(then, LaneWindow)
        if then.placed:
            continue
        v, omega = step.answer.command
        for before, wanted, reached, limit in (
            (now.v_m_s, v, then.v_m_s, robot.max_acceleration_m_s2),
            (now.omega_rad_s, omega, then.omega_rad_s, robot.max_turn_acceleration_rad_s2),
        ):
            assert reached == pytest.approx(before + np.clip(wanted - before, -0.05 * limit, 0.05 * limit))
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
    assert rows["goal"].tolist() == [0] * 20 + [1] * 20 or rows["failed"][-1] > 0
    for name, array in controller.network.state().items():
        np.testing.assert_array_equal(array, before[name])
    assert controller.network.learning


def test_in_the_dark_noise_is_left() -> None:
    events = {
        control: train(_parameters(1.0), _controller(), control).log.rows()["events"].sum()
        for control in ("none", "dark")
    }
    assert 0 < events["dark"] < 0.3 * events["none"]


def test_shuffled_signals_are_those_of_windows_seen_in_another_order() -> None:
    given = [{"error": float(i), "error/deviation": -float(i)} for i in range(300)]
    shuffled = ShuffledSignals(seed=0)
    values = [shuffled(signals) for signals in given]
    assert all(values[i]["error"] == -values[i]["error/deviation"] <= i for i in range(300))
    drawn = np.array([value["error"] for value in values])
    assert np.mean(drawn == np.arange(300)) < 0.1  # hardly ever that of the window itself
    assert drawn.mean() == pytest.approx(75, abs=15)  # of all that was seen so far: half as far, on average
    again = ShuffledSignals(seed=0)
    assert [again(signals)["error"] for signals in given] == drawn.tolist()


def test_what_taught_is_logged_even_when_it_was_shuffled() -> None:
    plain = train(_parameters(1.0), _controller()).log.rows()
    shuffled = train(_parameters(1.0), _controller(), "shuffled-reward").log.rows()
    np.testing.assert_array_equal(plain["error"], plain["deviation_m"])
    assert shuffled["error"][0] == shuffled["deviation_m"][0]
    assert set(shuffled["error"]) < set(shuffled["deviation_m"])
    assert np.mean(shuffled["error"] != shuffled["deviation_m"]) > 0.5


@pytest.mark.parametrize("name", ["straight", "reflex"])
def test_a_controller_without_a_network_drives_to_compare_with(name: str) -> None:
    parameters = _parameters(2.0)
    rows = drive_baseline(parameters, LaneTask.baselines[name]).rows()
    assert rows.size == 40
    assert set(rows["v_m_s"]) == {1.0}
    assert (rows["omega_rad_s"] == 0.0).all() == (name == "straight")
    np.testing.assert_array_equal(rows["error"], rows["deviation_m"])


def test_the_straight_one_holds_its_course_and_the_reflex_turns_to_where_more_events_are() -> None:
    with _parameters(1.0).make_task() as task:
        straight, reflex = (LaneTask.baselines[name](task) for name in ("straight", "reflex"))
        assert straight(None) == reflex(None) == velocity(1.0, 0.0)
        window = task.step(velocity(1.0, 0.0))
        x = window.events.x[window.events.y >= 64]
        left, right = np.count_nonzero(x < 64), np.count_nonzero(x >= 64)
        assert left + right > 0
        assert reflex(window)["omega_rad_s"] == pytest.approx(3.0 * (right - left) / (left + right))
        assert straight(window) == velocity(1.0, 0.0)


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
    short = simulator.model_copy(update={"window_ms": 20.0})
    with pytest.raises(UserError, match=r"window_ms is 50.*20 ms"):
        InProcess()(parameters._replace(simulator=short), _controller())
