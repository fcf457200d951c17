"""A recording played window by window, from any time on, again and again; with a bag's other messages between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snn_core.errors import UserError
from snn_core.events.bags.bag import Bag, is_bag
from snn_core.events.bags.bag_recording import BagRecording
from snn_core.events.bags.raw_messages import BagMessages, RawMessage
from snn_core.events.events import Events
from snn_core.events.recordings import Recording, open_recording
from snn_core.events.windows import windows

NOT_REPLAYED = frozenset({"/clock", "/diagnostics", "/rosout", "/parameter_events", "/events"})
"""Topics of a bag that a replay publishes itself, or that say what happened when the bag was recorded."""


class PlayedWindow(NamedTuple):
    """The events of [begin_us, end_us)."""

    begin_us: int
    end_us: int
    events: Events
    messages: list[RawMessage]
    """Of the other topics of a bag, recorded in this stretch (see ``Player``)."""
    is_last: bool


class Player:
    """Plays the events of a recording in windows of ``window_us``, empty ones too.

    path: anything that ``open_recording`` takes, or a bag.
    topic: the bag's topic of events; empty: the one that there is.
    loop: restart after the last window; times then jump back.
    other_topics: read a bag's other messages. A bag's clock is that of who recorded it, events have the sensor's: both
    are taken to say the same when the first event came.

    recording: what is played; its counters tell what was dropped. first_us: time of its first event.

    Raises UserError where the recording cannot be read, or holds no events.
    """

    def __init__(
        self, path: Path, window_us: int, topic: str = "", loop: bool = False, other_topics: bool = True
    ) -> None:
        self.path = path
        self.loop = loop
        self._window_us = window_us
        self.recording: Recording = BagRecording(path, topic or None) if is_bag(path) else open_recording(path)
        self._messages: BagMessages | None = None
        self._log_offset_ns = 0
        first = next((batch for batch in self.recording if len(batch)), None)
        if first is None:
            raise UserError(f"{path}: holds no events, nothing to replay")
        self.first_us = int(first.t[0])
        if isinstance(self.recording, BagRecording) and other_topics:
            self._messages = BagMessages(path, exclude=(*NOT_REPLAYED, self.recording.topic))
            self._log_offset_ns = _first_log_time_ns(path, self.recording.topic) - 1000 * self.first_us
        self._next: PlayedWindow | None = None
        self._begin(self.first_us)

    @property
    def other_topics(self) -> dict[str, tuple[str, bool]]:
        """Name -> type, and whether late subscribers get its last message, of a bag's other topics."""
        topics = self._messages.topics if self._messages else []
        return {topic.name: (topic.type, topic.is_latched) for topic in topics}

    def seek(self, time_s: float) -> None:
        """Go on at ``time_s`` after the first event. Raises UserError, and goes on as before, where nothing follows."""
        before = self._next
        self._begin(self.first_us + round(1e6 * time_s))
        if self._next is None:
            if before is not None:
                self._begin(before.begin_us)
            raise UserError(f"{self.path}: no events from {time_s:g} s on")

    def _begin(self, time_us: int) -> None:
        self._played = self._play(time_us)
        self._next = next(self._played, None)

    def __iter__(self) -> Iterator[PlayedWindow]:
        return self

    def __next__(self) -> PlayedWindow:
        window = self._next
        if window is None:
            raise StopIteration
        self._next = next(self._played, None)
        if self._next is not None:
            return window
        if not self.loop:
            return window._replace(is_last=True)
        self._begin(self.first_us)
        return window

    @property
    def next_begin_us(self) -> int | None:
        """When the window that comes next begins; None after the last."""
        return None if self._next is None else self._next.begin_us

    @property
    def next_end_us(self) -> int | None:
        """When the window that comes next ends; None after the last."""
        return None if self._next is None else self._next.end_us

    def close(self) -> None:
        """Give the files back."""
        self.recording.close()
        if self._messages is not None:
            self._messages.close()

    def _play(self, begin_us: int) -> Iterator[PlayedWindow]:
        others = iter(() if self._messages is None else self._messages)
        waiting = next(others, None)
        if begin_us > self.first_us:
            while waiting is not None and self._event_time_us(waiting) < begin_us:
                waiting = next(others, None)
        for window in windows(_from(self.recording, begin_us), self._window_us):
            messages = []
            while waiting is not None and self._event_time_us(waiting) < window.end_us:
                messages.append(waiting)
                waiting = next(others, None)
            yield PlayedWindow(*window, messages, is_last=False)

    def _event_time_us(self, message: RawMessage) -> int:
        return (message.log_time_ns - self._log_offset_ns) // 1000


def _first_log_time_ns(path: Path, topic: str) -> int:
    with Bag(path) as bag:
        return next(bag.messages(lambda other: other.name == topic)).time_ns


def _from(batches: Iterable[Events], begin_us: int) -> Iterator[Events]:
    """The events from ``begin_us`` on."""
    for batch in batches:
        if len(batch) and batch.t[-1] >= begin_us:
            yield batch[int(np.searchsorted(batch.t, begin_us)) :]
