"""The messages of one event topic, in order, turned into events and triggers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from snn_core.events.bags.bag import BagMessage
from snn_core.events.bags.cursor import DamagedError
from snn_core.events.bags.event_array import EventArrayDecoder
from snn_core.events.bags.messages import ARRAY_TYPES, PacketMessage, parse_array, parse_packet
from snn_core.events.codecs.evt3 import Evt3Decoder
from snn_core.events.codecs.evt3_words import TIME_RANGE
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.screen import MAX_STEP_BACK

SCREEN_COUNTERS = ("dropped_outside", "dropped_untimed", "steps_back", "restarts")
DECODER_COUNTERS = ("dropped_outside", "dropped_untimed", "unknown_words", "steps_back", "triggers")
SLICE_BYTES = 2**20  # of a packet, decoded at once
MAX_LOST_PACKETS = 2**20  # a larger gap in seq is another stream, or damage


class StreamKind(NamedTuple):
    """What the messages of one topic have in common. width, height: px; encoding: of packets, else empty."""

    width: int
    height: int
    encoding: str = ""
    is_bigendian: bool = False


def look_at(message: BagMessage) -> tuple[StreamKind, str]:
    """What stream a message belongs to, and the frame of its events. Raises DamagedError."""
    if message.topic.type in ARRAY_TYPES:
        array = parse_array(message.data, message.topic.encoding)
        return StreamKind(array.width, array.height), array.frame_id
    packet = parse_packet(message.data, message.topic.encoding)
    return _packet_kind(packet), packet.frame_id


def _packet_kind(packet: PacketMessage) -> StreamKind:
    return StreamKind(packet.width, packet.height, packet.encoding, packet.is_bigendian)


def _check_kind(found: StreamKind, expected: StreamKind) -> None:
    """Raises DamagedError for a message of another stream; one that gives no size has that of the others."""
    if found[:2] not in (expected[:2], (0, 0)) or found[2:] != expected[2:]:
        raise DamagedError("is of another sensor or encoding")


class Stream(ABC):
    """Turns the messages of one topic, in order, into events. Counters are those of ``Recording``, from its beginning.

    lost_packets: packets missing between others. dropped_messages: messages that are damaged, or of another kind.
    """

    dropped_outside = dropped_untimed = unknown_words = steps_back = triggers = 0
    restarts = lost_packets = dropped_messages = 0

    @abstractmethod
    def decode(self, message: BagMessage) -> Iterator[Events]:
        """The events of the next message; counters are up to date whenever it yields, and when it ends."""

    def take_triggers(self) -> Triggers:
        """The external triggers decoded since the last call."""
        return Triggers.uninitialised(0)

    def _take_over(self, source: object, *counters: str) -> None:
        for name in counters:
            setattr(self, name, getattr(source, name))


class PacketStream(Stream):
    """EventPackets. Where packets are missing, by their ``seq``, the decoder is told.

    Where the sensor's time steps back by more than ``MAX_STEP_BACK``, its clock restarted. The packet in which it does
    is clamped to the latest time, and from the next one on time goes on from there.

    Times of `evt3` roll over every 16.8 s. In bags that this project writes, the first packet's ``time_base`` lies a
    multiple of that from its first event. Where it does, times are counted from there, and the ``time_base`` of later
    packets bridges longer silences. The drivers of Prophesee's cameras leave ``time_base`` at 0.

    Raises UserError for an unknown encoding or a sensor size that cannot be.
    """

    def __init__(self, kind: StreamKind) -> None:
        self.kind = kind
        self._decoder = make_decoder(kind.encoding, kind.width, kind.height, kind.is_bigendian)
        self._seq: int | None = None  # of the last packet
        self._latest_us = 0  # of what came out
        self._offset_us = 0  # from the decoder's times to those that come out
        self._is_new = True  # whether the clock has just begun
        self._has_epoch: bool | None = None

    def decode(self, message: BagMessage) -> Iterator[Events]:
        try:
            packet = parse_packet(message.data, message.topic.encoding)
            _check_kind(_packet_kind(packet), self.kind)
        except DamagedError:
            self.dropped_messages += 1
            self._seq = None if self._seq is None else self._seq + 1
            self._decoder.resynchronise()
            return
        self._follow(packet.seq)
        for start in range(0, len(packet.data), SLICE_BYTES):
            events = self._decoder.decode(packet.data[start : start + SLICE_BYTES], packet.time_base_ns)
            self._take_over(self._decoder, *DECODER_COUNTERS)
            if len(events):
                self._place(int(events.t[0]), packet.time_base_ns if start == 0 else 0)
                self._latest_us = int(events.t[-1]) + self._offset_us
                yield self._moved(events)
            if self._decoder.behind_us > MAX_STEP_BACK:
                self.restarts += 1
                self._decoder.reset()
                self._is_new = True

    def take_triggers(self) -> Triggers:
        triggers = self._decoder.take_triggers()
        return Triggers(triggers.t + self._offset_us, triggers.channel, triggers.edge)

    def _follow(self, seq: int) -> None:
        """Count the packets between the last one and this one. A ``seq`` that stays the same is not in use."""
        ahead = 1 if self._seq is None or self._seq == seq else seq - self._seq
        self._seq = seq
        if ahead != 1:
            self._decoder.resynchronise()
            self.lost_packets += ahead - 1 if 1 < ahead <= MAX_LOST_PACKETS else 0

    def _place(self, first_us: int, time_base_ns: int) -> None:
        """Find out how far the decoder's times are from those that come out.

        first_us: time of a packet's first event, as the decoder gives it.
        """
        if self._is_new and self.restarts:
            self._offset_us = self._latest_us - first_us
        self._is_new = False
        if self.kind.encoding != Evt3Decoder.encoding:
            return
        offset_us = time_base_ns // 1000 - first_us
        names_epoch = time_base_ns > 0 and offset_us % TIME_RANGE == 0
        if self._has_epoch is None:
            self._has_epoch = names_epoch
        if self._has_epoch and names_epoch:
            self._offset_us = max(self._offset_us, offset_us)

    def _moved(self, events: Events) -> Events:
        if not self._offset_us:
            return events
        return Events(events.t + self._offset_us, events.x, events.y, events.polarity)


class ArrayStream(Stream):
    """EventArrays of dvs_msgs and prophesee_event_msgs, which have no sequence numbers and no triggers.

    Raises UserError for a sensor size that cannot be.
    """

    def __init__(self, kind: StreamKind) -> None:
        self.kind = kind
        self._decoder = EventArrayDecoder(kind.width, kind.height)

    def decode(self, message: BagMessage) -> Iterator[Events]:
        try:
            array = parse_array(message.data, message.topic.encoding)
            _check_kind(StreamKind(array.width, array.height), self.kind)
        except DamagedError:
            self.dropped_messages += 1
            return
        for events in self._decoder.decode(array):
            self._take_over(self._decoder.screen, *SCREEN_COUNTERS)
            yield events
        self._take_over(self._decoder.screen, *SCREEN_COUNTERS)


def make_stream(message_type: str, kind: StreamKind) -> Stream:
    """Raises UserError for an unknown encoding or a sensor size that cannot be."""
    return ArrayStream(kind) if message_type in ARRAY_TYPES else PacketStream(kind)
