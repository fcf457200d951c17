"""The lane task: resets, laps, lanes and ends, from positions alone; and the simulator that joins it to the world."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.control.command import Command, velocity
from snn_core.errors import UserError
from snn_core.files import StrictModel, validate
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.track import LanePosition, load_track
from snn_core.tasks.lane.rules import LaneRules, LaneStep, LaneTaskSpec, Placement
from snn_core.tasks.lane.signals import RewardSettings
from snn_core.tasks.lane.task import LaneTask, LaneWindow, SimulatorSettings

TRACK = load_track("meschede")
WINDOW_US = 50_000


class Run:
    """A task fed with positions, window by window."""

    def __init__(self, **changes) -> None:
        self.task = LaneRules(LaneTaskSpec(**{"start": "line", **changes}), TRACK)
        self.placement: Placement | None = self.task.begin()
        self.windows, self.arc_length = 0, 0.0

    def window(self, forward_m: float = 0.0, deviation_m: float = 0.0) -> LaneStep:
        if self.placement is not None:
            self.arc_length = 0.0
        self.arc_length += forward_m
        self.windows += 1
        length = TRACK.lane_length_m(self.task.lane)
        position = LanePosition(deviation_m, 0.0, self.arc_length % length, 0.0)
        step = self.task.update(self.windows * WINDOW_US, position)
        self.placement = step.placement
        return step

    def lap(self) -> LaneStep:
        pieces = 400
        length = TRACK.lane_length_m(self.task.lane)
        return [self.window(length * (1 + 1e-9) / pieces) for _ in range(pieces)][-1]


def test_training_changes_lanes_at_resets_and_laps_and_counts_each_apart():
    run = Run()
    assert run.placement == Placement(0)
    assert run.window(0.05, 0.2) == LaneStep(None, 0, 0, 0, None, False)
    assert run.window(0.05, -0.2001) == LaneStep(Placement(1), 0, 0, 1, 0.1, False)
    assert run.window(0.05) == LaneStep(None, 1, 0, 1, 0.1, False)
    run.window(0.05, 0.3)
    assert run.placement == Placement(0)
    step = run.lap()
    assert (step.placement, step.lane, step.laps, step.resets) == (Placement(1), 0, 1, 2)
    assert step.last_reset_s == pytest.approx(0.2)
    assert step.placed_next


def test_to_and_fro_over_the_start_line_is_no_lap():
    run = Run()
    run.window(0.01)
    for _ in range(100):
        assert run.window(-0.5).laps == 0
        assert run.window(0.5).laps == 0
    assert run.lap().laps == 1


@given(steps=st.lists(st.floats(-3.0, 3.0), max_size=80))
def test_laps_when_evaluating_are_the_highest_progress_in_whole_lanes(steps: list[float]):
    run = Run(mode="evaluate")
    progress, laps = 0.0, 0
    for step in steps:
        progress += step
        if progress >= (laps + 1) * TRACK.lane_length_m(0) + 1e-6:
            laps += 1
        if abs(progress / TRACK.lane_length_m(0) - laps - 1) > 1e-6:
            assert run.window(step).laps == laps
        else:
            return


def test_evaluation_stays_on_its_lane_until_half_time():
    run = Run(mode="evaluate", duration_s=4.0, first_lane=1)
    assert run.placement == Placement(1)
    steps = [run.window(0.05, 0.25 if k == 10 else 0.0) for k in range(80)]
    assert [k for k, step in enumerate(steps) if step.placed_next] == [10, 39]
    assert steps[10].placement == Placement(1)
    assert steps[39].placement == Placement(0)
    assert [step.lane for step in steps] == [1] * 40 + [0] * 40
    assert steps[-1][2:] == (0, 1, pytest.approx(0.55), True)
    assert not steps[-2].finished


def test_a_lap_when_evaluating_goes_on():
    run = Run(mode="evaluate")
    step = run.lap()
    assert (step.laps, step.placement) == (1, None)
    run.lap()
    assert run.lap().laps == 3


def test_a_run_ends_when_settled():
    run = Run(settled_s=30.0, settled_laps=1, duration_s=10_000.0)
    run.window(0.0, 1.0)
    assert run.placement == Placement(1)
    assert not run.lap().finished  # 20 s: one lane has its lap
    assert run.lap().finished  # 40 s, both have
    run = Run(settled_s=30.0, settled_laps=1)
    run.lap()
    run.window(0.0, 1.0)  # the reset takes what was settled
    assert run.task.lane == 0
    assert not run.lap().finished
    assert run.lap().finished
    run = Run(settled_s=50.0, settled_laps=1)
    run.lap()
    assert not run.lap().finished  # both lanes, but only 40 s
    assert not run.window(0.01).finished
    ends = [run.window(0.01).finished for _ in range(220)]
    assert ends.index(True) == 198


def test_begin_starts_anew():
    run = Run()
    run.window(0.1, 1.0)
    assert run.task.begin() == Placement(0)
    assert run.task.update(50_000, LanePosition(0.0, 0.0, 0.1, 0.0)) == LaneStep(None, 0, 0, 0, None, False)


def pursue(simulator: LaneTask, window: LaneWindow | None, v: float = 1.3) -> Command:
    """A command that keeps the lane, computed from the true position."""
    if window is None or simulator.rules.lane != window.goal:
        return velocity(v, 0.0)
    position = window.position
    ahead = simulator.track.curvature_ahead_1_m(window.goal, position.arc_length_m, 0.05)
    return velocity(v, v * (ahead - 3.0 * position.heading_error_rad - 6.0 * position.deviation_m))


def quiet(**task) -> SimulatorSettings:
    pixel = EventPixelSpec(leak_rate_hz=0.0, shot_noise_rate_hz=0.0)
    return SimulatorSettings(pixel=pixel, dark=True, task=LaneTaskSpec(**task))


@pytest.mark.parametrize("track", ["meschede", "tight", "s_bend"])
def test_a_good_driver_closes_a_lap_on_each_lane_of_each_track(track: str):
    simulator = LaneTask(quiet(settled_laps=1).model_copy(update={"track": track}))
    window, placed = None, []
    for number in range(2000):
        window = simulator.step(pursue(simulator, window))
        assert window.number == number
        placed += [(number, window.goal)] if window.placed else []
        if window.finished:
            break
    assert window is not None
    assert window.finished
    assert (window.completed, window.failed, window.last_failed_s) == (2, 0, None)
    assert [lane for _, lane in placed] == [0, 1]
    seconds = (simulator.track.lane_length_m(0) + simulator.track.lane_length_m(1)) / 1.3
    assert 1e-6 * window.end_us == pytest.approx(seconds, rel=0.03)


def test_a_robot_that_drives_straight_on_is_placed_anew_in_the_window_after():
    simulator = LaneTask(quiet())
    windows = [simulator.step(velocity(1.3, 0.0)) for _ in range(300)]
    for before, after in pairwise(windows):
        off = abs(before.position.deviation_m) > 0.2
        assert after.placed == off
        assert after.goal == (1 - before.goal if off else before.goal)
        assert after.failed == before.failed + (abs(after.position.deviation_m) > 0.2)
        if after.placed:
            start_m, _ = simulator.track.longest_straight(after.goal)
            assert after.position.arc_length_m == pytest.approx(start_m + 0.065, abs=1e-3)
            assert after.v_m_s == pytest.approx(1.3)
    assert windows[0].placed
    assert windows[-1].failed > 2
    last = max(w.end_us for w in windows if abs(w.position.deviation_m) > 0.2)
    assert windows[-1].last_failed_s == pytest.approx(1e-6 * last)


@pytest.mark.parametrize("track", ["meschede", "tight", "s_bend"])
def test_the_longest_straight_is_where_the_curvature_is_nought_for_longest(track: str):
    road = load_track(track)
    for lane in range(road.lanes):
        begin_m, length_m = road.longest_straight(lane)
        places = np.arange(0.0, road.lane_length_m(lane), 0.01)
        straight = np.array([road.curvature_ahead_1_m(lane, place) == 0.0 for place in places.tolist()])
        assert straight[(places > begin_m + 0.01) & (places < begin_m + length_m - 0.01)].all()
        twice = np.concatenate([straight, straight])
        runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], twice, [0]]).astype(int))))[::2]
        assert length_m == pytest.approx(0.01 * runs.max(), abs=0.03)
        assert road.curvature_ahead_1_m(lane, begin_m - 0.01) != 0.0


def test_a_start_is_on_a_straight_at_the_line_or_anywhere_by_the_seed(tmp_path: Path):
    starts = {}
    for start in ("auto", "straight", "line", "anywhere"):
        rules = LaneRules(LaneTaskSpec(start=start), TRACK, seed=4)
        starts[start] = [rules.begin(), rules.place_again(), rules.place_again()]
    straight_m, _ = TRACK.longest_straight(0)
    assert starts["auto"] == starts["straight"] == [Placement(0, straight_m)] * 3
    assert starts["line"] == [Placement(0, 0.0)] * 3
    assert len({placement.arc_length_m for placement in starts["anywhere"]}) == 3
    again, other = (LaneRules(LaneTaskSpec(start="anywhere"), TRACK, seed) for seed in (4, 5))
    assert again.begin() == starts["anywhere"][0] != other.begin()
    circle = load_track(circle_file(tmp_path))
    assert LaneRules(LaneTaskSpec(), circle).begin() == Placement(0, 0.0)
    with pytest.raises(UserError, match=r"task\.start: track one has no straight of 0\.5 m"):
        LaneRules(LaneTaskSpec(start="straight"), circle)


def test_a_lap_from_anywhere_is_a_whole_lane():
    rules = LaneRules(LaneTaskSpec(start="anywhere"), TRACK, seed=1)
    start_m = rules.begin().arc_length_m
    length_m = TRACK.lane_length_m(0)
    for number in range(1, 100):
        at_m = (start_m + number * length_m / 99.5) % length_m
        step = rules.update(50_000 * number, LanePosition(0.0, 0.0, at_m, 0.0))
        assert step.laps == 0
    assert rules.update(50_000 * 100, LanePosition(0.0, 0.0, (start_m + 0.01) % length_m, 0.0)).laps == 1


@pytest.mark.parametrize("omega_rad_s", [-2.0, 2.0])
def test_the_first_window_after_a_placement_is_driven_straight_on(omega_rad_s: float):
    simulator = LaneTask(quiet())
    windows = [simulator.step(velocity(1.3, omega_rad_s)) for _ in range(60)]
    placed = [window for window in windows if window.placed]
    assert len(placed) > 2
    for window in placed:
        assert (window.v_m_s, window.omega_rad_s) == (1.3, 0.0)
        assert window.position[:2] == pytest.approx((0.0, 0.0), abs=1e-9)
    assert sum(abs(window.omega_rad_s - omega_rad_s) < 1e-9 for window in windows) > 20


def circle_file(folder: Path) -> str:
    path = folder / "one.yaml"
    path.write_text(
        "{name: one, lane_width: 0.5, lanes: 1, marking_width: 0.04, dash: [1, 1], start: [0, 0, 0],"
        " segments: [arc: [2.0, 360]]}"
    )
    return str(path)


def test_begin_repeats_the_run_to_the_bit():
    simulator = LaneTask(SimulatorSettings(seed=3))
    commands = [velocity(1.3, 0.5 * math.sin(k)) for k in range(12)]
    first = [simulator.step(command) for command in commands]
    simulator.begin()
    for a, command in zip(first, commands, strict=True):
        b = simulator.step(command)
        assert len(a.events) > 0
        assert a.events.equals(b.events)
        assert (a.state, a.odometry, a.number, a.goal) == (b.state, b.odometry, b.number, b.goal)


def test_a_window_says_where_the_robot_is_in_the_order_of_the_states_names():
    simulator = LaneTask(quiet())
    window = None
    for _ in range(30):
        window = simulator.step(velocity(1.3, 0.4))
    assert window is not None
    x_m, y_m, yaw_rad, deviation_m = window.state
    assert simulator.state_names == ("x_m", "y_m", "yaw_rad", "deviation_m")
    assert window.position == simulator.track.locate(x_m, y_m, yaw_rad, window.goal)
    assert deviation_m == window.position.deviation_m != 0.0
    odometry = window.odometry
    assert odometry is not None
    assert (odometry.x_m, odometry.y_m, odometry.v_m_s, odometry.omega_rad_s) == (
        x_m,
        y_m,
        window.v_m_s,
        window.omega_rad_s,
    )
    assert 2.0 * math.atan2(*odometry.orientation) == yaw_rad
    assert (window.v_m_s, window.omega_rad_s) == pytest.approx((1.3, 0.4))


def test_a_command_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        LaneTask(quiet()).step(velocity(math.nan, 0.0))


def test_settings_that_cannot_be_are_refused_in_one_line(tmp_path: Path):
    with pytest.raises(UserError, match=r"task\.first_lane"):
        validate(SimulatorSettings, {"task": {"first_lane": 2}}, "simulator.yaml")
    with pytest.raises(UserError, match=r"camera\.zoom: unknown key"):
        validate(SimulatorSettings, {"camera": {"zoom": 2}}, "simulator.yaml")
    circle = circle_file(tmp_path)
    with pytest.raises(UserError, match="first_lane"):
        LaneTask(SimulatorSettings(track=circle, task=LaneTaskSpec(first_lane=1)))
    assert LaneTask(SimulatorSettings(track=circle)).step(velocity(1.0, 0.5)).goal == 0


def test_every_setting_has_a_description_and_a_plain_type():
    groups: list[StrictModel] = [SimulatorSettings(), RewardSettings()]
    seen = 0
    while groups:
        group = groups.pop()
        for key, field in type(group).model_fields.items():
            if isinstance(field.default, StrictModel):
                groups.append(getattr(group, key))
                continue
            seen += 1
            assert field.description, key
            assert isinstance(field.default, int | float | bool | str), key
    assert seen > 50
