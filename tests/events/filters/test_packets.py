"""Filters between packets: what a subscriber decodes is what the filters keep, with the packets' own numbers."""

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.codecs.packets import EncodedPacket
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from snn_core.events.filters.background import BackgroundActivityFilter
from snn_core.events.filters.chain import FilterChain, make_filters
from snn_core.events.filters.masks import RectangleFilter
from snn_core.events.filters.options import FilterOptions
from snn_core.events.filters.packets import PacketFilter
from tests.events.streams import make_events, random_events

WIDTH, HEIGHT = 64, 48


def decoded(packets: list[EncodedPacket]) -> Events:
    first = packets[0]
    decoder = make_decoder(first.encoding, first.width, first.height, first.is_bigendian)
    return Events.concatenate([decoder.decode(packet.data, packet.time_base_ns) for packet in packets])


@pytest.mark.parametrize("encoding", ["mono", "evt3"])
def test_what_is_kept_goes_out(encoding):
    events = random_events(np.random.default_rng(0), 5000, WIDTH, HEIGHT, start_us=2**24 - 5000, mean_interval_us=4.0)
    chain = FilterChain(
        WIDTH, HEIGHT, [BackgroundActivityFilter(WIDTH, HEIGHT, 500), RectangleFilter(WIDTH, HEIGHT, 8, 8, 32, 16)]
    )
    packet_filter = PacketFilter(chain, encoding)
    packets = [packet_filter(events[begin : begin + 250], seq) for seq, begin in enumerate(range(0, 5000, 250), 7)]
    alone = BackgroundActivityFilter(WIDTH, HEIGHT, 500)
    expected = RectangleFilter(WIDTH, HEIGHT, 8, 8, 32, 16)(alone(events))
    found = decoded(packets)
    assert [packet.seq for packet in packets] == list(range(7, 27))
    assert {(packet.width, packet.height, packet.encoding) for packet in packets} == {(32, 16, encoding)}
    # A decoder of evt3 knows times by 24 bits.
    offset_us = 0 if encoding == "mono" else int(expected.t[0] - expected.t[0] % 2**24)
    assert found.equals(Events(expected.t - offset_us, expected.x, expected.y, expected.polarity))
    assert packet_filter.events == len(expected) > 0


@pytest.mark.parametrize("encoding", ["mono", "evt3"])
def test_packets_of_which_nothing_is_kept_go_out_empty(encoding):
    packet_filter = PacketFilter(make_filters(FilterOptions(crop="0,0,4,4"), WIDTH, HEIGHT), encoding)
    dropped = packet_filter(make_events([(1000, 9, 9, 1), (1500, 9, 9, 1)]), 3)
    came_empty = packet_filter(Events.empty(), 4, time_us=2000)
    without_time = packet_filter(Events.empty(), 5)
    assert [packet.seq for packet in (dropped, came_empty, without_time)] == [3, 4, 5]
    assert [packet.data.size for packet in (dropped, came_empty, without_time)] == [0, 0, 0]
    assert [packet.time_base_ns for packet in (dropped, came_empty, without_time)] == [1_500_000, 2_000_000, 1_500_000]


def test_a_silence_of_days_does_not_break_evt3():
    packet_filter = PacketFilter(make_filters(FilterOptions(), WIDTH, HEIGHT), "evt3")
    early = packet_filter(make_events([(1000, 1, 2, 1)]), 0)
    late = packet_filter(make_events([(1000 + 3 * 86400 * 10**6, 3, 4, 0)]), 1)
    found = decoded([early, late])
    assert (found.x.tolist(), found.y.tolist(), found.polarity.tolist()) == ([1, 3], [2, 4], [1, 0])
    assert found.t[1] > found.t[0]


def test_mono_holds_4_s_of_a_packet():
    packet_filter = PacketFilter(make_filters(FilterOptions(), WIDTH, HEIGHT), "mono")
    packet = packet_filter(
        make_events([(0, 1, 2, 1), (4_294_966, 1, 2, 1), (4_294_967, 1, 2, 1), (9_000_000, 0, 0, 0)]), 0
    )
    assert decoded([packet]).t.tolist() == [0, 4_294_966]
    assert (packet_filter.events, packet_filter.beyond) == (2, 2)


def test_time_that_goes_back_is_a_stream_that_begins_anew():
    packet_filter = PacketFilter(make_filters(FilterOptions(refractory_us=100), WIDTH, HEIGHT), "mono")
    events = make_events([(1000, 1, 2, 1), (1050, 1, 2, 1), (1100, 1, 2, 1)])
    first, again = packet_filter(events, 0), packet_filter(events, 1)
    assert decoded([first]).t.tolist() == decoded([again]).t.tolist() == [1000, 1100]


def test_evt3_holds_no_larger_sensor():
    with pytest.raises(UserError, match="evt3 holds sensors of at most 2048 pixels a side, found 2049 x 48; set enc"):
        PacketFilter(FilterChain(2049, HEIGHT, []), "evt3")
