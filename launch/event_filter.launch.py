"""The event filter alone, in front of a controller.

Read by ``ros2 launch`` and, where there is none, by ``spikedrive launch event_filter``.
"""

from spikedrive_nodes.processes.launch_description import for_ros2_launch
from spikedrive_nodes.processes.launch_file import LaunchFile

LAUNCH_FILE = LaunchFile(
    config="event_filter",
    nodes={
        "event_filter": (
            "hot_pixels",
            "refractory_us",
            "background_us",
            "camera_info",
            "region",
            "crop",
            "spatial_factor",
            "encoding",
        )
    },
    topics=("events", "events_filtered"),
)
generate_launch_description = for_ros2_launch(LAUNCH_FILE)
