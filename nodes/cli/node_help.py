"""What ``spikedrive node NAME --help`` prints: a node's parameters, topics and services. No ROS here."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from snn_core.events.filters.options import EventFilterParameters
from snn_core.events.live.camera_parameters import CameraParameters
from snn_core.files import StrictModel
from snn_core.learning.parameters import (
    ControllerParameters,
    ReplayParameters,
    RewardParameters,
    SimulatorParameters,
)
from snn_core.sim.frame_stream import DvsEmulatorParameters
from spikedrive_nodes.ros.parameter_fields import bounds, parameters_of

_TYPES = {bool: "bool", int: "int", float: "double", str: "string"}
"""As ROS 2 calls them."""
_COMMANDS = {"cmd_vel": "geometry_msgs/TwistStamped, or Twist where twist_stamped is false"}
_DIAGNOSTICS = {"/diagnostics": "diagnostic_msgs/DiagnosticArray"}
_EPISODE = {"episode": "spikedrive_msgs/Episode"}
_EVENTS = {"events": "event_camera_msgs/EventPacket"}
_ODOMETRY = {"odom": "nav_msgs/Odometry"}
_REWARD = {"reward": "spikedrive_msgs/Reward"}
_CLOCK = {"/clock": "rosgraph_msgs/Clock"}


class NodeHelp(NamedTuple):
    """A node, as its user sees it: names of topics and services with their types."""

    model: type[StrictModel]
    what: str
    example: str
    """What may follow ``--ros-args``."""
    subscribes: Mapping[str, str]
    publishes: Mapping[str, str]
    services: Mapping[str, str] = {}


NODES = {
    "simulator": NodeHelp(
        SimulatorParameters,
        "Track, robot and event camera in one.",
        "-p track:=tight -p lockstep:=false",
        subscribes=_COMMANDS,
        publishes={**_EVENTS, **_ODOMETRY, **_EPISODE, **_CLOCK, "/tf": "tf2_msgs/TFMessage", **_DIAGNOSTICS},
    ),
    "reward": NodeHelp(
        RewardParameters,
        "From odometry and episode of one stamp to the reward of that stamp.",
        "-p track:=tight",
        subscribes={**_ODOMETRY, **_EPISODE},
        publishes={**_REWARD, **_DIAGNOSTICS},
    ),
    "controller": NodeHelp(
        ControllerParameters,
        "Events in, velocity commands out, learning as it drives. A managed (lifecycle) node.",
        "-p network:=any_camera -p lockstep:=false -r events:=/camera/events",
        subscribes={**_EVENTS, **_REWARD, **_EPISODE},
        publishes={**_COMMANDS, "spikes": "spikedrive_msgs/Spikes", **_DIAGNOSTICS},
        services={
            "~/save_checkpoint": "spikedrive_msgs/SaveCheckpoint",
            "~/load_checkpoint": "spikedrive_msgs/LoadCheckpoint",
            "~/freeze": "std_srvs/SetBool",
            "~/reset": "std_srvs/Trigger",
            "~/change_state": "lifecycle_msgs/ChangeState, and the others of a lifecycle node",
        },
    ),
    "replay": NodeHelp(
        ReplayParameters,
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
    "camera": NodeHelp(
        CameraParameters,
        "A live event camera. What is attached, and what rights are missing: -p device:=list",
        "-p device:=inivation -p noise_filter_us:=2000",
        subscribes={},
        publishes={**_EVENTS, "camera_info": "sensor_msgs/CameraInfo", **_DIAGNOSTICS},
    ),
    "event_filter": NodeHelp(
        EventFilterParameters,
        "Events in, those that filters keep out.",
        "-p hot_pixels:=learn -p background_us:=5000 -p camera_info:=topic",
        subscribes={**_EVENTS, "camera_info": "sensor_msgs/CameraInfo, with camera_info: topic"},
        publishes={"events_filtered": "event_camera_msgs/EventPacket", **_DIAGNOSTICS},
    ),
    "dvs_emulator": NodeHelp(
        DvsEmulatorParameters,
        "Images of any camera in, the events out that an event camera in its place would send.",
        "-p pixel.threshold_on:=0.15 -r image:=/camera/image_raw",
        subscribes={"image": "sensor_msgs/Image"},
        publishes={**_EVENTS, **_DIAGNOSTICS},
    ),
}


def print_node_help(name: str, console: Console | None = None) -> None:
    """Print what the user of a node of `NODES` needs to know."""
    console = console or Console()
    node = NODES[name]
    console.print(f"[bold]{name}[/bold]: {node.what}")
    console.print(f"spikedrive node {name} --ros-args {node.example}", highlight=False, soft_wrap=True)
    for title, names in (
        ("subscribes", node.subscribes),
        ("publishes", node.publishes),
        ("services", node.services),
    ):
        if names:
            console.print(f"\n[bold]{title}[/bold]")
        for entry, kind in names.items():
            console.print(f"  {entry} ({kind})", highlight=False, soft_wrap=True)
    console.print()
    console.print(_parameter_table(node.model))


def _parameter_table(model: type[StrictModel]) -> Table:
    table = Table("parameter", "type", "default", "range", "description", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[:2]:
        column.no_wrap = True
    for parameter in parameters_of(model):
        default = parameter.default
        table.add_row(
            parameter.name,
            _TYPES[type(default)],
            str(default).lower() if isinstance(default, bool) else escape(str(default)) or '""',
            _range(parameter.field),
            escape(parameter.field.description or ""),
        )
    return table


def _range(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(map(str, get_args(field.annotation)))
    low, high, above_low = bounds(field)
    if low is None and high is None:
        return ""
    least = "" if low is None else f"above {low:.10g}" if above_low else f"from {low:.10g}"
    most = "" if high is None else f"to {high:.10g}"
    return f"{least} {most}".strip()
