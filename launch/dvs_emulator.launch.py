"""Events from a camera's images, for a controller.

Read by ``ros2 launch`` and, where there is none, by ``spikedrive launch dvs_emulator``.
"""

from spikedrive_nodes.processes.launch_description import for_ros2_launch
from spikedrive_nodes.processes.launch_file import LaunchFile

LAUNCH_FILE = LaunchFile(
    config="dvs_emulator",
    nodes={"dvs_emulator": ("response", "seed")},
    topics=("image", "events"),
)
generate_launch_description = for_ros2_launch(LAUNCH_FILE)
