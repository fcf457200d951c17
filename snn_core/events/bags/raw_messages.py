"""All messages of a bag as ROS 2 sends them, in order of time; those of ROS 1 bags are converted by rosbags."""

import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

from snn_core.events.bags.bag import Bag
from snn_core.events.bags.cursor import Buffer
from snn_core.events.bags.storage import Topic, one_line

Converter = Callable[[Buffer], Buffer]

TOPIC_NAME = re.compile(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)
TYPE_NAME = re.compile(r"[A-Za-z]\w*/msg/[A-Za-z]\w*", re.ASCII)
HEADER = "std_msgs/msg/Header"


class RawMessage(NamedTuple):
    """A message: its topic and type, when it was recorded (ns), and its bytes in CDR, header and all."""

    topic: str
    type: str
    log_time_ns: int
    data: bytes


class BagMessages:
    """The messages of a bag, in order of time; a context manager.

    path: as ``Bag`` takes it.
    exclude: names of topics that are left out.

    topics: the topics whose messages come; ROS 1 types under the names that they have in ROS 2.
    skipped: why others do not, by name.
    dropped_messages: messages that could not be converted, in this reading.

    Raises UserError where the bag cannot be read.
    """

    def __init__(self, path: Path | str, exclude: Collection[str] = ()) -> None:
        self._bag = Bag(path)
        self.topics: list[Topic] = []
        self.skipped: dict[str, str] = {}
        self.dropped_messages = 0
        self._converters: dict[Topic, tuple[str, Converter]] = {}
        for topic in self._bag.topics:
            if topic.name not in exclude:
                self._prepare(topic)

    def __iter__(self) -> Iterator[RawMessage]:
        """The messages from the first one on; may be called again."""
        self.dropped_messages = 0
        for time_ns, topic, data in self._bag.messages(self._converters.__contains__):
            name, convert = self._converters[topic]
            try:
                converted = bytes(convert(data))
            except Exception:  # of many kinds, where rosbags meets bytes that are not what their definition says
                self.dropped_messages += 1
                continue
            yield RawMessage(topic.name, name, time_ns, converted)

    @property
    def notes(self) -> list[str]:
        """What of the bag was missing or damaged, or could not be converted, so far."""
        notes = [*self._bag.damage.lines(), *(f"{name} left out: {reason}" for name, reason in self.skipped.items())]
        if self.dropped_messages:
            notes.append(f"{self.dropped_messages} messages are damaged: left out")
        return notes

    def close(self) -> None:
        """Remove what was decompressed."""
        self._bag.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _prepare(self, topic: Topic) -> None:
        known = {each.name: each.type for each in self.topics}
        try:
            name, convert = _converter(topic)
            if known.setdefault(topic.name, name) != name:
                raise ValueError(f"its other messages are of {known[topic.name]}, these of {name}")
        except ValueError as error:
            self.skipped[one_line(topic.name)] = one_line(error)
            return
        self._converters[topic] = name, convert
        if len(known) > len(self.topics):
            self.topics.append(Topic(topic.name, name, is_latched=topic.is_latched))


def _converter(topic: Topic) -> tuple[str, Converter]:
    """The type as which a topic's messages go out, and what makes CDR of them. Raises ValueError where nothing does."""
    if topic.encoding not in ("cdr", "ros1"):
        raise ValueError(f"encoded as {topic.encoding!r}, not CDR")
    if not TOPIC_NAME.fullmatch(topic.name) or not TYPE_NAME.fullmatch(topic.type):
        raise ValueError(f"name or type ({topic.type!r}) is none of ROS 2")
    if topic.encoding == "cdr":
        return topic.type, bytes
    try:
        return ros1_converter(topic.type, topic.definition)
    except Exception as error:  # of many kinds, where rosbags meets a definition that is damaged
        raise ValueError(f"its definition of {topic.type} cannot be used: {error}") from error


def ros1_converter(name: str, definition: str) -> tuple[str, Converter]:
    """The ROS 2 name of a ROS 1 type, and what turns its messages into CDR.

    definition: the .msg texts of the type and of those that it is made of, as a bag stores them.

    A type that ROS 2 has, too, is turned into ROS 2's: fields that it has added are zero, those that it dropped are
    left out. Any other keeps its fields. Raises what rosbags raises for a definition that cannot be read.
    """
    from rosbags.convert.converter import STATIC_MSGTYPE_RENAMES, is_same_wireformat, migrate_bytes
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    fields = get_types_from_msg(definition, name)
    ros1: Any = get_typestore(Stores.EMPTY)
    ros1.register(fields)
    ros2: Any = get_typestore(Stores.ROS2_JAZZY)
    new_name = STATIC_MSGTYPE_RENAMES.get(name, name)
    if new_name not in ros2.fielddefs:
        header = {HEADER: ros2.fielddefs[HEADER]} if HEADER in fields else {}
        ros2 = get_typestore(Stores.EMPTY)
        ros2.register({**fields, **header})
    if is_same_wireformat(ros1, ros2, name, new_name):
        return new_name, partial(ros2.ros1_to_cdr, typename=new_name)
    return new_name, partial(migrate_bytes, ros1, ros2, name, new_name, {}, src_is2=False, dst_is2=True)
