"""Background activity: events that a neighbour of 8 had another of at most 2 ms before, in batches of 100 000."""
# pyright: reportMissingImports=false

from datetime import timedelta
from typing import Any

import numpy as np

from snn_core.events.events import Events
from snn_core.events.filters.background import BackgroundActivityFilter
from spikedrive_benchmarks.events.candidates import Candidate, Prepare
from spikedrive_benchmarks.events.streams import Stream

WINDOW_US = 2000
BATCH = 100_000


def _spikedrive(stream: Stream) -> Candidate:
    a_filter = BackgroundActivityFilter(stream.width, stream.height, WINDOW_US)
    parts = stream.parts(BATCH)

    def run() -> int:
        a_filter.reset()
        return sum(len(a_filter(part)) for part in parts)

    return Candidate(run, len(stream.events), lambda kept: {"kept": kept})


def _eventcv(stream: Stream) -> Candidate:
    import eventcv

    events = stream.events
    rows = np.stack([events.x.astype(np.int64), events.y.astype(np.int64), events.t, events.polarity.astype(np.int64)])
    made = eventcv.from_numpy(rows.T.copy(), sensor_size=(stream.width, stream.height), time_unit="us")

    def run() -> Any:
        return made.background_activity_filter(WINDOW_US)

    return Candidate(run, len(events), lambda kept: {"kept": len(kept)}, "the whole stream in one call")


def _dv_processing(stream: Stream) -> Candidate:
    import dv_processing as dv

    stores = [_store(part) for part in stream.parts(BATCH)]
    size = (stream.width, stream.height)

    def run() -> int:
        # Its support has to be younger than this; ours may be as old.
        a_filter = dv.noise.BackgroundActivityNoiseFilter(size, timedelta(microseconds=WINDOW_US + 1))
        kept = 0
        for store in stores:
            a_filter.accept(store)
            kept += a_filter.generateEvents().size()
        return kept

    return Candidate(run, len(stream.events), lambda kept: {"kept": kept})


def _store(events: Events) -> Any:
    import dv_processing as dv

    store = dv.EventStore()
    columns = (events.t.tolist(), events.x.tolist(), events.y.tolist(), events.polarity.astype(bool).tolist())
    for event in zip(*columns, strict=True):
        store.push_back(*event)
    return store


FILTER_BACKGROUND: dict[str, Prepare] = {
    "spikedrive": _spikedrive,
    "eventcv": _eventcv,
    "dv-processing": _dv_processing,
}
