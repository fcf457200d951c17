"""The lane task in Gazebo Sim: ros_gz's simulator and bridge, dvs_emulator, reward, controller, the robot's transforms.

Time runs by itself; nothing places the robot anew when it leaves its lane. In lockstep, with episodes, Gazebo is driven
by the node simulator (``backend: gz``), without ros_gz.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import os
import subprocess
import tempfile
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from spikedrive_nodes.processes.launch_description import ros_node
from spikedrive_nodes.processes.launch_file import PlannedNode, Value, checkpoint_parameters

GAZEBO = FindPackageShare("spikedrive_gazebo")
BRIDGE = PathJoinSubstitution([GAZEBO, "config", "bridge.yaml"])
RVIZ = PathJoinSubstitution([GAZEBO, "config", "lane.rviz"])
CONFIG = PathJoinSubstitution([FindPackageShare("spikedrive"), "launch", "config"])
GZ_SIM = PathJoinSubstitution([FindPackageShare("ros_gz_sim"), "launch", "gz_sim.launch.py"])
BOOLEANS = ["true", "false"]


def gazebo_file(*arguments: str) -> str:
    """What ``spikedrive gazebo`` writes on standard output."""
    return subprocess.run(["spikedrive", "gazebo", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def actions(context: LaunchContext) -> list[Any]:
    """Gazebo with a world made for the task, and the nodes. When one ends, so does the launch."""
    values = context.launch_configurations
    config = CONFIG.perform(context)
    params_file = os.path.join(config, f"{values['robot']}.yaml")
    if not os.path.isfile(params_file):
        params_file = values["robot"]
    if not os.path.isfile(params_file):  # launch_ros would go on without it
        raise FileNotFoundError(f"robot: {params_file}: expected lane, turtlebot4 or a parameter file")
    world = os.path.join(tempfile.mkdtemp(prefix="spikedrive_lane_"), "lane.sdf")
    gazebo_file("world", values["track"], "--out", world, "--parameters", params_file)
    window = "-s --headless-rendering " if values["headless"] == "true" else ""
    controller: dict[str, Value] = {
        "lockstep": False,
        "twist_stamped": False,
        "learning": values["learning"] == "true",
        **checkpoint_parameters(values["checkpoint"]),
    }
    description = ParameterValue(gazebo_file("robot", "--urdf", "--parameters", params_file), value_type=str)

    def node(package: str, executable: str, name: str, **more: Any) -> Node:
        return Node(package=package, executable=executable, name=name, output="screen", on_exit=Shutdown(), **more)

    started = [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(GZ_SIM),
            launch_arguments={"gz_args": f"-r {window}{world}", "on_exit_shutdown": "true"}.items(),
        ),
        node("ros_gz_bridge", "parameter_bridge", "bridge", parameters=[{"config_file": BRIDGE}]),
        node(
            "robot_state_publisher",
            "robot_state_publisher",
            "robot_state_publisher",
            parameters=[{"robot_description": description, "use_sim_time": True}],
        ),
        ros_node(PlannedNode("dvs_emulator", os.path.join(config, "dvs_emulator.yaml"))),
        ros_node(PlannedNode("reward", params_file, {"track": values["track"], "lane": 0})),
        ros_node(PlannedNode("controller", params_file, controller)),
    ]
    if values["rviz"] == "true":
        started.append(node("rviz2", "rviz2", "rviz2", arguments=["-d", RVIZ], parameters=[{"use_sim_time": True}]))
    return started


def generate_launch_description() -> LaunchDescription:
    """The arguments, Gazebo and the nodes."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("track", default_value="meschede", description="a shipped track or a .yaml file"),
            DeclareLaunchArgument("robot", default_value="lane", description="lane, turtlebot4 or a parameter file"),
            DeclareLaunchArgument("checkpoint", default_value="", description="checkpoint to start from"),
            DeclareLaunchArgument("learning", default_value="true", choices=BOOLEANS, description="weights change"),
            DeclareLaunchArgument("headless", default_value="true", choices=BOOLEANS, description="without a window"),
            DeclareLaunchArgument("rviz", default_value="false", choices=BOOLEANS, description="with RViz"),
            OpaqueFunction(function=actions),
        ]
    )
