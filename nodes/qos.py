"""QoS profiles, one place for all nodes."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

EVENTS_DEPTH = 1000
"""Packets; reliable alone does not save a burst that outruns the depth."""


def _profile(depth: int, reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability, durability=DurabilityPolicy.VOLATILE
    )


EVENTS = _profile(EVENTS_DEPTH)
EVENTS_BEST_EFFORT = _profile(EVENTS_DEPTH, ReliabilityPolicy.BEST_EFFORT)
STATE = _profile(1000)
"""odom, episode, reward, spikes: a window each; deep enough that a recorder that is behind for a while loses none."""
COMMAND = _profile(10)
CLOCK = _profile(10)
TF = _profile(100)
DIAGNOSTICS = _profile(10)
