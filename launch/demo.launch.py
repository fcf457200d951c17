"""The lane task in simulation: simulator, reward, controller. Without ``ros2 launch``: ``spikedrive launch demo``."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import os
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

PARAMS_FILE = PathJoinSubstitution([FindPackageShare("spikedrive"), "launch", "config", "lane.yaml"])
RANGES = ["LOCALHOST", "SUBNET", "OFF", "SYSTEM_DEFAULT"]
DISCOVERY_IS_SET = os.environ.get("ROS_STATIC_PEERS") or os.environ.get("ROS_LOCALHOST_ONLY")
DISCOVERY = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE") or ("SUBNET" if DISCOVERY_IS_SET else "LOCALHOST")


def nodes(context: LaunchContext) -> list[Node]:
    """The nodes. When one ends, the others are ended."""
    params_file = context.launch_configurations["params_file"]
    if not os.path.isfile(params_file):  # launch_ros would go on without it
        raise FileNotFoundError(f"params_file: {params_file}: no such file")

    def given(**arguments: type) -> dict[str, ParameterValue]:
        """Parameters for the arguments that are not empty."""
        return {
            name: ParameterValue(LaunchConfiguration(name), value_type=kind)
            for name, kind in arguments.items()
            if context.launch_configurations[name]
        }

    simulator = given(backend=str, track=str, seed=int, lockstep=bool)
    reward = given(track=str)
    controller = given(network=str, checkpoint=str, seed=int, learning=bool, lockstep=bool, autostart=bool)
    if "checkpoint" in controller:
        controller.setdefault("network", ParameterValue("", value_type=str))  # that of the checkpoint

    common: dict[str, Any] = {
        "package": "spikedrive",
        "namespace": LaunchConfiguration("namespace"),
        "output": "screen",
        "on_exit": Shutdown(),
    }
    return [
        Node(executable="simulator", name="simulator", parameters=[params_file, simulator], **common),
        Node(executable="reward", name="reward", parameters=[params_file, reward], **common),
        Node(executable="controller", name="controller", parameters=[params_file, controller], **common),
    ]


def generate_launch_description() -> LaunchDescription:
    """The arguments and the nodes."""

    def parameter(name: str, description: str) -> DeclareLaunchArgument:
        return DeclareLaunchArgument(name, default_value="", description=f"{description}; empty: as in params_file")

    return LaunchDescription(
        [
            DeclareLaunchArgument("params_file", default_value=PARAMS_FILE, description="parameter file of the nodes"),
            parameter("track", "track: a shipped name or a .yaml file"),
            parameter("backend", "simulator: embedded, gz (Gazebo Sim) or gazebo_classic"),
            parameter("network", "network: a shipped name or a .yaml file"),
            parameter("checkpoint", "checkpoint to start from, with its network unless another is given"),
            parameter("seed", "seed of the nodes' random numbers"),
            parameter("learning", "weights change (true) or are frozen (false)"),
            parameter("lockstep", "time waits for the network (true) or runs by itself (false)"),
            parameter("autostart", "the controller configures and activates itself (true) or waits (false)"),
            DeclareLaunchArgument("namespace", default_value="", description="namespace of the nodes"),
            DeclareLaunchArgument(
                "discovery", default_value=DISCOVERY, choices=RANGES, description="how far nodes find each other"
            ),
            SetEnvironmentVariable("ROS_AUTOMATIC_DISCOVERY_RANGE", LaunchConfiguration("discovery")),
            OpaqueFunction(function=nodes),
        ]
    )
