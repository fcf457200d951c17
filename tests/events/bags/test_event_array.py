import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.events.bags import event_array
from snn_core.events.bags.cursor import DamagedError
from snn_core.events.bags.event_array import EventArrayDecoder, unpack
from snn_core.events.bags.messages import parse_array
from snn_core.events.events import Events
from snn_core.events.files.limits import UNTIMED
from tests.events.bags import bags
from tests.events.streams import as_tuples, random_events
from tests.reference_bags import Row, event_of, read_event_array

WIDTH, HEIGHT = 40, 30

times = st.integers(0, 50) | st.sampled_from([2**31 - 1, 2**31, 2**32 - 1])
ns = st.integers(0, 3000) | st.sampled_from([999_999_999, 10**9, 2**32 - 1])
rows = st.lists(
    st.tuples(st.integers(0, WIDTH + 1), st.integers(0, HEIGHT + 1), times, ns, st.integers(0, 255)), max_size=20
)


def layout(encoding: str) -> tuple[str, bool]:
    """Byte order, and whether numbers are aligned."""
    return {"ros1": ("<", False), "little-endian": ("<", True), "big-endian": (">", True)}[encoding]


def build(rows: list[tuple[int, int, int, int, int]], encoding: str, frame: bytes) -> bytes:
    """The message of these events, by hand: any bit pattern can be in it."""
    order, is_aligned = layout(encoding)
    message = bytearray(b"" if encoding == "ros1" else {"<": b"\0\1\0\0", ">": b"\0\0\0\0"}[order])
    start = len(message)

    def number(kind: str, value: int) -> None:
        if is_aligned:
            message.extend(bytes(-(len(message) - start) % struct.calcsize(kind)))
        message.extend(struct.pack(order + kind, value))

    for value in (7, 1, 2) if encoding == "ros1" else (1, 2):
        number("I", value)
    number("I", len(frame))
    message.extend(frame)
    for value in (HEIGHT, WIDTH, len(rows)):
        number("I", value)
    for row in rows:
        for kind, value in zip("HHIIB", row, strict=True):
            number(kind, value)
    return bytes(message)


def encoding_of(layout_name: str) -> str:
    return "ros1" if layout_name == "ros1" else "cdr"


@pytest.mark.parametrize("name", ["ros1", "little-endian", "big-endian"])
@given(rows=rows, frame=st.binary(max_size=5))
def test_as_the_reference(name: str, rows: list[Row], frame: bytes):
    data = build(rows, name, frame)
    assert read_event_array(data, name == "ros1") == rows
    message = parse_array(data, encoding_of(name))
    assert (message.width, message.height) == (WIDTH, HEIGHT)
    assert as_tuples(unpack(list(message.runs))) == [event_of(row, UNTIMED) for row in rows]


def test_what_is_no_event_is_dropped():
    rows = [
        (1, 2, 3, 4000, 1),
        (WIDTH, 2, 3, 5000, 1),
        (1, HEIGHT, 3, 5000, 1),
        (1, 2, 2**31, 0, 1),
        (3, 4, 3, 10**9, 0),
    ]
    decoder = EventArrayDecoder(WIDTH, HEIGHT)
    events = list(decoder.decode(parse_array(build([*rows, (5, 6, 3, 3000, 255)], "ros1", b"camera"), "ros1")))
    assert as_tuples(Events.concatenate(events)) == [(3_000_004, 1, 2, 1), (3_000_004, 5, 6, 1)]
    screen = decoder.screen
    assert (screen.dropped_outside, screen.dropped_untimed, screen.steps_back) == (2, 2, 1)


@pytest.mark.parametrize("ros1", [False, True])
@pytest.mark.parametrize("little_endian", [False, True])
@pytest.mark.parametrize("kind", [bags.DVS, bags.PROPHESEE])
@pytest.mark.parametrize("n", [0, 1, 2, 300])
def test_messages_of_rosbags(ros1: bool, little_endian: bool, kind: str, n: int):
    events = random_events(np.random.default_rng(n), n, WIDTH, HEIGHT, start_us=1_700_000_000_999_000)
    data = bags.serialise(bags.array(events, WIDTH, HEIGHT, kind), ros1, little_endian)
    message = parse_array(data, "ros1" if ros1 else "cdr")
    assert (message.width, message.height, message.frame_id) == (WIDTH, HEIGHT, bags.FRAME)
    assert Events.concatenate(list(EventArrayDecoder(WIDTH, HEIGHT).decode(message))).equals(events)


@pytest.mark.parametrize("name", ["ros1", "little-endian"])
def test_long_messages_come_in_batches(name: str, monkeypatch: pytest.MonkeyPatch):
    rows = [(i % WIDTH, i % HEIGHT, 0, 1000 * i, i % 2) for i in range(1000)]
    message = parse_array(build(rows, name, b"camera\0"), encoding_of(name))
    monkeypatch.setattr(event_array, "MAX_BATCH", 64)
    batches = list(EventArrayDecoder(WIDTH, HEIGHT).decode(message))
    assert max(map(len, batches)) <= 65
    assert as_tuples(Events.concatenate(batches)) == [event_of(row, UNTIMED) for row in rows]


def every_cut(data: bytes) -> Iterator[bytes]:
    for end in range(len(data)):
        yield data[:end]


@pytest.mark.parametrize("name", ["ros1", "little-endian", "big-endian"])
def test_cut_messages_are_refused(name: str):
    data = build([(1, 2, 3, 4, 1)] * 3, name, b"camera\0")
    for cut in every_cut(data):
        with pytest.raises(DamagedError):
            parse_array(cut, encoding_of(name))


def test_other_encodings_are_refused():
    for data, encoding in [(b"\1\1\0\0" + bytes(40), "cdr"), (bytes(40), "json")]:
        with pytest.raises(DamagedError):
            parse_array(data, encoding)


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (32769, 10)])
def test_impossible_sensors_are_refused(size: tuple[int, int]):
    with pytest.raises(UserError, match="expected 1 to 32768 pixels"):
        EventArrayDecoder(*size)
