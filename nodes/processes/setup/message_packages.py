"""Building the ROS 2 message packages with colcon, and letting a Python environment find them."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from spikedrive_nodes.processes.setup import prerequisites, python_headers, ros_wheels
from spikedrive_nodes.processes.setup.steps import Log, Stamps, StepError, contents, digest, say

NAMES = ("event_camera_msgs", "tf2_msgs", "spikedrive_msgs")
"""Packages that the nodes import; ours of the first two are for machines that lack upstream's."""
PATHS_FILE = "spikedrive_messages.pth"
"""Names the folders of the built packages to Python."""
# What another environment, or another make, has set and the build must not see.
_FOREIGN = ("PYTHONHOME", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
_FOREIGN_ROS = ("PYTHONPATH", "LD_LIBRARY_PATH", "COLCON_PREFIX_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE")


@dataclass(frozen=True)
class Environment:
    """A Python environment that message packages are built into.

    prefix, python, site_packages: its folder, its interpreter, and where its packages are.
    ros: the distribution of the system's ROS 2 below it; None: it has the wheels.
    """

    prefix: Path
    python: Path
    site_packages: Path
    ros: str | None = None

    def variables(self) -> dict[str, str]:
        """What colcon is to see: this environment, and below it the wheels or the system ROS 2 and nothing else."""
        variables = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        variables["PATH"] = f"{self.python.parent}{os.pathsep}{variables['PATH']}"
        variables["VIRTUAL_ENV"] = str(self.prefix)
        if self.ros is None:
            for name in _FOREIGN_ROS:
                variables.pop(name, None)
            variables["AMENT_PREFIX_PATH"] = variables["CMAKE_PREFIX_PATH"] = str(self.prefix)
        return variables

    def fetch_headers(self, log: Log) -> None:
        """Python's headers into the environment where the machine lacks them.

        The Python that runs this is to be of the environment's version. Raises StepError.
        """
        lacks = prerequisites.missing(sys.version_info[:2], python_headers.folder(self.prefix))
        if "Python.h" not in lacks:
            return
        lacks = {"Python.h": lacks["Python.h"]}
        package = python_headers.package()
        if package is None:
            raise StepError(prerequisites.advice(lacks))
        say(f"fetching Python's headers, which this machine lacks, into {self.prefix.name} ({package})")
        try:
            python_headers.fetch(package, self.prefix, log)
        except StepError as error:
            raise StepError(f"{prerequisites.advice(lacks)} ({error})") from None

    def correct_wheels(self) -> None:
        """Let the wheels' CMake files name the headers that are here."""
        numpy = self.site_packages / "numpy" / "_core" / "include"
        ros_wheels.fix(self.prefix, str(python_headers.folder(self.prefix)), str(numpy))


@dataclass(frozen=True)
class Workspace:
    """A colcon workspace.

    folder: where colcon makes build, install and log.
    sources: the packages, one a folder.
    also: with it every package is built, and these folders, which are installed by some, are watched too; without it,
        the message packages alone.
    """

    folder: Path
    sources: Path
    also: tuple[Path, ...] = ()

    @property
    def install(self) -> Path:
        """Where colcon installs the packages, each in a prefix of its own."""
        return self.folder / "install"

    def found_in(self, prefixes: str) -> list[str]:
        """The message packages that another installation, such as a system ROS 2, has, so that ours are not built.

        ``prefixes`` is an AMENT_PREFIX_PATH; what this workspace has installed does not count.
        """
        others = [Path(prefix) for prefix in prefixes.split(os.pathsep) if prefix]
        others = [prefix for prefix in others if self.folder not in prefix.parents]
        return [name for name in NAMES if any((p / "share" / name / "package.xml").exists() for p in others)]

    def build(self, environment: Environment, requirements: str, stamps: Stamps, log: Log) -> None:
        """Build what has changed, and let the environment find the messages.

        ``requirements`` is the digest of what is installed in the environment. Raises StepError.
        """
        variables = environment.variables()
        skipped = self.found_in(variables.get("AMENT_PREFIX_PATH", "")) if environment.ros else []
        built = [name for name in NAMES if name not in skipped]
        sources = [self.sources, *self.also] if self.also else [self.sources / name for name in built]
        current = digest(requirements, skipped, contents(*sources))
        paths_file = environment.site_packages / PATHS_FILE
        if stamps.up_to_date("messages", current, paths_file, *(self.install / name for name in built)):
            return
        say(f"building {'the ROS 2 workspace' if self.also else ', '.join(built)} (a minute or so)")
        if not stamps.up_to_date("underlay", requirements):
            for folder in (self.folder / "build", self.install):
                shutil.rmtree(folder, ignore_errors=True)
        if not environment.ros:
            environment.correct_wheels()
        log.run("building the message packages", self._command(environment, built, skipped), variables, self.folder)
        stamps.finish("underlay", requirements)
        folders = [p.parent for name in built for p in sorted(self.install.glob(f"**/lib/python3*/*-packages/{name}"))]
        if not folders:
            raise StepError(f"building left no message package in {self.install}, {log.name} says why")
        paths_file.write_text("".join(f"{folder}\n" for folder in folders))
        stamps.finish("messages", current)

    def _command(self, environment: Environment, built: list[str], skipped: list[str]) -> list[object]:
        command: list[object] = ["colcon", "--log-base", self.folder / "log", "build", "--base-paths", self.sources]
        command += ["--build-base", self.folder / "build", "--install-base", self.install]
        if not self.also:
            command += ["--packages-select", *built]
        elif skipped:
            command += ["--packages-skip", *skipped]
        if not environment.ros:
            command += ["--cmake-args", "-GNinja", f"-DPython3_EXECUTABLE={environment.python}"]
            command += [f"-DPython3_INCLUDE_DIR={python_headers.folder(environment.prefix)}"]
        return command
