"""Launch files for machines without ``ros2 launch``: the same nodes with the same parameters, as processes of this one.

The tables below say what ``launch/*.launch.py`` say; a test holds the two together.
"""

import json
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from snn_core.errors import UserError
from spikedrive_nodes.processes.node_processes import NodeProcesses
from spikedrive_nodes.processes.shared_files import parameter_file

Value = bool | int | float | str
RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
DISCOVERY_RANGES = ("LOCALHOST", "SUBNET", "OFF", "SYSTEM_DEFAULT")
_BOOLEANS: dict[str, bool] = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_NAMESPACE = re.compile(r"/?([A-Za-z_]\w*(/[A-Za-z_]\w*)*)?/?", re.ASCII)
_CONTROLLER = {"network": str, "checkpoint": str, "seed": int, "learning": bool, "autostart": bool}

DESCRIPTIONS = {
    "file": "recording to replay (AEDAT4)",
    "params_file": "parameter file of the nodes",
    "image": "topic of the camera's images",
    "events": "topic of the camera's events",
    "events_filtered": "topic of the events that are kept",
    "cmd_vel": "topic of the velocity commands",
    "track": "track: a shipped name or a .yaml file",
    "backend": "simulator: embedded, gz (Gazebo Sim) or gazebo_classic",
    "rate": "event time per wall time, when not in lockstep",
    "network": "network: a shipped name or a .yaml file",
    "checkpoint": "checkpoint to start from, with its network unless another is given",
    "device": "maker of the camera: any, inivation or prophesee",
    "serial": "serial number of the camera",
    "camera_info_url": "calibration file of the camera",
    "hot_pixels": "hot pixels: learn, or a list: x,y x,y",
    "refractory_us": "drop a pixel's events so soon after its last one (us; 0: keep all)",
    "background_us": "drop events that no neighbour had within this time (us; 0: keep all)",
    "camera_info": "calibration to rectify by: a file, or topic",
    "region": "keep what is within this polygon: x,y x,y x,y",
    "crop": "keep this rectangle: left,top,width,height",
    "spatial_factor": "make one pixel of so many by so many",
    "encoding": "encoding of the events that go out: mono or evt3",
    "response": "what the images' numbers are: intensities (linear) or sRGB's code for them (srgb)",
    "seed": "seed of the nodes' random numbers",
    "learning": "weights change (true) or are frozen (false)",
    "lockstep": "time waits for the network (true) or runs by itself (false)",
    "twist_stamped": "cmd_vel is TwistStamped (true) or Twist (false)",
    "autostart": "the controller configures and activates itself (true) or waits (false)",
    "namespace": "namespace of the nodes",
    "discovery": "how far nodes find each other",
}


@dataclass(frozen=True)
class LaunchFile:
    """What a launch file starts: its parameter file, and for each node the arguments that are its parameters."""

    config: str
    nodes: Mapping[str, Mapping[str, type]]
    required: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()

    def arguments(self) -> tuple[str, ...]:
        """Names of its arguments."""
        parameters = {name for arguments in self.nodes.values() for name in arguments}
        names = parameters | {*self.topics, "params_file", "namespace", "discovery"}
        return tuple(name for name in DESCRIPTIONS if name in names)


LAUNCH_FILES = {
    "demo": LaunchFile(
        "lane",
        {
            "simulator": {"backend": str, "track": str, "seed": int, "lockstep": bool},
            "reward": {"track": str},
            "controller": {**_CONTROLLER, "lockstep": bool},
        },
    ),
    "replay": LaunchFile(
        "replay",
        {
            "replay": {"file": str, "rate": float, "lockstep": bool},
            "controller": {**_CONTROLLER, "lockstep": bool},
        },
        required=("file",),
    ),
    "robot": LaunchFile(
        "robot",
        {"controller": {**_CONTROLLER, "twist_stamped": bool}},
        topics=("events", "cmd_vel"),
    ),
    "camera": LaunchFile(
        "camera",
        {
            "camera": {"device": str, "serial": str, "camera_info_url": str},
            "controller": {**_CONTROLLER, "twist_stamped": bool},
        },
        topics=("events", "cmd_vel"),
    ),
    "event_filter": LaunchFile(
        "event_filter",
        {
            "event_filter": {
                "refractory_us": int,
                "background_us": int,
                "spatial_factor": int,
                **dict.fromkeys(("hot_pixels", "camera_info", "region", "crop", "encoding"), str),
            }
        },
        topics=("events", "events_filtered"),
    ),
    "dvs_emulator": LaunchFile(
        "dvs_emulator",
        {"dvs_emulator": {"seed": int, "response": str}},
        topics=("image", "events"),
    ),
}


