"""EventPackets of one stream, in their order, to events; what was lost on the way, and streams that restart."""

from typing import NamedTuple

from event_camera_msgs.msg import EventPacket

from snn_core.control.free_running import JUMP_US
from snn_core.events.codecs.registry import Decoder, make_decoder
from snn_core.events.events import Events
from spikedrive_nodes.ros import messages

TIMED_WHEN_EMPTY = ("mono", "trigger", "libcaer", "libcaer_cmp")
"""Encodings whose packets have a time, in ``time_base``, also without events."""


class Decoded(NamedTuple):
    """A packet as events."""

    arrived_us: int
    """Monotonic wall time."""
    stamp_us: int
    """Of the header."""
    sensor: tuple[int, int]
    """Width and height, pixels."""
    span_us: tuple[int, int] | None
    """Times of the first and the last event; of a packet without any the time it stands for, where it tells one."""
    events: Events


class PacketDecoder:
    """Decodes the packets of one stream; an encoding or sensor size that changes begins a new stream.

    packets, bytes, events: received so far. packets_lost: missing by ``seq``. bytes_lost: as many packets of the mean
    size. time_lost_us: from the last event before each gap to the first one after it.
    """

    def __init__(self) -> None:
        self._key: tuple[str, int, int, bool] | None = None
        self._decoder: Decoder | None = None
        self._next_seq: int | None = None
        self._last_us: int | None = None
        self._gap = False
        self.packets = self.bytes = self.events = 0
        self.packets_lost = self.bytes_lost = self.time_lost_us = 0

    def take(self, message: EventPacket, arrived_us: int) -> Decoded:
        """The next packet to come, whatever its number. Raises UserError as ``decode``."""
        self._follow(message.seq)
        events = self.decode(message)
        span_us = None
        if len(events):
            span_us = int(events.t[0]), int(events.t[-1])
        elif message.encoding in TIMED_WHEN_EMPTY:
            span_us = message.time_base // 1000, message.time_base // 1000
        if span_us is not None:
            if self._gap and self._last_us is not None and 0 < span_us[0] - self._last_us <= JUMP_US:
                self.time_lost_us += span_us[0] - self._last_us
            self._gap, self._last_us = False, span_us[1]
        stamp_us = messages.from_stamp(message.header.stamp)
        return Decoded(arrived_us, stamp_us, (message.width, message.height), span_us, events)

    def _follow(self, seq: int) -> None:
        """Count what is missing before ``seq``; a number that goes back is a source that restarted."""
        if self._next_seq is not None and seq != self._next_seq and self._decoder is not None:
            if seq > self._next_seq:
                missing = seq - self._next_seq
                self.packets_lost += missing
                self.bytes_lost += missing * self.bytes // max(self.packets, 1)
                self._gap = True
                self._decoder.resynchronise()
            else:
                self._decoder.reset()
        self._next_seq = seq + 1

    def reset(self) -> None:
        """The stream restarts."""
        if self._decoder is not None:
            self._decoder.reset()

    def decode(self, message: EventPacket) -> Events:
        """Events of a packet. Raises UserError for an encoding that is not known."""
        key = (message.encoding, message.width, message.height, message.is_bigendian)
        if key != self._key:
            self._decoder = make_decoder(*key)
            self._key = key
        decoder = self._decoder
        assert decoder is not None
        data = memoryview(message.events)
        events = decoder.decode(data, message.time_base)
        if decoder.behind_us > JUMP_US:
            # No sensor's noise: the stream restarted, and its times are not to be clamped to the old ones.
            decoder.reset()
            events = decoder.decode(data, message.time_base)
        self.packets += 1
        self.bytes += len(data)
        self.events += len(events)
        return events

    def values(self) -> dict[str, object]:
        """Counters for the diagnostics."""
        decoder = self._decoder
        return {
            "events_received": self.events,
            "packets_received": self.packets,
            "bytes_received": self.bytes,
            "packets_lost": self.packets_lost,
            "bytes_lost": self.bytes_lost,
            "time_lost_us": self.time_lost_us,
            "events_outside": decoder.dropped_outside if decoder else 0,
            "events_untimed": decoder.dropped_untimed if decoder else 0,
            "unknown_words": decoder.unknown_words if decoder else 0,
            "steps_back": decoder.steps_back if decoder else 0,
            "triggers": decoder.triggers if decoder else 0,
        }
