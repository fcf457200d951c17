"""Events from a camera's images, for a controller. Without ``ros2 launch``: ``spikedrive launch dvs_emulator``."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import os

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

PARAMS_FILE = PathJoinSubstitution([FindPackageShare("spikedrive"), "launch", "config", "dvs_emulator.yaml"])
RANGES = ["LOCALHOST", "SUBNET", "OFF", "SYSTEM_DEFAULT"]
DISCOVERY_IS_SET = os.environ.get("ROS_STATIC_PEERS") or os.environ.get("ROS_LOCALHOST_ONLY")
DISCOVERY = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE") or ("SUBNET" if DISCOVERY_IS_SET else "LOCALHOST")


def nodes(context: LaunchContext) -> list[Node]:
    """The node. When it ends, so does the launch."""
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

    return [
        Node(
            package="spikedrive",
            executable="dvs_emulator",
            name="dvs_emulator",
            namespace=LaunchConfiguration("namespace"),
            parameters=[params_file, given(seed=int, response=str)],
            remappings=[
                ("image", LaunchConfiguration("image")),
                ("events", LaunchConfiguration("events")),
            ],
            output="screen",
            on_exit=Shutdown(),
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """The arguments and the node."""

    def parameter(name: str, description: str) -> DeclareLaunchArgument:
        return DeclareLaunchArgument(name, default_value="", description=f"{description}; empty: as in params_file")

    return LaunchDescription(
        [
            DeclareLaunchArgument("params_file", default_value=PARAMS_FILE, description="parameter file of the nodes"),
            DeclareLaunchArgument("image", default_value="image", description="topic of the camera's images"),
            DeclareLaunchArgument("events", default_value="events", description="topic of the camera's events"),
            parameter("response", "what the images' numbers are: intensities (linear) or sRGB's code for them (srgb)"),
            parameter("seed", "seed of the nodes' random numbers"),
            DeclareLaunchArgument("namespace", default_value="", description="namespace of the nodes"),
            DeclareLaunchArgument(
                "discovery", default_value=DISCOVERY, choices=RANGES, description="how far nodes find each other"
            ),
            SetEnvironmentVariable("ROS_AUTOMATIC_DISCOVERY_RANGE", LaunchConfiguration("discovery")),
            OpaqueFunction(function=nodes),
        ]
    )
