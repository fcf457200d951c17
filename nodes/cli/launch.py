"""``spikedrive launch``: launch files on a machine without ``ros2 launch``, their nodes as processes of this one."""

import os
import runpy
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from snn_core.errors import UserError
from spikedrive_nodes.processes import discovery
from spikedrive_nodes.processes.launch_file import ARGUMENTS, LaunchArgumentError, LaunchFile, PlannedNode
from spikedrive_nodes.processes.node_processes import NodeProcesses
from spikedrive_nodes.processes.shared_files import launch_folder, parameter_file

_SUFFIX = ".launch.py"


class DescribedLaunchFile(NamedTuple):
    """A launch file as it was read."""

    what: str
    """First line of its docstring."""
    starts: LaunchFile


@dataclass(frozen=True)
class LaunchPlan:
    """The nodes of a launch file, with the discovery range that was asked for, empty when none was."""

    nodes: tuple[PlannedNode, ...]
    discovery: str = ""


def launch_names() -> list[str]:
    """Names of the launch files. Raises UserError when there is no folder of launch files."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in launch_folder().glob(f"*{_SUFFIX}"))


def read_launch_file(name: str) -> DescribedLaunchFile:
    """A launch file by its name without .launch.py.

    Raises UserError when there is no such file, and for one that ``ros2 launch`` alone can read.
    """
    if name not in (names := launch_names()):
        raise UserError(f"launch {name}: unknown; expected one of {', '.join(names)}")
    path = launch_folder() / f"{name}{_SUFFIX}"
    try:
        content = runpy.run_path(str(path))
    except ImportError as error:
        raise UserError(f"{path}: {error}; start it by ros2 launch") from error
    launch_file = content.get("LAUNCH_FILE")
    if not isinstance(launch_file, LaunchFile):
        raise UserError(f"{path}: expected a LaunchFile named LAUNCH_FILE, found none; start it by ros2 launch")
    return DescribedLaunchFile((content.get("__doc__") or "").partition("\n")[0], launch_file)


def launch_plan(name: str, arguments: Sequence[str] = ()) -> LaunchPlan:
    """What ``ros2 launch spikedrive NAME.launch.py NAME:=VALUE ...`` starts; an empty value is as one not given.

    Raises UserError for an unknown launch file or argument, a required argument that is missing, a parameter file that
    does not exist, and a value of the wrong type.
    """
    launch_file = read_launch_file(name).starts
    given = _parse(name, launch_file, arguments)
    asked = given.get("discovery", "")
    if asked not in ("", *discovery.RANGES):
        raise UserError(f"{name}: discovery: expected one of {', '.join(discovery.RANGES)}, found {asked!r}")
    try:
        nodes = launch_file.plan({"params_file": str(parameter_file(launch_file.config)), **given})
    except LaunchArgumentError as error:
        raise UserError(f"{name}: {error}") from None
    return LaunchPlan(nodes, asked)


def argument_help(name: str) -> dict[str, str]:
    """Name and description of each argument of a launch file. Raises UserError when there is no such file."""
    launch_file = read_launch_file(name).starts
    defaults = {topic: topic for topic in launch_file.topics}
    defaults |= {
        "params_file": f"launch/config/{launch_file.config}.yaml",
        "namespace": "none",
        "discovery": "the environment's, else LOCALHOST",
    }
    defaults |= dict.fromkeys(launch_file.required, "none, it is required")
    return {
        argument: f"{ARGUMENTS[argument].description} (default: {defaults.get(argument, 'as in params_file')})"
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
        os.environ[discovery.RANGE] = plan.discovery
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
