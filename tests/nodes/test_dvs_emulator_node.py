"""The node ``dvs_emulator`` as a process between a camera that publishes images and subscribers."""

import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from diagnostic_msgs.msg import DiagnosticStatus
from event_camera_msgs.msg import EventPacket
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image

from snn_core.events.events import Events
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.frames import FrameEvents, FrameResponse
from spikedrive_nodes.ros import messages, qos
from spikedrive_nodes.ros.packet_decoder import PacketDecoder
from tests.nodes.robots import FREE_RUNNING_CONTROLLER, Group, Observer, Robot, own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

WIDTH, HEIGHT, PERIOD_US = 96, 64, 10_000
NAME = "dvs_emulator"


class FrameCamera:
    """A camera of numbered images: a bright square that moves over noise that stays."""

    def __init__(self, node: Node, profile: QoSProfile = qos.EVENTS) -> None:
        self._background = np.random.default_rng(0).integers(30, 60, (HEIGHT, WIDTH), np.uint8)
        self._publisher = node.create_publisher(Image, "image", profile)

    def is_heard(self) -> bool:
        return self._publisher.get_subscription_count() > 0

    def image(self, k: int) -> np.ndarray:
        image = self._background.copy()
        image[20:40, k % 60 : k % 60 + 20] = 200
        return image

    def publish(
        self, k: int, t_us: int | None = None, encoding: str = "mono8", image: np.ndarray | None = None
    ) -> None:
        """Publish image k, stamped k periods after 1 s unless told otherwise, with padded rows."""
        image = self.image(k) if image is None else image
        rows = np.pad(image.reshape(image.shape[0], -1).view(np.uint8), ((0, 0), (0, 5)))
        message = Image(width=image.shape[1], height=image.shape[0], encoding=encoding, step=rows.shape[1])
        message.header.stamp = messages.to_stamp(1_000_000 + PERIOD_US * k if t_us is None else t_us)
        message.header.frame_id = "front"
        message.data = array.array("B", rows.tobytes())
        self._publisher.publish(message)


class Listener:
    """What the node publishes."""

    def __init__(self, node: Node) -> None:
        self.packets: list[EventPacket] = []
        node.create_subscription(EventPacket, "events", self.packets.append, qos.EVENTS)

    def events(self, first: int = 0) -> Events:
        decoder = PacketDecoder()
        return Events.concatenate([decoder.decode(packet) for packet in self.packets[first:]])


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[tuple[Observer, Group]]:
    with own_domain(tmp_path / "logs") as observer_and_group:
        yield observer_and_group


@pytest.mark.parametrize("profile", [qos.EVENTS, qos_profile_sensor_data], ids=["reliable", "best_effort"])
def test_the_events_are_those_of_the_event_pixels(domain: tuple[Observer, Group], profile: QoSProfile) -> None:
    observer, group = domain
    group.start(NAME, seed=3, response="srgb", pixel__threshold_on=0.15, packet_bytes=800, image_timeout_s=100.0)
    robot, camera, listener = Robot(observer.node), FrameCamera(observer.node, profile), Listener(observer.node)
    observer.wait(camera.is_heard, "the node", robot)
    expected = FrameEvents(EventPixelSpec(threshold_on=0.15), WIDTH, HEIGHT, 3, FrameResponse(response="srgb"))
    expected.reset(camera.image(0), 1_000_000)
    parts = []
    for k in range(20):
        camera.publish(k)
        if k:
            parts.append(expected.update(camera.image(k), 1_000_000 + PERIOD_US * k))
        observer.wait(lambda k=k: len(listener.packets) > k, f"packet {k}", robot)
    events = Events.concatenate(parts)
    observer.wait(lambda: len(listener.events()) >= len(events), "all events", robot)
    assert listener.events().equals(events)
    assert len(events) > 1000
    assert [packet.seq for packet in listener.packets] == list(range(len(listener.packets)))
    assert len(listener.packets) > 20  # some windows hold more than a packet
    for packet in listener.packets:
        assert (packet.width, packet.height, packet.encoding) == (WIDTH, HEIGHT, "mono")
        assert packet.header.frame_id == "front"
        assert messages.from_stamp(packet.header.stamp) == packet.time_base // 1000
        assert len(packet.events) <= 800
    observer.wait(lambda: robot.values(NAME).get("events_published") == str(len(events)), "the diagnostics", robot)
    assert robot.status[NAME].message == f"events of {WIDTH} x {HEIGHT} px"
    assert robot.level(NAME) == DiagnosticStatus.OK


