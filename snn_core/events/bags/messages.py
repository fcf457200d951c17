"""Event messages of ROS, taken apart by hand: their fields, and where their events lie.

Two layouts are read. CDR (ROS 2) has a 4-byte header that says the byte order, and aligns numbers to their size. That
of ROS 1 is little-endian, with nothing aligned and a sequence number in each header.

Source: OMG, "DDS Interoperability Wire Protocol", section 10 (CDR); ROS wiki, "msg"; definitions of the packages
event_camera_msgs, event_array_msgs, dvs_msgs and prophesee_event_msgs.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from snn_core.events.bags.cursor import Buffer, Cursor, DamagedError
from snn_core.events.codecs.packets import EncodedPacket

PACKET_TYPES = ("event_camera_msgs/msg/EventPacket", "event_array_msgs/msg/EventArray")
ARRAY_TYPES = ("dvs_msgs/msg/EventArray", "prophesee_event_msgs/msg/EventArray")
EVENT_TYPES = PACKET_TYPES + ARRAY_TYPES

CDR_HEADERS = {b"\0\0": ">", b"\0\1": "<"}
PACKED_EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("s", "<u4"), ("ns", "<u4"), ("polarity", "u1")])
# An event as CDR aligns it, with the padding before it: 1 byte before x, 2 before s.
SPACED_EVENT = np.dtype(
    {
        "names": ["x", "y", "s", "ns", "polarity"],
        "formats": ["<u2", "<u2", "<u4", "<u4", "u1"],
        "offsets": [1, 3, 7, 11, 15],
        "itemsize": 16,
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class PacketMessage:
    """The fields of an EventPacket. time_base_ns: ns; width, height: px; data: shape (bytes,), uint8."""

    frame_id: str
    width: int
    height: int
    seq: int
    time_base_ns: int
    encoding: str
    is_bigendian: bool
    data: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayMessage:
    """The fields of an EventArray of dvs_msgs or prophesee_event_msgs, the events as they lie in the message.

    width, height: px. runs: shape (events,) each, structured, fields x, y (px), s and ns (s, ns) and polarity.
    """

    frame_id: str
    width: int
    height: int
    runs: tuple[NDArray[np.void], ...] = field(repr=False)


def parse_packet(data: Buffer, encoding: str) -> PacketMessage:
    """Take an EventPacket apart, without a copy of its events.

    encoding: "cdr" or "ros1".

    Raises DamagedError.
    """
    cursor, frame_id = _begin(data, encoding)
    height, width = cursor.number("I"), cursor.number("I")
    seq, time_base_ns = cursor.number("Q"), cursor.number("Q")
    name, is_bigendian, events = cursor.text(), cursor.number("B"), cursor.sized()
    return PacketMessage(
        frame_id, width, height, seq, time_base_ns, name, bool(is_bigendian), np.frombuffer(events, np.uint8)
    )


def parse_array(data: Buffer, encoding: str) -> ArrayMessage:
    """Take an EventArray apart, without a copy of its events.

    encoding: "cdr" or "ros1".

    Raises DamagedError, also where fewer events are there than it says.
    """
    cursor, frame_id = _begin(data, encoding)
    height, width, count = cursor.number("I"), cursor.number("I"), cursor.number("I")
    if encoding == "ros1":
        runs = (_events(cursor, PACKED_EVENT, count),)
    else:
        # x and y of the first event begin at a multiple of 4, those of the others 1 byte after the event before.
        runs = (_events(cursor, PACKED_EVENT, min(count, 1)), _events(cursor, SPACED_EVENT, max(count - 1, 0)))
    return ArrayMessage(frame_id, width, height, runs)


def _events(cursor: Cursor, kind: np.dtype, count: int) -> NDArray[np.void]:
    events = np.frombuffer(cursor.octets(kind.itemsize * count), kind)
    if cursor.order == ">":
        events = events.view(kind.newbyteorder()).astype(kind)
    events.flags.writeable = False  # one type for numba, whatever the message lies in
    return events


def _begin(data: Buffer, encoding: str) -> tuple[Cursor, str]:
    """A cursor after the std_msgs/Header, and its frame_id."""
    if encoding == "ros1":
        cursor = Cursor(data)
        cursor.number("I")
    elif encoding == "cdr":
        order = CDR_HEADERS.get(bytes(data[:2]))
        if order is None or len(data) < 4:
            raise DamagedError("is not a CDR message")
        cursor = Cursor(data, 4, order, is_aligned=True)
    else:
        raise DamagedError(f"is encoded as {encoding!r}, not as CDR or ROS 1 message")
    cursor.number("I")
    cursor.number("I")
    return cursor, cursor.text()


def packet_to_cdr(packet: EncodedPacket, frame_id: str) -> bytes:
    """An EventPacket message, little-endian CDR; its stamp is the time of its first event.

    Raises ValueError for a time that a stamp cannot hold (before 0 or after 2**31 s).
    """
    seconds, us = divmod(packet.first_us, 1_000_000)
    if not 0 <= seconds < 2**31:
        raise ValueError(f"{packet.first_us} us does not fit the stamp of a message")
    message = bytearray(b"\0\1\0\0")

    def number(value: int, size: int) -> None:
        message.extend(bytes((4 - len(message)) % size))
        message.extend(value.to_bytes(size, "little"))

    def text(value: str) -> None:
        octets = value.encode() + b"\0"
        number(len(octets), 4)
        message.extend(octets)

    number(seconds, 4)
    number(1000 * us, 4)
    text(frame_id)
    number(packet.height, 4)
    number(packet.width, 4)
    number(packet.seq, 8)
    number(packet.time_base_ns, 8)
    text(packet.encoding)
    number(packet.is_bigendian, 1)
    number(len(packet.data), 4)
    message.extend(packet.data.tobytes())
    return bytes(message)
