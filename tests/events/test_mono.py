import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.codecs import make_decoder
from snn_core.events.events import Events
from snn_core.events.mono import encode_mono
from tests.reference import decode_mono

from .streams import as_tuples, make_events, random_events

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


def test_kernel_and_twin_agree_on_any_words():
    rng = np.random.default_rng(2)
    for _ in range(50):
        data = rng.bytes(8 * 40)
        time_base_ns = int(rng.integers(0, 2**64, dtype=np.uint64))
        # A sensor so large that about a quarter of the random pixels lie on it.
        decoder = make_decoder("mono", 32768, 16384)
        events = decoder.decode(data, time_base_ns)
        assert as_tuples(events) == decode_mono(data, time_base_ns, 32768, 16384)
        assert len(events) + decoder.dropped_outside == 40


def test_big_endian_words():
    events = make_events([(5, 1, 2, 1), (6, 3, 4, 0)])
    swapped = encode_mono(events, 0).reshape(-1, 8)[:, ::-1].tobytes()
    assert make_decoder("mono", WIDTH, HEIGHT, is_bigendian=True).decode(swapped).equals(events)


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


def test_packets_may_end_anywhere():
    events = random_events(np.random.default_rng(3), 200, WIDTH, HEIGHT)
    data = encode_mono(events, 0)
    for size in (1, 3, 7, 9, 501):
        decoder = make_decoder("mono", WIDTH, HEIGHT)
        parts = [decoder.decode(data[i : i + size]) for i in range(0, len(data), size)]
        assert Events.concatenate(parts).equals(events)
        assert decoder.unknown_words == 0


def test_a_cut_packet_does_not_harm_the_next():
    events = make_events([(5, 1, 2, 1), (6, 3, 4, 0)])
    decoder = make_decoder("mono", WIDTH, HEIGHT)
    assert decoder.decode(encode_mono(events, 0)[:-3], 0).equals(events[:1])
    later = make_events([(7, 1, 2, 1), (8, 3, 4, 0)])
    assert decoder.decode(encode_mono(later, 1000), 1000).equals(later)
    assert decoder.unknown_words == 1


def test_all_kinds_of_bytes_are_taken():
    events = random_events(np.random.default_rng(4), 20, WIDTH, HEIGHT)
    data = encode_mono(events, 0)
    spaced = np.zeros(2 * len(data), np.uint8)
    spaced[::2] = data
    for packet in (data, data.tobytes(), bytearray(data), memoryview(data.tobytes()), spaced[::2]):
        assert make_decoder("mono", WIDTH, HEIGHT).decode(packet).equals(events)
    with pytest.raises(ValueError, match="expected a 1-d array of uint8, found uint64"):
        make_decoder("mono", WIDTH, HEIGHT).decode(data.view(np.uint64))  # type: ignore[arg-type]


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
