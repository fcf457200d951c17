"""What all filters have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from snn_core.errors import UserError
from snn_core.events.events import Events

MAX_SENSOR_SIZE = 32768  # pixels a side, as for the decoders
NEVER = np.iinfo(np.int64).min


class Filter(ABC):
    """Takes the batches of one stream, in order: ``filter(events) -> Events``. Where the stream is cut changes nothing.

    The events that go in lie on the sensor and their times never run backwards; the same holds for what comes out.

    name: what the filter is called in options and diagnostics.
    width, height: size of the sensor whose events go in, px.
    out_width, out_height: size of the sensor that the events then seem to come from, px.
    dropped: events that went in and did not come out.

    Raises UserError for a size that cannot be.
    """

    name: ClassVar[str]

    def __init__(self, width: int, height: int) -> None:
        for side, value in (("width", width), ("height", height)):
            if not 1 <= value <= MAX_SENSOR_SIZE:
                raise UserError(f"sensor {side} {value}: expected 1 to {MAX_SENSOR_SIZE} pixels")
        self.width = self.out_width = width
        self.height = self.out_height = height
        self.dropped = 0
        self._latest_us = NEVER

    def __call__(self, events: Events) -> Events:
        """What is kept of the next batch.

        Raises ValueError for an event off the sensor, and for a batch that begins before the last one ended.
        """
        if len(events) == 0:
            return events
        if int(events.x.max()) >= self.width or int(events.y.max()) >= self.height:
            raise ValueError(f"events must lie on the sensor of {self.width} x {self.height} pixels")
        if int(events.t[0]) < self._latest_us:
            raise ValueError(
                f"batch begins at {events.t[0]} us, the last one ended at {self._latest_us} us; call reset"
            )
        self._latest_us = int(events.t[-1])
        kept = self._filter(events)
        self.dropped += len(events) - len(kept)
        return kept

    def reset(self) -> None:
        """Forget the stream, but not the counter: the next batch begins a new one."""
        self._latest_us = NEVER
        self._forget()

    @abstractmethod
    def _filter(self, events: Events) -> Events:
        """What is kept of at least one event."""

    def _forget(self) -> None:  # noqa: B027
        """Forget what is carried over from batch to batch."""


def select(kernel: Callable[..., Any], events: Events, *arguments: object) -> Events:
    """The events that a kernel keeps.

    kernel: called with the four arrays of the events, ``arguments`` and four arrays to write to; returns how many it
    kept. It may write an event before it knows whether to keep it.
    """
    n = len(events)
    kept = Events(np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint16), np.empty(n, np.uint8))
    arrays = (events.t, events.x, events.y, events.polarity)
    n_kept = int(kernel(*arrays, *arguments, kept.t, kept.x, kept.y, kept.polarity))
    kept = kept[:n_kept]
    if n_kept < n // 4:  # a few events must not hold on to the memory of many
        kept = Events(kept.t.copy(), kept.x.copy(), kept.y.copy(), kept.polarity.copy())
    return kept
