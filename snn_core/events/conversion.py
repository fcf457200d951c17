"""A recording from one format into another, or a part of it, or what filters leave of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.recordings import Recording, RecordingWriter


@dataclass(frozen=True, slots=True)
class Instant:
    """A time of a recording, us: on the sensor's clock, or after the recording's first event."""

    us: int
    is_after_first: bool = False

    def on_clock(self, first_us: int) -> int:
        return self.us + (first_us if self.is_after_first else 0)


class TimeCut:
    """Leaves of a recording what lies in [begin, end); None for no bound."""

    def __init__(self, begin: Instant | None = None, end: Instant | None = None) -> None:
        self._begin = begin
        self._end = end
        self._bounds: tuple[int | None, int | None] | None = None

    def parts(self, recording: Recording, batches: Iterable[Events]) -> Iterator[tuple[Events, Triggers]]:
        """Events and external triggers, batch by batch; what comes after the end is not read.

        A trigger comes with the first batch that reaches its time, though it stands elsewhere in the file.

        batches: those of the recording, as iterating it gives them.
        """
        waiting = Triggers.uninitialised(0)
        for events in batches:
            waiting = _merged(waiting, recording.take_triggers())
            if not len(events):
                continue
            if self._bounds is None:
                first_us = int(events.t[0])
                begin_us, end_us = (None if i is None else i.on_clock(first_us) for i in (self._begin, self._end))
                self._bounds = (begin_us, end_us)
            due = int(np.searchsorted(waiting.t, int(events.t[-1]), "right"))
            triggers, waiting = waiting[:due], waiting[due:]
            yield events[self._within(events.t)], triggers[self._within(triggers.t)]
            end_us = self._bounds[1]
            if end_us is not None and int(events.t[-1]) >= end_us:
                return
        waiting = _merged(waiting, recording.take_triggers())
        yield Events.empty(), waiting[self._within(waiting.t)]

    def _within(self, t: np.ndarray) -> slice:
        """The part of sorted times that lies between the bounds."""
        begin_us, end_us = self._bounds or (None, None)
        begin = 0 if begin_us is None else int(np.searchsorted(t, begin_us))
        return slice(begin, len(t) if end_us is None else max(begin, int(np.searchsorted(t, end_us))))


def _merged(first: Triggers, second: Triggers) -> Triggers:
    """Both, in order of time."""
    if not len(second):
        return first
    both = Triggers.concatenate([first, second])
    order = np.argsort(both.t, kind="stable")
    return Triggers(both.t[order], both.channel[order], both.edge[order])


def convert(
    parts: Iterable[tuple[Events, Triggers]], writer: RecordingWriter, filters: Callable[[Events], Events]
) -> tuple[int, int]:
    """Write what filters leave of events, and all triggers; how many of either were written.

    parts: in order of time. filters: called with one batch after the other.
    """
    n_events = n_triggers = 0
    for events, triggers in parts:
        kept = filters(events)
        writer.write(kept, triggers if len(triggers) else None)
        n_events += len(kept)
        n_triggers += len(triggers)
    return n_events, n_triggers
