import numpy as np

from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from tests.events.streams import as_tuples, encode_libcaer_cmp, evt3_words, make_events, random_events

BASE_NS = 1_700_000_000_000_123_456
BASE_US = BASE_NS // 1000


def test_words_are_those_of_the_driver():
    decoder = make_decoder("libcaer_cmp", 640, 480)
    data = evt3_words(0x2009, 0x3807, 0x0001, 0x1002, 0x3008, 0x4810, 0x5081, 0x5001)
    assert as_tuples(decoder.decode(data, BASE_NS)) == [
        (BASE_US, 9, 7, 1),
        (BASE_US + 4098, 9, 8, 0),
        (BASE_US + 4098, 9, 16, 1),
        (BASE_US + 4098, 9, 23, 1),
        (BASE_US + 4098, 9, 24, 1),
    ]


def test_a_packet_with_another_time_base_begins_there():
    decoder = make_decoder("libcaer_cmp", 640, 480)
    decoder.decode(evt3_words(0x2009, 0x0001, 0x1002, 0x3007), BASE_NS)
    later = decoder.decode(evt3_words(0x3007, 0x1001, 0x3008), BASE_NS + 10_000_000)
    assert (later.t - BASE_US).tolist() == [10_000, 10_001]
    same = decoder.decode(evt3_words(0x3009), BASE_NS + 10_000_000)
    assert (same.t - BASE_US).tolist() == [10_001]
    assert decoder.steps_back == 0


def test_a_time_base_far_ahead_is_no_rollover():
    decoder = make_decoder("libcaer_cmp", 640, 480)
    decoder.decode(evt3_words(0x2009, 0x0001, 0x1002, 0x3007), BASE_NS)
    assert decoder.decode(evt3_words(0x1003, 0x3007), BASE_NS + 10**12).t.tolist() == [BASE_US + 10**9 + 3]


def test_a_time_base_that_steps_back_is_held():
    decoder = make_decoder("libcaer_cmp", 640, 480)
    decoder.decode(evt3_words(0x2009, 0x1009, 0x3007), BASE_NS)
    later = decoder.decode(evt3_words(0x3007, 0x1002, 0x3008, 0x1008, 0x3009), BASE_NS + 2000)
    assert (later.t - BASE_US).tolist() == [9, 9, 10]
    assert decoder.steps_back == 1


def test_the_24_bit_time_rolls_over():
    times = [100, 2**23, 2**24 - 1, 2**24 + 5]
    events = make_events([(BASE_US + t, 9, 7, 1) for t in times])
    decoder = make_decoder("libcaer_cmp", 640, 480)
    assert decoder.decode(encode_libcaer_cmp(events, BASE_NS), BASE_NS).equals(events)


def test_unknown_words_and_pixels():
    decoder = make_decoder("libcaer_cmp", 64, 48)
    unknown = [kind << 12 | 0x0FF for kind in range(6, 16)]
    data = evt3_words(*unknown, 0x3007, 0x5001, 0x2040, 0x3007, 0x203F, 0x302F, 0x3030, 0x402C, 0x50FF)
    assert as_tuples(decoder.decode(data, 0)) == [(0, 63, 47, 0)] + [(0, 63, y, 0) for y in range(44, 48)]
    assert (decoder.unknown_words, decoder.dropped_outside) == (10, 2 + 1 + 1 + 4)


def test_columns_and_rows_are_not_exchanged_at_the_edge():
    rng = np.random.default_rng(1)
    events = random_events(rng, 2000, 700, 100, start_us=BASE_US, mean_interval_us=0.1)
    assert make_decoder("libcaer_cmp", 700, 100).decode(encode_libcaer_cmp(events, BASE_NS), BASE_NS).equals(events)
    decoder = make_decoder("libcaer_cmp", 100, 700)
    kept = decoder.decode(encode_libcaer_cmp(events, BASE_NS), BASE_NS)
    assert kept.equals(events[events.x < 100])
    assert isinstance(kept, Events)
