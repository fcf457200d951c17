"""Commands, and what teaches, as messages: they come back as they were, and what cannot be read is refused."""

import array
import math

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from geometry_msgs.msg import Twist, TwistStamped
from hypothesis import given
from hypothesis import strategies as st
from spikedrive_msgs.msg import Reward
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from snn_core.control.command import VELOCITY, Command, velocity
from snn_core.errors import UserError
from spikedrive_nodes.processes.node_processes import free_domain_id
from spikedrive_nodes.processes.over_dds import Observer
from spikedrive_nodes.ros import messages, qos
from spikedrive_nodes.ros.commands import (
    CommandFormat,
    CommandPublisher,
    CommandType,
    command_format,
    subscribe_commands,
)
from spikedrive_nodes.ros.messages import from_reward, to_reward, to_stamp

pytestmark = pytest.mark.ros

PAN_TILT = ("pan_rad_s", "tilt_rad_s")
KINDS: dict[str, tuple[tuple[str, ...], type, str, bool]] = {
    "twist": (VELOCITY, Twist, "cmd_vel", False),
    "stamped twist": (VELOCITY, TwistStamped, "cmd_vel", True),
    "array": (PAN_TILT, Float64MultiArray, "commands", False),
    "trajectory": (PAN_TILT, JointTrajectory, "joint_trajectory", True),
    "velocity as array": (VELOCITY, Float64MultiArray, "commands", False),
    "velocity as trajectory": (VELOCITY, JointTrajectory, "joint_trajectory", True),
    "one force": (("force_n",), JointTrajectory, "joint_trajectory", True),
}
"""Channels, message, topic, and whether it has a stamp."""
numbers = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("case", KINDS)
@given(values=st.tuples(numbers, numbers), stamp_us=st.integers(0, 2**31 * 1_000_000 - 1))
def test_a_command_comes_back_as_it_was(case: str, values: tuple[float, float], stamp_us: int) -> None:
    channels, kind, topic, stamped = KINDS[case]
    how = CommandFormat(channels, kind)
    assert how.topic == topic
    command = Command(channels, values[: len(channels)])
    message = how.to_message(command, stamp_us, "base_link", 50_000)
    assert isinstance(message, kind)
    assert how.from_message(message) == (command, stamp_us if stamped else 0)


def test_velocities_are_where_every_base_looks_for_them() -> None:
    message = CommandFormat(VELOCITY, TwistStamped).to_message(velocity(1.5, -0.25), 1_234_567, "base_link", 50_000)
    assert (message.twist.linear.x, message.twist.angular.z) == (1.5, -0.25)
    assert (message.header.frame_id, messages.from_stamp(message.header.stamp)) == ("base_link", 1_234_567)


def test_an_array_is_labelled_with_its_channels() -> None:
    message = CommandFormat(PAN_TILT, Float64MultiArray).to_message(Command(PAN_TILT, (0.5, -1.0)), 0, "", 50_000)
    (dimension,) = message.layout.dim
    assert (dimension.label, dimension.size, dimension.stride) == ("pan_rad_s,tilt_rad_s", 2, 2)
    assert list(message.data) == [0.5, -1.0]


@pytest.mark.parametrize(
    ("channels", "field"),
    [
        (("pan_rad_s", "tilt_rad_s"), "velocities"),
        (("lift_m_s", "tilt_rad_s"), "velocities"),
        (("pan_rad", "lift_m"), "positions"),
        (("grip_n",), "effort"),
        (("pan_rad", "tilt_rad_s"), "effort"),
    ],
    ids="-".join,
)
def test_a_trajectory_point_has_the_field_of_the_channels_unit(channels: tuple[str, ...], field: str) -> None:
    values = (0.5, -1.0)[: len(channels)]
    command = Command(channels, values)
    message = CommandFormat(channels, JointTrajectory).to_message(command, 2_000_000, "", 1_250_000)
    (point,) = message.points
    found = {name: list(getattr(point, name)) for name in ("positions", "velocities", "accelerations", "effort")}
    assert found == {name: list(values) if name == field else [] for name in found}
    assert list(message.joint_names) == list(channels)
    assert (point.time_from_start.sec, point.time_from_start.nanosec) == (1, 250_000_000)


