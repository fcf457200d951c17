"""Prophesee cameras by metavision_driver (evt3), in a component container, and the controller, which subscribes.

    ros2 launch docs/examples/cameras/metavision_driver.launch.py cmd_vel:=/base/cmd_vel record:=true

The controller is a process of its own: the events reach it over DDS. intra_process:=true spares the copy to what else
is in the container: here a recorder.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import ComposableNodeContainer
from launch_ros.descriptions import ComposableNode
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

EVENTS = "/event_camera/events"


def generate_launch_description() -> LaunchDescription:
    """The arguments, the container and the controller."""
    intra_process = [{"use_intra_process_comms": LaunchConfiguration("intra_process")}]
    driver = ComposableNode(
        package="metavision_driver",
        plugin="metavision_driver::DriverROS2",
        name="event_camera",
        parameters=[
            {
                "serial": ParameterValue(LaunchConfiguration("serial"), value_type=str),
                "bias_file": LaunchConfiguration("bias_file"),
                "frame_id": "camera",
                "event_message_time_threshold": 0.005,  # s; fewer, larger packets cost less than its 0.001
                "send_queue_size": 1000,
            }
        ],
        extra_arguments=intra_process,
    )
    recorder = ComposableNode(
        package="rosbag2_transport",
        plugin="rosbag2_transport::Recorder",
        name="recorder",
        parameters=[
            {"record.topics": [EVENTS], "storage.storage_id": "mcap", "storage.uri": LaunchConfiguration("bag")}
        ],
        extra_arguments=intra_process,
        condition=IfCondition(LaunchConfiguration("record")),
    )
    container = ComposableNodeContainer(
        package="rclcpp_components",
        executable="component_container",
        name="event_camera_container",
        namespace="",
        composable_node_descriptions=[driver, recorder],
        output="screen",
    )
    controller = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution([FindPackageShare("spikedrive"), "launch", "robot.launch.py"])
        ),
        launch_arguments={"events": EVENTS, "cmd_vel": LaunchConfiguration("cmd_vel")}.items(),
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument("serial", default_value="", description="serial number of the camera"),
            DeclareLaunchArgument("bias_file", default_value="", description="biases of the camera"),
            DeclareLaunchArgument("intra_process", default_value="true", description="no copy within the container"),
            DeclareLaunchArgument("record", default_value="false", description="record the events"),
            DeclareLaunchArgument("bag", default_value="events", description="folder of the recording"),
            DeclareLaunchArgument("cmd_vel", default_value="cmd_vel", description="topic of the velocity commands"),
            container,
            controller,
        ]
    )
