"""What teaches on the lanes: the error, and a reward of weighted terms."""

import math
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from snn_core.control.command import velocity
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.track import LanePosition, load_track
from snn_core.tasks.lane.signals import LaneSignals, Motion, RewardSettings, RewardTerms, approach_m_s
from snn_core.tasks.lane.task import LaneTask, SimulatorSettings

TRACK = load_track("meschede")


def signals(deviation_m: float, heading_rad: float = 0.0, v_m_s: float = 1.0, **settings) -> dict[str, float]:
    """Of a place in the lane."""
    position = LanePosition(deviation_m, heading_rad, 3.0, 0.0)
    return LaneSignals(RewardSettings.model_validate(settings), TRACK)(position, Motion(v_m_s, 0.2), 0)


def test_the_error_is_positive_left_of_the_lane_and_nothing_else_is_given_unless_asked_for():
    assert signals(0.05) == {"error": 0.05, "error/deviation": 0.05}
    assert signals(-0.05, gain_per_m=4.0) == {"error": -0.2, "error/deviation": -0.2}
    assert signals(0.05, function="none") == {}


def test_the_terms_of_the_reward_by_hand():
    centre = {"function": "none", "centre_width_m": 0.1, "terms": {"centre": 2.0}}
    assert signals(-0.025, **centre) == pytest.approx({"reward": 1.5, "reward/centre": 1.5})
    assert signals(0.1, **centre) == pytest.approx({"reward": 0.0, "reward/centre": 0.0}, abs=1e-12)
    progress = {"function": "none", "window_ms": 20.0, "terms": {"progress": 10.0}}
    expected = 10.0 * 1.5 * math.cos(0.3) * 0.02
    assert signals(0.0, 0.3, 1.5, **progress) == pytest.approx({"reward": expected, "reward/progress": expected})
    assert signals(0.0, math.pi, 1.5, **progress)["reward"] == pytest.approx(-0.3)


weights = st.floats(-100.0, 100.0)


@given(
    centre=weights,
    progress=weights,
    other=weights,
    deviation_m=st.floats(-1.0, 1.0),
    heading=st.floats(-3.0, 3.0),
    v=st.floats(-2, 2),
)
def test_the_reward_is_the_sum_of_its_terms(centre, progress, other, deviation_m, heading, v):
    terms = RewardTerms(centre=centre, progress=progress, approach=other, marking=-other, failure=2.0 * other)
    found = signals(deviation_m, heading, v, terms=terms)
    parts = {name: value for name, value in found.items() if name.startswith("reward/")}
    assert set(parts) == {f"reward/{name}" for name, weight in terms if weight}
    assert ("reward" in found) == bool(parts)
    assert found.get("reward", 0.0) == pytest.approx(sum(parts.values()))
    alone = [signals(deviation_m, heading, v, terms={name: weight}) for name, weight in terms]
    assert found.get("reward", 0.0) == pytest.approx(sum(one.get("reward", 0.0) for one in alone))
    assert found["error"] == deviation_m


@given(
    lane=st.integers(0, 1),
    at=st.floats(0.5, 29.0),
    deviation=st.floats(-0.2, 0.2),
    error=st.floats(-0.8, 0.8),
    v=st.floats(0.5, 1.5),
    omega=st.floats(-2.0, 2.0),
    ahead=st.floats(0.0, 1.5),
    width=st.sampled_from([0.0, 0.05]),
)
def test_a_point_ahead_approaches_as_fast_as_it_is_seen_to_while_the_robot_drives_on(
    lane: int, at: float, deviation: float, error: float, v: float, omega: float, ahead: float, width: float
):
    """Against the difference of two places, a moment apart on the robot's arc."""

    def off_m(seconds: float) -> tuple[LanePosition, float]:
        x, y, yaw = TRACK.pose(lane, at, deviation)
        yaw += error + 0.5 * omega * seconds
        x, y = x + v * seconds * math.cos(yaw), y + v * seconds * math.sin(yaw)
        position = TRACK.locate(x, y, yaw + 0.5 * omega * seconds, lane)
        return position, position.deviation_m + ahead * math.sin(position.heading_error_rad)

    moment = 1e-4
    (position, now), (_, before), (_, after) = off_m(0.0), off_m(-moment), off_m(moment)
    curvatures = {off_m(seconds)[0].curvature_1_m for seconds in (-moment, 0.0, moment)}
    assume(len(curvatures) == 1 and before * now > 0.0 and now * after > 0.0)
    expected = -(math.hypot(after, width) - math.hypot(before, width)) / (2.0 * moment)
    assert approach_m_s(position, Motion(v, omega), ahead, width) == pytest.approx(expected, abs=1e-3)


