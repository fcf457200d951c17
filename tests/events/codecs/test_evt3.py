from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.codecs.decoder import Decoder
from snn_core.events.codecs.evt3 import Evt3Decoder
from snn_core.events.codecs.evt3_encoder import encode_evt3
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from tests.events.streams import (
    as_tuples,
    check_truth,
    evt3_words,
    make_events,
    make_triggers,
    random_events,
    read_event_packets,
    read_raw,
)

HALF = 2**23


def time_words(t: int) -> tuple[int, int]:
    return 0x8000 | t >> 12 & 0xFFF, 0x6000 | t & 0xFFF


def event_at(t: int) -> tuple[int, ...]:
    return (*time_words(t), 0x0007, 0x2009)


def times_of(*times: int) -> tuple[list[int], Decoder]:
    decoder = make_decoder("evt3", 64, 48)
    return decoder.decode(evt3_words(*(word for t in times for word in event_at(t)))).t.tolist(), decoder


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


def test_triggers_have_a_time_a_channel_and_an_edge():
    decoder = make_decoder("evt3", 64, 48)
    decoder.decode(evt3_words(0xA001, 0x8001, 0x6002, 0xA301, 0x6003, 0xAF00, 0x8002, 0xA001))
    triggers = decoder.take_triggers()
    assert triggers.t.tolist() == [4098, 4099, 8195]
    assert (triggers.channel.tolist(), triggers.edge.tolist()) == ([3, 15, 0], [1, 0, 1])
    assert decoder.triggers == 4  # the first has no time
    assert len(decoder.take_triggers()) == 0


@given(st.integers(0, 2**31), st.integers(0, 40), st.sampled_from([0.02, 0.2, 5.0, 1e5]))
def test_round_trip_is_exact_over_a_rollover(seed: int, n_triggers: int, mean_interval_us: float):
    rng = np.random.default_rng(seed)
    events = random_events(rng, 300, 2048, 4 if mean_interval_us < 1 else 2048, 2**24 - 200, mean_interval_us)
    events = Events.concatenate([make_events([(2**24 - 200, 0, 0, 0)]), events])
    events = events[np.lexsort([events.x, events.polarity, events.y, events.t])]  # many in a row, at a time
    triggers = make_triggers(sorted((int(t), int(rng.integers(0, 16)), 1) for t in rng.choice(events.t, n_triggers)))
    decoder = make_decoder("evt3", 2048, 2048)
    words = encode_evt3(events, triggers)
    assert decoder.decode(words).equals(events)
    assert decoder.take_triggers().equals(triggers)


def test_rows_become_vectors_of_12_12_and_8_where_that_is_shorter():
    xs = [100, 111, 112, 123, 131]
    words = encode_evt3(make_events([(5, x, 1, 1) for x in xs] + [(5, 200, 1, 1)])).view("<u2")
    assert [hex(word) for word in words] == [
        "0x8000",
        "0x6005",
        "0x1",
        "0x3864",
        "0x4801",
        "0x4801",
        "0x5080",
        "0x28c8",
    ]
    words = encode_evt3(make_events([(5, x, 1, 1) for x in xs[:4]])).view("<u2")
    assert (words >> 12).tolist() == [8, 6, 0, 2, 2, 2, 2]


def test_a_row_in_another_order_or_of_two_polarities_is_no_vector():
    for rows in ([(5, x, 1, 1) for x in range(10, 2, -1)], [(5, x, 1, x % 2) for x in range(10)]):
        events = make_events(rows)
        words = encode_evt3(events).view("<u2")
        assert set((words >> 12).tolist()) == {8, 6, 0, 2}
        assert make_decoder("evt3", 64, 48).decode(words.view(np.uint8)).equals(events)


def test_silence_is_bridged_between_events_and_packets():
    times = [5, 30_000_000, 30_000_005, 2_000_000_000]
    decoder = make_decoder("evt3", 64, 48)
    packets = [
        encode_evt3(make_events([(t, 1, 2, 1)]), after_us=before)
        for before, t in zip([None, *times], times, strict=False)
    ]
    assert [int(decoder.decode(packet).t[0]) for packet in packets] == times
    whole = make_decoder("evt3", 64, 48).decode(encode_evt3(make_events([(t, 1, 2, 1) for t in times])))
    assert whole.t.tolist() == times


