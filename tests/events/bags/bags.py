"""Bags for the tests, written by rosbags: its serialisation is not ours, so that both are held against each other."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from snn_core.events.codecs.mono import encode_mono
from snn_core.events.events import Events
from tests.events.streams import encode_evt3

PACKET = "event_camera_msgs/msg/EventPacket"
OLD_PACKET = "event_array_msgs/msg/EventArray"
DVS = "dvs_msgs/msg/EventArray"
PROPHESEE = "prophesee_event_msgs/msg/EventArray"
IMU = "sensor_msgs/msg/Imu"
TOPIC = "/camera/events"
FRAME = "left_camera"

_PACKET_TEXT = """std_msgs/Header header
uint32 height
uint32 width
uint64 seq
uint64 time_base
string encoding
bool is_bigendian
uint8[] events
"""
_ARRAY_TEXT = "std_msgs/Header header\nuint32 height\nuint32 width\nEvent[] events\n"
_EVENT_TEXT = "uint16 x\nuint16 y\nbuiltin_interfaces/Time ts\nbool polarity\n"
DEFINITIONS = {
    PACKET: _PACKET_TEXT,
    OLD_PACKET: _PACKET_TEXT,
    DVS: _ARRAY_TEXT,
    "dvs_msgs/msg/Event": _EVENT_TEXT,
    PROPHESEE: _ARRAY_TEXT,
    "prophesee_event_msgs/msg/Event": _EVENT_TEXT,
}
TRANSIENT_LOCAL = Qos(
    QosHistory.KEEP_LAST,
    1,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    QosTime(0, 0),
    QosTime(0, 0),
    QosLiveliness.AUTOMATIC,
    QosTime(0, 0),
    avoid_ros_namespace_conventions=False,
)


def make_typestore(base: Stores) -> Any:
    store = get_typestore(base)
    for name, text in DEFINITIONS.items():
        store.register(get_types_from_msg(text, name))
    return store


ROS1 = make_typestore(Stores.ROS1_NOETIC)
ROS2 = make_typestore(Stores.ROS2_JAZZY)


class Sent(NamedTuple):
    """A message: where it goes, of which type, when (ns), and how it is made with the types of a store."""

    topic: str
    type: str
    time_ns: int
    make: Callable[[Any], Any]


def header(store: Any, time_ns: int, frame_id: str = FRAME) -> Any:
    stamp = store.types["builtin_interfaces/msg/Time"](time_ns // 10**9, time_ns % 10**9)
    seq = {"seq": 7} if store is ROS1 else {}
    return store.types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id, **seq)


def serialise(sent: Sent, ros1: bool, little_endian: bool = True) -> bytes:
    if ros1:
        return bytes(ROS1.serialize_ros1(sent.make(ROS1), sent.type))
    return bytes(ROS2.serialize_cdr(sent.make(ROS2), sent.type, little_endian=little_endian))


def packet(
    events: Events,
    width: int,
    height: int,
    seq: int,
    encoding: str = "evt3",
    kind: str = PACKET,
    topic: str = TOPIC,
    is_bigendian: bool = False,
    log_ns: int | None = None,
) -> Sent:
    first_ns = 1000 * int(events.t[0])
    if encoding == "mono":
        data, time_base_ns = encode_mono(events, first_ns), first_ns
    else:
        data, time_base_ns = np.frombuffer(encode_evt3(events), np.uint8), 0
    if is_bigendian:
        data = data.view(f"<u{8 if encoding == 'mono' else 2}").byteswap().view(np.uint8)
    return raw_packet(data, width, height, seq, encoding, kind, topic, is_bigendian, time_base_ns, log_ns or first_ns)


def raw_packet(
    data: np.ndarray,
    width: int,
    height: int,
    seq: int,
    encoding: str = "evt3",
    kind: str = PACKET,
    topic: str = TOPIC,
    is_bigendian: bool = False,
    time_base_ns: int = 0,
    log_ns: int = 0,
) -> Sent:
    def make(store: Any) -> Any:
        return store.types[kind](
            header(store, log_ns), height, width, seq, time_base_ns, encoding, is_bigendian, np.array(data, np.uint8)
        )

    return Sent(topic, kind, log_ns, make)


def array(events: Events, width: int, height: int, kind: str = DVS, topic: str = TOPIC) -> Sent:
    log_ns = 1000 * int(events.t[0]) if len(events) else 0

    def make(store: Any) -> Any:
        time, event = (store.types[name] for name in ("builtin_interfaces/msg/Time", kind.replace("Array", "")))
        rows = zip(events.x.tolist(), events.y.tolist(), events.t.tolist(), events.polarity.tolist(), strict=True)
        listed = [event(x, y, time(t // 10**6, t % 10**6 * 1000), bool(p)) for x, y, t, p in rows]
        return store.types[kind](header(store, log_ns), height, width, listed)

    return Sent(topic, kind, log_ns, make)


def imu(time_ns: int, value: float, topic: str = "/imu") -> Sent:
    def make(store: Any) -> Any:
        vector, quaternion = store.types["geometry_msgs/msg/Vector3"], store.types["geometry_msgs/msg/Quaternion"]
        nine = np.arange(9, dtype=np.float64)
        rate, acceleration = vector(value, 0.0, 0.0), vector(0.0, 0.0, 9.81)
        return store.types[IMU](
            header(store, time_ns, "imu_link"), quaternion(0.0, 0.0, 0.0, 1.0), nine, rate, nine, acceleration, nine
        )

    return Sent(topic, IMU, time_ns, make)


def write_rosbag2(
    path: Path,
    messages: Iterable[Sent],
    storage: str = "sqlite3",
    compression: str = "none",
    little_endian: bool = True,
    latched: tuple[str, ...] = (),
) -> Path:
    """A folder. compression: "none", "file" or "message", and "storage" with MCAP: chunks."""
    writer = Writer2(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
    writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for sent in messages:
            if sent.topic not in connections:
                profiles = [TRANSIENT_LOCAL] if sent.topic in latched else []
                connections[sent.topic] = writer.add_connection(
                    sent.topic, sent.type, typestore=ROS2, offered_qos_profiles=profiles
                )
            writer.write(connections[sent.topic], sent.time_ns, serialise(sent, False, little_endian))
    return path


def write_rosbag1(
    path: Path,
    messages: Iterable[Sent],
    compression: str = "none",
    chunk_bytes: int = 2**20,
    latched: tuple[str, ...] = (),
) -> Path:
    """A .bag file. compression: "none", "bz2" or "lz4"."""
    writer = Writer1(path)
    if compression != "none":
        writer.set_compression(Writer1.CompressionFormat[compression.upper()])
    writer.chunk_threshold = chunk_bytes
    with writer:
        connections = {}
        for sent in messages:
            if sent.topic not in connections:
                connections[sent.topic] = writer.add_connection(
                    sent.topic, sent.type, typestore=ROS1, latching=int(sent.topic in latched)
                )
            writer.write(connections[sent.topic], sent.time_ns, serialise(sent, True))
    return path


def only_file(folder: Path) -> Path:
    """The one storage file of a rosbag2's folder."""
    (file,) = (entry for entry in folder.iterdir() if entry.name != "metadata.yaml")
    return file


def cut_into(events: Events, parts: int) -> list[Events]:
    edges = np.linspace(0, len(events), parts + 1).astype(int)
    return [events[begin:end] for begin, end in pairwise(edges)]
