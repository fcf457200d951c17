"""Streams for the tests: generated events, an EVT3 encoder, and the real recordings' packets read by hand."""

import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snn_core.events.events import Events


def make_events(rows: list[tuple[int, int, int, int]]) -> Events:
    """Events of (t, x, y, polarity) tuples."""
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    t, x, y, polarity = columns
    return Events(t.copy(), x.astype(np.uint16), y.astype(np.uint16), polarity.astype(np.uint8))


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
