"""The node ``camera``: recordings in a camera's place as real processes, Prophesee's words through the node itself."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dv_processing as dv
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from event_camera_msgs.msg import EventPacket
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from snn_core.events.events import Events
from snn_core.events.live.camera import CameraUnavailableError, LiveCamera
from snn_core.events.live.camera_parameters import CameraParameters
from snn_core.events.live.prophesee import Evt3Camera
from snn_core.events.live.usb import attached_cameras
from snn_core.events.windows import windows
from spikedrive_nodes.camera import CameraNode
from spikedrive_nodes.processes.node_processes import free_domain_id
from spikedrive_nodes.ros import qos
from spikedrive_nodes.ros.packet_decoder import PacketDecoder
from spikedrive_nodes.ros.runtime import Executor
from tests.events.live.live_devices import Device, Transfer, transfers_of
from tests.events.streams import random_events, read_raw
from tests.nodes.robots import FREE_RUNNING_CONTROLLER, Group, Observer, Robot, own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

WIDTH, HEIGHT = 64, 48
GAP_US = 400_000
CALIBRATION = """\
image_width: {width}
image_height: {height}
camera_name: davis
distortion_model: equidistant
camera_matrix: {{rows: 3, cols: 3, data: [50, 0, 32, 0, 51, 24, 0, 0, 1]}}
distortion_coefficients: {{rows: 1, cols: 4, data: [0.1, 0.2, 0.3, 0.4]}}
rectification_matrix: {{rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}}
projection_matrix: {{rows: 3, cols: 4, data: [40, 0, 31, 0, 0, 41, 23, 0, 0, 0, 1, 0]}}
"""


class Listener:
    """What is heard of a camera: its stream, begun anew whenever the numbers of packets go back."""

    def __init__(self, node: Node) -> None:
        self.streams: list[list[EventPacket]] = []
        self.infos: list[CameraInfo] = []
        node.create_subscription(EventPacket, "events", self._on_packet, qos.EVENTS)
        node.create_subscription(CameraInfo, "camera_info", self.infos.append, qos.CAMERA_INFO)

    def _on_packet(self, message: EventPacket) -> None:
        if not self.streams or message.seq <= self.streams[-1][-1].seq:
            self.streams.append([])
        self.streams[-1].append(message)

    def decoded(self, stream: int) -> tuple[Events, PacketDecoder]:
        """The events of a stream as the controller decodes them."""
        decoder = PacketDecoder()
        return Events.concatenate([decoder.take(message, 0).events for message in self.streams[stream]]), decoder


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[tuple[Observer, Group]]:
    with own_domain(tmp_path / "logs") as observer_and_group:
        yield observer_and_group


@pytest.fixture(scope="module")
def recorded() -> Events:
    """0.2 s of events, nothing for 0.4 s, one event."""
    rng = np.random.default_rng(0)
    events = random_events(rng, 4000, WIDTH, HEIGHT, 1_700_000_000_000_000, 50.0)
    last = random_events(rng, 1, WIDTH, HEIGHT, int(events.t[-1]) + GAP_US)
    return Events.concatenate([events, last])


@pytest.fixture(scope="module")
def path(recorded: Events, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording, in batches of 10 ms as a camera has them."""
    path = tmp_path_factory.mktemp("camera") / "generated.aedat4"
    config = dv.io.MonoCameraWriter.EventOnlyConfig("Made_7", (WIDTH, HEIGHT))
    writer = dv.io.MonoCameraWriter(str(path), config)
    vector: Any = type(dv.EventPacket().elements)
    for window in windows([recorded], 10_000):
        events = window.events
        columns = (events.t.tolist(), events.x.tolist(), events.y.tolist(), events.polarity.astype(bool).tolist())
        if len(events):
            writer.writeEventPacket(dv.EventPacket(vector(map(dv.Event, *columns))))
    del writer  # closes the file
    return path


