"""The stream of events as the controller receives it: either reliability, what is lost, and both encodings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from spikedrive_nodes import qos
from tests.events.streams import encode_evt3

from .robots import FREE_RUNNING_CONTROLLER, Camera, Group, Observer, Robot, own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

BEST_EFFORT_NOTE = "offered as best effort only; subscribed again as best effort"


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[tuple[Observer, Group]]:
    with own_domain(tmp_path) as observer_and_group:
        yield observer_and_group


def start(observer: Observer, group: Group, camera: Camera) -> Robot:
    """Start a controller that hears the camera."""
    robot = Robot(observer.node)
    group.start("controller", **FREE_RUNNING_CONTROLLER)
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
