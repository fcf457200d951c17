"""Streams for the tests: generated events, their words in every encoding, and real recordings' packets read by hand."""

import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snn_core.events.codecs.evt2 import encode_evt2
from snn_core.events.codecs.libcaer import encode_libcaer
from snn_core.events.codecs.mono import encode_mono
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers

UNIT_BYTES = {
    "evt2": 4,
    "evt21": 8,
    "evt21_legacy": 4,
    "evt3": 2,
    "libcaer": 4,
    "libcaer_cmp": 2,
    "mono": 8,
    "trigger": 8,
}
"""What is swapped where the bytes are big-endian."""


def make_events(rows: list[tuple[int, int, int, int]]) -> Events:
    """Events of (t, x, y, polarity) tuples."""
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    t, x, y, polarity = columns
    return Events(t.copy(), x.astype(np.uint16), y.astype(np.uint16), polarity.astype(np.uint8))


def make_triggers(rows: list[tuple[int, int, int]]) -> Triggers:
    """Triggers of (t, channel, edge) tuples."""
    t, channel, edge = np.array(rows, np.int64).reshape(-1, 3).T
    return Triggers(t.copy(), channel.astype(np.uint16), edge.astype(np.uint8))


def as_tuples(events: Events) -> list[tuple[int, int, int, int]]:
    return list(zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), events.polarity.tolist(), strict=True))


def random_events(
    rng: np.random.Generator, n: int, width: int, height: int, start_us: int = 0, mean_interval_us: float = 3.0
) -> Events:
    """n events anywhere on the sensor, at the times of a Poisson process."""
    t = start_us + np.cumsum(rng.exponential(mean_interval_us, n)).astype(np.int64)
    x = rng.integers(0, width, n, dtype=np.uint16)
    y = rng.integers(0, height, n, dtype=np.uint16)
    return Events(t, x, y, rng.integers(0, 2, n, dtype=np.uint8))


def encode_evt3(events: Events) -> bytes:
    """EVT3 words, one time, row and column word an event where they change; the times may be of any epoch."""
    words: list[int] = []
    high = low = row = None
    for t, x, y, polarity in as_tuples(events):
        if t >> 12 & 0xFFF != high:
            high, low = t >> 12 & 0xFFF, None
            words.append(0x8000 | high)
        if t & 0xFFF != low:
            low = t & 0xFFF
            words.append(0x6000 | low)
        if y != row:
            row = y
            words.append(y)
        words.append(0x2000 | polarity << 11 | x)
    return np.array(words, "<u2").tobytes()


def encode_evt21(events: Events, legacy: bool = False) -> bytes:
    """A word of two halves an event: all but its pixel in the mask of 32, the mask."""
    halves: list[int] = []
    high = None
    for t, x, y, polarity in as_tuples(events):
        if t >> 6 != high:
            high = t >> 6
            halves += [0x80000000 | high & 0xFFFFFFF, 0]
        halves += [polarity << 28 | (t & 63) << 22 | (x & ~31) << 11 | y, 1 << (x & 31)]
    words = np.array(halves, "<u4").reshape(-1, 2)
    return (words if legacy else words[:, ::-1]).tobytes()


def encode_libcaer_cmp(events: Events, time_base_ns: int) -> bytes:
    """Words of a packet, as the ROS driver writes them: a row of up to 8 pixels of one column in one vector word."""
    words: list[int] = []
    high = low = 0
    column = None
    rows = as_tuples(events)
    while rows:
        t, x, y, polarity = rows[0]
        t -= time_base_ns // 1000
        if t >> 12 != high:
            high = t >> 12
            words.append(high & 0xFFF)
        if t & 0xFFF != low:
            low = t & 0xFFF
            words.append(0x1000 | low)
        if x != column:
            column = x
            words.append(0x2000 | x)
        together = [rows[0]]
        while len(together) < len(rows):
            following = rows[len(together)]
            if following[:2] != rows[0][:2] or following[3] != polarity or not together[-1][2] < following[2] <= y | 7:
                break
            together.append(following)
        if len(together) == 1:
            words.append(0x3000 | polarity << 11 | y)
        else:
            words += [0x4000 | polarity << 11 | y & ~7, 0x5000 | sum(1 << (row & 7) for _, _, row, _ in together)]
        rows = rows[len(together) :]
    return np.array(words, "<u2").tobytes()


