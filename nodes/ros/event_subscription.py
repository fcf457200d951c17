"""A subscription to ``events`` or images that meets every publisher's QoS, or says why it hears nothing."""

from collections.abc import Callable
from typing import Any

from event_camera_msgs.msg import EventPacket
from rclpy.event_handler import QoSRequestedIncompatibleQoSInfo, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from spikedrive_nodes.ros import qos


class EventSubscription:
    """Calls ``on_message(message)`` with packets of ``events``, or messages of another kind and topic.

    reliability: ``auto`` asks for reliable and, where no more is offered, again for best effort, which it says once;
    ``reliable`` and ``best_effort`` ask for nothing else. A publisher that cannot be heard is named once.
    """

    def __init__(
        self,
        node: Node,
        reliability: str,
        on_message: Callable[[Any], None],
        kind: type = EventPacket,
        topic: str = "events",
    ) -> None:
        self._node = node
        self._on_message = on_message
        self._kind, self._topic = kind, topic
        self._reliability = reliability
        self._incompatible = False
        self._best_effort = reliability == "best_effort"
        self._said: set[str] = set()
        self._subscribe()
        self._timer = node.create_timer(0.1, self._meet_publishers)

    def _subscribe(self) -> None:
        self._subscription = self._node.create_subscription(
            self._kind,
            self._topic,
            self._on_message,
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
        topic = self._subscription.topic_name
        publishers = self._node.get_publishers_info_by_topic(topic)
        unheard = [info for info in publishers if not _offers_reliable(info) and qos.has_name(info)]
        if self._reliability == "auto" and (self._incompatible or (unheard and len(unheard) == len(publishers))):
            self._node.get_logger().warning(f"{topic}: offered as best effort only; subscribed again as best effort")
            self._best_effort = True
            self._node.destroy_subscription(self._subscription)
            self._subscribe()
        elif self._reliability == "reliable":
            for name in {qos.full_name(info) for info in unheard} - self._said:
                self._said.add(name)
                self._node.get_logger().warning(
                    f"{topic}: {name} offers best effort, this node asks for reliable and hears nothing of it; set "
                    f"{self._topic}_reliability to auto or best_effort here, or the publisher to reliable"
                )

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)


def _offers_reliable(publisher: TopicEndpointInfo) -> bool:
    return publisher.qos_profile.reliability == ReliabilityPolicy.RELIABLE
