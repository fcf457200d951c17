"""What holds for the decoder of every encoding."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.events.codecs.decoder import Decoder
from snn_core.events.codecs.registry import DECODERS, make_decoder
from snn_core.events.events import Events
from tests.events.streams import UNIT_BYTES, as_tuples, encode, make_events, random_events, swapped
from tests.reference_events import REFERENCES, Reference

WIDTH, HEIGHT = 320, 240
TIME_BASE_NS = 1_700_000_000_000_123_456
ENCODINGS = sorted(DECODERS)
OWN_CLOCK = ("evt2", "evt21", "evt21_legacy", "evt3")  # others count from the time base


def test_every_decoder_has_a_twin():
    assert sorted(REFERENCES) == sorted(UNIT_BYTES) == ENCODINGS


def test_unknown_encoding_names_the_known_ones():
    with pytest.raises(
        UserError, match="encoding 'evt9' is unknown; expected one of: evt2, evt21, evt21_legacy, evt3,"
    ):
        make_decoder("evt9", 640, 480)


@pytest.mark.parametrize(("width", "height"), [(0, 480), (640, 40000)])
def test_impossible_sensors_are_refused(width, height):
    with pytest.raises(UserError, match=r"expected 1 to 32768 pixels"):
        make_decoder("evt3", width, height)


def start_us(encoding: str) -> int:
    """A time at which the encoding's clock is about to roll over, or some time after the time base."""
    return {"evt3": 2**24, "evt2": 2**34, "evt21": 2**34, "evt21_legacy": 2**34}.get(
        encoding, TIME_BASE_NS // 1000 + 700
    ) - 300


def brought(decoder: Decoder, events: Events) -> list[tuple[int, ...]]:
    """Events, or triggers where the encoding has no events."""
    if decoder.encoding != "trigger":
        return list(as_tuples(events))
    taken = decoder.take_triggers()
    return list(zip(taken.t.tolist(), taken.channel.tolist(), taken.edge.tolist(), strict=True))


def expected(encoding: str, events: Events) -> list[tuple[int, ...]]:
    rows = as_tuples(events)
    return [(t, x, polarity) for t, x, _, polarity in rows] if encoding == "trigger" else list(rows)


def check_counters(decoder: Decoder, twin: Reference) -> None:
    assert (decoder.dropped_outside, decoder.dropped_untimed) == (twin.outside, twin.untimed)
    assert (decoder.steps_back, decoder.unknown_words, decoder.triggers) == (twin.back, twin.unknown, twin.n_triggers)
    taken = decoder.take_triggers()
    assert list(zip(taken.t.tolist(), taken.channel.tolist(), taken.edge.tolist(), strict=True)) == twin.triggers


@pytest.mark.parametrize("is_bigendian", [False, True])
@pytest.mark.parametrize("encoding", ENCODINGS)
@given(seed=st.integers(0, 2**31), cuts=st.lists(st.integers(0, 3000), max_size=8))
@settings(max_examples=25)
def test_packets_may_end_anywhere_in_any_byte_order(encoding: str, is_bigendian: bool, seed: int, cuts: list[int]):
    events = random_events(np.random.default_rng(seed), 300, WIDTH, HEIGHT, start_us=start_us(encoding))
    data = encode(encoding, events, TIME_BASE_NS)
    data = swapped(encoding, data) if is_bigendian else data
    decoder = make_decoder(encoding, WIDTH, HEIGHT, is_bigendian)
    rows = []
    for begin, end in pairwise([0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]):
        rows += brought(decoder, decoder.decode(data[begin:end], TIME_BASE_NS))
    assert rows == expected(encoding, events)
    assert (decoder.steps_back, decoder.unknown_words, decoder.dropped_outside) == (0, 0, 0)


