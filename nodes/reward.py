"""The node ``reward``: from odometry and episode of one stamp, or from odometry alone, to the reward of that stamp."""

from collections import OrderedDict

from nav_msgs.msg import Odometry
from rclpy.node import Node
from spikedrive_msgs.msg import Episode, Reward

from snn_core.errors import UserError
from snn_core.learning.parameters import RewardParameters
from snn_core.sim.robot import yaw_from_quaternion
from snn_core.sim.track import load_track
from snn_core.tasks.lane.reward import LaneReward
from spikedrive_nodes.ros import diagnostics, messages, qos
from spikedrive_nodes.ros.parameters import about, declare_parameters
from spikedrive_nodes.ros.runtime import run_node

KEPT = 100
"""Stamps that wait for their other half."""


class RewardNode(Node):
    """Publishes ``reward``; whatever comes again is answered again."""

    def __init__(self) -> None:
        super().__init__("reward")
        parameters = declare_parameters(self, RewardParameters)
        with about(self, "track"):
            track = load_track(parameters.track)
            self._reward = LaneReward(parameters, track)
        if parameters.lane >= track.lanes:
            raise UserError(f"reward: lane: track {track.name} has no lane {parameters.lane}")
        self._lane = parameters.lane
        self._halves: OrderedDict[int, dict[str, Odometry | Episode]] = OrderedDict()
        self._published = 0
        self._publisher = self.create_publisher(Reward, "reward", qos.STATE)
        self.create_subscription(Odometry, "odom", self._on_odometry, qos.STATE)
        self.create_subscription(Episode, "episode", self._on_episode, qos.STATE)
        self._diagnostics = diagnostics.Diagnostics(
            self, lambda: {"rewards_published": self._published}, {"rewards_per_s": "rewards_published"}
        )
        self._diagnostics.set(diagnostics.OK, f"reward {parameters.function} on track {parameters.track}")

    def _on_odometry(self, message: Odometry) -> None:
        if self._lane >= 0:
            self._publish(message, self._lane)
        else:
            self._on_half("odom", message)

    def _on_episode(self, message: Episode) -> None:
        if self._lane < 0:
            self._on_half("episode", message)

    def _on_half(self, name: str, message: Odometry | Episode) -> None:
        stamp_us = messages.from_stamp(message.header.stamp)
        halves = self._halves.setdefault(stamp_us, {})
        halves[name] = message
        if len(halves) == 2:
            self._publish(halves["odom"], halves["episode"].lane)  # type: ignore[arg-type, union-attr]
        while len(self._halves) > KEPT:
            self._halves.popitem(last=False)

    def _publish(self, odometry: Odometry, lane: int) -> None:
        pose = odometry.pose.pose
        yaw = yaw_from_quaternion(pose.orientation.z, pose.orientation.w)
        reward = Reward()
        reward.header.stamp = odometry.header.stamp
        reward.values = self._reward(pose.position.x, pose.position.y, yaw, lane).tolist()
        self._publisher.publish(reward)
        self._published += 1

    def stop(self) -> None:
        """Nothing moves by this node."""


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node reward``."""
    return run_node(RewardNode)


if __name__ == "__main__":
    raise SystemExit(main())
