"""The node ``event_filter``: events in, fewer or other events out, packet by packet."""

import time
from collections import OrderedDict
from typing import NamedTuple

from event_camera_msgs.msg import EventPacket
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo

from snn_core.errors import UserError
from snn_core.events.camera_info import Calibration
from snn_core.events.filters.chain import make_filters
from snn_core.events.filters.options import TOPIC, EventFilterParameters
from snn_core.events.filters.packets import PacketFilter
from spikedrive_nodes.ros import diagnostics, messages, qos
from spikedrive_nodes.ros.event_subscription import EventSubscription
from spikedrive_nodes.ros.packet_decoder import PacketDecoder
from spikedrive_nodes.ros.parameters import declare_parameters
from spikedrive_nodes.ros.runtime import run_node

MAX_KEPT_BYTES = 1 << 26
"""Of packets that went out and may be asked for again."""


class _Sent(NamedTuple):
    """A packet that went out, and of what came in for it all by which to know that again."""

    came_in: tuple[int, int, int]
    answer: EventPacket


def _came_in(message: EventPacket) -> tuple[int, int, int]:
    return messages.from_stamp(message.header.stamp), message.time_base, len(message.events)


class EventFilterNode(Node):
    """Subscribes ``events``, and ``camera_info`` where it is to rectify by it; publishes ``events_filtered``.

    A source in lockstep publishes a window again when it waits for its answer. Then the same goes out again: filters
    see each packet once.
    """

    def __init__(self) -> None:
        super().__init__("event_filter")
        self._settings = settings = declare_parameters(self, EventFilterParameters)
        self._options = settings.model_copy(update={"camera_info": ""} if settings.camera_info == TOPIC else {})
        self._calibration: Calibration | None = None
        self._decoder = PacketDecoder()
        self._filter: PacketFilter | None = None
        self._sent: OrderedDict[int, _Sent] = OrderedDict()
        self._sent_bytes = 0
        self._packets = self._repeated = self._refused = 0
        self._publisher = self.create_publisher(
            EventPacket, "events_filtered", qos.EVENTS, event_callbacks=qos.report_unheard(self, "events_filtered")
        )
        self._diagnostics = diagnostics.Diagnostics(
            self, self._values, {"events_per_s": "events_received", "events_filtered_per_s": "events_published"}
        )
        self._info_subscriptions = self._subscribe_camera_info() if settings.camera_info == TOPIC else []
        self._subscription = EventSubscription(self, settings.events_reliability, self._on_packet)
        self._diagnostics.set(diagnostics.OK, "waiting for events")

    def _values(self) -> dict[str, object]:
        made = self._filter
        dropped = made.chain.dropped if made else {}
        return {
            **self._decoder.values(),
            "events_published": made.events if made else 0,
            "packets_published": self._packets,
            "packets_repeated": self._repeated,
            "packets_refused": self._refused,
            **{f"dropped.{name}": count for name, count in dropped.items()},
            "dropped.beyond_encoding": made.beyond if made else 0,
        }

    # The calibration

    def _subscribe_camera_info(self) -> list[Subscription]:
        """Two, since none hears both a publisher that keeps its last message for late subscribers and one that does
        not.
        """
        silent = SubscriptionEventCallbacks(use_default_callbacks=False)
        return [
            self.create_subscription(CameraInfo, "camera_info", self._on_camera_info, profile, event_callbacks=silent)
            for profile in (qos.CAMERA_INFO, qos.CAMERA_INFO_VOLATILE)
        ]

    def _on_camera_info(self, message: CameraInfo) -> None:
        try:
            calibration = messages.from_camera_info(message)
        except UserError as error:
            self._diagnostics.set(diagnostics.ERROR, str(error))
            return
        if calibration != self._calibration:
            self._calibration = calibration
            self._filter = None

    # Packets

    def _on_packet(self, message: EventPacket) -> None:
        try:
            self._answer(message)
        except UserError as error:
            self._refused += 1
            self._diagnostics.set(diagnostics.ERROR, str(error))

    def _answer(self, message: EventPacket) -> None:
        if self._settings.camera_info == TOPIC and self._calibration is None:
            raise UserError(
                f"{self.resolve_topic_name('camera_info')}: no calibration yet; events are dropped until it comes"
            )
        sent = self._sent.get(message.seq)
        if sent is not None:
            if sent.came_in == _came_in(message):
                self._repeated += 1
                self._publisher.publish(sent.answer)
                return
            self._restart()
        decoded = self._decoder.take(message, time.monotonic_ns() // 1000)
        packet_filter = self._filter_for(*decoded.sensor)
        packet = packet_filter(decoded.events, message.seq, decoded.span_us[1] if decoded.span_us else None)
        answer = messages.to_packet(packet, message.header.frame_id)
        answer.header.stamp = message.header.stamp
        self._publisher.publish(answer)
        self._packets += 1
        self._keep(message.seq, _Sent(_came_in(message), answer))
        chain = packet_filter.chain
        self._diagnostics.set(
            diagnostics.OK, f"filtering {chain.width} x {chain.height} to {chain.out_width} x {chain.out_height}"
        )

    def _filter_for(self, width: int, height: int) -> PacketFilter:
        """Made again when the sensor or the calibration is another."""
        made = self._filter
        if made is None or (made.chain.width, made.chain.height) != (width, height):
            chain = make_filters(self._options, width, height, self._calibration)
            made = self._filter = PacketFilter(chain, self._settings.encoding)
        return made

    def _restart(self) -> None:
        """The source has restarted: its numbers went back."""
        self._sent.clear()
        self._sent_bytes = 0
        if self._filter is not None:
            self._filter.reset()

    def _keep(self, seq: int, sent: _Sent) -> None:
        self._sent[seq] = sent
        self._sent_bytes += len(sent.answer.events)
        while len(self._sent) > qos.EVENTS_DEPTH or self._sent_bytes > MAX_KEPT_BYTES:
            _, forgotten = self._sent.popitem(last=False)
            self._sent_bytes -= len(forgotten.answer.events)

    def stop(self) -> None:
        """Nothing moves by this node."""


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node event_filter``."""
    return run_node(EventFilterNode)


if __name__ == "__main__":
    raise SystemExit(main())
