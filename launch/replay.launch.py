"""A recording through the controller: replay, controller.

Read by ``ros2 launch`` and, where there is none, by ``spikedrive launch replay``.
"""

from spikedrive_nodes.processes.launch_description import for_ros2_launch
from spikedrive_nodes.processes.launch_file import CONTROLLER, LaunchFile

LAUNCH_FILE = LaunchFile(
    config="replay",
    nodes={
        "replay": ("file", "rate", "lockstep"),
        "controller": (*CONTROLLER, "lockstep"),
    },
    required=("file",),
)
generate_launch_description = for_ros2_launch(LAUNCH_FILE)
