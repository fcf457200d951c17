"""Lockstep over real nodes: any start order, lost messages, and nodes that come back; two robots in one domain."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from diagnostic_msgs.msg import DiagnosticStatus

from spikedrive_nodes.ros import messages
from tests.nodes.robots import LockstepRobot, Observer, Robot, lockstep_robot, own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

WINDOW_US = 50_000


@pytest.fixture(scope="module")
def driving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockstepRobot]:
    """A robot for the tests that leave it driving."""
    with lockstep_robot(tmp_path_factory.mktemp("driving")) as robot:
        yield robot


def answered_windows(robot: Robot) -> list[int]:
    """The windows between the first and the last answer that were heard."""
    stamps = [command.stamp_us for command in robot.commands if command.stamp_us]
    return [window for window in robot.windows() if stamps and stamps[0] <= (window + 1) * WINDOW_US <= stamps[-1]]


def assert_whole(observer: Observer, robot: Robot) -> None:
    """No window is missing, and each has one answer, between the first and the last answer that were heard."""
    observer.wait(lambda: len(answered_windows(robot)) >= 10, "windows and their answers", robot)
    assert not robot.has_gap()
    for window in answered_windows(robot):
        assert len(robot.answers((window + 1) * WINDOW_US)) == 1, window


def repeats(robot: Robot) -> int:
    """How often a window was published again."""
    return len(robot.episodes) - len(robot.windows())


@pytest.mark.parametrize("order", [("simulator", "controller", "reward"), ("controller", "simulator", "reward")])
def test_any_start_order_drives_to_the_end(order: tuple[str, ...], tmp_path: Path) -> None:
    windows = 30
    with own_domain(tmp_path) as (observer, group):
        robot = Robot(observer.node)
        for node in order:
            if node == "simulator":
                group.start_watched_simulator(task__duration_s=windows * WINDOW_US * 1e-6)
            else:
                group.start(node)
            observer.wait(lambda node=node: node in robot.status, f"{node} is heard", robot)
        observer.wait(lambda: robot.episodes and robot.episodes[-1].finished, "the last window", robot)
        observer.wait(
            lambda: robot.status["controller"].message.startswith("finished"), "the controller knows the end", robot
        )
        assert robot.windows() == list(range(windows))
        assert_whole(observer, robot)
        assert robot.level("controller") == DiagnosticStatus.OK
        assert robot.status["controller"].message == "finished: stopped"
        observer.wait(lambda: robot.commands[-1].stops, "the robot stands", robot)


@pytest.mark.parametrize("node", ["reward", "controller"])
def test_late_answer_only_costs_time(node: str, driving: LockstepRobot) -> None:
    observer, group, robot = driving
    robot.forget()
    driving.go_on()
    before = repeats(robot)
    with group.paused(node):
        observer.wait(lambda: repeats(robot) > before, "a window that is published again", robot)
    driving.go_on()
    assert_whole(observer, robot)
    window = next(e.window for e in robot.episodes if sum(e.window == other.window for other in robot.episodes) > 1)
    first, *others = [episode for episode in robot.episodes if episode.window == window]
    assert all(other == first for other in others)
    observer.wait(lambda: int(robot.values("simulator").get("retries", 0)) > 0, "retries in the diagnostics", robot)


def test_window_that_was_answered_is_answered_again_the_same(driving: LockstepRobot) -> None:
    observer, group, robot = driving
    robot.forget()
    driving.go_on()
    with group.paused("controller"):
        before = repeats(robot)
        observer.wait(lambda: repeats(robot) > before, "a window that is published again", robot)
    # Both publications waited for the controller, so it answers both.
    driving.go_on()
    assert_whole(observer, robot)
    stamps = [messages.from_stamp(spikes.header.stamp) for spikes in robot.spikes]
    again = {stamp for stamp in stamps if stamps.count(stamp) > 1}
    assert again
    for stamp in again:
        first, *others = [spikes for spikes in robot.spikes if messages.from_stamp(spikes.header.stamp) == stamp]
        assert all(other == first for other in others)
        assert len(robot.answers(stamp)) == 1


def test_restarted_controller_joins_at_the_window_it_sees(driving: LockstepRobot) -> None:
    observer, group, robot = driving
    group.send(signal.SIGKILL, "controller")
    observer.wait(lambda: group.exit_code("controller") is not None, "the controller is gone", robot)
    robot.forget()
    group.start("controller")
    driving.go_on()
    assert robot.windows()[0] > 0
    assert not robot.has_gap()
    joined = robot.windows()[0]
    observer.wait(lambda: int(robot.values("controller").get("windows", 0)) >= 10, "windows of its own", robot)
    assert int(robot.values("controller")["windows"]) <= robot.windows()[-1] - joined + 1
    assert robot.values("controller")["packets_lost"] == "0"


def test_restarted_simulator_is_followed_from_window_0(driving: LockstepRobot) -> None:
    observer, group, robot = driving
    group.send(signal.SIGKILL, "simulator")
    observer.wait(lambda: group.exit_code("simulator") is not None, "the simulator is gone", robot)
    observer.spin(0.2)  # what it had sent
    robot.forget()
    group.start_watched_simulator()
    driving.go_on()
    assert robot.windows()[0] == 0
    assert_whole(observer, robot)


def test_two_robots_in_two_namespaces_do_not_hear_each_other(tmp_path: Path) -> None:
    with own_domain(tmp_path) as (observer, group):
        robots = [Robot(observer.node, name) for name in ("left", "right")]
        for seed, robot in enumerate(robots):
            group.start("controller", robot.namespace, seed=seed, learning=False)
            lane: dict[str, Any] = {"task__mode": "evaluate", "task__duration_s": 1e5, "task__first_lane": seed}
            group.start("simulator", robot.namespace, seed=seed, **lane)
        for robot in robots:
            LockstepRobot(observer, group, robot).go_on()
            assert_whole(observer, robot)
        left, right = robots
        assert {episode.goal for episode in left.episodes} == {0}
        assert {episode.goal for episode in right.episodes} == {1}

        # One stands still; the other goes on, and the one that waits hears nothing of it.
        group.send(signal.SIGKILL, "left/simulator")
        observer.wait(lambda: group.exit_code("left/simulator") is not None, "the simulator is gone", left)
        observer.wait(lambda: left.level("controller") == DiagnosticStatus.ERROR, "the left robot stops", left)
        before = left.values("controller")["packets_received"]
        LockstepRobot(observer, group, right).go_on(50)
        left.status.clear()
        observer.wait(lambda: "controller" in left.status, "diagnostics", left)
        assert left.values("controller")["packets_received"] == before
        assert left.commands[-1].stops
        assert_whole(observer, right)
        assert right.level("controller") == DiagnosticStatus.OK