def encode_triggers(rows: list[tuple[int, int, int]], time_base_ns: int) -> bytes:
    """Words of encoding `trigger`, of (t us, channel, edge) tuples."""
    words = [edge << 63 | channel << 48 | 1000 * t - time_base_ns for t, channel, edge in rows]
    return np.array(words, "<u8").tobytes()


def encode(encoding: str, events: Events, time_base_ns: int) -> bytes:
    """The events' words, little-endian; `trigger` has the same times, x as the channel and polarity as the edge."""
    match encoding:
        case "evt2":
            return encode_evt2(events).tobytes()
        case "evt21" | "evt21_legacy":
            return encode_evt21(events, legacy=encoding == "evt21_legacy")
        case "evt3":
            return encode_evt3(events)
        case "libcaer":
            return encode_libcaer(events, time_base_ns).tobytes()
        case "libcaer_cmp":
            return encode_libcaer_cmp(events, time_base_ns)
        case "mono":
            return encode_mono(events, time_base_ns).tobytes()
        case "trigger":
            return encode_triggers([(t, x, polarity) for t, x, _, polarity in as_tuples(events)], time_base_ns)
    raise AssertionError(encoding)


def swapped(encoding: str, data: bytes) -> bytes:
    """The same words in the other byte order."""
    return np.frombuffer(data, np.uint8).reshape(-1, UNIT_BYTES[encoding])[:, ::-1].tobytes()


def evt3_words(*words: int) -> bytes:
    return np.array(words, "<u2").tobytes()


def read_raw(path: Path) -> bytes:
    """The words of a Prophesee RAW file: what follows the lines that begin with '%'."""
    data = path.read_bytes()
    start = 0
    while data[start : start + 1] == b"%":
        start = data.index(b"\n", start) + 1
    return data[start:]


def read_event_packets(bag: Path) -> Iterator[dict]:
    """The EventPackets of a sqlite3 rosbag2, in order, as dictionaries of their fields."""
    (database,) = bag.glob("*.db3")
    connection = sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)
    try:
        for (message,) in connection.execute("SELECT data FROM messages ORDER BY id"):
            yield _event_packet(message)
    finally:
        connection.close()


def _event_packet(message: bytes) -> dict:
    """CDR: a 4-byte header, then the fields in order, each aligned to its size counted from the end of the header."""
    order = "<" if message[1] & 1 else ">"
    position = 4

    def number(kind: str) -> int:
        nonlocal position
        size = struct.calcsize(order + kind)
        position += -(position - 4) % size
        (value,) = struct.unpack_from(order + kind, message, position)
        position += size
        return value

    def octets() -> bytes:
        nonlocal position
        size = number("I")
        position += size
        return message[position - size : position]

    _stamp_and_frame = number("i"), number("I"), octets()
    height, width, seq, time_base = number("I"), number("I"), number("Q"), number("Q")
    encoding, is_bigendian, data = octets()[:-1].decode(), bool(number("B")), octets()
    return {
        "width": width,
        "height": height,
        "seq": seq,
        "time_base_ns": time_base,
        "encoding": encoding,
        "is_bigendian": is_bigendian,
        "data": data,
    }


def check_truth(events: Events, count: int, on: int, sum_x: int, sum_y: int, first_us: int, last_us: int) -> None:
    """The events of a real recording are those that are known to be in it."""
    assert len(events) == count
    assert int(events.polarity.sum(dtype=np.int64)) == on
    assert int(events.x.sum(dtype=np.int64)) == sum_x
    assert int(events.y.sum(dtype=np.int64)) == sum_y
    assert (int(events.t[0]), int(events.t[-1])) == (first_us, last_us)
    assert np.all(np.diff(events.t) >= 0)
