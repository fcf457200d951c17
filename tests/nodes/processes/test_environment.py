"""The environment of ROS 2 without sourcing anything, and the message packages that it leads to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from snn_core.errors import UserError
from spikedrive_nodes.processes import environment

ROOT = Path(__file__).resolve().parents[3]
SET_BY_US = {"LD_LIBRARY_PATH", "AMENT_PREFIX_PATH", "RMW_IMPLEMENTATION", "ROS_AUTOMATIC_DISCOVERY_RANGE"}
SET_BY_US |= {"SPIKEDRIVE_ENVIRONMENT_SET", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}

SCRIPT = """
import os, sys
from spikedrive_nodes.processes.environment import ensure_ros_environment
ensure_ros_environment()
from event_camera_msgs.msg import EventPacket
from spikedrive_msgs.msg import Spikes
import rclpy
from rclpy.serialization import deserialize_message, serialize_message
assert deserialize_message(serialize_message(EventPacket(seq=7)), EventPacket).seq == 7
print(os.environ.get("SPIKEDRIVE_ENVIRONMENT_SET") == str(os.getpid()), *sys.argv[1:])
"""


def bare_environment() -> dict[str, str]:
    """What a process has whose user has sourced nothing of this project (a system ROS 2 stays)."""
    environ = {name: value for name, value in os.environ.items() if name not in SET_BY_US}
    libraries = [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if path]
    foreign = [path for path in libraries if ROOT not in Path(path).parents]
    return environ | ({"LD_LIBRARY_PATH": os.pathsep.join(foreign)} if foreign else {})


def run_script(environ: dict[str, str]) -> str:
    command = [sys.executable, "-c", SCRIPT, "a b", "--c"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.ros
@pytest.mark.processes
def test_a_bare_process_starts_again_once_with_its_arguments_and_finds_the_messages() -> None:
    assert run_script(bare_environment()) == "True a b --c"


@pytest.mark.ros
@pytest.mark.processes
def test_a_process_that_has_the_environment_does_not_start_again() -> None:
    environ = bare_environment() | environment.ros_environment()
    environ.pop("SPIKEDRIVE_ENVIRONMENT_SET", None)
    assert run_script(environ) == "False a b --c"


@pytest.mark.ros
def test_the_environment_is_the_same_when_applied_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SET_BY_US:
        monkeypatch.delenv(name, raising=False)
    first = environment.ros_environment()
    for name, value in first.items():
        monkeypatch.setenv(name, value)
    assert environment.ros_environment() == first


@pytest.mark.ros
def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/a:/opt/b")
    monkeypatch.setenv("ROS_DOMAIN_ID", "42")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    found = environment.ros_environment()
    assert found["LD_LIBRARY_PATH"].endswith(":/opt/a:/opt/b")
    assert (found["ROS_DOMAIN_ID"], found["ROS_AUTOMATIC_DISCOVERY_RANGE"]) == ("42", "SUBNET")


@pytest.mark.ros
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("NOTHING", "1", "LOCALHOST"), ("ROS_STATIC_PEERS", "10.0.0.2", None), ("ROS_LOCALHOST_ONLY", "0", None)],
)
def test_discovery_stays_on_the_host_unless_the_user_says_otherwise(
    name: str, value: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROS_AUTOMATIC_DISCOVERY_RANGE", raising=False)
    monkeypatch.setenv(name, value)
    assert environment.ros_environment().get("ROS_AUTOMATIC_DISCOVERY_RANGE") == expected


@pytest.mark.ros
def test_the_wheels_refuse_another_middleware(monkeypatch: pytest.MonkeyPatch) -> None:
    if Path(sys.prefix) not in environment.package_folder("rclpy").parents:
        pytest.skip("rclpy is a system ROS's, which has other middlewares")
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp")
    with pytest.raises(UserError, match=r"RMW_IMPLEMENTATION=rmw_cyclonedds_cpp: .*unset it"):
        environment.ros_environment()


def test_messages_that_are_not_built_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGES", ("messages_that_nobody_built",))
    with pytest.raises(UserError, match=r"messages_that_nobody_built: .*run: make setup"):
        environment.ros_environment()


@pytest.mark.ros
def test_event_packets_are_the_type_of_the_ros_event_camera_drivers() -> None:
    from event_camera_msgs.msg import EventPacket

    assert list(EventPacket.get_fields_and_field_types().items()) == [
        ("header", "std_msgs/Header"),
        ("height", "uint32"),
        ("width", "uint32"),
        ("seq", "uint64"),
        ("time_base", "uint64"),
        ("encoding", "string"),
        ("is_bigendian", "boolean"),
        ("events", "sequence<uint8>"),
    ]


@pytest.mark.ros
def test_transforms_are_the_type_of_tf2() -> None:
    from tf2_msgs.msg import TFMessage

    fields = TFMessage.get_fields_and_field_types()
    assert fields == {"transforms": "sequence<geometry_msgs/TransformStamped>"}
