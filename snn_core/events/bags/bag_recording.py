"""The events of a bag's event topic, as a ``Recording``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from snn_core.errors import UserError
from snn_core.events.bags.bag import Bag, is_bag
from snn_core.events.bags.cursor import DamagedError
from snn_core.events.bags.messages import EVENT_TYPES
from snn_core.events.bags.storage import Topic, one_line
from snn_core.events.bags.streams import StreamKind, look_at, make_stream
from snn_core.events.codecs.decoder import MAX_SENSOR_SIZE
from snn_core.events.codecs.trigger import TriggerDecoder
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.sensors import fitting_size

FIRST_MESSAGES = 8  # most of them say what the stream is, so that one that is damaged does not
SHOWN_TOPICS = 20


def sniff(path: Path, size: tuple[int, int] | None) -> BagRecording | None:
    """The recording of a bag, None for any other file or folder. Raises UserError."""
    return BagRecording(path, size=size) if is_bag(path) else None


class EventTopic(NamedTuple):
    """A topic of events or triggers, and what most of its first messages are."""

    topic: Topic
    kind: StreamKind
    frame_id: str

    @property
    def key(self) -> tuple[str, str]:
        """What its messages are known by, whichever connection they came by."""
        return self.topic.name, self.topic.type

    @property
    def namespace(self) -> str:
        return self.topic.name.rpartition("/")[0]

    @property
    def holds_triggers(self) -> bool:
        return self.kind.encoding == TriggerDecoder.encoding


class BagRecording:
    """The events of one topic of a bag; a ``Recording``. Its ``camera`` is the frame of the events, or the topic.

    Triggers are those among the packets' words, and of the topic beside the events' that has encoding `trigger`.

    path: as ``Bag`` takes it.
    topic: the topic to read; None takes the one that holds events.
    size: width and height, px, for messages that do not give them; None looks for those of a sensor that fits.

    topic, message_type: name and type of the topic. encoding: of its packets, e.g. "evt3"; empty for arrays of events.
    lost_packets: packets that are not in the bag though others before and after them are, by their ``seq``.
    dropped_messages: messages that are damaged, or of another sensor size or encoding than the first ones.

    Raises UserError where the bag cannot be read, has no events, or several topics of events and none is chosen.
    """

    def __init__(self, path: Path | str, topic: str | None = None, size: tuple[int, int] | None = None) -> None:
        self.path = Path(path)
        self._bag = Bag(path)
        self._is_closed = False
        self._size_note = ""
        try:
            self._events, self._triggers = self._choose(topic)
            if 0 in self._events.kind[:2]:
                self._set_size(*(size or self._measure()))
            self._begin()
        except BaseException:
            self.close()
            raise
        self.topic, self.message_type = self._events.key
        self.encoding = self._events.kind.encoding
        self.format = ", ".join(part for part in (self._bag.format, self.message_type, self.encoding) if part)
        self.camera = one_line(self._events.frame_id or self.topic)
        self.width, self.height = self._events.kind[:2]

    def __iter__(self) -> Iterator[Events]:
        """The events from the first one on, message by message; may be called again, ending the iteration before."""
        if self._is_closed:
            raise ValueError(f"{self.path}: the recording is closed")
        self._begin()
        return self._read()

    def take_triggers(self) -> Triggers:
        """The external triggers that were read since this was called last, in order of time."""
        triggers = Triggers.concatenate([stream.take_triggers() for stream in self._streams.values()])
        order = np.argsort(triggers.t, kind="stable")
        return Triggers(triggers.t[order], triggers.channel[order], triggers.edge[order])

    def close(self) -> None:
        """Remove what was decompressed."""
        self._bag.close()
        self._is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Reading

    def _begin(self) -> None:
        read = [self._events] if self._triggers is None else [self._events, self._triggers]
        self._streams = {each.key: make_stream(each.topic.type, each.kind) for each in read}
        self._count()

    def _read(self) -> Iterator[Events]:
        streams = self._streams
        for message in self._bag.messages(lambda topic: (topic.name, topic.type) in streams):
            for events in streams[message.topic.name, message.topic.type].decode(message):
                self._count()
                yield events
        self._count()

    def _count(self) -> None:
        stream = self._streams[self._events.key]
        self.dropped_outside = stream.dropped_outside
        self.dropped_untimed = stream.dropped_untimed
        self.unknown_words = stream.unknown_words
        self.steps_back = stream.steps_back
        self.restarts = stream.restarts
        self.lost_packets = stream.lost_packets
        self.dropped_messages = stream.dropped_messages
        self.triggers = sum(stream.triggers for stream in self._streams.values())
        self.fraction_read = self._bag.fraction_read
        self.damaged_bytes = self._bag.damage.dropped_bytes
        self.notes = [*([self._size_note] if self._size_note else []), *self._bag.damage.lines()]
        if self.lost_packets:
            self.notes.append(f"{self.lost_packets} packets are missing, by their seq")
        if self.dropped_messages:
            self.notes.append(f"{self.dropped_messages} messages of events left out: damaged, or of another sensor")

    # The topic and its size

    def _choose(self, name: str | None) -> tuple[EventTopic, EventTopic | None]:
        """The topic of events, and that of triggers beside it, if there is one."""
        topics = {(topic.name, topic.type): topic for topic in self._bag.topics if topic.type in EVENT_TYPES}
        found = [each for topic in topics.values() if (each := self._look_at(topic)) is not None]
        if name is not None:
            chosen = [each for each in found if each.topic.name.lstrip("/") == name.lstrip("/")]
        else:
            chosen = [each for each in found if not each.holds_triggers] or found
        if len(chosen) > 1:
            several = _list([each.topic for each in chosen])
            raise UserError(f"{self.path}: has several topics of events; choose one of them: {several}")
        if not chosen:
            wanted = "topic of events" if name is None else f"events on topic {name}"
            raise UserError(f"{self.path}: has no {wanted} that can be read; its topics: {_list(self._bag.topics)}")
        events = chosen[0]
        beside = [each for each in found if each.holds_triggers and each.namespace == events.namespace]
        return events, beside[0] if len(beside) == 1 and not events.holds_triggers else None

    def _look_at(self, topic: Topic) -> EventTopic | None:
        """What a topic holds; None where none of its messages can be read."""
        looks: Counter[EventTopic] = Counter()
        for message in islice(self._bag.messages(topic.__eq__), FIRST_MESSAGES):
            try:
                looks[EventTopic(topic, *look_at(message))] += 1
            except DamagedError:
                continue
        return looks.most_common(1)[0][0] if looks else None

    def _set_size(self, width: int, height: int) -> None:
        self._events = self._events._replace(kind=self._events.kind._replace(width=width, height=height))

    def _measure(self) -> tuple[int, int]:
        """The size of a sensor that holds all events, where the messages do not say it."""
        self._set_size(MAX_SENSOR_SIZE, MAX_SENSOR_SIZE)
        self._begin()
        width = height = 1
        for events in self._read():
            width, height = max(width, int(events.x.max()) + 1), max(height, int(events.y.max()) + 1)
        width, height = fitting_size(width, height)
        self._size_note = f"no sensor size in the messages: {width} x {height} taken from the events"
        return width, height


def _list(topics: Sequence[Topic]) -> str:
    names = [one_line(f"{topic.name} ({topic.type})") for topic in topics]
    more = len(names) - SHOWN_TOPICS
    return (", ".join(names[:SHOWN_TOPICS]) or "none") + (f" and {more} more" if more > 0 else "")
