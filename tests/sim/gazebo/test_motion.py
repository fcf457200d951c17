"""Velocities from poses."""

import math

import pytest

from snn_core.sim.gazebo.motion import BodyPose, motion, state_among
from snn_core.sim.track import Pose


def body(t_us: int, x: float, y: float, yaw: float, sign: float = 1.0) -> BodyPose:
    return BodyPose(t_us, (x, y, 0.0), (sign * math.cos(0.5 * yaw), 0.0, 0.0, sign * math.sin(0.5 * yaw)))


def test_arc() -> None:
    # on a circle of radius 2 m about the origin, counterclockwise at 1 rad/s
    before, now = (
        body(t, 2.0 * math.cos(1e-6 * t), 2.0 * math.sin(1e-6 * t), 1e-6 * t + 0.5 * math.pi) for t in (0, 10_000)
    )
    moved = motion(before, now)
    assert moved.state.omega == pytest.approx(1.0)
    assert moved.state.v == pytest.approx(2.0, rel=1e-4)
    assert moved.speed == pytest.approx(2.0, rel=1e-4)
    assert moved.turn == pytest.approx(1.0, rel=1e-4)
    assert moved.state.pose.yaw == pytest.approx(0.01 + 0.5 * math.pi)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_heading_passes_pi(sign: float) -> None:
    moved = motion(body(0, 0.0, 0.0, math.pi - 0.01), body(20_000, 0.0, 0.0, math.pi + 0.01, sign))
    assert moved.state.omega == pytest.approx(1.0)
    assert moved.turn == pytest.approx(1.0, rel=1e-4)
    assert moved.state.pose.yaw == pytest.approx(-math.pi + 0.01)


def test_backwards_sideways_upwards() -> None:
    still = body(0, 1.0, 1.0, 0.5 * math.pi)
    assert motion(still, body(100_000, 1.0, 0.9, 0.5 * math.pi)).state.v == pytest.approx(-1.0)
    sideways = motion(still, body(100_000, 1.1, 1.0, 0.5 * math.pi))
    assert (sideways.state.v, sideways.speed) == pytest.approx((0.0, 1.0), abs=1e-12)
    tipped = BodyPose(100_000, (1.0, 1.0, 0.1), (math.cos(0.05), 0.0, math.sin(0.05), 0.0))
    flat = BodyPose(0, (1.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0))
    moved = motion(flat, tipped)
    assert (moved.state.v, moved.state.omega) == (0.0, 0.0)
    assert (moved.speed, moved.turn) == pytest.approx((1.0, 1.0), rel=1e-3)


def test_no_earlier_pose() -> None:
    now = body(5, 1.0, 2.0, 0.25)
    for before in (None, body(5, 0.0, 0.0, 0.0), body(6, 0.0, 0.0, 0.0)):
        moved = motion(before, now)
        assert moved == (moved.state, 0.0, 0.0)
        assert (moved.state.t_us, moved.state.v, moved.state.omega) == (5, 0.0, 0.0)
        assert moved.state.pose == pytest.approx((1.0, 2.0, 0.25))


def on_circle(t_us: int) -> tuple[int, Pose]:
    """Of radius 2 m about the origin, counterclockwise at 1 rad/s."""
    turn = 1e-6 * t_us
    return t_us, Pose(2.0 * math.cos(turn), 2.0 * math.sin(turn), turn + 0.5 * math.pi)


@pytest.mark.parametrize("lost", [(), (49,), (50,), (52,), (49, 50), (50, 51), (51, 52), (49, 50, 51, 52)])
def test_state_among_samples(lost: tuple[int, ...]) -> None:
    samples = [on_circle(1000 * ms) for ms in range(60) if ms not in lost]
    state = state_among(samples, 50_000, 49_000, 52_000)
    assert state.t_us == 50_000
    assert state.pose == pytest.approx(on_circle(50_000)[1], abs=1e-5)
    assert (state.v, state.omega) == pytest.approx((2.0, 1.0), rel=1e-5)


def test_state_at_the_end_of_samples() -> None:
    state = state_among([on_circle(1000 * ms) for ms in range(50)], 50_000, 49_000, 52_000)
    assert state.pose == pytest.approx(on_circle(50_000)[1], abs=1e-5)
    assert (state.v, state.omega) == pytest.approx((2.0, 1.0), rel=1e-5)


def test_one_sample_has_no_velocity() -> None:
    assert state_among([on_circle(0)], 50_000, 49_000, 52_000)[1:] == (on_circle(0)[1], 0.0, 0.0)
