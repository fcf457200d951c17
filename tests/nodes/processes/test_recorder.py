"""The recorder of a drive over DDS: what it makes of the messages that it hears."""

import array
import time

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from geometry_msgs.msg import TwistStamped
from spikedrive_msgs.msg import Episode, Reward, Spikes

from snn_core.tasks.lane.task import LaneTask
from spikedrive_nodes.processes.node_processes import free_domain_id
from spikedrive_nodes.processes.over_dds import Observer
from spikedrive_nodes.processes.recorder import Recorder
from spikedrive_nodes.ros import messages, qos
from tests.nodes.robots import PATIENCE_S

pytestmark = [pytest.mark.ros]

WINDOW_US = 50_000
KINDS = {"episode": Episode, "reward": Reward, "cmd_vel": TwistStamped, "spikes": Spikes}
STATE = (1.0, 2.0, 0.5, -0.1)
"""Of LaneTask.state_names."""
MANY = 1000
"""Windows: more than the recorder lets wait for their other messages."""


def test_a_drive_that_was_ended_lets_the_source_drive_on() -> None:
    with Observer(free_domain_id(), lambda: Recorder(LaneTask, WINDOW_US, lambda log: True)) as observer:
        recorder: Recorder = observer.node
        heard: list[Episode] = []
        recorder.create_subscription(Episode, "episode", heard.append, qos.STATE)
        publishers = {topic: recorder.create_publisher(kind, topic, qos.STATE) for topic, kind in KINDS.items()}

        def publish(topic: str, window: int) -> None:
            message = KINDS[topic]()
            message.header.stamp = messages.to_stamp((window + 1) * WINDOW_US)
            if isinstance(message, Episode):
                message.state = array.array("d", STATE)
            elif isinstance(message, Reward):
                message.names, message.values = ["error", "error/deviation"], array.array("d", [0.25, 0.25])
            publishers[topic].publish(message)

        deadline = time.monotonic() + PATIENCE_S

        def check() -> None:
            assert time.monotonic() < deadline, f"{len(heard)} windows"

        for topic in KINDS:
            publish(topic, 0)
        observer.spin_until(lambda: recorder.finished, check)
        for window in range(1, MANY):
            publish("episode", window)
            observer.spin_until(lambda window=window: len(heard) > window, check)
        assert len(recorder.log) == 1
        last = recorder.log.last
        assert last is not None
        assert (last.end_us, last.state, last.command) == (WINDOW_US, STATE, (0.0, 0.0))
        assert last.signals == {"error": 0.25, "error/deviation": 0.25}
