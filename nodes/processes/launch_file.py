"""What a launch file starts, said once for ``ros2 launch`` and for ``spikedrive launch``.

``ros2 launch`` runs on the system's Python, which has none of SpikeDrive's requirements: nothing but the standard
library is imported here.
"""

import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

Value = bool | int | float | str
_BOOLEANS: dict[str, bool] = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_EXPECTED = {bool: "true or false", int: "a whole number", float: "a number"}
_NAMESPACE = re.compile(r"/?([A-Za-z_]\w*(/[A-Za-z_]\w*)*)?/?", re.ASCII)


class LaunchArgumentError(ValueError):
    """An argument of a launch file that cannot be used: one line that names it and says what was expected."""


class Argument(NamedTuple):
    """An argument of a launch file."""

    description: str
    kind: type[Value] = str
    """Type of the parameter that it sets, if it sets one."""


ARGUMENTS = {
    "params_file": Argument("parameter file of the nodes"),
    "namespace": Argument("namespace of the nodes"),
    "discovery": Argument("how far nodes find each other"),
    # Topics
    "image": Argument("topic of the camera's images"),
    "events": Argument("topic of the camera's events"),
    "events_filtered": Argument("topic of the events that are kept"),
    "cmd_vel": Argument("topic of the velocity commands"),
    # Parameters
    "file": Argument("recording to replay (AEDAT4)"),
    "track": Argument("track: a shipped name or a .yaml file"),
    "backend": Argument("simulator: embedded, gz (Gazebo Sim) or gazebo_classic"),
    "rate": Argument("event time per wall time, when not in lockstep", float),
    "network": Argument("network: a shipped name or a .yaml file"),
    "checkpoint": Argument("checkpoint to start from, with its network unless another is given"),
    "device": Argument("maker of the camera: any, inivation or prophesee"),
    "serial": Argument("serial number of the camera"),
    "camera_info_url": Argument("calibration file of the camera"),
    "hot_pixels": Argument("hot pixels: learn, or a list: x,y x,y"),
    "refractory_us": Argument("drop a pixel's events so soon after its last one (us; 0: keep all)", int),
    "background_us": Argument("drop events that no neighbour had within this time (us; 0: keep all)", int),
    "camera_info": Argument("calibration to rectify by: a file, or topic"),
    "region": Argument("keep what is within this polygon: x,y x,y x,y"),
    "crop": Argument("keep this rectangle: left,top,width,height"),
    "spatial_factor": Argument("make one pixel of so many by so many", int),
    "encoding": Argument("encoding of the events that go out: mono or evt3"),
    "response": Argument("what the images' numbers are: intensities (linear) or sRGB's code for them (srgb)"),
    "seed": Argument("seed of the nodes' random numbers", int),
    "learning": Argument("weights change (true) or are frozen (false)", bool),
    "lockstep": Argument("time waits for the network (true) or runs by itself (false)", bool),
    "twist_stamped": Argument("cmd_vel is TwistStamped (true) or Twist (false)", bool),
    "autostart": Argument("the controller configures and activates itself (true) or waits (false)", bool),
}
"""Every argument that a launch file may have."""

CONTROLLER = ("network", "checkpoint", "seed", "learning", "autostart")
"""Parameters of the controller that are arguments wherever it is started."""


@dataclass(frozen=True)
class PlannedNode:
    """A node to be started. Its parameters win over the parameter file."""

    name: str
    params_file: str | Path
    parameters: Mapping[str, Value] = field(default_factory=dict)
    remaps: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""

    def arguments(self) -> list[str]:
        """What follows ``--ros-args``."""
        arguments = ["--params-file", str(self.params_file)]
        for name, value in self.parameters.items():
            arguments += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]  # JSON is YAML, which ROS expects
        for topic, other in self.remaps.items():
            arguments += ["-r", f"{topic}:={other}"]
        if namespace := self.namespace.strip("/"):
            arguments += ["-r", f"__ns:=/{namespace}"]
        return arguments

    def command(self) -> str:
        """The command that starts it alone."""
        return shlex.join(["spikedrive", "node", self.name, "--ros-args", *self.arguments()])


@dataclass(frozen=True)
class LaunchFile:
    """What a launch file starts. Names of arguments are those of `ARGUMENTS`.

    Args:
        config: parameter file of the nodes, a name of ``launch/config`` without .yaml.
        nodes: for each node, the arguments that are its parameters.
        topics: the arguments that are topics: each remaps the topic of its name, for all nodes.
        required: the parameters that must be given.
    """

    config: str
    nodes: Mapping[str, tuple[str, ...]]
    topics: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    def parameters(self) -> tuple[str, ...]:
        """Names of the arguments that are parameters."""
        return tuple(dict.fromkeys(name for arguments in self.nodes.values() for name in arguments))

    def arguments(self) -> tuple[str, ...]:
        """Names of all its arguments, in the order in which they are shown."""
        names = (*self.required, "params_file", *self.topics, *self.parameters(), "namespace", "discovery")
        return tuple(dict.fromkeys(names))

    def plan(self, values: Mapping[str, str]) -> tuple[PlannedNode, ...]:
        """The nodes to be started, with the texts of the arguments; an empty one is as one that is not given.

        Raises LaunchArgumentError for a required argument that is missing, a parameter file that does not exist, and a
        value that is not of its parameter's type.
        """
        given = {name: values[name] for name in self.arguments() if values.get(name)}
        for name in self.required:
            if name not in given:
                raise LaunchArgumentError(f"{name}: required argument is missing; add {name}:=VALUE")
        params_file = _existing_file(given.get("params_file", ""))
        namespace = given.get("namespace", "")
        if not _NAMESPACE.fullmatch(namespace):
            raise LaunchArgumentError(
                f"namespace: expected letters, digits, _ and /, as in robots/one, found {namespace!r}"
            )
        remaps = {topic: given[topic] for topic in self.topics if given.get(topic, topic) != topic}
        return tuple(
            PlannedNode(node, params_file, _parameters(arguments, given), remaps, namespace)
            for node, arguments in self.nodes.items()
        )


def checkpoint_parameters(checkpoint: str) -> dict[str, Value]:
    """The parameters of a controller that starts from a checkpoint with its own network; none without a checkpoint."""
    return {"checkpoint": checkpoint, "network": ""} if checkpoint else {}


def _existing_file(path: str) -> str:
    """The path, of a file that exists: ROS would go on without it, and without its limits."""
    if not os.path.isfile(path):
        raise LaunchArgumentError(f"params_file: {path}: expected a parameter file, found none")
    return path


def _parameters(names: tuple[str, ...], given: Mapping[str, str]) -> dict[str, Value]:
    parameters = {name: _typed(name, given[name]) for name in names if name in given}
    if "checkpoint" in parameters:
        return checkpoint_parameters(given["checkpoint"]) | parameters
    return parameters


def _typed(name: str, text: str) -> Value:
    """The value of a parameter, by the rules of ``launch``."""
    kind = ARGUMENTS[name].kind
    try:
        return _BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise LaunchArgumentError(f"{name}: expected {_EXPECTED[kind]}, found {text!r}") from None