@dataclass(frozen=True)
class PlannedNode:
    """A node to be started. Its parameters win over the parameter file."""

    name: str
    params_file: Path
    parameters: Mapping[str, Value] = field(default_factory=dict)
    remaps: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "/"

    def arguments(self) -> list[str]:
        """What follows ``--ros-args``."""
        arguments = ["--params-file", str(self.params_file)]
        for name, value in self.parameters.items():
            arguments += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]  # JSON is YAML, which ROS expects
        for topic, other in self.remaps.items():
            arguments += ["-r", f"{topic}:={other}"]
        if self.namespace != "/":
            arguments += ["-r", f"__ns:={self.namespace}"]
        return arguments

    def command(self) -> str:
        """The command that starts it alone."""
        return shlex.join(["spikedrive", "node", self.name, "--ros-args", *self.arguments()])


@dataclass(frozen=True)
class LaunchPlan:
    """The nodes of a launch file, with the discovery range that was asked for, empty when none was."""

    nodes: tuple[PlannedNode, ...]
    discovery: str = ""


def launch_plan(name: str, arguments: Sequence[str] = ()) -> LaunchPlan:
    """What ``ros2 launch spikedrive NAME.launch.py NAME:=VALUE ...`` starts; an empty value is as one not given.

    Raises UserError for an unknown launch file or argument, a required argument that is missing, a parameter file that
    does not exist, and a value of the wrong type.
    """
    launch_file = _launch_file(name)
    given = _parse(name, launch_file, arguments)
    for required in launch_file.required:
        if required not in given:
            raise UserError(f"{name}: {required}: required argument is missing; add {required}:=VALUE")
    params_file = Path(given["params_file"]) if "params_file" in given else parameter_file(launch_file.config)
    if not params_file.is_file():
        raise UserError(f"params_file: {params_file}: expected a parameter file, found none")
    discovery = given.get("discovery", "")
    if discovery not in ("", *DISCOVERY_RANGES):
        raise UserError(f"discovery: expected one of {', '.join(DISCOVERY_RANGES)}, found {discovery!r}")
    namespace = _absolute_namespace(given.get("namespace", ""))
    remaps = {topic: given[topic] for topic in launch_file.topics if topic in given}
    nodes = tuple(
        PlannedNode(node, params_file, _parameters(given, types), remaps, namespace)
        for node, types in launch_file.nodes.items()
    )
    return LaunchPlan(nodes, discovery)


def argument_help(name: str) -> dict[str, str]:
    """Name and description of each argument of a launch file. Raises UserError when there is no such file."""
    launch_file = _launch_file(name)
    defaults = {"params_file": f"launch/config/{launch_file.config}.yaml", "namespace": "none"}
    defaults |= {topic: topic for topic in launch_file.topics} | {"discovery": "the environment's, else LOCALHOST"}
    defaults |= dict.fromkeys(launch_file.required, "none, it is required")
    return {
        argument: f"{DESCRIPTIONS[argument]} (default: {defaults.get(argument, 'as in params_file')})"
        for argument in launch_file.arguments()
    }


def run_plan(plan: LaunchPlan) -> int:
    """Start the nodes, say which, and wait. SIGINT and SIGTERM end them all, exit code 0.

    When a node ends by itself the others are ended, and the exit code is its.
    """
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    if plan.discovery:
        os.environ[RANGE] = plan.discovery
    previous = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with NodeProcesses() as processes:
            for node in plan.nodes:
                print(node.command(), flush=True)
                processes.start(node.name, node.arguments())
            while not ended:
                for name, code in processes.ended().items():
                    print(f"{name}: ended with code {code}; ending the others", file=sys.stderr)
                    return code if code >= 0 else 128 - code  # as shells have it
                time.sleep(0.1)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 0


def _launch_file(name: str) -> LaunchFile:
    if name not in LAUNCH_FILES:
        raise UserError(f"launch {name}: unknown; expected one of {', '.join(LAUNCH_FILES)}")
    return LAUNCH_FILES[name]


def _parse(name: str, launch_file: LaunchFile, arguments: Sequence[str]) -> dict[str, str]:
    """The arguments that have a value."""
    known = launch_file.arguments()
    given = {}
    for argument in arguments:
        key, separator, value = argument.partition(":=")
        if not separator:
            raise UserError(f"{name}: {argument!r}: expected NAME:=VALUE")
        if key not in known:
            raise UserError(f"{name}: {key}: unknown argument; expected one of {', '.join(known)}")
        given[key] = value
    return {key: value for key, value in given.items() if value}


def _parameters(given: Mapping[str, str], types: Mapping[str, type]) -> dict[str, Value]:
    parameters = {name: _typed(name, given[name], kind) for name, kind in types.items() if name in given}
    if "checkpoint" in parameters:
        parameters.setdefault("network", "")  # that of the checkpoint
    return parameters


def _typed(name: str, text: str, kind: type) -> Value:
    """The value, by the rules of ``launch``."""
    try:
        return _BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        expected = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise UserError(f"{name}: expected {expected}, found {text!r}") from None


def _absolute_namespace(text: str) -> str:
    if not _NAMESPACE.fullmatch(text):
        raise UserError(f"namespace: expected letters, digits, _ and /, as in robots/one, found {text!r}")
    return "/" + text.strip("/")
