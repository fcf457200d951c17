"""The event filter alone, in front of a controller. Without ``ros2 launch``: ``spikedrive launch event_filter``."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import os

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

PARAMS_FILE = PathJoinSubstitution([FindPackageShare("spikedrive"), "launch", "config", "event_filter.yaml"])
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

    texts = given(hot_pixels=str, camera_info=str, region=str, crop=str, encoding=str)
    event_filter = given(refractory_us=int, background_us=int, spatial_factor=int) | texts

    return [
        Node(
            package="spikedrive",
            executable="event_filter",
            name="event_filter",
            namespace=LaunchConfiguration("namespace"),
            parameters=[params_file, event_filter],
            remappings=[
                ("events", LaunchConfiguration("events")),
                ("events_filtered", LaunchConfiguration("events_filtered")),
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
            DeclareLaunchArgument("events", default_value="events", description="topic of the camera's events"),
            DeclareLaunchArgument(
                "events_filtered", default_value="events_filtered", description="topic of the events that are kept"
            ),
            parameter("hot_pixels", "hot pixels: learn, or a list: x,y x,y"),
            parameter("refractory_us", "drop a pixel's events so soon after its last one (us; 0: keep all)"),
            parameter("background_us", "drop events that no neighbour had within this time (us; 0: keep all)"),
            parameter("camera_info", "calibration to rectify by: a file, or topic"),
            parameter("region", "keep what is within this polygon: x,y x,y x,y"),
            parameter("crop", "keep this rectangle: left,top,width,height"),
            parameter("spatial_factor", "make one pixel of so many by so many"),
            parameter("encoding", "encoding of the events that go out: mono or evt3"),
            DeclareLaunchArgument("namespace", default_value="", description="namespace of the nodes"),
            DeclareLaunchArgument(
                "discovery", default_value=DISCOVERY, choices=RANGES, description="how far nodes find each other"
            ),
            SetEnvironmentVariable("ROS_AUTOMATIC_DISCOVERY_RANGE", LaunchConfiguration("discovery")),
            OpaqueFunction(function=nodes),
        ]
    )
