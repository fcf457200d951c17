"""Robot: exact arcs, limits, and what a message leaves of a heading."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.sim.robot import Robot, RobotSpec, pose_through_quaternion, quaternion_from_yaw, yaw_from_quaternion
from snn_core.sim.track import Pose
from tests.reference import reference_drive

SPEC = RobotSpec()


def test_a_constant_command_drives_a_circle():
    robot = Robot(SPEC)
    robot.place(Pose(1.0, 2.0, 0.5), 1.2, 0.8)
    path = robot.advance(1.2, 0.8, 3000)
    radius, turned = 1.5, 0.8 * 1e-3 * np.arange(3001)
    assert path[:, 0] == pytest.approx(1.0 + radius * (np.sin(0.5 + turned) - math.sin(0.5)), abs=1e-9)
    assert path[:, 1] == pytest.approx(2.0 - radius * (np.cos(0.5 + turned) - math.cos(0.5)), abs=1e-9)
    assert np.unwrap(path[:, 2]) == pytest.approx(0.5 + turned, abs=1e-9)
    assert np.all(np.abs(path[:, 2]) <= math.pi)


def test_straight_on_and_turning_on_the_spot():
    robot = Robot(SPEC)
    robot.place(Pose(0.0, 0.0, math.pi / 2), 1.0)
    assert robot.advance(1.0, 0.0, 500)[-1, :2] == pytest.approx([0.0, 0.5], abs=1e-12)
    robot.place(Pose(0.0, 0.0, 0.0), 0.0, 2.0)
    path = robot.advance(0.0, 2.0, 500)
    assert not path[:, :2].any()
    assert path[-1, 2] == pytest.approx(1.0)


def test_acceleration_is_limited_to_a_ramp():
    robot = Robot(RobotSpec(max_acceleration_m_s2=2.0, max_turn_acceleration_rad_s2=10.0))
    path = robot.advance(1.0, 1.0, 600)
    assert path[:, 3] == pytest.approx(np.minimum(2.0 * 1e-3 * np.arange(601), 1.0))
    assert path[:, 4] == pytest.approx(np.minimum(10.0 * 1e-3 * np.arange(601), 1.0))
    assert robot.advance(0.0, 0.0, 250)[-1, 3:] == pytest.approx([0.5, 0.0])
    assert robot.twist == pytest.approx((0.5, 0.0))


@given(v=st.floats(-10, 10), omega=st.floats(-50, 50))
def test_no_wheel_is_asked_for_more_than_it_can_and_the_curve_is_kept(v: float, omega: float):
    limited_v, limited_omega = Robot(SPEC).limit(v, omega)
    wheels = [limited_v + side * 0.5 * SPEC.wheel_base_m * limited_omega for side in (-1, 1)]
    assert max(map(abs, wheels)) <= SPEC.max_speed_m_s * (1 + 1e-12)
    assert abs(limited_omega) <= SPEC.max_turn_rate_rad_s
    turn = min(max(omega, -SPEC.max_turn_rate_rad_s), SPEC.max_turn_rate_rad_s)
    assert limited_v * turn == pytest.approx(limited_omega * v, abs=1e-9)


@settings(max_examples=30)
@given(
    state=st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(-3, 3), st.floats(-1, 1), st.floats(-3, 3)),
    command=st.tuples(st.floats(-1, 1), st.floats(-3, 3)),
    ticks=st.integers(1, 40),
)
def test_driving_agrees_with_many_small_steps(state: tuple, command: tuple[float, float], ticks: int):
    robot = Robot(SPEC)
    robot.place(Pose(*state[:3]), *state[3:])
    path = robot.advance(*command, ticks)
    limits = SPEC.max_acceleration_m_s2, SPEC.max_turn_acceleration_rad_s2
    expected = reference_drive(state, command, limits, ticks)
    assert path[0] == pytest.approx(state)
    assert path[-1, [0, 1, 3, 4]] == pytest.approx(expected[[0, 1, 3, 4]], abs=1e-9)
    assert math.remainder(path[-1, 2] - expected[2], 2 * math.pi) == pytest.approx(0.0, abs=1e-9)
    assert robot.pose == tuple(path[-1, :3])


@given(yaw=st.floats(-math.pi, math.pi))
def test_a_heading_survives_its_quaternion(yaw: float):
    z, w = quaternion_from_yaw(yaw)
    assert z * z + w * w == pytest.approx(1.0)
    assert pose_through_quaternion(yaw) == yaw_from_quaternion(z, w)
    assert pose_through_quaternion(yaw) == pytest.approx(yaw, abs=1e-15)


@pytest.mark.parametrize("command", [(math.nan, 0.0), (0.0, math.inf)])
def test_a_command_that_is_not_finite_is_refused(command: tuple[float, float]):
    with pytest.raises(ValueError, match="finite"):
        Robot(SPEC).advance(*command, 1)