def checked_sums(events: Events) -> tuple[int, int, int, int]:
    """Number of events, of ON events, sums of x and y."""
    return (
        len(events),
        int(events.polarity.sum()),
        int(events.x.sum(dtype=np.int64)),
        int(events.y.sum(dtype=np.int64)),
    )


# As a process


@pytest.mark.recordings
def test_a_real_recording_in_a_cameras_place_again_and_again(domain: tuple[Observer, Group], recordings: Path) -> None:
    """Its end is as if the camera were unplugged; plugged in again, its stream begins anew."""
    observer, group = domain
    robot, listener = Robot(observer.node), Listener(observer.node)
    file = str(recordings / "dvxplorer_320x240.aedat4")
    group.start("camera", device="recording", file=file, reconnect_s=0.1, packet_bytes=65_536)
    levels = set()

    def third_stream() -> bool:
        levels.add(robot.level("camera"))
        return len(listener.streams) >= 3

    observer.wait(third_stream, "the recording twice", robot)
    events, decoder = listener.decoded(1)  # of the first stream a subscriber may miss the beginning
    assert checked_sums(events) == (111_954, 55_023, 18_342_405, 15_105_898)
    assert (int(events.t[0]), int(events.t[-1])) == (1605537493718345, 1605537494308262)
    assert (decoder.packets_lost, decoder.values()["steps_back"]) == (0, 0)
    packets = listener.streams[1]
    assert {(packet.width, packet.height, packet.encoding) for packet in packets} == {(320, 240, "mono")}
    assert {packet.header.frame_id for packet in packets} == {"camera"}
    assert max(len(packet.events) for packet in packets) <= 65_536
    assert all(packet.header.stamp.sec > 1_700_000_000 for packet in packets)  # the host's time, not the sensor's
    assert {DiagnosticStatus.OK, DiagnosticStatus.ERROR} <= levels
    assert int(robot.values("camera")["connections"]) >= 3
    assert "DVXplorer_DXB00010: has gone" in group.log("camera")
    assert "looking again every 0.1 s" in group.log("camera")


def test_a_camera_that_sees_nothing_says_that_it_lives(
    domain: tuple[Observer, Group], path: Path, recorded: Events
) -> None:
    observer, group = domain
    robot, listener = Robot(observer.node), Listener(observer.node)
    group.start("camera", device="recording", file=str(path), reconnect_s=0.1)
    observer.wait(lambda: len(listener.streams) >= 3, "the recording twice", robot)
    events, decoder = listener.decoded(1)
    assert events.equals(recorded)
    assert decoder.packets_lost == 0
    empty = [packet for packet in listener.streams[1] if not packet.events]
    assert empty
    assert {packet.time_base for packet in empty} <= {int(1000 * t) for t in recorded.t[-2:]}
    values = robot.values("camera")
    assert values["camera"] in ("Made_7", "")
    assert int(values["packets_published"]) >= sum(map(len, listener.streams[:-1]))


def test_camera_info_waits_for_whoever_comes_late(domain: tuple[Observer, Group], path: Path, tmp_path: Path) -> None:
    observer, group = domain
    robot = Robot(observer.node)
    calibration = tmp_path / "calibration.yaml"
    calibration.write_text(CALIBRATION.format(width=WIDTH, height=HEIGHT))
    arguments: dict[str, Any] = {"device": "recording", "file": str(path), "frame_id": "left"}
    group.start("camera", **arguments, reconnect_s=3600.0, camera_info_url=calibration.as_uri())
    observer.wait(lambda: robot.level("camera") == DiagnosticStatus.ERROR, "the recording's end", robot)
    listener = Listener(observer.node)
    observer.wait(lambda: listener.infos, "camera_info", robot)
    (info,) = listener.infos
    assert (info.width, info.height, info.header.frame_id) == (WIDTH, HEIGHT, "left")
    assert info.distortion_model == "equidistant"
    assert info.k.tolist() == [50, 0, 32, 0, 51, 24, 0, 0, 1]
    assert info.d.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert info.p.tolist()[:4] == [40, 0, 31, 0]


