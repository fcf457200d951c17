"""The node ``reward``: from odometry and episode of one stamp, or from odometry alone, to the reward of that stamp."""

from collections import OrderedDict

from nav_msgs.msg import Odometry
from rclpy.node import Node
from spikedrive_msgs.msg import Episode, Reward

from snn_core.errors import UserError
from snn_core.learning.parameters import reward_parameters
from snn_core.sim.robot import yaw_from_quaternion
from snn_core.tasks.registry import find_task
from spikedrive_nodes.ros import diagnostics, messages, qos
from spikedrive_nodes.ros.parameters import about, declare_parameters, overridden
from spikedrive_nodes.ros.runtime import run_node

KEPT = 100
"""Stamps that wait for their other half."""


class RewardNode(Node):
    """Publishes ``reward``; whatever comes again is answered again."""

    def __init__(self) -> None:
        super().__init__("reward")
        with about(self, "task_name"):
            task = find_task(overridden(self, "task_name", "lane"))
        parameters = declare_parameters(self, reward_parameters(task))
        if not task.has_reward_node:
            raise UserError(f"reward: task_name: the simulator sends the signals of {task.name!r}; leave this node out")
        with about(self, "track"):
            self._signals = task.odometry_signals(parameters, parameters.lane)
        self._goal = parameters.lane
        self._halves: OrderedDict[int, dict[str, Odometry | Episode]] = OrderedDict()
        self._published = 0
        self._publisher = self.create_publisher(Reward, "reward", qos.STATE)
        self.create_subscription(Odometry, "odom", self._on_odometry, qos.STATE)
        self.create_subscription(Episode, "episode", self._on_episode, qos.STATE)
        self._diagnostics = diagnostics.Diagnostics(
            self, lambda: {"rewards_published": self._published}, {"rewards_per_s": "rewards_published"}
        )
        self._diagnostics.set(diagnostics.OK, f"signals of the task {task.name}")

    def _on_odometry(self, message: Odometry) -> None:
        if self._goal >= 0:
            self._publish(message, self._goal)
        else:
            self._on_half("odom", message)

    def _on_episode(self, message: Episode) -> None:
        if self._goal < 0:
            self._on_half("episode", message)

    def _on_half(self, name: str, message: Odometry | Episode) -> None:
        stamp_us = messages.from_stamp(message.header.stamp)
        halves = self._halves.setdefault(stamp_us, {})
        halves[name] = message
        if len(halves) == 2:
            self._publish(halves["odom"], halves["episode"].goal)  # type: ignore[arg-type, union-attr]
        while len(self._halves) > KEPT:
            self._halves.popitem(last=False)

    def _publish(self, odometry: Odometry, goal: int) -> None:
        pose = odometry.pose.pose
        yaw = yaw_from_quaternion(pose.orientation.z, pose.orientation.w)
        v_m_s, omega_rad_s = odometry.twist.twist.linear.x, odometry.twist.twist.angular.z
        signals = self._signals(pose.position.x, pose.position.y, yaw, v_m_s, omega_rad_s, goal)
        self._publisher.publish(messages.to_reward(signals, odometry.header.stamp))
        self._published += 1

    def stop(self) -> None:
        """Nothing moves by this node."""


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node reward``."""
    return run_node(RewardNode)


if __name__ == "__main__":
    raise SystemExit(main())
