"""A subscription to ``events`` that meets every publisher's QoS, decodes, and counts what was lost."""

from collections.abc import Callable

from event_camera_msgs.msg import EventPacket
from rclpy.event_handler import QoSRequestedIncompatibleQoSInfo, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from snn_core.events.codecs import Decoder, make_decoder
from snn_core.events.events import Events

from . import qos


class EventSubscription:
    """Calls ``on_packet(message)``; reliable unless a publisher offers only best effort, which it says once."""

    def __init__(self, node: Node, reliability: str, on_packet: Callable[[EventPacket], None]) -> None:
        self._node = node
        self._on_packet = on_packet
        self._incompatible = False
        self._best_effort = reliability == "best_effort"
        self._subscribe()
        self._timer = node.create_timer(0.1, self._meet_publishers)

    def _subscribe(self) -> None:
        self._subscription = self._node.create_subscription(
            EventPacket,
            "events",
            self._on_packet,
            qos.EVENTS_BEST_EFFORT if self._best_effort else qos.EVENTS,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=self._on_incompatible, use_default_callbacks=False
            ),
        )

    def _on_incompatible(self, _: QoSRequestedIncompatibleQoSInfo) -> None:
        # A subscription cannot be destroyed within its own event; the timer does it.
        self._incompatible = True

    def _meet_publishers(self) -> None:
        if self._best_effort:
            return
        offered = [
            info.qos_profile.reliability
            for info in self._node.get_publishers_info_by_topic(self._subscription.topic_name)
        ]
        only_best_effort = bool(offered) and ReliabilityPolicy.RELIABLE not in offered
        if self._incompatible or only_best_effort:
            self._node.get_logger().warning(
                f"{self._subscription.topic_name}: offered as best effort only; subscribed again as best effort"
            )
            self._best_effort = True
            self._node.destroy_subscription(self._subscription)
            self._subscribe()

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)


class PacketDecoder:
    """Decodes the packets of one stream; an encoding or sensor size that changes begins a new stream."""

    def __init__(self) -> None:
        self._key: tuple[str, int, int, bool] | None = None
        self._decoder: Decoder | None = None
        self._next_seq: int | None = None
        self.packets = self.packets_lost = self.events = 0

    def follow(self, seq: int) -> None:
        """Count what is missing before ``seq``; a number that goes back is a source that began anew."""
        if self._next_seq is not None and seq != self._next_seq and self._decoder is not None:
            if seq > self._next_seq:
                self.packets_lost += seq - self._next_seq
                self._decoder.resynchronise()
            else:
                self._decoder.reset()
        self._next_seq = seq + 1

    def reset(self) -> None:
        """The stream begins anew."""
        if self._decoder is not None:
            self._decoder.reset()

    def decode(self, message: EventPacket) -> Events:
        """Events of a packet. Raises UserError for an encoding that is not known."""
        key = (message.encoding, message.width, message.height, message.is_bigendian)
        if key != self._key:
            self._decoder = make_decoder(*key)
            self._key = key
        assert self._decoder is not None
        events = self._decoder.decode(memoryview(message.events), message.time_base)
        self.packets += 1
        self.events += len(events)
        return events

    @property
    def dropped(self) -> dict[str, int]:
        """Counters of the decoder: events outside the sensor, words that are unknown, steps back in time."""
        decoder = self._decoder
        return {
            "events_outside": decoder.dropped_outside if decoder else 0,
            "unknown_words": decoder.unknown_words if decoder else 0,
            "steps_back": decoder.steps_back if decoder else 0,
        }