def test_the_controller_drives_by_a_camera_stops_when_it_goes_and_goes_on(
    domain: tuple[Observer, Group], path: Path
) -> None:
    observer, group = domain
    robot = Robot(observer.node)
    group.start("controller", **FREE_RUNNING_CONTROLLER)
    said: list[str] = []

    def has_said(*messages: str) -> bool:
        """Whether the controller has said these one after the other, among others."""
        status = robot.status.get("controller")
        if status is not None and status.message not in said[-1:]:
            said.append(status.message)
        heard = iter(said)
        return all(message in heard for message in messages)

    observer.wait(lambda: has_said("no events yet: the robot stands"), "the controller", robot)
    group.start("camera", device="recording", file=str(path), reconnect_s=1.0)
    stopped = "no events: stopped until they come again"
    observer.wait(lambda: has_said("driving", stopped, "driving", stopped), "driving and stopping twice", robot)
    # Of the first time a late subscriber may miss the beginning, and a busy machine may stop it in the gap.
    observer.wait(lambda: int(robot.values("controller").get("events_received", 0)) >= 4001, "a whole recording", robot)
    values = robot.values("controller")
    assert values["packets_lost"] == values["events_outside"] == values["unknown_words"] == "0"


@pytest.mark.skipif(bool(attached_cameras()), reason="an event camera is attached")
def test_no_camera_is_said_and_looked_for_until_the_node_is_ended(domain: tuple[Observer, Group]) -> None:
    observer, group = domain
    robot = Robot(observer.node)
    group.start("camera", reconnect_s=0.1)
    observer.wait(lambda: robot.level("camera") == DiagnosticStatus.ERROR, "an error", robot)
    assert robot.status["camera"].message.startswith("no ")
    assert robot.status["camera"].message.endswith("; looking again every 0.1 s")
    observer.spin(0.5)
    assert group.exit_code("camera") is None
    assert robot.values("camera")["connections"] == "0"
    assert group.log("camera").count("looking again") == 1
    group.send(signal.SIGTERM, "camera")
    observer.wait(lambda: group.exit_code("camera") is not None, "the node ends", robot)
    assert group.exit_code("camera") == 0


