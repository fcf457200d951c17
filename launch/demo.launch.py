"""The lane task in simulation: simulator, reward, controller.

Read by ``ros2 launch`` and, where there is none, by ``spikedrive launch demo``.
"""

from spikedrive_nodes.processes.launch_description import for_ros2_launch
from spikedrive_nodes.processes.launch_file import CONTROLLER, LaunchFile

LAUNCH_FILE = LaunchFile(
    config="lane",
    nodes={
        "simulator": ("track", "backend", "seed", "lockstep"),
        "reward": ("track",),
        "controller": (*CONTROLLER, "lockstep"),
    },
)
generate_launch_description = for_ros2_launch(LAUNCH_FILE)
