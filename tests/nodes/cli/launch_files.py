"""What a launch file declares and starts: by the real ``launch`` and ``launch_ros`` where they are, else a stand-in."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import importlib.util
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.nodes.cli import launch_standin

REAL = importlib.util.find_spec("launch_ros") is not None


@dataclass(frozen=True)
class Started:
    """A node as its command line has it."""

    executable: Path
    params_files: tuple[Path, ...]
    parameters: Mapping[str, object]
    """Those that are set over the parameter files."""
    remaps: Mapping[str, str]
    namespace: str


@dataclass(frozen=True)
class Argument:
    """A declared launch argument."""

    description: str
    required: bool
    choices: tuple[str, ...]


def parse(command: Sequence[str]) -> Started:
    """A command line: executable, ``--ros-args`` and what follows."""
    executable, ros_args, *rest = command
    assert ros_args == "--ros-args"
    files: list[Path] = []
    parameters: dict[str, object] = {}
    remaps: dict[str, str] = {}
    namespace = "/"
    assert len(rest) % 2 == 0
    for flag, value in zip(rest[::2], rest[1::2], strict=True):
        if flag == "--params-file" and Path(value).name.startswith("launch_params_"):  # launch_ros wrote it
            (section,) = yaml.safe_load(Path(value).read_text()).values()
            parameters |= section["ros__parameters"]
        elif flag == "--params-file":
            files.append(Path(value))
        elif flag == "-p":
            name, _, text = value.partition(":=")
            parameters[name] = json.loads(text)
        else:
            assert flag == "-r"
            name, _, other = value.partition(":=")
            if name == "__ns":
                namespace = other
            elif name == "__node":
                assert other == Path(executable).name
            elif name != other:
                remaps[name] = other
    return Started(Path(executable), tuple(files), parameters, remaps, namespace)


def declared(path: Path) -> dict[str, Argument]:
    """The arguments that a launch file declares."""
    with nullcontext() if REAL else launch_standin.installed():
        from launch.actions import DeclareLaunchArgument

        return {
            entity.name: Argument(
                entity.description.partition(". Valid choices are")[0],  # which launch adds
                entity.default_value is None,
                tuple(entity.choices or ()),
            )
            for entity in _description(path).entities
            if isinstance(entity, DeclareLaunchArgument)
        }


def started(path: Path, arguments: Mapping[str, str]) -> list[Started]:
    """The nodes that a launch file starts with these arguments. It may change os.environ."""
    with nullcontext() if REAL else launch_standin.installed():
        from launch import LaunchContext

        context = LaunchContext()
        context.launch_configurations.update(arguments)
        nodes: list[Any] = []
        for entity in _description(path).entities:
            nodes += entity.visit(context) or []
        return [parse(_real_command(node, context) if REAL else node.command(context)) for node in nodes]


def _description(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.name.replace(".", "_"), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def _real_command(node: Any, context: Any) -> list[str]:
    """The command line that launch_ros would execute."""
    from launch.utilities import perform_substitutions

    node._perform_substitutions(context)
    name = node.node_name.rpartition("/")[2]
    context.extend_locals(
        {"ros_specific_arguments": {"name": f"__node:={name}", "ns": f"__ns:={node.expanded_node_namespace}"}}
    )
    return [perform_substitutions(context, part) for part in node.cmd]