MALFORMED = {
    "fewer values": (Float64MultiArray(data=[1.0]), "commands: expected 2 values (pan_rad_s, tilt_rad_s), found 1"),
    "more values": (Float64MultiArray(data=[1.0] * 3), "commands: expected 2 values (pan_rad_s, tilt_rad_s), found 3"),
    "no point": (JointTrajectory(joint_names=PAN_TILT), "joint_trajectory: expected a point of pan_rad_s, tilt_rad_s"),
    "other joints": (JointTrajectory(joint_names=["tilt_rad_s", "pan_rad_s"]), "found tilt_rad_s, pan_rad_s"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_cannot_be_read_is_refused_in_one_line(case: str) -> None:
    message, expected = MALFORMED[case]
    with pytest.raises(UserError) as refused:
        CommandFormat(PAN_TILT, type(message)).from_message(message)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_point_of_another_field_is_refused() -> None:
    how = CommandFormat(PAN_TILT, JointTrajectory)
    message = how.to_message(Command(PAN_TILT, (0.5, -1.0)), 0, "", 50_000)
    message.points[0].velocities, message.points[0].positions = [], [0.5, -1.0]
    with pytest.raises(UserError, match=r"joint_trajectory: expected 2 values .*, found 0"):
        how.from_message(message)


@pytest.mark.parametrize(
    ("channels", "lockstep", "stamped", "command_type", "kind"),
    [
        (VELOCITY, True, True, "auto", TwistStamped),
        (VELOCITY, False, True, "auto", TwistStamped),
        (VELOCITY, False, False, "auto", Twist),
        (VELOCITY, False, True, "float64_multi_array", Float64MultiArray),
        (VELOCITY, True, True, "joint_trajectory", JointTrajectory),
        (PAN_TILT, False, True, "auto", Float64MultiArray),
        (PAN_TILT, True, True, "auto", JointTrajectory),
        (PAN_TILT, True, False, "auto", JointTrajectory),  # twist_stamped says something of twists only
        (PAN_TILT, False, True, "joint_trajectory", JointTrajectory),
    ],
)
def test_the_kind_follows_from_channels_and_parameters(
    channels: tuple[str, ...], lockstep: bool, stamped: bool, command_type: CommandType, kind: type
) -> None:
    how = command_format("n", channels, lockstep=lockstep, twist_stamped=stamped, command_type=command_type)
    assert how == CommandFormat(channels, kind)


@pytest.mark.parametrize(
    ("channels", "lockstep", "stamped", "command_type", "expected"),
    [
        (PAN_TILT, False, True, "twist", "n: command_type: twist carries v_m_s, omega_rad_s, the commands are pan_"),
        (VELOCITY, True, False, "auto", "n: twist_stamped: must be true in lockstep"),
        (VELOCITY, True, True, "float64_multi_array", "n: command_type: must be joint_trajectory or twist in lockstep"),
        (PAN_TILT, True, True, "float64_multi_array", "n: command_type: must be joint_trajectory"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(
    channels: tuple[str, ...], lockstep: bool, stamped: bool, command_type: CommandType, expected: str
) -> None:
    with pytest.raises(UserError) as refused:
        command_format("n", channels, lockstep=lockstep, twist_stamped=stamped, command_type=command_type)
    assert str(refused.value).startswith(expected)
    assert "\n" not in str(refused.value)


def test_a_subscriber_hears_commands_and_goes_on_after_one_that_it_cannot_read() -> None:
    from rclpy.node import Node

    how = CommandFormat(PAN_TILT, Float64MultiArray)
    with Observer(free_domain_id(), lambda: Node("commanded")) as observer:
        heard: list[tuple[Command, int]] = []
        subscription = subscribe_commands(observer.node, how, lambda *told: heard.append(told), qos.STATE)
        publisher = CommandPublisher(observer.node, how, qos.STATE, "base_link", 50_000)
        raw = observer.node.create_publisher(Float64MultiArray, how.topic, qos.STATE)
        assert subscription.topic_name == "/commands"
        commands = [Command(PAN_TILT, (0.25, value)) for value in (1.0, 2.0)]
        publisher.publish(commands[0], 50_000)
        observer.spin_until(lambda: len(heard) == 1, lambda: None)
        raw.publish(Float64MultiArray(data=[1.0, 2.0, 3.0]))
        publisher.publish(commands[1], 100_000)
        observer.spin_until(lambda: len(heard) == 2, lambda: None)
    assert heard == [(commands[0], 0), (commands[1], 0)]


# What teaches


@given(st.dictionaries(st.text(st.characters(categories=["L", "P"]), min_size=1), st.floats(-1e30, 1e30), max_size=5))
def test_signals_come_back_as_they_were(signals: dict[str, float]) -> None:
    message = to_reward(signals, to_stamp(1_234_567))
    assert from_reward(message) == signals
    assert messages.from_stamp(message.header.stamp) == 1_234_567


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (["reward"], [math.nan]),
        (["reward"], [math.inf]),
        (["reward"], [1e300]),
        (["reward", "error"], [1.0]),
        (["reward"], [1.0, 2.0]),
        ([], [1.0]),
        (["reward"], []),
    ],
    ids=["nan", "infinite", "huge", "a value too few", "a value too many", "no name", "no value"],
)
def test_signals_that_no_network_can_be_told_are_refused_in_one_line(names: list[str], values: list[float]) -> None:
    with pytest.raises(UserError, match=r"^reward: expected a finite value for each name, found [^\n]*$"):
        from_reward(Reward(names=names, values=array.array("d", values)))
