"""QoS profiles, one place for all nodes."""

from rclpy.event_handler import PublisherEventCallbacks, QoSOfferedIncompatibleQoSInfo
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

EVENTS_DEPTH = 1000
"""Packets; reliable alone does not save a burst that outruns the depth."""


def _profile(
    depth: int,
    reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
    durability: DurabilityPolicy = DurabilityPolicy.VOLATILE,
) -> QoSProfile:
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability, durability=durability)


EVENTS = _profile(EVENTS_DEPTH)
EVENTS_BEST_EFFORT = _profile(EVENTS_DEPTH, ReliabilityPolicy.BEST_EFFORT)
STATE = _profile(1000)
"""odom, episode, reward, spikes: a window each; deep enough that a recorder that is behind for a while loses none.
In lockstep also cmd_vel.
"""
COMMAND = _profile(10)
"""cmd_vel to a robot, which wants the newest."""
CLOCK = _profile(10)
TF = _profile(100)
DIAGNOSTICS = _profile(10)
LATCHED = _profile(1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Whoever subscribes late gets the last one."""
CAMERA_INFO = LATCHED
CAMERA_INFO_VOLATILE = _profile(1, ReliabilityPolicy.BEST_EFFORT)
"""For subscribers: hears every publisher, but nothing of what was published before."""

_REMEDIES = {
    QoSPolicyKind.DURABILITY: "durability volatile",
    QoSPolicyKind.RELIABILITY: "reliability best effort or reliable",
    QoSPolicyKind.DEADLINE: "no deadline",
    QoSPolicyKind.LIVELINESS: "liveliness automatic, without a lease duration",
}
"""What a subscriber must ask for instead, by the policy that does not match."""


def full_name(endpoint: TopicEndpointInfo) -> str:
    """Name of the node that publishes or subscribes."""
    return f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"


def has_name(endpoint: TopicEndpointInfo) -> bool:
    """Whether the node's name is known; discovery tells it a little later than the endpoint."""
    return "UNKNOWN" not in endpoint.node_name


def report_unheard(node: Node, topic: str) -> PublisherEventCallbacks:
    """For a publisher of ``topic``: say once, by the node's log, that a subscriber asks for what is not offered."""
    said: set[QoSPolicyKind] = set()

    def on_incompatible(info: QoSOfferedIncompatibleQoSInfo) -> None:
        policy = QoSPolicyKind(info.last_policy_kind)
        if policy in said:
            return
        said.add(policy)
        remedy = _REMEDIES.get(policy, "the defaults of ROS 2")
        node.get_logger().warning(
            f"{node.resolve_topic_name(topic)}: a subscriber asks for {policy.name.lower()} that this node does not "
            f"offer, and hears nothing; let it ask for {remedy}"
        )

    return PublisherEventCallbacks(incompatible_qos=on_incompatible, use_default_callbacks=False)