def test_a_wheel_on_a_line_is_told_on_both_lanes_and_a_failure_where_it_is_one():
    for lane in (0, 1):
        for deviation_m, wheels in ((0.0, 0), (0.07, 1), (0.085, 1), (-0.085, 1), (0.12, 0), (0.2, 0)):
            made = LaneSignals(RewardSettings(function="none", terms=RewardTerms(marking=1.0, failure=10.0)), TRACK)
            found = made(LanePosition(deviation_m, 0.0, 3.0, 0.0), Motion(1.0, 0.0), lane)
            assert found["reward/marking"] == -wheels, (lane, deviation_m)
            assert found["reward/failure"] == 0.0
    narrow = LaneSignals(RewardSettings(wheel_base_m=0.5, terms=RewardTerms(marking=1.0, failure=1.0)), TRACK)
    both = narrow(LanePosition(0.0, 0.0, 3.0, 0.0), Motion(1.0, 0.0), 1)
    assert (both["reward/marking"], both["reward/failure"]) == (-2.0, 0.0)
    assert narrow(LanePosition(-0.2001, 0.0, 3.0, 0.0), Motion(1.0, 0.0), 0)["reward/failure"] == -1.0


def test_a_failure_that_is_not_the_tasks_is_refused():
    settings = SimulatorSettings.model_validate({"task": {"max_deviation_m": 0.15}})
    LaneTask.check_settings(settings, RewardSettings(terms=RewardTerms(progress=1.0)))
    with pytest.raises(ValueError, match=r"failure_deviation_m: expected the simulator's task.max_deviation_m, 0\.15"):
        LaneTask.check_settings(settings, RewardSettings(terms=RewardTerms(failure=1.0)))


def test_signals_of_a_pose_are_those_of_its_place_in_the_lane():
    made = LaneSignals(RewardSettings(terms=RewardTerms(centre=1.0, progress=1.0, approach=0.5, marking=2.0)), TRACK)
    for lane in (0, 1):
        x_m, y_m, yaw_rad = TRACK.pose(lane, 4.0, -0.07)
        found = made.of_pose(x_m, y_m, yaw_rad + 0.2, 1.3, 0.4, lane)
        position = TRACK.locate(x_m, y_m, yaw_rad + 0.2, lane)
        assert found == made(position, Motion(1.3, 0.4), lane)
        assert found["error"] == pytest.approx(-0.07, abs=1e-6)


def test_a_task_gives_the_signals_of_its_windows():
    quiet = EventPixelSpec(leak_rate_hz=0.0, shot_noise_rate_hz=0.0)
    settings = SimulatorSettings(pixel=quiet, dark=True, window_ms=20.0)
    with LaneTask(settings, RewardSettings(gain_per_m=2.0, terms=RewardTerms(progress=1.0))) as task:
        for _ in range(10):
            window = task.step(velocity(1.3, 0.5))
        found = task.signals(window)
    assert found["error"] == 2.0 * window.position.deviation_m != 0.0
    # The window is the simulator's, whatever the settings of the signals say.
    way_m = 1.3 * math.cos(window.position.heading_error_rad) * 0.02
    assert found["reward"] == found["reward/progress"] == pytest.approx(way_m)


def test_settings_of_another_track_are_refused():
    settings = SimulatorSettings(track="tight")
    LaneTask.check_settings(settings, RewardSettings(track="tight"))
    with pytest.raises(ValueError, match="reward: track: expected that of the simulator, 'tight', found 'meschede'"):
        LaneTask.check_settings(settings, RewardSettings())


FIRST_CALL = """
from numba.core.registry import CPUDispatcher
from snn_core.sim import track_kernels
from snn_core.tasks.lane.signals import RewardSettings
from snn_core.tasks.lane.task import LaneTask

def compiled():
    return [len(kernel.signatures) for kernel in vars(track_kernels).values() if isinstance(kernel, CPUDispatcher)]

signals = LaneTask.odometry_signals(RewardSettings(), -1)
before = compiled()
signals(0.5, 0.1, 0.2, 1.0, 0.1, 1)
print(sum(before), sum(compiled()))
"""


def test_the_first_signals_of_odometry_compile_nothing():
    """A window waits for them. In a process of its own, since the kernels of this one are compiled by now."""
    done = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, timeout=300, check=True)
    before, after = map(int, done.stdout.split())
    assert 0 < before == after
