"""The nodes: what each is for, its parameters, topics and services. All that lists nodes is made from this table.

The command, its help, what ``ros2 run`` finds and the documentation are made from it or checked against it. Nothing but
the standard library is imported here: CMake runs this file to learn the names.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from snn_core.files import StrictModel

_COMMANDS = {"cmd_vel": "geometry_msgs/TwistStamped, or Twist where twist_stamped is false"}
_OTHER_COMMANDS = {
    "commands": "std_msgs/Float64MultiArray, of bodies with other channels, running freely",
    "joint_trajectory": "trajectory_msgs/JointTrajectory, of bodies with other channels, in lockstep",
}
_DIAGNOSTICS = {"/diagnostics": "diagnostic_msgs/DiagnosticArray"}
_EPISODE = {"episode": "spikedrive_msgs/Episode"}
_EVENTS = {"events": "event_camera_msgs/EventPacket"}
_ODOMETRY = {"odom": "nav_msgs/Odometry"}
_REWARD = {"reward": "spikedrive_msgs/Reward"}
_SENT_REWARD = {"reward": "spikedrive_msgs/Reward, of tasks that have no node for it"}
_CLOCK = {"/clock": "rosgraph_msgs/Clock"}


class NodeEntry(NamedTuple):
    """A node, as its user sees it: names of topics and services with their types.

    The node ``some_name`` is the class SomeNameNode of the file nodes/some_name.py, which has a function ``main``.
    """

    parameters: str
    """Where the model of its parameters is, as module:name: a class, or a function from a task to a class.

    Named, not imported: the models need what is not in the standard library.
    """
    what: str
    example: str
    """What may follow ``--ros-args``."""
    subscribes: Mapping[str, str]
    publishes: Mapping[str, str]
    services: Mapping[str, str] = {}

    def model(self, task: str = "lane") -> type[StrictModel]:
        """The model of its parameters, for a task where it depends on one. Raises UserError for an unknown task."""
        found = pkgutil.resolve_name(self.parameters)
        if isinstance(found, type):
            return found
        from snn_core.tasks.registry import find_task

        return found(find_task(task))


NODES = {
    "simulator": NodeEntry(
        "snn_core.learning.parameters:simulator_parameters",
        "Track, robot and event camera in one.",
        "-p track:=tight -p lockstep:=false",
        subscribes={**_COMMANDS, **_OTHER_COMMANDS},
        publishes={
            **_EVENTS,
            **_ODOMETRY,
            **_EPISODE,
            **_SENT_REWARD,
            **_CLOCK,
            "/tf": "tf2_msgs/TFMessage",
            **_DIAGNOSTICS,
        },
    ),
    "reward": NodeEntry(
        "snn_core.learning.parameters:reward_parameters",
        "From odometry and episode of one stamp to the reward of that stamp.",
        "-p track:=tight",
        subscribes={**_ODOMETRY, **_EPISODE},
        publishes={**_REWARD, **_DIAGNOSTICS},
    ),
    "controller": NodeEntry(
        "snn_core.learning.parameters:ControllerParameters",
        "Events in, velocity commands out, learning as it drives. A managed (lifecycle) node.",
        "-p network:=any_camera -p lockstep:=false -r events:=/camera/events",
        subscribes={**_EVENTS, **_REWARD, **_EPISODE},
        publishes={**_COMMANDS, **_OTHER_COMMANDS, "spikes": "spikedrive_msgs/Spikes", **_DIAGNOSTICS},
        services={
            "~/save_checkpoint": "spikedrive_msgs/SaveCheckpoint",
            "~/load_checkpoint": "spikedrive_msgs/LoadCheckpoint",
            "~/freeze": "std_srvs/SetBool",
            "~/reset": "std_srvs/Trigger",
            "~/change_state": "lifecycle_msgs/ChangeState, and the others of a lifecycle node",
        },
    ),
    "replay": NodeEntry(
        "snn_core.learning.parameters:ReplayParameters",
        "A recording as a source of events; the other topics of a bag, too, as they were recorded.",
        "-p file:=recording.aedat4 -p lockstep:=false -p rate:=0.5",
        subscribes={"cmd_vel": "geometry_msgs/TwistStamped, in lockstep only"},
        publishes={
            **_EVENTS,
            **_EPISODE,
            **_CLOCK,
            "camera_info": "sensor_msgs/CameraInfo, with camera_info_url",
            **_DIAGNOSTICS,
        },
        services={
            "~/pause": "std_srvs/SetBool",
            "~/step": "std_srvs/Trigger, while paused: one window, or packet_ms",
            "~/seek": "spikedrive_msgs/Seek",
            "~/loop": "std_srvs/SetBool",
        },
    ),
    "camera": NodeEntry(
        "snn_core.events.live.camera_parameters:CameraParameters",
        "A live event camera. What is attached, and what rights are missing: -p device:=list",
        "-p device:=inivation -p noise_filter_us:=2000",
        subscribes={},
        publishes={**_EVENTS, "camera_info": "sensor_msgs/CameraInfo", **_DIAGNOSTICS},
    ),
    "event_filter": NodeEntry(
        "snn_core.events.filters.options:EventFilterParameters",
        "Events in, those that filters keep out.",
        "-p hot_pixels:=learn -p background_us:=5000 -p camera_info:=topic",
        subscribes={**_EVENTS, "camera_info": "sensor_msgs/CameraInfo, with camera_info: topic"},
        publishes={"events_filtered": "event_camera_msgs/EventPacket", **_DIAGNOSTICS},
    ),
    "dvs_emulator": NodeEntry(
        "snn_core.sim.frame_stream:DvsEmulatorParameters",
        "Images of any camera in, the events out that an event camera in its place would send.",
        "-p pixel.threshold_on:=0.15 -r image:=/camera/image_raw",
        subscribes={"image": "sensor_msgs/Image"},
        publishes={**_EVENTS, **_DIAGNOSTICS},
    ),
}


if __name__ == "__main__":
    print(";".join(NODES), end="")  # a list of CMake
