"""Wire to events: `mono` against the same in NumPy, and `evt3`, which has no plain NumPy form."""

import numpy as np

from snn_core.events.codecs import make_decoder
from snn_core.events.events import Events
from snn_core.events.mono import encode_mono
from spikedrive_benchmarks.timing import cpu_seconds
from tests.events.streams import encode_evt3, random_events

N, WIDTH, HEIGHT = 200_000, 640, 480


def decode_in_numpy(data: np.ndarray) -> Events:
    """A packet of `mono` with time base 0, times made monotonic and events off the sensor dropped."""
    words = data.view("<u8")
    x, y = (words >> 32 & 0xFFFF).astype(np.uint16), (words >> 48 & 0x7FFF).astype(np.uint16)
    t = np.maximum.accumulate(((words & 0xFFFFFFFF) // 1000).astype(np.int64))
    inside = (x < WIDTH) & (y < HEIGHT)
    return Events(t[inside], x[inside], y[inside], (words >> 63).astype(np.uint8)[inside])


def decoding() -> dict[str, float]:
    """Million events a second of CPU time. Raises RuntimeError when they do not give the same events."""
    events = random_events(np.random.default_rng(0), N, WIDTH, HEIGHT)
    mono, evt3 = encode_mono(events, 0), np.frombuffer(encode_evt3(events), np.uint8)

    def decode(encoding: str, data: np.ndarray) -> Events:
        return make_decoder(encoding, WIDTH, HEIGHT).decode(data, 0)

    for found in (decode("mono", mono), decode("evt3", evt3), decode_in_numpy(mono)):
        if any((getattr(found, name) != getattr(events, name)).any() for name in ("t", "x", "y", "polarity")):
            raise RuntimeError("the decoders give other events")
    candidates = {
        "SpikeDrive, mono": (lambda: decode("mono", mono), 10),
        "SpikeDrive, evt3": (lambda: decode("evt3", evt3), 10),
        "NumPy, mono": (lambda: decode_in_numpy(mono), 5),
    }
    return {name: N * 1e-6 / seconds for name, seconds in cpu_seconds(candidates).items()}
