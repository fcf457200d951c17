"""Event packets as plain data: the fields of an EventPacket message without ROS."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from snn_core.events.codecs.mono import MAX_DT_NS, MonoDecoder, encode_mono
from snn_core.events.events import Events

MAX_PACKET_DURATION_US = MAX_DT_NS // 1000  # 4.29 s: what `mono` can hold


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPacket:
    """The fields of an ``event_camera_msgs/EventPacket`` but its header, and the times of its events.

    time_base_ns: ns, what the times in ``data`` count from.
    first_us, last_us: times of the first and last event, us; of an empty packet the time it stands for.
    width, height: size of the sensor, pixels.
    seq: number of the packet in its stream.
    data: shape (bytes,), uint8.
    """

    time_base_ns: int
    width: int
    height: int
    seq: int
    first_us: int
    last_us: int
    data: NDArray[np.uint8] = field(repr=False)
    encoding: str = MonoDecoder.encoding
    is_bigendian: bool = False


def split_packets(
    events: Events,
    width: int,
    height: int,
    first_seq: int = 0,
    max_bytes: int = 65536,
    max_duration_us: int = 10_000,
) -> Iterator[EncodedPacket]:
    """Cut events, sorted by time, into `mono` packets that are numbered from ``first_seq``; no events, no packets.

    max_bytes: upper bound of a packet's data, at least 8.
    max_duration_us: the last event of a packet is less than this after its first, 1 to 4294967 us.

    Raises ValueError for a bound out of range or events that are not sorted, negative in time or off the sensor.
    """
    if max_bytes < MonoDecoder.word_bytes:
        raise ValueError(f"max_bytes {max_bytes}: expected at least {MonoDecoder.word_bytes}")
    if not 1 <= max_duration_us <= MAX_PACKET_DURATION_US:
        raise ValueError(f"max_duration_us {max_duration_us}: expected 1 to {MAX_PACKET_DURATION_US}")
    if np.any(events.t[1:] < events.t[:-1]):
        raise ValueError("events must be sorted by time")
    if len(events) and (int(events.x.max()) >= width or int(events.y.max()) >= height):
        raise ValueError(f"events must lie on the sensor of {width} x {height} pixels")
    return _split(events, width, height, first_seq, max_bytes // MonoDecoder.word_bytes, max_duration_us)


def _split(
    events: Events, width: int, height: int, first_seq: int, max_events: int, max_duration_us: int
) -> Iterator[EncodedPacket]:
    seq, start = first_seq, 0
    while start < len(events):
        first_us = int(events.t[start])
        candidates = events.t[start : start + max_events]
        part = events[start : start + int(np.searchsorted(candidates, first_us + max_duration_us))]
        yield EncodedPacket(
            time_base_ns=1000 * first_us,
            width=width,
            height=height,
            seq=seq,
            first_us=first_us,
            last_us=int(part.t[-1]),
            data=encode_mono(part, 1000 * first_us),
        )
        seq, start = seq + 1, start + len(part)


def empty_packet(time_us: int, width: int, height: int, seq: int) -> EncodedPacket:
    """A `mono` packet without events: a sign of life from a camera that sees no change, at ``time_us``."""
    return EncodedPacket(
        time_base_ns=1000 * time_us,
        width=width,
        height=height,
        seq=seq,
        first_us=time_us,
        last_us=time_us,
        data=np.empty(0, np.uint8),
    )
