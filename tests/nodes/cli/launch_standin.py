"""A stand-in for the few classes of ``launch`` and ``launch_ros`` that the launch files use, for machines without them.

It has their names, arguments and meaning, and nothing else: a launch file that needs more than is here fails its tests.
It starts nothing.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ament_index_python.packages import get_package_prefix, get_package_share_directory


class LaunchContext:
    """The values of the arguments."""

    def __init__(self) -> None:
        self.launch_configurations: dict[str, str] = {}


@dataclass
class LaunchConfiguration:
    name: str

    def perform(self, context: LaunchContext) -> str:
        return context.launch_configurations[self.name]


@dataclass
class FindPackageShare:
    package: str

    def perform(self, context: LaunchContext) -> str:
        return get_package_share_directory(self.package)


@dataclass
class PathJoinSubstitution:
    parts: Sequence[Any]

    def perform(self, context: LaunchContext) -> str:
        return os.path.join(*(perform(context, part) for part in self.parts))


def perform(context: LaunchContext, value: Any) -> str:
    """Text as it is, a substitution as its value."""
    return value if isinstance(value, str) else value.perform(context)


@dataclass
class ParameterValue:
    value: Any
    value_type: type

    def perform(self, context: LaunchContext) -> Any:
        text = perform(context, self.value)
        if self.value_type is not bool:
            return self.value_type(text)
        value = {"0": False, "1": True}.get(text, yaml.safe_load(text))
        if not isinstance(value, bool):
            raise ValueError(f"cannot convert {text!r} to bool")
        return value


def evaluated(context: LaunchContext, value: Any) -> Any:
    """A parameter's value. A text that has no type is read as YAML."""
    if isinstance(value, bool | int | float):
        return value
    return value.perform(context) if isinstance(value, ParameterValue) else yaml.safe_load(perform(context, value))


@dataclass
class DeclareLaunchArgument:
    name: str
    default_value: Any = None
    description: str = ""
    choices: Sequence[str] | None = None

    def visit(self, context: LaunchContext) -> None:
        values = context.launch_configurations
        if self.name not in values:
            if self.default_value is None:
                raise RuntimeError(f'required launch argument "{self.name}" was not provided')
            values[self.name] = perform(context, self.default_value)
        if self.choices is not None and values[self.name] not in self.choices:
            raise RuntimeError(f"{self.name}: {values[self.name]!r} is not one of {self.choices}")


@dataclass
class SetEnvironmentVariable:
    name: str
    value: Any

    def visit(self, context: LaunchContext) -> None:
        os.environ[self.name] = perform(context, self.value)


@dataclass
class OpaqueFunction:
    function: Callable[[LaunchContext], Sequence["Node"]]

    def visit(self, context: LaunchContext) -> Sequence["Node"]:
        return self.function(context)


class Shutdown:
    """Ends the launch."""


@dataclass
class PythonLaunchDescriptionSource:
    path: Any


@dataclass
class IncludeLaunchDescription:
    source: PythonLaunchDescriptionSource
    launch_arguments: Iterable[tuple[str, str]] = ()


@dataclass(kw_only=True)
class Node:
    package: str
    executable: str
    name: str
    namespace: Any = ""
    parameters: Sequence[Any]
    output: str
    on_exit: Shutdown
    remappings: Sequence[tuple[str, Any]] = ()
    arguments: Sequence[Any] = ()

    def command(self, context: LaunchContext) -> list[str]:
        """The command line that launch_ros makes, but for parameters, which it writes to a temporary file."""
        executable = Path(get_package_prefix(self.package)) / "lib" / self.package / self.executable
        if not os.access(executable, os.X_OK):
            raise RuntimeError(f"package {self.package!r} has no executable {self.executable!r}")
        namespace = "/" + perform(context, self.namespace).strip("/")
        command = [str(executable), "--ros-args", "-r", f"__node:={self.name}", "-r", f"__ns:={namespace}"]
        for parameters in self.parameters:
            if isinstance(parameters, dict):
                for name, value in parameters.items():
                    command += ["-p", f"{name}:={json.dumps(evaluated(context, value))}"]
            else:
                command += ["--params-file", perform(context, parameters)]
        for topic, other in self.remappings:
            command += ["-r", f"{topic}:={perform(context, other)}"]
        return command


@dataclass
class LaunchDescription:
    entities: Sequence[Any] = field(default_factory=list)


MODULES = {
    "launch": (LaunchContext, LaunchDescription),
    "launch.actions": (
        DeclareLaunchArgument,
        IncludeLaunchDescription,
        OpaqueFunction,
        SetEnvironmentVariable,
        Shutdown,
    ),
    "launch.launch_description_sources": (PythonLaunchDescriptionSource,),
    "launch.substitutions": (LaunchConfiguration, PathJoinSubstitution),
    "launch_ros": (),
    "launch_ros.actions": (Node,),
    "launch_ros.parameter_descriptions": (ParameterValue,),
    "launch_ros.substitutions": (FindPackageShare,),
}


@contextmanager
def installed() -> Iterator[None]:
    """Let ``import launch`` and ``import launch_ros`` find the stand-in."""
    with pytest.MonkeyPatch.context() as patch:
        for name, members in MODULES.items():
            module = ModuleType(name)
            for member in members:
                setattr(module, member.__name__, member)
            patch.setitem(sys.modules, name, module)
        yield
