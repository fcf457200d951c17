import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.codecs.packets import empty_packet, split_packets
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from tests.events.streams import make_events, random_events

WIDTH, HEIGHT = 320, 240


@given(st.integers(0, 2**31), st.integers(0, 200), st.integers(8, 300), st.integers(1, 2000))
def test_packets_are_bounded_and_bring_back_the_stream(seed, n, max_bytes, max_duration_us):
    start_us = 1_700_000_000_000_000  # a camera that counts from 1970
    events = random_events(np.random.default_rng(seed), n, WIDTH, HEIGHT, start_us=start_us, mean_interval_us=50.0)
    packets = list(split_packets(events, WIDTH, HEIGHT, 7, max_bytes, max_duration_us))
    decoder = make_decoder("mono", WIDTH, HEIGHT)
    assert Events.concatenate([decoder.decode(p.data, p.time_base_ns) for p in packets]).equals(events)
    assert [p.seq for p in packets] == list(range(7, 7 + len(packets)))
    for packet in packets:
        part = make_decoder(packet.encoding, packet.width, packet.height, packet.is_bigendian).decode(
            packet.data, packet.time_base_ns
        )
        assert 0 < len(packet.data) <= max_bytes
        assert packet.last_us - packet.first_us < max_duration_us
        assert (packet.first_us, packet.last_us) == (part.t[0], part.t[-1])


def test_no_packet_is_smaller_than_it_needs_to_be():
    events = random_events(np.random.default_rng(1), 1000, WIDTH, HEIGHT)
    assert [len(p.data) for p in split_packets(events, WIDTH, HEIGHT, max_bytes=3207)] == [3200, 3200, 1600]
    early_and_late = make_events([(0, 0, 0, 0), (99, 0, 0, 0), (100, 0, 0, 0)])
    assert [len(p.data) for p in split_packets(early_and_late, WIDTH, HEIGHT, max_duration_us=100)] == [16, 8]


def test_an_empty_packet_has_a_time_but_no_events():
    packet = empty_packet(5_000, WIDTH, HEIGHT, seq=3)
    assert (packet.time_base_ns, packet.first_us, packet.last_us, packet.seq) == (5_000_000, 5_000, 5_000, 3)
    assert len(make_decoder(packet.encoding, WIDTH, HEIGHT).decode(packet.data, packet.time_base_ns)) == 0
    assert list(split_packets(Events.empty(), WIDTH, HEIGHT)) == []


@pytest.mark.parametrize(
    ("rows", "bounds", "message"),
    [
        ([(5, 0, 0, 0), (4, 0, 0, 0)], {}, "sorted by time"),
        ([(5, 320, 0, 0)], {}, "on the sensor of 320 x 240 pixels"),
        ([(5, 0, 240, 0)], {}, "on the sensor of 320 x 240 pixels"),
        ([], {"max_bytes": 7}, "max_bytes 7: expected at least 8"),
        ([], {"max_duration_us": 4_294_968}, "max_duration_us 4294968: expected 1 to 4294967"),
        ([], {"max_duration_us": 0}, "max_duration_us 0: expected 1 to 4294967"),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(rows, bounds, message):
    with pytest.raises(ValueError, match=message):
        split_packets(make_events(rows), WIDTH, HEIGHT, **bounds)
