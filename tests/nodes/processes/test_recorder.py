"""The recorder of a drive over DDS: what it makes of the messages that it hears."""

import time

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from spikedrive_msgs.msg import Episode, Spikes

from snn_core.sim.track import load_track
from spikedrive_nodes.processes.node_processes import free_domain_id
from spikedrive_nodes.processes.over_dds import Onlooker
from spikedrive_nodes.processes.recorder import Recorder
from spikedrive_nodes.ros import messages, qos
from tests.nodes.robots import PATIENCE_S

pytestmark = [pytest.mark.ros]

WINDOW_US = 50_000
KINDS = {"odom": Odometry, "episode": Episode, "cmd_vel": TwistStamped, "spikes": Spikes}
MANY = 1000
"""Windows: more than the recorder lets wait for their other messages."""


def test_a_drive_that_was_ended_lets_the_source_drive_on() -> None:
    track = load_track("meschede")
    with Onlooker(free_domain_id(), lambda: Recorder(track, WINDOW_US, lambda log: True)) as onlooker:
        recorder: Recorder = onlooker.node
        heard: list[Odometry] = []
        recorder.create_subscription(Odometry, "odom", heard.append, qos.STATE)
        publishers = {topic: recorder.create_publisher(kind, topic, qos.STATE) for topic, kind in KINDS.items()}

        def publish(topic: str, window: int) -> None:
            message = KINDS[topic]()
            message.header.stamp = messages.to_stamp((window + 1) * WINDOW_US)
            publishers[topic].publish(message)

        deadline = time.monotonic() + PATIENCE_S

        def check() -> None:
            assert time.monotonic() < deadline, f"{len(heard)} windows"

        for topic in KINDS:
            publish(topic, 0)
        onlooker.spin_until(lambda: recorder.finished, check)
        for window in range(1, MANY):
            publish("odom", window)
            onlooker.spin_until(lambda window=window: len(heard) > window, check)
        assert len(recorder.log) == 1
