"""The node ``event_filter`` as a process between a camera and a subscriber, and between simulator and controller."""

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from diagnostic_msgs.msg import DiagnosticStatus
from event_camera_msgs.msg import EventPacket
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from snn_core.events.camera_info import Calibration
from snn_core.events.events import Events
from snn_core.events.filters.chain import make_filters
from snn_core.events.filters.options import FilterOptions
from spikedrive_nodes.ros import messages, qos
from spikedrive_nodes.ros.packet_decoder import PacketDecoder
from tests.events.streams import encode_evt3, random_events
from tests.nodes.robots import Camera, Group, Observer, Robot, own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

WIDTH, HEIGHT = Camera.WIDTH, Camera.HEIGHT


class Listener:
    """What comes out of the filter, packet by packet, and as events."""

    def __init__(self, node: Node) -> None:
        self.packets: list[EventPacket] = []
        node.create_subscription(EventPacket, "events_filtered", self.packets.append, qos.EVENTS)

    def events(self) -> Events:
        decoder = PacketDecoder()
        return Events.concatenate([decoder.decode(packet) for packet in self.packets])


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[tuple[Observer, Group]]:
    with own_domain(tmp_path / "logs") as observer_and_group:
        yield observer_and_group


def packet_of(events: Events, seq: int, stamp_us: int = 5_000_000) -> EventPacket:
    """A packet of `evt3`, as a camera's driver has it: the host's time in the header, the sensor's in the words."""
    message = EventPacket(width=WIDTH, height=HEIGHT, seq=seq, encoding="evt3")
    message.header.stamp = messages.to_stamp(stamp_us)
    message.header.frame_id = "left"
    message.events.frombytes(encode_evt3(events))
    return message


