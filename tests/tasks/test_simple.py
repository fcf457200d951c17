"""Tasks of one goal: where the body is placed, what is counted, when a run ends, and what is told of it."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib import recfunctions

from snn_core.control.controller import Controller
from snn_core.control.signals import check_finite, names_of, weighted
from snn_core.errors import UserError
from snn_core.learning.drive import InProcess, columns_of, steps
from snn_core.learning.experiment import Plan, run_experiment
from snn_core.learning.parameters import DriveParameters, load_parameters, with_task
from snn_core.learning.record import RunRecord
from snn_core.learning.train import evaluate, network_for
from snn_core.network.network import Spikes
from snn_core.tasks.base import RunSpec, TaskWindow
from snn_core.tasks.log import DriveLog, WindowRow
from snn_core.tasks.report import TaskReport
from tests.tasks.point import EDGE_M, GOAL_M, Point, PointSettings, PointSignals, force, write_network

WINDOW_US = 50_000


def point(**settings) -> Point:
    return Point(PointSettings.model_validate(settings))


def drive(task: Point, force_n: float, windows: int) -> list[TaskWindow]:
    return [task.step(force(force_n)) for _ in range(windows)]


# Placement, outcomes, counts


def test_a_point_that_is_left_alone_stays_where_it_was_placed():
    windows = drive(point(start_m=0.2), 0.0, 5)
    assert [window.placed for window in windows] == [True, False, False, False, False]
    assert len({window.state for window in windows}) == 1
    assert windows[0].state[0] == pytest.approx(0.2, abs=0.1)
    assert {(w.goal, w.completed, w.failed, w.last_failed_s, w.finished) for w in windows} == {(0, 0, 0, None, False)}


def test_windows_follow_each_other():
    windows = drive(point(window_ms=20.0), 3.0, 200)
    assert [window.number for window in windows] == list(range(200))
    assert [(window.begin_us, window.end_us) for window in windows] == [
        (20_000 * k, 20_000 * (k + 1)) for k in range(200)
    ]
    for window in windows:
        assert len(window.events) == 20
        assert window.begin_us <= window.events.t[0] <= window.events.t[-1] < window.end_us


@pytest.mark.parametrize("force_n", [4.0, -4.0])
def test_after_the_goal_and_after_a_failure_it_is_placed_for_the_next_window(force_n: float):
    windows = drive(point(), force_n, 200)
    done = [not EDGE_M <= window.state[0] <= GOAL_M for window in windows]
    assert sum(done) > 3
    for before, after, ends in zip(windows, windows[1:], done, strict=False):
        assert after.placed == ends
        if ends:
            assert after.state[0] == pytest.approx(0.0, abs=0.11)
            assert after.state[1] == pytest.approx(force_n * 0.05)
        else:
            assert after.state[1] == pytest.approx(before.state[1] + force_n * 0.05)
    counts = np.cumsum(done).tolist()
    reached = [(window.completed, window.failed) for window in windows]
    assert reached == [(n, 0) if force_n > 0 else (0, n) for n in counts]


def test_the_last_failure_is_the_end_of_its_window():
    task = point()
    windows = drive(task, -4.0, 60) + drive(task, 4.0, 60)
    for before, after in pairwise(windows):
        failed = after.failed > before.failed
        assert after.last_failed_s == (after.end_us / 1e6 if failed else before.last_failed_s)
    assert windows[-1].completed > 0
    assert windows[-1].last_failed_s is not None
    assert windows[-1].last_failed_s < 3.0 + 1.0


def test_starts_are_drawn_by_the_seed_and_differ_from_each_other():
    starts = [w.state[0] - w.state[1] * 0.05 for w in drive(point(seed=3), 4.0, 200) if w.placed]
    assert len(starts) > 3
    assert len(set(starts)) == len(starts)
    assert all(abs(start) <= 0.1 for start in starts)


def everything(windows: list[TaskWindow]) -> list[tuple]:
    """All of some windows, to be compared to the bit."""
    return [
        (w.number, w.begin_us, w.end_us, w.placed, w.completed, w.failed, w.finished, w.state, w.events.t.tobytes(),
         w.events.x.tobytes(), w.events.y.tobytes())
        for w in windows
    ]  # fmt: skip


def test_same_seed_and_commands_are_the_same_bits_and_begin_starts_the_run_again():
    task = point(seed=7)
    first = everything(drive(task, 4.0, 100))
    assert everything(drive(point(seed=7), 4.0, 100)) == first
    task.begin()
    assert everything(drive(task, 4.0, 100)) == first
    assert everything(drive(point(seed=8), 4.0, 100)) != first


def test_in_the_dark_there_are_no_events_and_all_else_is_the_same():
    light, dark = drive(point(), 4.0, 60), drive(point(dark=True), 4.0, 60)
    assert all(len(window.events) == 0 for window in dark)
    assert all(len(window.events) > 0 for window in light)
    assert [(w.state, w.completed, w.placed) for w in dark] == [(w.state, w.completed, w.placed) for w in light]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_command_that_is_not_finite_is_refused_and_moves_nothing(value: float):
    task, other = point(), point()
    for each in (task, other):
        each.step(force(1.0))
    with pytest.raises(ValueError, match="finite"):
        task.step(force(value))
    assert everything([task.step(force(1.0))]) == everything([other.step(force(1.0))])


# The end of a run


def test_a_run_has_no_end_unless_it_is_given_one():
    assert not any(window.finished for window in drive(point(), -4.0, 300))


@pytest.mark.parametrize("seconds", [0.05, 0.51, 0.55, 1.35])
def test_a_run_ends_with_the_window_that_reaches_its_duration(seconds: float):
    windows = drive(point(task={"duration_s": seconds}), 0.0, 30)
    last = math.ceil(seconds / 0.05 - 1e-9)
    assert [window.finished for window in windows] == [k + 1 >= last for k in range(30)]


def test_a_run_ends_when_it_has_not_failed_for_long_enough():
    task = point(task={"settled_s": 1.0, "duration_s": 100.0})
    windows = drive(task, -40.0, 18) + drive(task, 0.0, 100)
    assert windows[17].failed > 1
    finished = [window.finished for window in windows]
    first = windows[finished.index(True)]
    assert first.last_failed_s is not None
    assert first.end_us == round(1e6 * first.last_failed_s) + 1_000_000
    assert first.failed == windows[-1].failed
    assert all(finished[first.number :])
    assert [window.finished for window in drive(point(task={"settled_s": 1.0}), 0.0, 21)] == [False] * 19 + [True] * 2


def test_rules_for_an_evaluation():
    rules = RunSpec(duration_s=7.0, settled_s=3.0)
    assert rules.for_evaluation(20.0) == RunSpec(mode="evaluate", duration_s=20.0)
    with pytest.raises(ValueError, match="duration_s"):
        rules.for_evaluation(-1.0)


# Signals


def test_signals_are_the_sums_of_their_weighted_terms():
    task = Point(PointSettings(start_m=0.2), PointSignals(near=2.0, effort=0.5))
    window = drive(task, 3.0, 4)[-1]
    x_m, v_m_s = window.state
    signals = task.signals(window)
    assert signals == pytest.approx(
        {
            "reward": 2.0 * (x_m - GOAL_M) - 0.5 * v_m_s,
            "reward/near": 2.0 * (x_m - GOAL_M),
            "reward/effort": -0.5 * v_m_s,
            "error": GOAL_M - x_m,
            "error/distance": GOAL_M - x_m,
        }
    )
    assert names_of(signals) == ("reward", "error")


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))))
def test_a_signal_is_the_sum_of_its_terms_without_those_of_weight_0(terms: dict[str, tuple[float, float]]):
    signals = weighted("novelty", terms)
    kept = {f"novelty/{name}": weight * value for name, (weight, value) in terms.items() if weight}
    assert {name: value for name, value in signals.items() if "/" in name} == kept
    assert names_of(signals) == (("novelty",) if kept else ())
    assert signals.get("novelty", 0.0) == sum(kept.values())


def test_a_signal_that_is_not_finite_is_named():
    check_finite({"reward": -1e300, "reward/near": 0.0})
    with pytest.raises(ValueError, match="signal reward/near must be finite, found nan"):
        check_finite({"reward": 1.0, "reward/near": math.nan})


# What is learnt, logged and reported


@pytest.fixture
def parameters(tmp_path: Path) -> DriveParameters:
    """A training of the point for 6 s."""
    loaded = load_parameters(None, 2, Point, str(write_network(tmp_path)))
    return with_task(loaded, duration_s=6.0)


def controller_of(parameters: DriveParameters) -> Controller:
    return Controller(network_for(parameters), parameters.controller.limits, parameters.controller.seed)


def test_it_is_driven_taught_and_logged_by_what_it_names(parameters: DriveParameters):
    controller = controller_of(parameters)
    with parameters.make_task() as task:
        driven = list(steps(task, controller))
    assert len(driven) == 120
    row = driven[-1].row()
    assert row.state == driven[-1].window.state
    assert row.command == driven[-1].answer.command.values
    assert set(row.signals) == {"reward", "reward/near", "reward/effort", "error", "error/distance"}
    learnt, fresh = controller.network, controller_of(parameters).network
    assert any((learnt.connection_weights(c) != fresh.connection_weights(c)).any() for c in (0, 1))

    result = InProcess()(parameters, controller_of(parameters))
    rows = result.log.rows()
    names = ("end_us", "goal", "placed", "completed", "failed", "events", "x_m", "v_m_s", "force_n")
    assert rows.dtype.names is not None
    assert rows.dtype.names[:9] == names
    assert rows["x_m"].tolist() == [step.window.state[0] for step in driven]
    assert rows["force_n"].tolist() == [step.answer.command["force_n"] for step in driven]
    assert rows["reward/effort"].tolist() == [step.signals["reward/effort"] for step in driven]
    assert rows["failed"].tolist() == [step.window.failed for step in driven]


def test_an_evaluation_is_of_the_whole_time_and_changes_no_weights(parameters: DriveParameters):
    controller = controller_of(parameters)
    before = controller.network.connection_weights(0)
    result = evaluate(parameters, controller, 2.0)
    assert len(result.log) == 40
    np.testing.assert_array_equal(controller.network.connection_weights(0), before)


def row(end_us: int, failed: int, completed: int) -> WindowRow:
    return WindowRow(end_us, 0, False, completed, failed, 0, (0.0, 0.0), (0.0,), {})


def test_figures_and_lines_of_a_run():
    log = DriveLog(columns_of(Point))
    assert Point.training_figures(log) == {"failed": 0, "last_failed_s": None, "completed": 0}
    assert Point.evaluation_figures(log) == {"evaluation_failed": 0, "evaluation_completed": 0}
    for window, (failed, completed) in enumerate([(0, 1), (1, 1), (2, 1), (2, 3)]):
        log.add(row(WINDOW_US * (window + 1), failed, completed), Spikes.empty(), drive(point(), 0.0, 1)[0].events)
    figures = Point.training_figures(log)
    assert figures == {"failed": 2, "last_failed_s": pytest.approx(0.15), "completed": 3}
    assert Point.evaluation_figures(log) == {"evaluation_failed": 2, "evaluation_completed": 3}
    said = Point.training_line(figures | {"last_failed_s": 12.0})
    assert said == "failed 2 times, the last after 12 s, completed 3 times"
    assert Point.evaluation_line(Point.evaluation_figures(log)) == "failed 2 times, completed 3 times"
    assert Point.progress_line(log).split() == ["2", "failed,", "3", "completed"]


@pytest.fixture
def record(parameters: DriveParameters) -> RunRecord:
    """A whole run: before, training and after."""
    return run_experiment(parameters, controller_of(parameters), Plan(before_s=1.0, evaluation_s=1.5))


def report_of(record: RunRecord) -> TaskReport:
    return TaskReport("point", record.configuration, record.drives)


def test_a_run_is_reported_without_a_report_of_its_own(record: RunRecord):
    report = report_of(record)
    assert report.title() == ["point task"]
    training = record.drives["training"]
    said = list(report.sentences())
    assert len(said) == 3
    assert said[1].startswith("Training it drove 6.0 s, failed ")
    comparison = report.comparison()
    assert comparison is not None
    assert comparison.columns == ["before", "training", "after"]
    rows = dict(comparison.rows)
    assert rows["Simulated time (s)"] == ["1.0", "6.0", "1.5"]
    assert rows["Failed"][1] == str(training["failed"][-1])
    assert rows["Completed"][1] == str(training["completed"][-1])
    assert rows["Events (1000/s)"] == ["1.0"] * 3
    (section,) = report.sections()
    assert [plot.title for plot in section.plots] == ["Before", "Training", "After"]
    for plot in section.plots:
        assert "x_m" in plot.svg
        assert "v_m_s" in plot.svg
    signals = report.signals_section()
    assert signals is not None
    assert signals.title == "What taught"
    for label in ("reward", "near", "effort", "error", "distance"):
        assert label in signals.plots[0].svg


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (6, 0, "It fails less often than before training."),
        (1, 4, "It does not fail less often than before training."),
        (None, 4, "After training it failed 4 times in 1.5 s."),
        (6, None, "Training is not finished, or was not evaluated."),
    ],
)
def test_the_headline_is_honest(record: RunRecord, before: int | None, after: int | None, words: str):
    for name, failed in (("before", before), ("after", after)):
        if failed is None:
            del record.drives[name]
        else:
            record.drives[name]["failed"][-1] = failed
    assert report_of(record).headline() == words


def test_a_run_of_which_nothing_was_driven_has_a_report(record: RunRecord):
    record.drives = {"training": record.drives["training"][:0]}
    report = report_of(record)
    assert report.headline() == "Nothing has been driven yet."
    assert (list(report.sentences()), report.comparison(), report.signals_section()) == ([], None, None)
    (section,) = report.sections()
    assert (section.lines, section.plots) == (["Nothing was driven in this run."], [])


def test_a_network_for_another_body_is_refused(tmp_path: Path):
    parameters = load_parameters(None, 0, Point, "lane")
    parameters = with_task(parameters, duration_s=1.0)
    with pytest.raises(UserError, match=r"128 x 128.*16 x 4"):
        InProcess()(parameters, controller_of(parameters))
    wide = parameters._replace(task=type("Wide", (Point,), {"sensor": (128, 128)}))
    with pytest.raises(UserError, match="its decoder gives v_m_s, omega_rad_s, the body takes force_n"):
        InProcess()(wide, controller_of(wide))


def test_a_rule_that_follows_what_the_task_does_not_give_is_refused(parameters: DriveParameters):
    path = Path(parameters.controller.network)
    path.write_text(path.read_text(encoding="utf-8").replace("signal: error", "signal: novelty"), encoding="utf-8")
    with pytest.raises(UserError, match=r"follows the signal 'novelty', given are reward, error;"):
        InProcess()(parameters, controller_of(parameters))
    frozen = controller_of(parameters)
    frozen.network.learning = False
    assert len(InProcess()(parameters, frozen).log) == 120


def test_an_option_that_the_task_does_not_have_is_refused():
    assert load_parameters(None, 0, Point, options={"track": None}).task is Point
    with pytest.raises(UserError, match="--track: the task 'point' has no such setting"):
        load_parameters(None, 0, Point, options={"track": "tight"})


def test_what_a_critic_made_of_the_signals_is_shown(record: RunRecord):
    rows = record.drives["training"]
    critic = np.linspace(-1.0, 1.0, rows.size)
    with_critic = recfunctions.append_fields(
        rows, ["critic/value", "critic/td_error"], [critic, -critic], usemask=False
    )
    signals = TaskReport("point", record.configuration, {**record.drives, "training": with_critic}).signals_section()
    assert signals is not None
    for label in ("reward", "near", "critic", "value", "td_error"):
        assert label in signals.plots[0].svg
