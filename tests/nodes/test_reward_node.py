"""The node ``reward`` as a process that has odometry and no episodes."""

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from nav_msgs.msg import Odometry
from spikedrive_msgs.msg import Reward

from snn_core.learning.parameters import reward_parameters
from snn_core.sim.robot import quaternion_from_yaw
from snn_core.sim.track import load_track
from snn_core.tasks.lane.signals import LaneSignals
from snn_core.tasks.lane.task import LaneTask
from spikedrive_nodes.ros import messages, qos
from tests.nodes.robots import own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]


def test_odometry_alone_is_rewarded_on_the_lane_that_was_given(tmp_path: Path) -> None:
    track = load_track("tight")
    pose = track.pose(1, 2.0, 0.07)
    message = Odometry()
    message.header.stamp = messages.to_stamp(1_234_567)
    message.pose.pose.position.x, message.pose.pose.position.y = pose.x, pose.y
    message.pose.pose.orientation.z, message.pose.pose.orientation.w = quaternion_from_yaw(pose.yaw)
    message.twist.twist.linear.x = 0.5
    with own_domain(tmp_path) as (observer, group):
        received: list[Reward] = []
        observer.node.create_subscription(Reward, "reward", received.append, qos.STATE)
        publisher = observer.node.create_publisher(Odometry, "odom", qos.STATE)
        group.start("reward", track="tight", lane=1, terms__centre=2.0, terms__progress=1.0)
        observer.wait(lambda: publisher.get_subscription_count() > 0, "the node listens")
        observer.wait(lambda: observer.node.count_publishers("reward") > 0, "the node is heard")
        publisher.publish(message)
        observer.wait(lambda: received, "a reward")
    assert messages.from_stamp(received[0].header.stamp) == 1_234_567
    settings = reward_parameters(LaneTask)(track="tight", terms={"centre": 2.0, "progress": 1.0})
    expected = LaneSignals(settings, track).of_pose(*pose, 0.5, 0.0, 1)
    assert expected["error"] == pytest.approx(0.07, abs=1e-3)
    assert expected["reward"] == pytest.approx(expected["reward/centre"] + expected["reward/progress"])
    assert messages.from_reward(received[0]) == pytest.approx(expected, abs=1e-9)
