from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.codecs.decoder import Decoder
from snn_core.events.codecs.evt2 import encode_evt2
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from tests.events.streams import as_tuples, check_truth, make_events, make_triggers, random_events, read_raw

RANGE = 2**34  # us


def words(*numbers: int) -> bytes:
    return np.array(numbers, "<u4").tobytes()


def event_at(t: int) -> tuple[int, int]:
    return 0x8 << 28 | t >> 6 & 0xFFFFFFF, (t & 63) << 22 | 9 << 11 | 7


def times_of(*times: int) -> tuple[list[int], Decoder]:
    decoder = make_decoder("evt2", 64, 48)
    return decoder.decode(words(*(word for t in times for word in event_at(t)))).t.tolist(), decoder


def test_bits_are_where_the_vendor_says():
    decoder = make_decoder("evt2", 640, 480)
    data = words(0x8000_0002, 0x0000_0000 | 63 << 22 | 0x123 << 11 | 0x45, 0x1000_0000 | 639 << 11 | 479)
    assert as_tuples(decoder.decode(data)) == [(191, 0x123, 0x45, 0), (191, 639, 479, 1)]
    assert decoder.steps_back == 1


def test_words_that_bring_no_events():
    decoder = make_decoder("evt2", 640, 480)
    data = words(*(kind << 28 for kind in range(2, 16) if kind != 8), *event_at(5))
    assert as_tuples(decoder.decode(data)) == [(5, 9, 7, 0)]
    assert (decoder.unknown_words, decoder.triggers) == (10, 1)


def test_triggers_have_a_time_a_channel_and_an_edge():
    decoder = make_decoder("evt2", 640, 480)
    decoder.decode(
        words(0xA000_0001, 0x8000_0001, 0xA000_0000 | 3 << 22 | 17 << 8 | 1, 0xA000_0000 | 5 << 22 | 17 << 8)
    )
    triggers = decoder.take_triggers()
    assert (triggers.t.tolist(), triggers.channel.tolist(), triggers.edge.tolist()) == ([67, 69], [17, 17], [1, 0])
    assert decoder.triggers == 3  # the first has no time
    assert len(decoder.take_triggers()) == 0


def test_events_before_the_first_time_and_off_the_sensor_are_dropped():
    decoder = make_decoder("evt2", 64, 48)
    data = words(9 << 11 | 7, *event_at(100), 64 << 11 | 7, 9 << 11 | 48)
    assert as_tuples(decoder.decode(data)) == [(100, 9, 7, 0)]
    assert (decoder.dropped_untimed, decoder.dropped_outside) == (1, 2)


def test_a_rollover_goes_on():
    times, decoder = times_of(RANGE - 2, 3, RANGE // 2, RANGE - 5000, 8)
    assert times == [RANGE - 2, RANGE + 3, RANGE + RANGE // 2, 2 * RANGE - 5000, 2 * RANGE + 8]
    assert decoder.steps_back == 0


def test_half_the_range_tells_a_step_back_from_a_rollover():
    start = RANGE // 2 + 64 * 1000
    times, decoder = times_of(start, start - RANGE // 2)
    assert (times, decoder.steps_back) == ([start, start], 1)
    times, decoder = times_of(start, start - RANGE // 2 - 64)
    assert (times, decoder.steps_back) == ([start, start + RANGE // 2 - 64], 0)


def test_a_step_back_over_a_rollover_is_held():
    times, decoder = times_of(RANGE - 3, 4, RANGE - 2, 5)
    assert times == [RANGE - 3, RANGE + 4, RANGE + 4, RANGE + 5]
    assert decoder.steps_back == 1


@given(st.integers(0, 2**31), st.integers(0, 40), st.sampled_from([0.2, 5.0, 1e5]))
def test_round_trip_is_exact_over_a_rollover(seed: int, n_triggers: int, mean_interval_us: float):
    rng = np.random.default_rng(seed)
    events = random_events(rng, 300, 2048, 2048, RANGE - 200, mean_interval_us)
    events = Events.concatenate([make_events([(RANGE - 200, 0, 0, 0)]), events])
    triggers = make_triggers(sorted((int(t), int(rng.integers(0, 32)), 1) for t in rng.choice(events.t, n_triggers)))
    decoder = make_decoder("evt2", 2048, 2048)
    assert decoder.decode(encode_evt2(events, triggers)).equals(events)
    assert decoder.take_triggers().equals(triggers)


def test_silence_is_bridged_between_events_and_packets():
    hour = 3_600_000_000
    times = [5, 5 + 4 * hour, 5 + 23 * hour]
    decoder = make_decoder("evt2", 64, 48)
    packets = [
        encode_evt2(make_events([(t, 1, 2, 1)]), after_us=before)
        for before, t in zip([None, *times], times, strict=False)
    ]
    assert [int(decoder.decode(packet).t[0]) for packet in packets] == times
    whole = make_decoder("evt2", 64, 48).decode(encode_evt2(make_events([(t, 1, 2, 1) for t in times])))
    assert whole.t.tolist() == times


@pytest.mark.parametrize(
    ("rows", "triggers", "message"),
    [
        ([(5, 2048, 0, 0)], [], "evt2: x 2048 does not fit 11 bits"),
        ([(5, 0, 2048, 0)], [], "evt2: y 2048 does not fit 11 bits"),
        ([(5, 0, 0, 0), (4, 0, 0, 0)], [], "evt2: events and triggers must be sorted by time"),
        ([(0, 0, 0, 0), (86_400_000_001, 0, 0, 0)], [], "evt2: 86400000001 us without an event"),
        ([], [(0, 32, 0)], "evt2: trigger channel 32, expected 0 to 31"),
    ],
)
def test_what_does_not_fit_is_refused(rows, triggers, message):
    with pytest.raises(ValueError, match=message):
        encode_evt2(make_events(rows), make_triggers(triggers))


def test_no_events_are_no_words():
    assert len(encode_evt2(Events.empty(), Triggers.uninitialised(0))) == 0


@pytest.mark.recordings
@pytest.mark.parametrize("packet_bytes", [None, 4099])
def test_real_raw_file(recordings: Path, packet_bytes: int | None):
    data = read_raw(recordings / "prophesee_gen3_evt2.raw")
    size = packet_bytes or len(data)
    decoder = make_decoder("evt2", 640, 480)
    events = Events.concatenate([decoder.decode(data[i : i + size]) for i in range(0, len(data), size)])
    check_truth(events, 521252, 185861, 128979953, 216346680, 913716224, 913812095)
    assert (decoder.steps_back, decoder.unknown_words, decoder.dropped_outside, decoder.dropped_untimed) == (0, 0, 0, 0)
    again = make_decoder("evt2", 640, 480)
    assert again.decode(encode_evt2(events)).equals(events)
