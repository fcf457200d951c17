"""Events to 32 x 32 pools of each polarity, counted for each ms, in windows of 50 ms."""

import numpy as np

from snn_core.events.events import Events
from snn_core.events.pooling import RectanglePooling
from snn_core.events.windows import windows
from spikedrive_benchmarks.events.candidates import Candidate, Prepare
from spikedrive_benchmarks.events.streams import Stream

SIDE, STEPS, STEP_US = 32, 50, 1000
POOLS = 2 * SIDE * SIDE

Windows = list[tuple[int, Events]]


def _windows(stream: Stream) -> Windows:
    return [(window.begin_us, window.events) for window in windows([stream.events], STEPS * STEP_US)]


def _summary(counts: list[np.ndarray]) -> dict[str, int]:
    """Of the counts of all windows: their sum, and one in which each pool and step has another weight."""
    weights = np.arange(1, STEPS * POOLS + 1)
    return {
        "events": sum(int(window.sum()) for window in counts),
        "weighted": sum(int(window.reshape(-1) @ weights) for window in counts),
    }


def _spikedrive(stream: Stream) -> Candidate:
    pooling = RectanglePooling(stream.width, stream.height, SIDE, SIDE, per_polarity=True)
    parts = _windows(stream)

    def run() -> list[np.ndarray]:
        return [pooling.step_counts(events, begin_us, STEPS, STEP_US) for begin_us, events in parts]

    return Candidate(run, len(stream.events), _summary)


def _numpy(stream: Stream) -> Candidate:
    """The quickest of several ways: two small tables of 32 bits, their sum counted by ``bincount``."""
    row = (np.arange(stream.height) * SIDE // stream.height * SIDE).astype(np.int32)
    column = (np.arange(stream.width) * SIDE // stream.width).astype(np.int32)
    parts = _windows(stream)

    def count(begin_us: int, events: Events) -> np.ndarray:
        step = (events.t - begin_us) // STEP_US
        pool = step * POOLS + events.polarity * np.int64(SIDE * SIDE) + row[events.y] + column[events.x]
        return np.bincount(pool, minlength=STEPS * POOLS)

    def run() -> list[np.ndarray]:
        return [count(begin_us, events) for begin_us, events in parts]

    return Candidate(run, len(stream.events), _summary, "numpy.bincount")


POOL: dict[str, Prepare] = {"spikedrive": _spikedrive, "numpy": _numpy}
