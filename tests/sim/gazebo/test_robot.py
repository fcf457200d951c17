"""The robot and its camera in each real Gazebo that is here, next to the embedded simulator's."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from snn_core.sim.camera import Renderer
from snn_core.sim.gazebo.backend import Backend
from snn_core.sim.robot import Robot
from snn_core.tasks.lane.task import SimulatorSettings
from tests.gazebo_backends import TRACK, started

WINDOW_US = 50_000
pytestmark = pytest.mark.processes


@pytest.fixture(scope="module", params=["lane", "turtlebot4"])
def running(
    gazebo: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Backend, SimulatorSettings]]:
    """A started backend with a robot, and its settings."""
    with started(gazebo, tmp_path_factory.mktemp("world"), request.param) as backend_and_settings:
        yield backend_and_settings


def test_the_camera_sees_what_the_embedded_one_does(running: tuple[Backend, SimulatorSettings]):
    backend, settings = running
    renderer = Renderer(TRACK, settings.camera)
    rows = (
        np.arange(settings.camera.height) > 50
    )  # to about 2.5 m ahead; those behind differ as pictures of 4 samples a pixel do
    for lane, arc_length_m, deviation_m in ((0, 0.0, 0.0), (0, 6.0, 0.1), (1, 9.0, -0.1), (0, 12.0, 0.0)):
        seen = backend.place(TRACK.pose(lane, arc_length_m, deviation_m))
        image = seen.frames[-1].image.astype(float)
        expected = 255.0 * np.exp(renderer.render(*seen.state.pose))
        assert image[0] == pytest.approx(102)  # sky
        assert {51.0, 153.0} <= set(image[rows].ravel())  # ground and paint
        difference = image[rows] - expected[rows]
        assert np.abs(difference).mean() < 0.5
        assert abs(difference.mean()) < 0.1
        sharp = (image == image.min()) | (image == image.max())
        sharp &= (expected == expected.min()) | (expected > 152.9)
        assert (np.abs(image - expected)[rows] < 1.0)[sharp[rows]].mean() > 0.999  # no edge is a pixel off


def test_a_server_that_is_held_up_is_waited_for(running: tuple[Backend, SimulatorSettings]):
    """On a busy machine a server may say nothing for a while, wherever it is in a step."""
    backend, _ = running
    seen = backend.place(TRACK.pose(0))

    def hold_up() -> None:
        for k in range(6):
            time.sleep(0.2 + 0.03 * k)
            os.killpg(backend.pids[0], signal.SIGSTOP)
            time.sleep(1.4)
            os.killpg(backend.pids[0], signal.SIGCONT)

    thread = threading.Thread(target=hold_up)
    thread.start()
    while thread.is_alive():
        before_us = seen.frames[-1].t_us
        seen = backend.step(0.0, 1.0, WINDOW_US)
        assert seen.frames[-1].t_us == seen.state.t_us == before_us + WINDOW_US
    thread.join()


def test_the_robot_drives_as_the_embedded_one(running: tuple[Backend, SimulatorSettings]):
    backend, settings = running
    limits = settings.robot
    fast, turn = 0.75 * limits.max_speed_m_s, 0.75 * limits.max_turn_rate_rad_s
    backend.place(TRACK.pose(0))
    robot = Robot(limits)

    def drive(v: float, omega: float, seconds: float) -> np.ndarray:
        """Speeds of both at the windows' ends: v, omega, v and omega of the embedded robot."""
        rows = []
        for _ in range(round(1e6 * seconds) // WINDOW_US):
            state = backend.step(v, omega, WINDOW_US).state
            robot.advance(v, omega, WINDOW_US // 1000)
            rows.append((state.v, state.omega, *robot.twist))
        return np.array(rows)

    ramp_s = fast / limits.max_acceleration_m_s2
    straight = drive(fast, 0.0, ramp_s + 0.5)
    # A velocity is taken over some 10 ms, and Gazebo Classic takes a command up to a step late.
    late = 0.025 * limits.max_acceleration_m_s2
    assert np.abs(straight[:, 0] - straight[:, 2]).max() < late + 0.1 * fast
    assert straight[-1, 0] == pytest.approx(fast, rel=0.005)
    assert np.abs(straight[:, 1]).max() < 0.01
    turning = drive(0.0, turn, ramp_s + 1.0)
    assert turning[-1, 1] == pytest.approx(turn, rel=0.005)
    assert abs(turning[-1, 0]) < 0.01
    curve = drive(0.5 * fast, -0.5 * turn, ramp_s + 1.0)
    assert curve[-1, :2] == pytest.approx((0.5 * fast, -0.5 * turn), rel=0.01)
    assert np.abs(drive(0.0, 0.0, ramp_s + 1.0)[-1, :2]).max() < 1e-3
