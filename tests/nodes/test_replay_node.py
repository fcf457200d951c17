"""The node ``replay``: all that is in a recording comes out, when and how the services say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from event_camera_msgs.msg import EventPacket
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Imu
from spikedrive_msgs.srv import Seek
from std_srvs.srv import SetBool, Trigger

from snn_core.events.events import Events
from spikedrive_nodes.ros import messages, qos
from spikedrive_nodes.ros.packet_decoder import PacketDecoder
from tests.events.streams import random_events
from tests.events.test_player import SENSOR, write_bag
from tests.nodes.robots import Group, Observer, Robot, own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

CALIBRATION = """\
image_width: 64
image_height: 48
distortion_model: plumb_bob
camera_matrix: {rows: 3, cols: 3, data: [50, 0, 32, 0, 50, 24, 0, 0, 1]}
distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [50, 0, 32, 0, 0, 50, 24, 0, 0, 0, 1, 0]}
"""


class Listener:
    """Takes what a replay publishes."""

    def __init__(self, observer: Observer) -> None:
        self.decoder = PacketDecoder()
        self.parts: list[Events] = []
        self.clock_us: list[int] = []
        self.imu: list[float] = []
        self.camera_info: list[CameraInfo] = []
        node = observer.node
        node.create_subscription(EventPacket, "events", self._on_packet, qos.EVENTS)
        node.create_subscription(Clock, "/clock", self._on_clock, qos.STATE)
        node.create_subscription(Imu, "/imu", self._on_imu, qos.STATE)
        node.create_subscription(CameraInfo, "camera_info", self.camera_info.append, qos.CAMERA_INFO)

    def _on_packet(self, message: EventPacket) -> None:
        self.parts.append(self.decoder.take(message, 0).events)

    def _on_imu(self, message: Imu) -> None:
        self.imu.append(message.angular_velocity.x)

    def _on_clock(self, message: Clock) -> None:
        self.clock_us.append(messages.from_stamp(message.clock))

    def events(self) -> Events:
        return Events.concatenate([part for part in self.parts if len(part)])


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[tuple[Observer, Group]]:
    with own_domain(tmp_path) as observer_and_group:
        yield observer_and_group


@pytest.fixture
def events() -> Events:
    """Half a second."""
    return random_events(np.random.default_rng(3), 10_000, *SENSOR, 1_000_000, 50.0)


@pytest.fixture
def bag(tmp_path: Path, events: Events) -> Path:
    return write_bag(tmp_path / "bag", events)


def has_finished(robot: Robot) -> bool:
    return "replay" in robot.status and robot.status["replay"].message == "finished"


def pause(observer: Observer, paused: bool) -> None:
    assert observer.call(SetBool, "replay/pause", SetBool.Request(data=paused)).success


def test_all_of_a_bag_comes_out_in_order(domain: tuple[Observer, Group], bag: Path, events: Events) -> None:
    observer, group = domain
    listener, robot = Listener(observer), Robot(observer.node)
    (bag.parent / "camera.yaml").write_text(CALIBRATION)
    url = (bag.parent / "camera.yaml").as_uri()
    group.start("replay", file=str(bag), lockstep=False, rate=2.0, camera_info_url=url)
    observer.wait(lambda: has_finished(robot), "the end", robot)
    observer.wait(lambda: len(listener.events()) == len(events) and len(listener.imu) == 10, "all messages", robot)
    observer.wait(lambda: listener.camera_info, "the calibration", robot)
    assert listener.events().equals(events)
    assert listener.decoder.packets_lost == 0
    assert listener.imu == list(range(10))
    assert listener.clock_us == sorted(listener.clock_us)
    assert listener.camera_info[0].k[0] == 50.0


def test_pause_step_seek_and_loop(domain: tuple[Observer, Group], bag: Path, events: Events) -> None:
    observer, group = domain
    listener, robot = Listener(observer), Robot(observer.node)
    group.start("replay", file=str(bag), lockstep=False, rate=0.2, packet_ms=10.0, loop=True)
    observer.wait(lambda: listener.clock_us, "the first window", robot)
    pause(observer, True)
    observer.spin(0.3)
    heard = len(listener.clock_us)
    observer.spin(0.3)
    assert len(listener.clock_us) == heard
    assert robot.status["replay"].message == "paused"

    for _ in range(3):
        assert observer.call(Trigger, "replay/step", Trigger.Request()).success
    observer.wait(lambda: len(listener.clock_us) == heard + 3, "three windows", robot)
    assert listener.clock_us[-1] - listener.clock_us[-4] == 30_000

    far = observer.call(Seek, "replay/seek", Seek.Request(time=99.0))
    assert (far.success, "no events from 99 s on" in far.message) == (False, True)
    assert observer.call(Seek, "replay/seek", Seek.Request(time=0.4)).success
    assert observer.call(Trigger, "replay/step", Trigger.Request()).success
    observer.wait(lambda: len(listener.clock_us) == heard + 4, "the window sought", robot)
    assert 1_410_000 <= listener.clock_us[-1] <= 1_411_000

    pause(observer, False)
    assert not observer.call(Trigger, "replay/step", Trigger.Request()).success
    observer.wait(lambda: listener.clock_us[-1] < 1_200_000, "it begins anew", robot)
    assert observer.call(SetBool, "replay/loop", SetBool.Request(data=False)).success
    observer.wait(lambda: has_finished(robot), "the end", robot)


def test_lockstep_pauses_and_seeks_too(domain: tuple[Observer, Group], bag: Path) -> None:
    observer, group = domain
    robot = Robot(observer.node)
    group.start("controller", network="any_camera", learning=False)
    group.start("replay", file=str(bag), lockstep=True, window_ms=50.0, loop=True, observers=1)
    observer.wait(lambda: len(robot.windows()) > 3, "windows", robot)
    pause(observer, True)
    observer.spin(0.5)
    windows = robot.windows()
    observer.spin(0.5)
    assert robot.windows() == windows
    assert observer.call(Seek, "replay/seek", Seek.Request(time=0.3)).success
    robot.forget()
    assert observer.call(Trigger, "replay/step", Trigger.Request()).success
    observer.wait(lambda: robot.episodes and robot.commands, "the window sought", robot)
    observer.wait(lambda: robot.windows()[-1] == windows[-1] + 1, "one more window", robot)
    assert 1_300_000 <= messages.from_stamp(robot.episodes[-1].begin) < 1_302_000
    pause(observer, False)
    observer.wait(lambda: robot.windows()[-1] > windows[-1] + 20, "it goes on", robot)


def test_nobody_listens(domain: tuple[Observer, Group], bag: Path) -> None:
    observer, group = domain
    group.start("replay", file=str(bag), lockstep=False, subscriber_timeout_s=0.5)
    observer.wait(lambda: group.exit_code("replay") is not None, "it ends")
    assert group.exit_code("replay") == 2
    said = group.log("replay").strip().splitlines()[-1]
    assert said.startswith("replay: no subscriber of /events within 0.5 s (subscriber_timeout_s); start it first")


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "count", "on", "sum_x", "sum_y", "first_us", "last_us"),
    [
        ("dvxplorer_320x240.aedat4", 111954, 55023, 18342405, 15105898, 1605537493718345, 1605537494308262),
        ("prophesee_gen3_evt2.raw", 521252, 185861, 128979953, 216346680, 913716224, 913812095),
        ("prophesee_gen41_evt3.raw", 219596, 115532, 159113225, 85638051, 11718656, 11727467),
        ("bag_evt3_640x480", 343474, 125183, 116731888, 80879209, 7139845, 9218023),
        ("bag_libcaer_640x480", 334331, 181908, 111651612, 82801007, None, None),
    ],
)
def test_real_recordings_come_out_whole(
    domain: tuple[Observer, Group],
    recordings: Path,
    name: str,
    count: int,
    on: int,
    sum_x: int,
    sum_y: int,
    first_us: int | None,
    last_us: int | None,
) -> None:
    observer, group = domain
    listener, robot = Listener(observer), Robot(observer.node)
    group.start("replay", file=str(recordings / name), lockstep=False, rate=1.0)
    observer.wait(lambda: has_finished(robot), "the end", robot)
    observer.wait(lambda: listener.decoder.events >= count, "all events", robot)
    events = listener.events()
    assert (len(events), int(events.polarity.sum())) == (count, on)
    assert (int(events.x.sum(dtype=np.int64)), int(events.y.sum(dtype=np.int64))) == (sum_x, sum_y)
    if first_us is not None:
        assert (events.t[0], events.t[-1]) == (first_us, last_us)
