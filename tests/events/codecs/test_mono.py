import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.codecs.mono import encode_mono
from snn_core.events.codecs.registry import make_decoder
from tests.events.streams import make_events

WIDTH, HEIGHT = 320, 240
EVENT_LISTS = st.lists(
    st.tuples(st.integers(0, 4_294_967), st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.integers(0, 1)),
    max_size=50,
).map(sorted)


def test_bits_are_where_the_message_package_says():
    event = make_events([(1_000_000, 0x123, 0x45, 1)])
    word = int.from_bytes(encode_mono(event, 999_990_000).tobytes(), "little")
    assert word == 1 << 63 | 0x45 << 48 | 0x123 << 32 | 10_000


@given(EVENT_LISTS, st.integers(0, 2**63 // 1000))
def test_round_trip_is_exact(rows, base_us):
    events = make_events([(t + base_us, x, y, p) for t, x, y, p in rows])
    decoded = make_decoder("mono", WIDTH, HEIGHT).decode(encode_mono(events, 1000 * base_us), 1000 * base_us)
    assert decoded.equals(events)


def test_time_base_is_rounded_with_the_event_not_before():
    word = (700).to_bytes(8, "little")
    assert make_decoder("mono", WIDTH, HEIGHT).decode(word, 1_000_600).t.tolist() == [1001]


def test_a_step_back_is_held_and_counted_also_across_packets():
    decoder = make_decoder("mono", WIDTH, HEIGHT)
    assert decoder.decode(encode_mono(make_events([(30, 0, 0, 0), (10, 0, 0, 0), (40, 0, 0, 0)]), 0)).t.tolist() == [
        30,
        30,
        40,
    ]
    assert decoder.decode(encode_mono(make_events([(35, 0, 0, 0), (50, 0, 0, 0)]), 0)).t.tolist() == [40, 50]
    assert decoder.steps_back == 2
    decoder.reset()
    assert decoder.decode(encode_mono(make_events([(1, 0, 0, 0)]), 0)).t.tolist() == [1]


def test_a_cut_packet_does_not_harm_the_next():
    events = make_events([(5, 1, 2, 1), (6, 3, 4, 0)])
    decoder = make_decoder("mono", WIDTH, HEIGHT)
    assert decoder.decode(encode_mono(events, 0)[:-3], 0).equals(events[:1])
    later = make_events([(7, 1, 2, 1), (8, 3, 4, 0)])
    assert decoder.decode(encode_mono(later, 1000), 1000).equals(later)
    assert decoder.unknown_words == 1


def test_thousandths_are_exact():
    """us of ns without a division: of what is on either side of every multiple, over the whole range."""
    rng = np.random.default_rng(5)
    us = np.concatenate([rng.integers(0, 4_294_967, 20_000), [0, 1, 4_294_966, 4_294_967]])
    dt = np.sort(np.concatenate([1000 * us, 1000 * us + 999, [2**32 - 1]]))
    dt = dt[dt < 2**32].astype("<u8")
    for rest_ns in (0, 1, 500, 999):
        decoded = make_decoder("mono", WIDTH, HEIGHT).decode(dt.view(np.uint8), 7_000 + rest_ns)
        assert np.array_equal(decoded.t, 7 + (rest_ns + dt.astype(np.int64)) // 1000)


@pytest.mark.parametrize(
    ("event", "time_base_ns", "message"),
    [
        ((10, 0, 0, 0), 10_001, "event at 10 us is -1 ns from the time base"),
        ((4_294_968, 0, 0, 0), 0, "event at 4294968 us is 4294968000 ns from the time base"),
        ((0, 0, 32768, 0), 0, "y 32768 does not fit 15 bits"),
        ((0, 0, 0, 0), -1, "time base -1 ns does not fit 64 bits"),
    ],
)
def test_what_does_not_fit_is_refused(event, time_base_ns, message):
    with pytest.raises(ValueError, match=message):
        encode_mono(make_events([event]), time_base_ns)