def test_an_image_that_is_the_same_gives_an_empty_packet(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    group.start(NAME, pixel__leak_rate_hz=0.0, pixel__shot_noise_rate_hz=0.0)
    robot, camera, listener = Robot(observer.node), FrameCamera(observer.node), Listener(observer.node)
    observer.wait(camera.is_heard, "the node", robot)
    for k in range(5):
        camera.publish(k, image=camera.image(0))
    observer.wait(lambda: len(listener.packets) == 5, "packets", robot)
    assert [len(packet.events) for packet in listener.packets] == [0] * 5
    begins = [1_000_000 + PERIOD_US * max(k - 1, 0) for k in range(5)]
    assert [packet.time_base // 1000 for packet in listener.packets] == begins


def test_what_happens_to_the_stream_is_said_and_mended(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    group.start(NAME, image_timeout_s=0.5)
    robot, camera, listener = Robot(observer.node), FrameCamera(observer.node), Listener(observer.node)
    observer.wait(camera.is_heard, "the node", robot)
    said: list[str] = []

    def says(message: str, level: bytes) -> None:
        observer.wait(lambda: message in robot.status[NAME].message, message, robot)
        assert robot.level(NAME) == level
        said.append(message)

    observer.wait(lambda: NAME in robot.status, "diagnostics", robot)
    says("waiting for images on /image", DiagnosticStatus.OK)
    for k in (0, 100, 200):
        camera.publish(k, 1_000_000 + k)
    says(f"events of {WIDTH} x {HEIGHT} px", DiagnosticStatus.OK)
    camera.publish(3, 1_000_200)
    says("an image is not later than the one before: dropped", DiagnosticStatus.WARN)
    camera.publish(4, 1_000_300)
    says(f"events of {WIDTH} x {HEIGHT} px", DiagnosticStatus.OK)
    says("no image for 0.5 s", DiagnosticStatus.WARN)
    camera.publish(5, 9_000_000)
    says("began anew: no image for 8.000 s of the camera's time", DiagnosticStatus.OK)
    camera.publish(6, 500_000)
    says("began anew: time went back by 8.500 s", DiagnosticStatus.OK)
    camera.publish(7, 510_000, encoding="yuv422")
    says("image: encoding: expected one of mono8, ", DiagnosticStatus.ERROR)
    camera.publish(8, 520_000, image=np.zeros((10, 20, 3), np.uint8), encoding="rgb8")
    says("began anew: 20 x 10 px of 8 bits", DiagnosticStatus.OK)
    camera.publish(9, 530_000, image=np.full((10, 20), 2**15, np.uint16), encoding="mono16")
    says("began anew: 20 x 10 px of 16 bits", DiagnosticStatus.OK)
    camera.publish(10, 540_000, image=np.full((10, 20), 2**15, np.uint16), encoding="mono16")
    says("events of 20 x 10 px", DiagnosticStatus.OK)
    values = robot.values(NAME)
    counts = {"images_received": "11", "images_refused": "1", "images_dropped": "1", "restarts": "4"}
    assert {name: values[name] for name in counts} == counts
    observer.wait(lambda: len(listener.packets) >= 9, "packets", robot)
    assert [(packet.width, packet.height) for packet in listener.packets[-3:]] == [(20, 10)] * 3
    assert all(message in group.log(NAME) for message in said)


def test_a_parameter_that_cannot_be_ends_the_node(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    group.start(NAME, response="gamma")
    observer.wait(lambda: group.exit_code(NAME) is not None, "the end")
    assert group.exit_code(NAME) == 2
    assert "dvs_emulator: response: " in group.log(NAME)


def test_a_controller_drives_by_images(domain: tuple[Observer, Group]) -> None:
    """And stops when the camera falls silent."""
    observer, group = domain
    robot, camera = Robot(observer.node), FrameCamera(observer.node)
    group.start(NAME)
    group.start("controller", **FREE_RUNNING_CONTROLLER)
    sent = iter(range(10**6))
    timer = observer.node.create_timer(1e-6 * PERIOD_US, lambda: camera.publish(next(sent)))
    observer.wait(lambda: robot.commands and not robot.commands[-1].stops, "a command", robot)
    timer.cancel()
    observer.wait(lambda: robot.commands[-1].stops, "a stop", robot)
