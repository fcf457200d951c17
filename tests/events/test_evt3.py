from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.events.codecs import make_decoder
from snn_core.events.decoder import Decoder
from snn_core.events.events import Events
from tests.reference import Evt3Reference

from .streams import as_tuples, encode_evt3, evt3_words, random_events, read_event_packets, read_raw

HALF = 2**23


def time_words(t: int) -> tuple[int, int]:
    return 0x8000 | t >> 12 & 0xFFF, 0x6000 | t & 0xFFF


def event_at(t: int) -> tuple[int, ...]:
    return (*time_words(t), 0x0007, 0x2009)


def times_of(*times: int) -> tuple[list[int], Decoder]:
    decoder = make_decoder("evt3", 64, 48)
    return decoder.decode(evt3_words(*(word for t in times for word in event_at(t)))).t.tolist(), decoder


def test_unknown_encoding_names_the_known_ones():
    with pytest.raises(UserError, match="encoding 'evt9' is unknown; expected one of: evt3, mono"):
        make_decoder("evt9", 640, 480)


@pytest.mark.parametrize(("width", "height"), [(0, 480), (640, 40000)])
def test_impossible_sensors_are_refused(width, height):
    with pytest.raises(UserError, match=r"expected 1 to 32768 pixels"):
        make_decoder("evt3", width, height)


def test_single_events():
    decoder = make_decoder("evt3", 640, 480)
    events = decoder.decode(evt3_words(0x8001, 0x6002, 0x0007, 0x2009, 0x280A, 0x6003, 0x0008, 0x2801))
    assert as_tuples(events) == [(4098, 9, 7, 0), (4098, 10, 7, 1), (4099, 1, 8, 1)]


def test_vectors_advance_the_base():
    decoder = make_decoder("evt3", 640, 480)
    events = decoder.decode(evt3_words(0x8000, 0x6005, 0x0001, 0x3864, 0x4801, 0x5081, 0x5FFF))
    assert as_tuples(events) == [(5, 100 + i, 1, 1) for i in (0, 11, 12, 19, *range(20, 28))]


def test_words_that_bring_no_events_are_skipped():
    decoder = make_decoder("evt3", 640, 480)
    words = (0x8000, 0xA601, 0xE123, 0xF456, 0x7001, 0x1000, 0x9000, 0xB000, 0xC000, 0xD000, 0x0001, 0x2002)
    assert as_tuples(decoder.decode(evt3_words(*words))) == [(0, 2, 1, 0)]
    assert (decoder.triggers, decoder.unknown_words) == (1, 5)


def test_events_off_the_sensor_are_dropped_and_counted():
    decoder = make_decoder("evt3", 64, 48)
    words = (0x8000, 0x6001, 0x0001, 0x203F, 0x2040, 0x303C, 0x4FFF, 0x0030, 0x2000, 0x3000, 0x5003)
    assert as_tuples(decoder.decode(evt3_words(*words))) == [(1, 63, 1, 0)] + [(1, x, 1, 0) for x in range(60, 64)]
    assert decoder.dropped_outside == 1 + 8 + 1 + 2


def test_events_before_the_first_time_are_dropped_but_their_row_is_kept():
    decoder = make_decoder("evt3", 64, 48)
    assert as_tuples(decoder.decode(evt3_words(0x0005, 0x6001, 0x2001, 0x8001, 0x2002))) == [(4097, 2, 5, 0)]
    assert (decoder.dropped_untimed, decoder.dropped_outside) == (1, 0)


def test_events_of_an_unknown_row_or_base_are_dropped():
    decoder = make_decoder("evt3", 64, 48)
    assert len(decoder.decode(evt3_words(0x8000, 0x6001, 0x2001, 0x0002, 0x4003))) == 0
    assert decoder.dropped_outside == 3


def test_lost_packets_forget_the_row_and_the_cut_word_but_not_the_time():
    decoder = make_decoder("evt3", 64, 48)
    decoder.decode(evt3_words(*event_at(2**24 - 10)))
    decoder.decode(evt3_words(*event_at(20), 0x2001)[:-1])
    decoder.resynchronise()
    assert as_tuples(decoder.decode(evt3_words(0x2001, *event_at(30)))) == [(2**24 + 30, 9, 7, 0)]
    assert (decoder.dropped_outside, decoder.unknown_words) == (1, 1)


def test_a_new_high_waits_for_its_low():
    """The new high with the old low bits would lie 4 ms ahead, and hold all that follows."""
    times, decoder = times_of(0x1FFF, 0x2001)
    assert times == [0x1FFF, 0x2001]
    assert decoder.steps_back == 0


def test_high_and_low_may_come_in_different_packets():
    decoder = make_decoder("evt3", 64, 48)
    decoder.decode(evt3_words(*event_at(0x1FFF), 0x8002))
    assert decoder.decode(evt3_words(0x6001, 0x2001)).t.tolist() == [0x2001]
    decoder.decode(evt3_words(0x8003))
    assert decoder.decode(evt3_words(0x2001)).t.tolist() == [0x3001]


