"""The stream of events as the controller receives it: either reliability, what is lost, and both encodings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from spikedrive_nodes.ros import messages, qos
from tests.events.streams import encode_evt3
from tests.nodes.robots import FREE_RUNNING_CONTROLLER, Camera, Group, Observer, Robot, own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

BEST_EFFORT_NOTE = "offered as best effort only; subscribed again as best effort"


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[tuple[Observer, Group]]:
    with own_domain(tmp_path) as observer_and_group:
        yield observer_and_group


def start(observer: Observer, group: Group, camera: Camera, **parameters: Any) -> Robot:
    """Start a controller that hears the camera."""
    robot = Robot(observer.node)
    group.start("controller", **(FREE_RUNNING_CONTROLLER | parameters))
    observer.wait(camera.is_heard, "the controller subscribes", robot)
    observer.spin(0.5)  # the controller knows the publisher, too, by then
    return robot


def send(observer: Observer, camera: Camera, packets: int) -> None:
    camera.run()
    end_seq = camera.next_seq + packets
    observer.wait(lambda: camera.next_seq >= end_seq, "packets are sent")
    camera.stop()


def all_is_received(observer: Observer, robot: Robot, camera: Camera) -> dict[str, str]:
    """Wait until the diagnostics say that all events were received; return all they say."""
    observer.wait(lambda: int(robot.values("controller").get("events_received", 0)) >= camera.sent, "events", robot)
    values = robot.values("controller")
    assert int(values["events_received"]) == camera.sent
    return values


def test_best_effort_publisher_is_met_and_said_once(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    camera = Camera(observer.node, qos.EVENTS_BEST_EFFORT)
    robot = start(observer, group, camera)
    send(observer, camera, 50)
    values = all_is_received(observer, robot, camera)
    assert values["packets_received"] == str(camera.next_seq)
    assert values["packets_lost"] == "0"
    assert group.log("controller").count(BEST_EFFORT_NOTE) == 1


def test_reliable_publisher_gaps_and_evt3(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    camera = Camera(observer.node)
    robot = start(observer, group, camera)
    send(observer, camera, 50)
    assert all_is_received(observer, robot, camera)["packets_lost"] == "0"

    camera.next_seq += 7
    send(observer, camera, 10)
    camera.next_seq += 1
    send(observer, camera, 10)
    values = all_is_received(observer, robot, camera)
    assert values["packets_lost"] == "8"
    assert int(values["bytes_lost"]) == 8 * 800  # each has 100 events of 8 bytes
    assert int(values["bytes_received"]) == 70 * 800
    assert 0 < int(values["time_lost_us"]) < 50_000  # from one packet to the next, twice: no time passed in between

    # The same topic changes to EVT3, cut in mid-word as drivers do.
    events = camera.events(2000)
    data = encode_evt3(events)
    half = len(data) // 4 * 2 + 1
    camera.publish_evt3(data[:half], 0)
    camera.publish_evt3(data[half:], len(events))
    values = all_is_received(observer, robot, camera)
    assert values["packets_lost"] == "8"
    assert values["unknown_words"] == values["events_outside"] == "0"
    assert BEST_EFFORT_NOTE not in group.log("controller")


def test_forced_reliable_names_the_publisher_that_it_cannot_hear(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    camera = Camera(observer.node, qos.EVENTS_BEST_EFFORT)
    robot = Robot(observer.node)
    group.start("controller", **FREE_RUNNING_CONTROLLER, events_reliability="reliable")
    observer.wait(lambda: "hears nothing of it" in group.log("controller"), "the reason is said", robot)
    camera.run()
    observer.spin(1.0)
    log = group.log("controller")
    assert log.count("hears nothing of it") == 1
    assert "/events: /observer offers best effort" in log
    assert "set events_reliability to auto or best_effort here, or the publisher to reliable" in log
    observer.wait(lambda: robot.values("controller"), "the controller's diagnostics", robot)
    assert robot.values("controller")["events_received"] == "0"


def test_a_base_that_cannot_hear_the_commands_is_told_once(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    lasting = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    for _ in range(2):
        observer.node.create_subscription(TwistStamped, "cmd_vel", print, lasting)
    group.start("controller", **FREE_RUNNING_CONTROLLER)
    observer.wait(lambda: "let it ask for" in group.log("controller"), "the reason is said")
    observer.spin(1.0)
    log = group.log("controller")
    assert log.count("let it ask for") == 1
    assert "/cmd_vel: a subscriber asks for durability that this node does not offer" in log


@pytest.mark.parametrize("on_restart", ["reset", "keep"])
def test_a_stream_that_jumps_back_begins_anew(domain: tuple[Observer, Group], on_restart: str) -> None:
    observer, group = domain
    camera = Camera(observer.node)
    camera.next_us = 10_000_000
    robot = start(observer, group, camera, on_restart=on_restart, event_timeout_s=5.0)
    send(observer, camera, 30)
    camera.next_us = 2_000_000  # the packets are numbered on
    send(observer, camera, 30)
    values = all_is_received(observer, robot, camera)
    observer.wait(lambda: any(end < 3_000_000 for end in _ends_us(robot)), "windows of the new stream", robot)
    assert values["restarts"] == "1"
    assert (values["packets_lost"], values["events_late"], values["events_out_of_order"]) == ("0", "0", "0")
    state = {"reset": "reset", "keep": "kept"}[on_restart]
    assert f"event time jumped back: the stream began anew, state {state}" in group.log("controller")
    camera.run()
    observer.wait(lambda: robot.level("controller") == DiagnosticStatus.OK, "the warning is over", robot)
    assert robot.status["controller"].message == "driving"


def _ends_us(robot: Robot) -> list[int]:
    return [messages.from_stamp(spikes.header.stamp) for spikes in robot.spikes]
