"""Corrupt input never crashes a decoder, and never brings an event off the sensor or a time that runs backwards."""

import numpy as np
import pytest

from snn_core.events.codecs.decoder import Decoder
from snn_core.events.codecs.registry import DECODERS, make_decoder
from snn_core.events.events import Events
from tests.events.streams import encode, make_events, random_events, swapped

WIDTH, HEIGHT = 320, 240
INPUTS = 10_000
TIME_BASE_NS = 1_700_000_000_000_123_456
ENCODINGS = sorted(DECODERS)
MAX_EVENTS_PER_WORD = {"evt21": 32, "evt21_legacy": 32, "evt3": 12, "libcaer_cmp": 8, "trigger": 0}


def mutate(rng: np.random.Generator, data: np.ndarray) -> np.ndarray:
    """Flip bits, overwrite, cut out and repeat a few bytes."""
    data = data.copy()
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(0, len(data)))
        size = int(rng.integers(1, 17))
        match rng.integers(0, 4):
            case 0:
                data[at] ^= 1 << rng.integers(0, 8)
            case 1:
                data[at : at + size] = rng.integers(0, 256, len(data[at : at + size]))
            case 2:
                data = np.delete(data, np.s_[at : at + size])
            case 3:
                data = np.concatenate([data[: at + size], data[at:]])
    return data


def check_packet(decoder: Decoder, events: Events, latest: int, size: int) -> int:
    """Events and triggers of a packet of so many bytes, those before it being at ``latest``; the latest time now."""
    bound = MAX_EVENTS_PER_WORD.get(decoder.encoding, 1) * (size // decoder.word_bytes + 1)
    triggers = decoder.take_triggers()
    assert len(events) <= bound
    assert len(triggers) <= size // decoder.word_bytes + 1
    for part in (events, triggers):
        times = np.concatenate([[latest], part.t])
        assert np.all(times[1:] >= times[:-1])
        assert np.all(part.t >= 0)
    if len(events):
        assert events.x.max() < WIDTH
        assert events.y.max() < HEIGHT
    assert np.all(events.polarity <= 1)
    assert np.all(triggers.edge <= 1)
    return max([latest, *events.t[-1:].tolist(), *triggers.t[-1:].tolist()])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_mutated_packets(encoding: str):
    rng = np.random.default_rng(7)
    start_us = {"evt3": 2**24 - 100, "evt2": 2**34 - 100, "evt21": 2**34 - 100}.get(encoding, TIME_BASE_NS // 1000)
    one_by_one = random_events(rng, 40, WIDTH, HEIGHT, start_us)
    in_a_row = make_events([(int(one_by_one.t[-1]), x, 7, 1) for x in range(20)])
    data = encode(encoding, Events.concatenate([one_by_one, in_a_row]), TIME_BASE_NS)
    decoders = {is_bigendian: make_decoder(encoding, WIDTH, HEIGHT, is_bigendian) for is_bigendian in (False, True)}
    packets = {False: np.frombuffer(data, np.uint8), True: np.frombuffer(swapped(encoding, data), np.uint8)}
    latest = {False: -(2**62), True: -(2**62)}
    brought = 0
    for i in range(INPUTS):
        is_bigendian = i % 4 == 0
        decoder = decoders[is_bigendian]
        if i % 10 < 2:
            decoder.reset()
            latest[is_bigendian] = -(2**62)
        packet = mutate(rng, packets[is_bigendian])
        odd_base = int(rng.integers(0, 2**64, dtype=np.uint64))
        events = decoder.decode(packet, odd_base if rng.random() < 0.1 else TIME_BASE_NS)
        latest[is_bigendian] = check_packet(decoder, events, latest[is_bigendian], len(packet))
        brought += len(events)
    if encoding == "trigger":
        assert all(decoder.triggers > 10 * INPUTS // 4 for decoder in decoders.values())
        return
    assert brought > 10 * INPUTS
    for decoder in decoders.values():
        assert decoder.dropped_outside > 0
        assert decoder.steps_back > 0
        assert decoder.unknown_words > 0


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_noise_for_a_long_time(encoding: str):
    rng = np.random.default_rng(8)
    decoder = make_decoder(encoding, WIDTH, HEIGHT)
    latest = 0
    for _ in range(300):
        packet = rng.bytes(int(rng.integers(0, 2000)))
        latest = check_packet(decoder, decoder.decode(packet), latest, len(packet))
    assert latest > 0
    assert encoding == "trigger" or decoder.dropped_outside > 0
