from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.codecs.decoder import Decoder
from snn_core.events.codecs.libcaer import encode_libcaer
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from tests.events.streams import as_tuples, check_truth, make_events, random_events, read_event_packets

BASE_NS = 1_700_000_000_000_123_456
BASE_US = BASE_NS // 1000
RANGE = 2**31  # us


def words(*pairs: tuple[int, int]) -> bytes:
    return np.array(pairs, "<u4").tobytes()


def times_of(*times: int) -> tuple[list[int], Decoder]:
    decoder = make_decoder("libcaer", 64, 48)
    events = decoder.decode(words(*((9 << 17 | 7 << 2 | 1, t) for t in times)), BASE_NS)
    return (events.t - BASE_US).tolist(), decoder


def test_bits_are_where_libcaer_says():
    decoder = make_decoder("libcaer", 32768, 32768)
    data = words((0x1234 << 17 | 0x567 << 2 | 1 << 1 | 1, 10), (0x7FFF << 17 | 0x7FFF << 2, 12))
    assert as_tuples(decoder.decode(data, BASE_NS)) == [
        (BASE_US + 10, 0x1234, 0x567, 1),
        (BASE_US + 12, 0x7FFF, 0x7FFF, 0),
    ]


def test_a_rollover_goes_on():
    times, decoder = times_of(RANGE - 2, 3, RANGE // 2, RANGE - 5, 8)
    assert times == [RANGE - 2, RANGE + 3, RANGE + RANGE // 2, 2 * RANGE - 5, 2 * RANGE + 8]
    assert decoder.steps_back == 0


def test_a_rollover_between_packets_of_one_time_base_goes_on():
    decoder = make_decoder("libcaer", 64, 48)
    assert decoder.decode(words((1, RANGE - 1)), BASE_NS).t.tolist() == [BASE_US + RANGE - 1]
    assert decoder.decode(words((1, 1)), BASE_NS).t.tolist() == [BASE_US + RANGE + 1]
    assert decoder.decode(words((1, 2)), BASE_NS).t.tolist() == [BASE_US + RANGE + 2]


def test_after_a_rollover_the_driver_sends_another_time_base():
    decoder = make_decoder("libcaer", 64, 48)
    decoder.decode(words((1, RANGE - 1)), BASE_NS)
    assert decoder.decode(words((1, 1)), BASE_NS + 1000 * RANGE).t.tolist() == [BASE_US + RANGE + 1]
    assert decoder.steps_back == 0


def test_a_packet_of_a_new_time_base_may_begin_anywhere_in_the_range():
    times, decoder = times_of(RANGE - 3, RANGE - 1)
    assert (times, decoder.steps_back) == ([RANGE - 3, RANGE - 1], 0)


def test_half_the_range_tells_a_step_back_from_a_rollover():
    times, decoder = times_of(RANGE - 1, RANGE // 2 - 1)
    assert (times, decoder.steps_back) == ([RANGE - 1, RANGE - 1], 1)
    times, decoder = times_of(RANGE - 1, RANGE // 2 - 2)
    assert (times, decoder.steps_back) == ([RANGE - 1, RANGE + RANGE // 2 - 2], 0)


def test_a_step_back_over_a_rollover_is_held():
    times, decoder = times_of(RANGE - 3, 4, RANGE - 2, 5)
    assert times == [RANGE - 3, RANGE + 4, RANGE + 4, RANGE + 5]
    assert decoder.steps_back == 1


def test_events_off_the_sensor_and_times_of_32_bits_are_dropped():
    decoder = make_decoder("libcaer", 64, 48)
    data = words((64 << 17, 1), (48 << 2, 2), (1, RANGE), (63 << 17 | 47 << 2, 3), (1, 2**32 - 1))
    assert as_tuples(decoder.decode(data, 0)) == [(3, 63, 47, 0)]
    assert (decoder.dropped_outside, decoder.unknown_words) == (2, 2)


@given(st.integers(0, 2**31), st.integers(0, 400), st.integers(0, 2**60))
def test_round_trip_is_exact(seed: int, n: int, time_base_ns: int):
    events = random_events(np.random.default_rng(seed), n, 346, 260, start_us=time_base_ns // 1000)
    packet = encode_libcaer(events, time_base_ns)
    assert make_decoder("libcaer", 346, 260).decode(packet, time_base_ns).equals(events)
    assert np.all(packet.view("<u4")[::2] & 1)  # marked valid


@pytest.mark.parametrize(
    ("event", "time_base_ns", "message"),
    [
        ((9, 0, 0, 0), 10_000, "libcaer: event at 9 us is -1 us from the time base"),
        ((RANGE, 0, 0, 0), 0, "libcaer: event at 2147483648 us is 2147483648 us from the time base"),
        ((0, 32768, 0, 0), 0, "libcaer: x 32768 does not fit 15 bits"),
        ((0, 0, 32768, 0), 0, "libcaer: y 32768 does not fit 15 bits"),
        ((0, 0, 0, 0), 2**64, "libcaer: time base 18446744073709551616 ns does not fit 64 bits"),
    ],
)
def test_what_does_not_fit_is_refused(event, time_base_ns, message):
    with pytest.raises(ValueError, match=message):
        encode_libcaer(make_events([event]), time_base_ns)


@pytest.mark.recordings
@pytest.mark.parametrize("packet_bytes", [None, 4099])
def test_real_bag_in_which_the_clock_rolls_over(recordings: Path, packet_bytes: int | None):
    packets = list(read_event_packets(recordings / "bag_libcaer_640x480"))
    first = packets[0]
    decoder = make_decoder(first["encoding"], first["width"], first["height"], first["is_bigendian"])
    parts = []
    for packet in packets:
        size = packet_bytes or len(packet["data"])
        parts += [
            decoder.decode(packet["data"][begin : begin + size], packet["time_base_ns"])
            for begin in range(0, len(packet["data"]), size)
        ]
    events = Events.concatenate(parts)
    check_truth(events, 334331, 181908, 111651612, 82801007, 1702309120762236, 1702309122762222)
    # What event_camera_codecs, whose bag this is, asserts of its own decoder: the sum of the times, ns, modulo 2**64.
    rest_ns = first["time_base_ns"] % 1000
    assert (1000 * sum(events.t.tolist()) + rest_ns * len(events)) % 2**64 == 15762826572202229126
    assert len({packet["time_base_ns"] for packet in packets}) == 2
    assert (decoder.steps_back, decoder.unknown_words, decoder.dropped_outside) == (0, 0, 0)
