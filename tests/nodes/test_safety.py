"""When the robot stops: nodes are killed or ended while it moves, and a subscriber hears the zero velocity in time."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition

from snn_core.learning.parameters import ControllerParameters, simulator_parameters
from snn_core.tasks.lane.task import LaneTask
from tests.nodes.robots import FREE_RUNNING_CONTROLLER, Camera, Group, Observer, Robot, lockstep_robot, own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

WINDOW_S = 0.05
SCHEDULING_S = 0.3
"""Added to each bound: on a busy machine a process may wait so long for its turn to run, or DDS for its."""


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[tuple[Observer, Group]]:
    with own_domain(tmp_path) as observer_and_group:
        yield observer_and_group


@pytest.fixture
def free_running(domain: tuple[Observer, Group]) -> tuple[Observer, Group, Robot]:
    """Simulator and controller free running; the robot moves."""
    observer, group = domain
    robot = Robot(observer.node)
    group.start("controller", lockstep=False, learning=False)
    start_free_simulator(group)
    observer.wait(robot.drives, "the robot drives", robot)
    return observer, group, robot


def start_free_simulator(group: Group) -> None:
    group.start("simulator", lockstep=False, window_ms=10.0)


def stop_is_heard(observer: Observer, robot: Robot, killed_at: float, bound_s: float) -> None:
    """A zero velocity comes within the bound, what follows is zero too, and the controller says why."""
    assert not robot.commands[-1].stops
    observer.wait(lambda: robot.stop_since(killed_at), "zero velocity", robot)
    stop = robot.stop_since(killed_at)
    assert stop is not None
    assert stop.at - killed_at <= bound_s + SCHEDULING_S
    first = robot.commands.index(stop)
    observer.wait(lambda: len(robot.commands) >= first + 5, "stops that follow", robot)
    assert all(command.stops for command in robot.commands[first:])
    observer.wait(lambda: robot.level("controller") == DiagnosticStatus.ERROR, "an error in the diagnostics", robot)
    assert "stopped" in robot.status["controller"].message


def drives_again(observer: Observer, robot: Robot) -> None:
    observer.wait(robot.drives, "the robot drives again", robot)
    observer.wait(lambda: robot.level("controller") == DiagnosticStatus.OK, "the controller is content", robot)
    assert robot.status["controller"].message.startswith("driving")


def test_free_running_robot_stops_when_the_simulator_is_killed_and_drives_when_it_is_back(
    free_running: tuple[Observer, Group, Robot],
) -> None:
    observer, group, robot = free_running
    killed_at = group.send(signal.SIGKILL, "simulator")
    stop_is_heard(observer, robot, killed_at, ControllerParameters().event_timeout_s + WINDOW_S)
    robot.forget()
    start_free_simulator(group)
    drives_again(observer, robot)


def test_lockstep_robot_stops_when_the_simulator_is_killed_and_drives_when_it_is_back(tmp_path: Path) -> None:
    with lockstep_robot(tmp_path) as (observer, group, robot):
        killed_at = group.send(signal.SIGKILL, "simulator")
        stop_is_heard(observer, robot, killed_at, ControllerParameters().lockstep_timeout_s + WINDOW_S)
        robot.forget()
        group.start_watched_simulator()
        drives_again(observer, robot)
        observer.wait(lambda: robot.episodes, "episodes", robot)
        assert robot.windows()[0] == 0


def test_robot_stops_by_itself_when_the_controller_is_killed(free_running: tuple[Observer, Group, Robot]) -> None:
    observer, group, robot = free_running
    settings = simulator_parameters(LaneTask)()
    killed_at = group.send(signal.SIGKILL, "controller")
    speed = robot.speeds[-1][1]
    observer.wait(lambda: robot.speeds[-1][1] == 0.0, "the robot stands", robot)
    braking_s = max(speed, settings.robot.max_speed_m_s) / settings.robot.max_acceleration_m_s2
    assert robot.speeds[-1][0] - killed_at <= settings.command_timeout_s + WINDOW_S + braking_s + SCHEDULING_S
    observer.wait(lambda: robot.level("simulator") == DiagnosticStatus.WARN, "a warning in the diagnostics", robot)
    group.start("controller", lockstep=False, learning=False)
    drives_again(observer, robot)


@pytest.fixture
def camera_and_controller(domain: tuple[Observer, Group]) -> tuple[Observer, Group, Robot, Camera]:
    """A camera that publishes while the observer spins, and what starts a controller for it."""
    observer, group = domain
    return observer, group, Robot(observer.node), Camera(observer.node)


def drive_by_camera(
    observer: Observer, group: Group, robot: Robot, camera: Camera, event_timeout_s: float = 10.0
) -> None:
    # Long by default: the camera is the test's own process, which may be held up.
    group.start("controller", **FREE_RUNNING_CONTROLLER, event_timeout_s=event_timeout_s)
    observer.wait(camera.is_heard, "the controller subscribes", robot)
    camera.run()
    observer.wait(lambda: len(robot.spikes) >= 5, "windows", robot)
    assert not robot.commands[-1].stops


def test_silence_does_not_stop_when_the_timeout_is_off(
    camera_and_controller: tuple[Observer, Group, Robot, Camera],
) -> None:
    observer, group, robot, camera = camera_and_controller
    drive_by_camera(observer, group, robot, camera, event_timeout_s=0.0)
    camera.stop()
    # By then the default timeout would have stopped it; the wall clock ends the windows.
    silent_at = camera.last_at + 2 * ControllerParameters().event_timeout_s
    observer.wait(lambda: robot.commands[-1].at > silent_at + 10 * WINDOW_S, "commands", robot)
    since = [command for command in robot.commands if command.at > camera.last_at]
    assert len(since) >= 5
    assert not any(command.stops for command in since)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_with_one_zero_velocity(
    number: signal.Signals, camera_and_controller: tuple[Observer, Group, Robot, Camera]
) -> None:
    observer, group, robot, camera = camera_and_controller
    drive_by_camera(observer, group, robot, camera)
    group.send(number, "controller")
    observer.wait(lambda: group.exit_code("controller") is not None, "the process ends", robot)
    assert group.exit_code("controller") == 0
    assert_one_stop_is_last(observer, robot)


def test_deactivate_and_shutdown_end_with_one_zero_velocity(
    camera_and_controller: tuple[Observer, Group, Robot, Camera],
) -> None:
    observer, group, robot, camera = camera_and_controller
    drive_by_camera(observer, group, robot, camera)
    assert observer.change_state(Transition.TRANSITION_DEACTIVATE)
    assert_one_stop_is_last(observer, robot)
    assert robot.values("controller")["state"] == "inactive"
    assert observer.change_state(Transition.TRANSITION_ACTIVATE)
    driven = len(robot.spikes)
    observer.wait(lambda: len(robot.spikes) >= driven + 5, "windows", robot)
    assert observer.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert_one_stop_is_last(observer, robot)
    assert robot.values("controller")["state"] == "finalized"
    assert group.exit_code("controller") is None


def assert_one_stop_is_last(observer: Observer, robot: Robot) -> None:
    observer.spin(4 * WINDOW_S)  # what drives on would be heard by then
    assert robot.commands[-1].stops
    assert not robot.commands[-2].stops