def test_between_a_camera_and_a_subscriber(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    group.start("event_filter", background_us=3000, crop="10,20,200,150", encoding="evt3")
    robot, listener = Robot(observer.node), Listener(observer.node)
    publisher = observer.node.create_publisher(EventPacket, "events", qos.EVENTS)
    observer.wait(publisher.get_subscription_count, "the filter", robot)
    events = random_events(np.random.default_rng(0), 40_000, WIDTH, HEIGHT, 1000, 1.0)
    parts = [events[begin : begin + 4000] for begin in range(0, 40_000, 4000)]
    sent = [packet_of(part, seq, 5_000_000 + seq) for seq, part in enumerate(parts, 40)]
    sent.append(packet_of(Events.empty(), 50))
    for message in sent:
        publisher.publish(message)
    observer.wait(lambda: len(listener.packets) == len(sent), "all packets", robot)

    expected = make_filters(FilterOptions(background_us=3000, crop="10,20,200,150"), WIDTH, HEIGHT)
    assert listener.events().equals(expected(events))
    for message, answer in zip(sent, listener.packets, strict=True):
        assert (answer.seq, answer.header) == (message.seq, message.header)
        assert (answer.width, answer.height, answer.encoding) == (200, 150, "evt3")
    assert len(listener.packets[-1].events) == 0

    # The same packet again gets the same answer; the filter's state stays as it is.
    publisher.publish(sent[3])
    observer.wait(lambda: len(listener.packets) == len(sent) + 1, "the answer again", robot)
    assert listener.packets[-1] == listener.packets[3]
    # Other packets of these numbers are a camera that has begun anew.
    publisher.publish(packet_of(parts[0], 40, stamp_us=9_000_000))
    observer.wait(lambda: len(listener.packets) == len(sent) + 2, "a new stream", robot)
    assert listener.packets[-1].events == listener.packets[0].events

    observer.wait(lambda: robot.values("event_filter").get("packets_published") == "12", "the diagnostics", robot)
    values = robot.values("event_filter")
    assert values["packets_repeated"] == "1"
    assert values["events_received"] == str(44_000)
    chain = make_filters(FilterOptions(background_us=3000, crop="10,20,200,150"), WIDTH, HEIGHT)
    chain(events)
    chain.reset()
    chain(parts[0])
    assert {name: int(values[f"dropped.{name}"]) for name in chain.dropped} == chain.dropped
    assert robot.level("event_filter") == DiagnosticStatus.OK


CALIBRATION = Calibration.model_validate(
    {
        "image_width": WIDTH,
        "image_height": HEIGHT,
        "camera_matrix": {"rows": 3, "cols": 3, "data": [200, 0, 160, 0, 200, 120, 0, 0, 1]},
        "distortion_model": "plumb_bob",
        "distortion_coefficients": {"rows": 1, "cols": 5, "data": [-0.2, 0.03, 0, 0, 0]},
        "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
        "projection_matrix": {"rows": 3, "cols": 4, "data": [180, 0, 160, 0, 0, 180, 120, 0, 0, 0, 1, 0]},
    }
)


@pytest.mark.parametrize("profile", [qos.CAMERA_INFO, qos.COMMAND], ids=["latched", "volatile"])
def test_rectified_by_the_topic(domain: tuple[Observer, Group], profile) -> None:
    observer, group = domain
    group.start("event_filter", camera_info="topic")
    robot, listener = Robot(observer.node), Listener(observer.node)
    infos = observer.node.create_publisher(CameraInfo, "camera_info", profile)
    publisher = observer.node.create_publisher(EventPacket, "events", qos.EVENTS)
    observer.wait(publisher.get_subscription_count, "the filter", robot)
    events = random_events(np.random.default_rng(0), 2000, WIDTH, HEIGHT, 1000, 1.0)
    publisher.publish(packet_of(events, 0))
    observer.wait(lambda: robot.level("event_filter") == DiagnosticStatus.ERROR, "a complaint", robot)
    assert robot.status["event_filter"].message == "/camera_info: no calibration yet; events are dropped until it comes"

    infos.publish(CameraInfo(width=WIDTH, height=HEIGHT))
    observer.wait(lambda: "not calibrated" in robot.status["event_filter"].message, "another complaint", robot)
    infos.publish(messages.to_camera_info(CALIBRATION, WIDTH, HEIGHT))
    observer.spin(0.5)
    publisher.publish(packet_of(events, 1))
    observer.wait(lambda: listener.packets, "a packet", robot)
    assert listener.events().equals(make_filters(FilterOptions(), WIDTH, HEIGHT, CALIBRATION)(events))
    observer.wait(lambda: robot.level("event_filter") == DiagnosticStatus.OK, "all is well", robot)
    assert robot.values("event_filter")["packets_refused"] == "1"


def test_what_does_not_fit_the_sensor_is_said(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    group.start("event_filter", crop="0,0,2000,100")
    robot = Robot(observer.node)
    publisher = observer.node.create_publisher(EventPacket, "events", qos.EVENTS)
    observer.wait(publisher.get_subscription_count, "the filter", robot)
    publisher.publish(packet_of(Events.empty(), 0))
    observer.wait(lambda: robot.level("event_filter") == DiagnosticStatus.ERROR, "a complaint", robot)
    assert robot.status["event_filter"].message.startswith("crop: 2000 x 100 pixels from 0, 0: expected a rectangle")
    assert group.exit_code("event_filter") is None


def test_an_option_that_cannot_be_ends_the_node(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    group.start("event_filter", region="1,2")
    observer.wait(lambda: group.exit_code("event_filter") is not None, "the end")
    assert group.exit_code("event_filter") == 2
    assert "event_filter: region: expected at least two corners, found '1,2'" in group.log("event_filter")


def test_between_simulator_and_controller_in_lockstep(domain: tuple[Observer, Group]) -> None:
    """Every window is answered, one of which the source had to publish again among them."""
    observer, group = domain
    robot = Robot(observer.node)
    group.start("controller", remaps={"events": "events_filtered"})
    group.start("reward")
    group.start("event_filter", background_us=10_000)
    group.start_watched_simulator(lockstep_retry_s=0.2)
    observer.wait(lambda: len(robot.windows()) > 20, "windows", robot)
    with group.paused("event_filter"):
        observer.wait(lambda: len(robot.episodes) > len(robot.windows()), "a window that is published again", robot)
    before = robot.windows()[-1]
    observer.wait(lambda: robot.windows()[-1] > before + 20, "windows", robot)
    assert not robot.has_gap()
    observer.wait(lambda: int(robot.values("event_filter").get("packets_repeated", 0)) > 0, "a packet again", robot)
    group.send(signal.SIGTERM, "simulator")
    observer.wait(lambda: group.exit_code("simulator") is not None, "the source ends", robot)
    observer.spin(0.5)
    robot.status.clear()  # both nodes are to have counted the same windows
    observer.wait(lambda: {"event_filter", "controller"} <= set(robot.status), "their diagnostics", robot)
    values, controller = robot.values("event_filter"), robot.values("controller")
    assert values["packets_lost"] == controller["packets_lost"] == "0"
    assert 0 < int(values["dropped.background"]) < int(values["events_received"])
    assert 0 < int(controller["events_received"]) < int(values["events_received"])
