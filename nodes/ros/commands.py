"""Commands as messages: a velocity as Twist or TwistStamped, any other channels as arrays or trajectory points."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Float64MultiArray, MultiArrayDimension
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from snn_core.control.command import VELOCITY, Command
from snn_core.errors import UserError
from spikedrive_nodes.ros import messages, qos

CommandType = Literal["auto", "twist", "float64_multi_array", "joint_trajectory"]
_TOPICS = {
    TwistStamped: "cmd_vel",
    Twist: "cmd_vel",
    Float64MultiArray: "commands",
    JointTrajectory: "joint_trajectory",
}
_FIELDS = {"_rad": "positions", "_m": "positions", "_rad_s": "velocities", "_m_s": "velocities"}
"""Where a trajectory point holds a channel, by the end of its name; ``effort`` for any other."""
OnCommand = Callable[[Command, int], None]
"""Called with a command and its stamp (us); 0 where the message has none."""


class CommandFormat(NamedTuple):
    """How the commands of some channels are sent."""

    channels: tuple[str, ...]
    kind: type[Any]

    @property
    def topic(self) -> str:
        """Where, relative."""
        return _TOPICS[self.kind]

    def to_message(self, command: Command, stamp_us: int, frame_id: str, window_us: int) -> Any:
        """The message of a command that drives the window (us) after ``stamp_us``."""
        stamp = messages.to_stamp(stamp_us)
        if self.kind is TwistStamped:
            return messages.to_twist(command, stamp, frame_id)
        if self.kind is Twist:
            return messages.to_plain_twist(command)
        if self.kind is Float64MultiArray:
            message = Float64MultiArray(data=list(command))
            label = ",".join(command.names)
            message.layout.dim = [MultiArrayDimension(label=label, size=len(command), stride=len(command))]
            return message
        message = JointTrajectory(joint_names=list(command.names))
        message.header.stamp = stamp
        message.points = [_to_point(command, window_us)]
        return message

    def from_message(self, message: Any) -> tuple[Command, int]:
        """A message's command and stamp (us). Raises UserError for another number of channels, or other names."""
        if self.kind is TwistStamped:
            return messages.from_twist(message.twist), messages.from_stamp(message.header.stamp)
        if self.kind is Twist:
            return messages.from_twist(message), 0
        if self.kind is Float64MultiArray:
            values, stamp_us = list(message.data), 0
        else:
            values, stamp_us = _from_trajectory(message, self.channels), messages.from_stamp(message.header.stamp)
        if len(values) != len(self.channels):
            expected = f"{len(self.channels)} values ({', '.join(self.channels)})"
            raise UserError(f"{self.topic}: expected {expected}, found {len(values)}")
        return Command(self.channels, tuple(values)), stamp_us


def command_format(
    node: str, channels: tuple[str, ...], *, lockstep: bool, twist_stamped: bool, command_type: CommandType = "auto"
) -> CommandFormat:
    """How a node sends, or hears, the commands of these channels. Raises UserError for what does not go together."""
    if command_type == "auto":
        chosen = "twist" if channels == VELOCITY else "joint_trajectory" if lockstep else "float64_multi_array"
    else:
        chosen = command_type
    if chosen == "twist" and channels != VELOCITY:
        raise UserError(
            f"{node}: command_type: twist carries {', '.join(VELOCITY)}, the commands are {', '.join(channels)}; "
            "choose float64_multi_array or joint_trajectory"
        )
    if lockstep and (chosen == "float64_multi_array" or (chosen == "twist" and not twist_stamped)):
        key = "twist_stamped: must be true" if chosen == "twist" else "command_type: must be joint_trajectory or twist"
        raise UserError(f"{node}: {key} in lockstep, which knows commands by their stamps")
    kinds = {"float64_multi_array": Float64MultiArray, "joint_trajectory": JointTrajectory}
    return CommandFormat(channels, kinds.get(chosen) or (TwistStamped if twist_stamped else Twist))


class CommandPublisher:
    """Publishes commands, and says when a base asks for a QoS that is not offered."""

    def __init__(self, node: Node, how: CommandFormat, profile: QoSProfile, frame_id: str, window_us: int) -> None:
        self.how = how
        self._frame_id, self._window_us = frame_id, window_us
        events = qos.report_unheard(node, how.topic)
        self._publisher = node.create_publisher(how.kind, how.topic, profile, event_callbacks=events)

    def publish(self, command: Command, stamp_us: int) -> None:
        """Send a command."""
        self._publisher.publish(self.how.to_message(command, stamp_us, self._frame_id, self._window_us))

    def wait_for_all_acked(self, seconds: float) -> None:
        """Wait so long for all subscribers to have what was sent."""
        self._publisher.wait_for_all_acked(Duration(seconds=seconds))


def subscribe_commands(node: Node, how: CommandFormat, on_command: OnCommand, profile: QoSProfile = qos.COMMAND) -> Any:
    """Call ``on_command`` for each command; one that cannot be read is said once in the node's log, and ignored."""
    said: set[str] = set()

    def on_message(message: Any) -> None:
        try:
            command, stamp_us = how.from_message(message)
        except UserError as error:
            if str(error) not in said:
                said.add(str(error))
                node.get_logger().warning(str(error))
            return
        on_command(command, stamp_us)

    return node.create_subscription(how.kind, how.topic, on_message, profile)


def _to_point(command: Command, window_us: int) -> JointTrajectoryPoint:
    point = JointTrajectoryPoint()
    seconds, rest_us = divmod(window_us, 1_000_000)
    point.time_from_start.sec, point.time_from_start.nanosec = seconds, 1000 * rest_us
    setattr(point, _field(command.names), list(command))
    return point


def _from_trajectory(message: JointTrajectory, channels: tuple[str, ...]) -> list[float]:
    if list(message.joint_names) != list(channels) or not message.points:
        raise UserError(
            f"joint_trajectory: expected a point of {', '.join(channels)}, found {', '.join(message.joint_names)}"
        )
    points: Any = message.points
    return list(getattr(points[0], _field(channels)))


def _field(channels: tuple[str, ...]) -> str:
    """The field that all channels fit, by their unit; efforts where they differ, which have no meaning of their own."""
    fields = {next((field for end, field in _FIELDS.items() if name.endswith(end)), "effort") for name in channels}
    return fields.pop() if len(fields) == 1 else "effort"
