"""The controller alone, for a robot with an event camera.

Read by ``ros2 launch`` and, where there is none, by ``spikedrive launch robot``.
"""

from spikedrive_nodes.processes.launch_description import for_ros2_launch
from spikedrive_nodes.processes.launch_file import CONTROLLER, LaunchFile

LAUNCH_FILE = LaunchFile(
    config="robot",
    nodes={"controller": (*CONTROLLER, "twist_stamped")},
    topics=("events", "cmd_vel"),
)
generate_launch_description = for_ros2_launch(LAUNCH_FILE)
