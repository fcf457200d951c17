"""Corrupt input never crashes a decoder, and never brings an event off the sensor or a time that runs backwards."""

import numpy as np
import pytest

from snn_core.events.codecs import make_decoder
from snn_core.events.mono import encode_mono

from .streams import encode_evt3, random_events

WIDTH, HEIGHT = 320, 240
INPUTS = 3000
MAX_EVENTS_PER_WORD = {"mono": 1, "evt3": 12}


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


@pytest.mark.parametrize("encoding", ["mono", "evt3"])
@pytest.mark.parametrize("is_bigendian", [False, True])
def test_mutated_packets(encoding: str, is_bigendian: bool):
    rng = np.random.default_rng(7)
    events = random_events(rng, 60, WIDTH, HEIGHT, start_us=2**24 - 100)
    time_base_ns = 1000 * int(events.t[0])
    data = encode_mono(events, time_base_ns) if encoding == "mono" else np.frombuffer(encode_evt3(events), np.uint8)
    decoder = make_decoder(encoding, WIDTH, HEIGHT, is_bigendian)
    latest = 0
    brought = 0
    for i in range(INPUTS):
        if i % 10 == 0:
            decoder.reset()
            latest = 0
        packet = mutate(rng, data)
        odd_base = int(rng.integers(0, 2**64, dtype=np.uint64))
        decoded = decoder.decode(packet, odd_base if rng.random() < 0.1 else time_base_ns)
        assert len(decoded) <= MAX_EVENTS_PER_WORD[encoding] * (len(packet) // decoder.word_bytes + 1)
        if len(decoded):
            times = np.concatenate([[latest], decoded.t])
            assert np.all(times[1:] >= times[:-1])
            assert decoded.x.max() < WIDTH
            assert decoded.y.max() < HEIGHT
            assert decoded.polarity.max() <= 1
            latest = int(decoded.t[-1])
            brought += len(decoded)
    assert brought > INPUTS
    assert decoder.dropped_outside > 0
    assert decoder.steps_back > 0


@pytest.mark.parametrize("encoding", ["mono", "evt3"])
def test_noise_for_a_long_time(encoding: str):
    rng = np.random.default_rng(8)
    decoder = make_decoder(encoding, WIDTH, HEIGHT)
    latest = 0
    for _ in range(300):
        decoded = decoder.decode(rng.bytes(int(rng.integers(0, 2000))))
        if len(decoded):
            assert int(decoded.t[0]) >= latest
            assert np.all(decoded.t[1:] >= decoded.t[:-1])
            assert (decoded.x.max() < WIDTH, decoded.y.max() < HEIGHT) == (True, True)
            latest = int(decoded.t[-1])
    assert latest > 0
    assert decoder.dropped_outside > 0
