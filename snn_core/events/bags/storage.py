"""What all kinds of bag file have in common: topics, messages in order of time, and a record of what was lost."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from operator import attrgetter
from typing import NamedTuple, Protocol

from snn_core.events.bags.cursor import Buffer

MAX_NOTES = 20
MAX_LINE = 500  # letters
TRANSIENT_LOCAL = re.compile(r"durability: *(1|transient_local)\b")
MAX_LOADED_BYTES = 2**26  # of parts that overlap in time; only a damaged or odd file has more


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a bag.

    type: name of the message type as ROS 2 writes it, e.g. "sensor_msgs/msg/Imu".
    encoding: "cdr" or "ros1"; other systems' MCAP files have others.
    definition: the type's definition, text, where the file gives it as .msg text.
    is_latched: whether late subscribers got the last message too (ROS 1), or transient local durability (ROS 2).
    """

    name: str
    type: str
    encoding: str = "cdr"
    definition: str = field(default="", repr=False)
    is_latched: bool = False


class Message(NamedTuple):
    """A stored message: when it was recorded (ns), the number of its topic in its file, and its bytes."""

    time_ns: int
    connection: int
    data: Buffer


class StorageFile(Protocol):
    """One file of a bag; nothing is kept open between reads.

    format: "rosbag2 sqlite3", "rosbag2 MCAP" or "ROS 1 bag".
    connections: the topics by the numbers that the file gives them; one topic may have several.
    damage: what was found when the file was opened.
    fraction_read: how much of the file has been read since ``messages`` was called last, 0 to 1.
    """

    format: str
    connections: dict[int, Topic]
    damage: Damage
    fraction_read: float

    def messages(self, wanted: Collection[int], damage: Damage) -> Iterator[Message]:
        """The messages of the connections ``wanted``, in order of time; what is lost is added to ``damage``."""
        ...


@dataclass(slots=True)
class Damage:
    """What could not be read.

    dropped_bytes: bytes of the files that hold no readable message, or may hold some that cannot be reached.
    dropped_messages: messages that were found but not readable.
    notes: one line each on what was found; at most ``MAX_NOTES``.
    """

    dropped_bytes: int = 0
    dropped_messages: int = 0
    notes: list[str] = field(default_factory=list)
    more_notes: int = 0

    def add(self, note: str, dropped_bytes: int = 0, dropped_messages: int = 0) -> None:
        """Record one piece of damage."""
        self.dropped_bytes += dropped_bytes
        self.dropped_messages += dropped_messages
        if len(self.notes) < MAX_NOTES:
            self.notes.append(one_line(note))
        else:
            self.more_notes += 1

    def include(self, other: Damage) -> None:
        """Add what another one recorded."""
        self.dropped_bytes += other.dropped_bytes
        self.dropped_messages += other.dropped_messages
        room = MAX_NOTES - len(self.notes)
        self.notes += other.notes[:room]
        self.more_notes += other.more_notes + len(other.notes[room:])

    def __bool__(self) -> bool:
        return bool(self.notes)

    def lines(self) -> list[str]:
        """The notes, and how much was dropped; empty without damage."""
        if not self.notes:
            return []
        more = [f"{self.more_notes} more such places"] if self.more_notes else []
        return [*self.notes, *more, f"dropped {self.dropped_bytes} bytes, {self.dropped_messages} messages"]


class Part(NamedTuple):
    """A stretch of a file that is read as a whole: a chunk, as a rule.

    start_ns: the time of its first message; size: bytes in memory once loaded; load: reads its messages, in any order.
    """

    start_ns: int
    size: int
    load: Callable[[], Sequence[Message]]


def in_order_of_time(parts: Sequence[Part]) -> Iterator[tuple[float, Message]]:
    """The messages of all parts in order of time, those of one time as they stand in the file; before each the share
    of the parts that has been read.

    Only parts that overlap in time are in memory at once. Where more than ``MAX_LOADED_BYTES`` overlap, the earliest
    messages of those that are loaded go out, whatever others hold.
    """
    waiting = deque(sorted(parts, key=attrgetter("start_ns")))
    loaded: list[tuple[int, int, int, list[Message]]] = []  # time of the next message, part, its place, all messages
    sizes: dict[int, int] = {}
    opened = 0
    while waiting or loaded:
        while waiting and (not loaded or waiting[0].start_ns <= loaded[0][0]):
            if loaded and sum(sizes.values()) + waiting[0].size > MAX_LOADED_BYTES:
                break
            part = waiting.popleft()
            messages = sorted(part.load(), key=attrgetter("time_ns"))
            if messages:
                heappush(loaded, (messages[0].time_ns, opened, 0, messages))
                sizes[opened] = part.size
                opened += 1
        if not loaded:
            continue
        _, number, place, messages = heappop(loaded)
        yield 1 - len(waiting) / len(parts), messages[place]
        place += 1
        if place < len(messages):
            heappush(loaded, (messages[place].time_ns, number, place, messages))
        else:
            del sizes[number]


def ros2_type(name: str) -> str:
    """A message type's name as ROS 2 writes it: ``dvs_msgs/EventArray`` becomes ``dvs_msgs/msg/EventArray``."""
    package, _, rest = name.partition("/")
    return name if "/" in rest or not rest else f"{package}/msg/{rest}"


def is_transient_local(profiles: str) -> bool:
    """Whether QoS profiles, YAML as rosbag2 stores them, keep the last messages for late subscribers."""
    return bool(TRANSIENT_LOCAL.search(profiles))


def one_line(text: object) -> str:
    """Text that a damaged file may have put together, as one line that can be shown."""
    words = " ".join(str(text).split())
    return "".join(letter if letter.isprintable() else "?" for letter in words[:MAX_LINE])
