"""The node ``simulator`` with a real Gazebo behind it: it drives, and drives on."""

import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from diagnostic_msgs.msg import DiagnosticStatus

from tests.nodes.gazebo_robots import GazeboRobot, gazebo_robot, mode_name

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]


@pytest.fixture(scope="module", params=[True, False], ids=mode_name)
def robot(
    gazebo: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GazeboRobot]:
    """A robot in lockstep, then one at real time, for tests after which it drives on."""
    with gazebo_robot(gazebo, tmp_path_factory.mktemp("robot"), lockstep=request.param) as robot:
        yield robot


in_lockstep = pytest.mark.parametrize("robot", [True], ids=mode_name, indirect=True)
running_freely = pytest.mark.parametrize("robot", [False], ids=mode_name, indirect=True)


@in_lockstep
def test_lockstep_drives_and_misses_no_window(robot: GazeboRobot) -> None:
    robot.go_on(windows=100)
    heard = robot.robot
    assert not heard.has_gap()
    assert heard.level("simulator") == DiagnosticStatus.OK
    assert robot.disturbances() == 0
    stamps = {episode.window: episode.header.stamp for episode in heard.episodes}  # one that is late comes again
    ends = [stamp.sec * 10**9 + stamp.nanosec for _, stamp in sorted(stamps.items())]
    assert {later - sooner for sooner, later in pairwise(ends)} == {50_000_000}


@running_freely
def test_free_running_drives_and_tells_its_delays(robot: GazeboRobot) -> None:
    robot.go_on(windows=100)
    robot.wait(lambda: robot.robot.level("simulator") == DiagnosticStatus.OK, "the simulator is content")
    robot.wait(lambda: int(robot.robot.values("controller").get("delay_p99_us", 0)) > 0, "delays")
    values = robot.robot.values("controller")
    assert 0 < int(values["delay_p50_us"]) <= int(values["delay_p99_us"])


def test_server_stopped_and_continued(robot: GazeboRobot) -> None:
    robot.go_on()
    stopped_at = time.monotonic()
    server = robot.server()
    os.kill(server, signal.SIGSTOP)
    try:
        robot.stops(stopped_at)
        robot.wait(lambda: robot.robot.level("simulator") != DiagnosticStatus.OK, "the simulator says that it waits")
        said = robot.robot.status["simulator"].message
        assert "waiting for" in said or "no image from Gazebo" in said
    finally:
        os.kill(server, signal.SIGCONT)
    robot.go_on()
    robot.wait(lambda: robot.robot.level("simulator") == DiagnosticStatus.OK, "the simulator is content")


@running_freely
def test_world_paused_from_outside(robot: GazeboRobot) -> None:
    robot.go_on()
    paused_at = time.monotonic()
    robot.tell_world("pause")
    robot.wait(lambda: robot.robot.level("simulator") == DiagnosticStatus.ERROR, "an error in the diagnostics")
    assert "no image from Gazebo" in robot.robot.status["simulator"].message
    robot.stops(paused_at)
    robot.tell_world("go")
    robot.go_on()
    robot.wait(lambda: robot.robot.level("simulator") == DiagnosticStatus.OK, "the simulator is content")


@in_lockstep
def test_lockstep_goes_on_when_another_has_let_the_world_run(robot: GazeboRobot) -> None:
    robot.disturb("go")
    robot.go_on(20)
    assert not robot.robot.has_gap()
