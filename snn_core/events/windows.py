"""A recording cut into windows of equal length."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from snn_core.events.events import Events


class EventWindow(NamedTuple):
    """The events of [begin_us, end_us)."""

    begin_us: int
    end_us: int
    events: Events


def windows(batches: Iterable[Events], window_us: int) -> Iterator[EventWindow]:
    """Windows of ``window_us`` that follow each other from the first event to the last, empty ones too.

    batches: events sorted by time, in pieces of any length.
    """
    begin_us: int | None = None
    waiting: list[Events] = []
    for batch in batches:
        if not len(batch):
            continue
        if begin_us is None:
            begin_us = int(batch.t[0])
        waiting.append(batch)
        if batch.t[-1] < begin_us + window_us:
            continue
        events = Events.concatenate(waiting)
        while len(events) and events.t[-1] >= begin_us + window_us:
            cut = int(events.t.searchsorted(begin_us + window_us))
            yield EventWindow(begin_us, begin_us + window_us, events[:cut])
            events = events[cut:]
            begin_us += window_us
        waiting = [events]
    if begin_us is not None:
        yield EventWindow(begin_us, begin_us + window_us, Events.concatenate(waiting))