def refused(path: Path, tmp_path: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Parameters and what is said of them, after the node's name."""
    other = tmp_path / "other.yaml"
    other.write_text(CALIBRATION.format(width=WIDTH + 1, height=HEIGHT))
    recording = {"device": "recording", "file": str(path)}
    return {
        "no file": ({"device": "recording"}, "file: : expected an AEDAT4 recording"),
        "not one of": ({"device": "webcam"}, "device: "),
        "serial number that is a number": (
            {"serial": 207},
            "serial: expected str, found 207 (write it in two kinds of",
        ),
        "flipped recording": ({**recording, "flip_vertical": True}, "flip_vertical: a recording has no such setting"),
        "biases": ({**recording, "biases": "On"}, "biases: a recording has no such setting"),
        "other camera": (
            {**recording, "camera_info_url": str(other)},
            f"camera_info_url: {other}: calibrates 65 x 48 pixels, Made_7 has 64 x 48; give the file of this camera",
        ),
        "no calibration": ({"camera_info_url": "none.yaml"}, "camera_info_url: none.yaml: cannot be read"),
        "gone for good": (
            {**recording, "reconnect_s": 0.0},
            "Made_7: has gone (unplugged, or its recording has ended)",
        ),
    }


def test_what_cannot_be_used_ends_the_node_with_one_line_and_code_2(
    domain: tuple[Observer, Group], path: Path, tmp_path: Path
) -> None:
    observer, group = domain
    cases = refused(path, tmp_path)
    for place, (parameters, _) in enumerate(cases.values()):
        group.start("camera", f"n{place}", **parameters)
    for place, (case, (_, expected)) in enumerate(cases.items()):
        key = f"n{place}/camera"
        observer.wait(lambda key=key: group.exit_code(key) is not None, f"{case}: the process ends")
        lines = [line for line in group.log(key).splitlines() if "[INFO]" not in line]
        assert len(lines) == 1, (case, lines)
        assert lines[0].startswith(f"camera: {expected}"), case
        assert group.exit_code(key) == 2, case


def test_the_list_is_printed_and_the_node_ends() -> None:
    command = [sys.executable, "-m", "spikedrive_nodes.cli", "node", "camera", "--ros-args", "-p", "device:=list"]
    environment = {**os.environ, "ROS_DOMAIN_ID": str(free_domain_id())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("on the USB bus:\n")
    assert "found by neuromorphic-drivers (device: prophesee):\n" in done.stdout


# Prophesee's words: the node itself, in this process, on what stands in for the device


@contextmanager
def running(cameras: list[list[Transfer]], **parameters: Any) -> Iterator[tuple[CameraNode, Listener, Any]]:
    """The node in a domain of its own, on cameras that are plugged in one after the other; and what is heard of it."""
    waiting = list(cameras)
    nodes: list[CameraNode] = []

    def open_next(_: CameraParameters) -> LiveCamera:
        if not waiting or not (nodes and nodes[0]._events_publisher.get_subscription_count()):
            raise CameraUnavailableError("no event camera is attached")
        return Evt3Camera(Device(waiting.pop(0)))

    settings = [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
    rclpy.init(args=["camera", "--ros-args", "-p", "reconnect_s:=0.05", *settings], domain_id=free_domain_id())
    executor = Executor()
    heard = Node("listener")
    listener = Listener(heard)
    node = CameraNode(open_next)
    nodes.append(node)
    try:
        executor.add_node(node)
        executor.add_node(heard)
        yield node, listener, executor
    finally:
        node.stop()
        executor.shutdown()
        node.destroy_node()
        heard.destroy_node()
        rclpy.shutdown()


def spin_until(executor: Any, done: Any) -> None:
    for _ in range(100_000):
        if done():
            return
        executor.spin_once(timeout_sec=0.01)
    raise AssertionError("not within 100000 turns")


@pytest.mark.recordings
def test_words_of_a_real_camera_go_out_as_they_come(recordings: Path) -> None:
    data = read_raw(recordings / "prophesee_gen41_evt3.raw")
    transfers = transfers_of(data, 16_384)
    with running([transfers, transfers], packet_bytes=10_007) as (_, listener, executor):
        spin_until(executor, lambda: sum(len(packet.events) for s in listener.streams for packet in s) == 2 * len(data))
    assert len(listener.streams) == 2
    for stream in range(2):  # the second begins anew, in packets' numbers and in the sensor's time
        packets = listener.streams[stream]
        assert b"".join(packet.events.tobytes() for packet in packets) == data
        assert {(packet.encoding, packet.is_bigendian, packet.time_base) for packet in packets} == {("evt3", False, 0)}
        assert max(len(packet.events) for packet in packets) == 10_000
        events, decoder = listener.decoded(stream)
        assert checked_sums(events) == (219_596, 115_532, 159_113_225, 85_638_051)
        assert (int(events.t[0]), int(events.t[-1])) == (11_718_656, 11_727_467)
        assert (decoder.packets_lost, decoder.values()["unknown_words"]) == (0, 0)
    assert {(info.width, info.height, info.k.any()) for info in listener.infos} == {(1280, 720, False)}


def test_what_the_camera_lost_is_a_gap_in_the_numbers() -> None:
    transfers: list[Transfer] = [(b"\x00\x80" * 8, [], 0), (b"\x01\x80" * 8, [8], 2), (b"\x02\x80" * 8, [], 2)]
    with running([transfers]) as (node, listener, executor):
        spin_until(executor, lambda: sum(len(packet.events) for s in listener.streams for packet in s) == 48)
        assert node._counters["bytes_published"] == 48
    assert [(packet.seq, len(packet.events)) for packet in listener.streams[0]] == [(0, 16), (1, 8), (3, 8), (4, 16)]
    assert listener.decoded(0)[1].packets_lost == 1