def test_a_rollover_goes_on():
    times, decoder = times_of(2**24 - 2, 3, HALF, 2**24 - 5000, 8)
    assert times == [2**24 - 2, 2**24 + 3, 2**24 + HALF, 2 * 2**24 - 5000, 2 * 2**24 + 8]
    assert decoder.steps_back == 0


def test_a_small_step_back_is_held_and_counted_once():
    times, decoder = times_of(1000, 989, 990, 999, 1001)
    assert times == [1000, 1000, 1000, 1000, 1001]
    assert decoder.steps_back == 1


def test_half_the_range_tells_a_step_back_from_a_rollover():
    start = HALF + 5000
    times, decoder = times_of(start, start - HALF)
    assert (times, decoder.steps_back) == ([start, start], 1)
    times, decoder = times_of(start, start - HALF - 1)
    assert (times, decoder.steps_back) == ([start, start - HALF - 1 + 2**24], 0)


def test_a_step_back_over_a_rollover_is_held():
    times, decoder = times_of(2**24 - 3, 4, 2**24 - 2, 5)
    assert times == [2**24 - 3, 2**24 + 4, 2**24 + 4, 2**24 + 5]
    assert decoder.steps_back == 1


def test_silence_of_most_of_the_range_is_no_step_back():
    assert times_of(5, 5 + HALF + 4_000_000)[0] == [5, 5 + HALF + 4_000_000]


@given(st.integers(0, 2**31), st.lists(st.integers(1, 4000), min_size=1, max_size=8))
def test_packets_may_end_anywhere(seed, cuts):
    rng = np.random.default_rng(seed)
    events = random_events(rng, 300, 1280, 720, start_us=2**24 - 500)
    data = encode_evt3(events)
    decoder = make_decoder("evt3", 1280, 720)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [decoder.decode(data[a:b]) for a, b in pairwise(edges)]
    assert Events.concatenate(parts).equals(events)


def test_big_endian_words():
    events = random_events(np.random.default_rng(5), 100, 1280, 720)
    swapped = np.frombuffer(encode_evt3(events), "<u2").astype(">u2").tobytes()
    decoder = make_decoder("evt3", 1280, 720, is_bigendian=True)
    assert Events.concatenate([decoder.decode(swapped[:33]), decoder.decode(swapped[33:])]).equals(events)


def test_kernel_and_twin_agree_on_any_words():
    rng = np.random.default_rng(6)
    kinds = np.array([0, 2, 2, 3, 4, 5, 6, 6, 8, 7, 10, 14, 15, 1, 9])
    for _ in range(60):
        decoder, twin = make_decoder("evt3", 1280, 1024), Evt3Reference(1280, 1024)
        for _ in range(3):
            words = (rng.choice(kinds, 200) << 12 | rng.integers(0, 4096, 200)).astype(np.uint16)
            assert as_tuples(decoder.decode(words.tobytes())) == twin.read(words.tolist())
        assert (decoder.dropped_outside, decoder.dropped_untimed) == (twin.outside, twin.untimed)
        assert (decoder.steps_back, decoder.triggers, decoder.unknown_words) == (twin.back, twin.triggers, twin.unknown)


def check(events: Events, count: int, on: int, sum_x: int, sum_y: int, first_us: int, last_us: int) -> None:
    assert len(events) == count
    assert int(events.polarity.sum(dtype=np.int64)) == on
    assert int(events.x.sum(dtype=np.int64)) == sum_x
    assert int(events.y.sum(dtype=np.int64)) == sum_y
    assert (int(events.t[0]), int(events.t[-1])) == (first_us, last_us)
    assert np.all(np.diff(events.t) >= 0)


@pytest.mark.recordings
def test_real_bag(recordings: Path):
    packets = list(read_event_packets(recordings / "bag_evt3_640x480"))
    first = packets[0]
    decoder = make_decoder(first["encoding"], first["width"], first["height"], first["is_bigendian"])
    events = Events.concatenate([decoder.decode(packet["data"], packet["time_base_ns"]) for packet in packets])
    check(events, 343474, 125183, 116731888, 80879209, 7139845, 9218023)
    assert (decoder.triggers, decoder.steps_back) == (4157, 0)
    assert (decoder.unknown_words, decoder.dropped_outside, decoder.dropped_untimed) == (0, 0, 0)


@pytest.mark.recordings
@pytest.mark.parametrize("packet_bytes", [None, 4097])
def test_real_raw_file_whose_times_step_back(recordings: Path, packet_bytes):
    data = read_raw(recordings / "prophesee_gen41_evt3.raw")
    size = packet_bytes or len(data)
    decoder = make_decoder("evt3", 1280, 720)
    events = Events.concatenate([decoder.decode(data[i : i + size]) for i in range(0, len(data), size)])
    check(events, 219596, 115532, 159113225, 85638051, 11718656, 11727467)
    assert decoder.steps_back == 9
    assert (decoder.unknown_words, decoder.dropped_outside, decoder.dropped_untimed) == (0, 0, 0)
