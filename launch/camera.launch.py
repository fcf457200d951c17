"""A live event camera and the controller.

Read by ``ros2 launch`` and, where there is none, by ``spikedrive launch camera``.
"""

from spikedrive_nodes.processes.launch_description import for_ros2_launch
from spikedrive_nodes.processes.launch_file import CONTROLLER, LaunchFile

LAUNCH_FILE = LaunchFile(
    config="camera",
    nodes={
        "camera": ("device", "serial", "camera_info_url"),
        "controller": (*CONTROLLER, "twist_stamped"),
    },
    topics=("events", "cmd_vel"),
)
generate_launch_description = for_ros2_launch(LAUNCH_FILE)