def altered(rng: np.random.Generator, encoding: str, data: bytes) -> bytes:
    """Some words replaced, doubled or moved, mostly by others that the encoding knows."""
    words = np.frombuffer(data, f"V{UNIT_BYTES[encoding]}").copy()
    for _ in range(rng.integers(0, 8)):
        at, other = rng.integers(0, len(words), 2)
        match rng.integers(0, 4):
            case 0:
                words[at] = words[other]
            case 1:
                words = np.insert(words, at, words[other : other + 3])
            case 2:
                words[at] = np.frombuffer(rng.bytes(words.itemsize), words.dtype)[0]
            case 3:
                octets = bytearray(words[at].tobytes())
                octets[-1] = rng.integers(0, 256)  # the type, mostly
                words[at] = np.frombuffer(octets, words.dtype)[0]
    return words.tobytes()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_kernel_and_twin_agree_on_altered_streams(encoding: str):
    rng = np.random.default_rng(6)
    for _ in range(60):
        decoder, twin = make_decoder(encoding, WIDTH, HEIGHT), REFERENCES[encoding](WIDTH, HEIGHT)
        n = int(rng.integers(1, 500))
        events = random_events(rng, n, WIDTH + 1, HEIGHT, start_us(encoding), float(rng.choice([0.3, 3.0, 300.0])))
        for time_base_ns in (TIME_BASE_NS, TIME_BASE_NS, TIME_BASE_NS + 900_000):
            packet = altered(rng, encoding, encode(encoding, events, TIME_BASE_NS))
            assert as_tuples(decoder.decode(packet, time_base_ns)) == twin.decode(packet, time_base_ns)
        check_counters(decoder, twin)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_kernel_and_twin_agree_on_noise(encoding: str):
    rng = np.random.default_rng(7)
    # So large that many of the random pixels lie on it.
    decoder, twin = make_decoder(encoding, 20000, 16000), REFERENCES[encoding](20000, 16000)
    for _ in range(100):
        packet = rng.bytes(int(rng.integers(0, 500)))
        time_base_ns = int(rng.choice([0, 2**64 - 1, TIME_BASE_NS]))
        assert as_tuples(decoder.decode(packet, time_base_ns)) == twin.decode(packet, time_base_ns)
    check_counters(decoder, twin)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_step_back_is_held_until_time_has_caught_up(encoding: str):
    decoder = make_decoder(encoding, WIDTH, HEIGHT)
    times = [start_us(encoding) + dt for dt in (100, 89, 105, 107)]
    rows = []
    for time in times:  # each a packet: a camera's driver may begin one at any time
        rows += brought(
            decoder, decoder.decode(encode(encoding, make_events([(time, 5, 6, 1)]), TIME_BASE_NS), TIME_BASE_NS)
        )
        if time == times[1]:
            assert decoder.behind_us == 11
    assert [row[0] for row in rows] == [times[0], times[0], times[2], times[3]]
    assert (decoder.steps_back, decoder.behind_us) == (1, 0)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_new_stream_may_begin_at_any_time(encoding: str):
    decoder = make_decoder(encoding, WIDTH, HEIGHT)
    early, late = (make_events([(start_us(encoding) + dt, 5, 6, 1)]) for dt in (0, 900))
    brought(decoder, decoder.decode(encode(encoding, late, TIME_BASE_NS) + b"x", TIME_BASE_NS))
    decoder.reset()
    assert decoder.unknown_words == 1
    assert brought(decoder, decoder.decode(encode(encoding, early, TIME_BASE_NS), TIME_BASE_NS)) == expected(
        encoding, early
    )
    assert decoder.steps_back == 0


@pytest.mark.parametrize("encoding", [encoding for encoding in ENCODINGS if encoding not in OWN_CLOCK])
def test_a_word_cut_at_another_time_base_is_dropped(encoding: str):
    decoder = make_decoder(encoding, WIDTH, HEIGHT)
    one, two = (make_events([(start_us(encoding) + dt, 5, 6, 1)]) for dt in (0, 900))
    decoder.decode(encode(encoding, one, TIME_BASE_NS)[:-1], TIME_BASE_NS)
    later_ns = TIME_BASE_NS + 100_000
    assert brought(decoder, decoder.decode(encode(encoding, two, later_ns), later_ns)) == expected(encoding, two)
    assert decoder.unknown_words == 1


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_all_kinds_of_bytes_are_taken(encoding: str):
    events = random_events(np.random.default_rng(4), 20, WIDTH, HEIGHT, start_us(encoding))
    data = np.frombuffer(encode(encoding, events, TIME_BASE_NS), np.uint8)
    odd = np.concatenate([[np.uint8(0)], data])[1:]  # not at a multiple of a word's size
    spaced = np.repeat(data, 2)[::2]
    for packet in (data, data.tobytes(), bytearray(data), memoryview(data.tobytes()), odd, spaced):
        decoder = make_decoder(encoding, WIDTH, HEIGHT)
        assert brought(decoder, decoder.decode(packet, TIME_BASE_NS)) == expected(encoding, events)
    with pytest.raises(ValueError, match="expected a 1-d array of uint8, found uint16"):
        make_decoder(encoding, WIDTH, HEIGHT).decode(np.zeros(4, np.uint16))  # type: ignore[arg-type]
