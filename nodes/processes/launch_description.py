"""From what a launch file starts to what ``ros2 launch`` takes.

``launch`` and ``launch_ros`` are imported where they are used: the ROS wheels have neither, and ``spikedrive launch``
reads the same launch files.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from spikedrive_nodes.processes import discovery
from spikedrive_nodes.processes.launch_file import ARGUMENTS, LaunchFile, PlannedNode

if TYPE_CHECKING:
    from launch import LaunchContext, LaunchDescription
    from launch.actions import DeclareLaunchArgument
    from launch_ros.actions import Node


def for_ros2_launch(launch_file: LaunchFile) -> Callable[[], LaunchDescription]:
    """The function ``generate_launch_description`` that ``ros2 launch`` looks for in a launch file."""
    return partial(launch_description, launch_file)


def launch_description(launch_file: LaunchFile) -> LaunchDescription:
    """The arguments and the nodes. When one node ends, the others are ended."""
    from launch import LaunchDescription
    from launch.actions import OpaqueFunction, SetEnvironmentVariable
    from launch.substitutions import LaunchConfiguration

    return LaunchDescription(
        [
            *(_declaration(launch_file, name) for name in launch_file.arguments()),
            SetEnvironmentVariable(discovery.RANGE, LaunchConfiguration("discovery")),
            OpaqueFunction(function=partial(_nodes, launch_file)),
        ]
    )


def ros_node(planned: PlannedNode) -> Node:
    """The action that starts a node, and ends the launch when the node ends."""
    from launch.actions import Shutdown
    from launch_ros.actions import Node
    from launch_ros.parameter_descriptions import ParameterValue

    parameters = {
        # Without the type, launch_ros reads a text as YAML: a serial number becomes a number.
        name: ParameterValue(value, value_type=str) if isinstance(value, str) else value
        for name, value in planned.parameters.items()
    }
    return Node(
        package="spikedrive",
        executable=planned.name,
        name=planned.name,
        namespace=planned.namespace,
        parameters=[str(planned.params_file), *([parameters] if parameters else [])],
        remappings=list(planned.remaps.items()),
        output="screen",
        on_exit=Shutdown(),
    )


def _declaration(launch_file: LaunchFile, name: str) -> DeclareLaunchArgument:
    from launch.actions import DeclareLaunchArgument
    from launch.substitutions import PathJoinSubstitution
    from launch_ros.substitutions import FindPackageShare

    description = ARGUMENTS[name].description
    if name in launch_file.required:
        return DeclareLaunchArgument(name, description=description)
    if name in launch_file.parameters():
        return DeclareLaunchArgument(name, default_value="", description=f"{description}; empty: as in params_file")
    if name == "params_file":
        parts = [FindPackageShare("spikedrive"), "launch", "config", f"{launch_file.config}.yaml"]
        return DeclareLaunchArgument(name, default_value=PathJoinSubstitution(parts), description=description)
    if name == "discovery":
        default = discovery.discovery_range(os.environ)
        choices = list(discovery.RANGES)
        return DeclareLaunchArgument(name, default_value=default, choices=choices, description=description)
    return DeclareLaunchArgument(name, default_value="" if name == "namespace" else name, description=description)


def _nodes(launch_file: LaunchFile, context: LaunchContext) -> list[Node]:
    return [ros_node(planned) for planned in launch_file.plan(context.launch_configurations)]