@pytest.mark.parametrize(
    ("rows", "triggers", "after_us", "message"),
    [
        ([(5, 2048, 0, 0)], [], None, "evt3: x 2048 does not fit 11 bits"),
        ([(5, 0, 2048, 0)], [], None, "evt3: y 2048 does not fit 11 bits"),
        ([(5, 0, 0, 0), (4, 0, 0, 0)], [], None, "evt3: events and triggers must be sorted by time"),
        ([(5, 0, 0, 0)], [], 6, "after the packet before"),
        ([(9, 0, 0, 0)], [(8, 0, 0), (7, 0, 0)], None, "must be sorted by time"),
        ([(0, 0, 0, 0), (86_400_000_001, 0, 0, 0)], [], None, "evt3: 86400000001 us without an event"),
        ([], [(0, 16, 0)], None, "evt3: trigger channel 16, expected 0 to 15"),
    ],
)
def test_what_does_not_fit_is_refused(rows, triggers, after_us, message):
    with pytest.raises(ValueError, match=message):
        encode_evt3(make_events(rows), make_triggers(triggers), after_us)


def test_no_events_are_no_words():
    assert len(encode_evt3(Events.empty())) == 0


@pytest.mark.recordings
def test_real_bag(recordings: Path):
    packets = list(read_event_packets(recordings / "bag_evt3_640x480"))
    first = packets[0]
    decoder = make_decoder(first["encoding"], first["width"], first["height"], first["is_bigendian"])
    events = Events.concatenate([decoder.decode(packet["data"], packet["time_base_ns"]) for packet in packets])
    check_truth(events, 343474, 125183, 116731888, 80879209, 7139845, 9218023)
    assert (decoder.triggers, decoder.steps_back) == (4157, 0)
    assert (decoder.unknown_words, decoder.dropped_outside, decoder.dropped_untimed) == (0, 0, 0)
    triggers = decoder.take_triggers()
    again = make_decoder("evt3", first["width"], first["height"])
    assert again.decode(encode_evt3(events, triggers)).equals(events)
    assert again.take_triggers().equals(triggers)


@pytest.mark.recordings
@pytest.mark.parametrize("packet_bytes", [None, 4097])
def test_real_raw_file_whose_times_step_back(recordings: Path, packet_bytes):
    data = read_raw(recordings / "prophesee_gen41_evt3.raw")
    size = packet_bytes or len(data)
    decoder = make_decoder("evt3", 1280, 720)
    events = Events.concatenate([decoder.decode(data[i : i + size]) for i in range(0, len(data), size)])
    check_truth(events, 219596, 115532, 159113225, 85638051, 11718656, 11727467)
    assert decoder.steps_back == 9
    assert (decoder.unknown_words, decoder.dropped_outside, decoder.dropped_untimed) == (0, 0, 0)


@pytest.mark.recordings
@pytest.mark.parametrize("packet_bytes", [None, 4097])
def test_words_read_at_once_give_what_words_one_by_one_give(recordings: Path, packet_bytes: int | None, monkeypatch):
    """On processors that read words at once; elsewhere both are the same."""
    bag = [packet["data"] for packet in read_event_packets(recordings / "bag_evt3_640x480")]
    raw = read_raw(recordings / "prophesee_gen41_evt3.raw")
    for data, width, height in ((b"".join(bag), 640, 480), (raw * 2, 1280, 720), (raw, 1000, 500)):
        size = packet_bytes or len(data)
        decoders, events = [], []
        for at_once in (True, False):
            monkeypatch.setattr(Evt3Decoder, "_at_once", at_once)
            decoder = make_decoder("evt3", width, height)
            parts = [decoder.decode(data[i : i + size]) for i in range(0, len(data), size)]
            decoders.append(decoder)
            events.append(Events.concatenate(parts))
        assert events[0].equals(events[1])
        assert decoders[0].take_triggers().equals(decoders[1].take_triggers())
        for name in ("dropped_outside", "dropped_untimed", "steps_back", "unknown_words", "triggers", "behind_us"):
            assert getattr(decoders[0], name) == getattr(decoders[1], name)
