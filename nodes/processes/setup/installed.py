"""The message packages of an installed wheel: their sources are package data, and ``spikedrive setup`` builds them."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from spikedrive_nodes.processes.setup import prerequisites
from spikedrive_nodes.processes.setup.message_packages import Environment, Workspace
from spikedrive_nodes.processes.setup.steps import (
    MADE_BY_MAKE,
    Log,
    Stamps,
    StepError,
    contents,
    digest,
    one_at_a_time,
    say,
)

COMMAND = "spikedrive setup"
INSTALL_EXTRA = "pip install 'spikedrive[ros]'"
_BUILD_NEEDS = ("Python.h", "a C++ compiler")
_SOURCES = Path(__file__).parents[2] / "ros_ws" / "src"


def kept_by_make() -> bool:
    """Whether this environment is the .venv of a checkout, which ``make setup`` keeps up to date."""
    return (Path(sys.prefix) / MADE_BY_MAKE).exists()


def remedy(package: str) -> str:
    """The command after which a Python package of ROS 2 is there."""
    if kept_by_make():
        return "make setup"
    return f"{INSTALL_EXTRA} && {COMMAND}" if package == "rclpy" else COMMAND


def outdated() -> bool:
    """Whether the built message packages are those of another version than this one."""
    built = _stamps().digests.get("sources")
    return built is not None and built != _sources_digest()


def missing_of_extra() -> list[str]:
    """Distributions of the extra ``ros`` that are not installed, sorted."""
    names = []
    for requirement in importlib.metadata.requires("spikedrive") or []:
        requirement_of_extra = re.fullmatch(r"""([\w.-]+).*;.*\bextra == ["']ros["'].*""", requirement)
        if requirement_of_extra:
            names.append(requirement_of_extra[1])
    return sorted(name for name in names if not _is_installed(name))


def set_up() -> None:
    """Build the message packages into this environment, unless they are up to date. Raises StepError."""
    if kept_by_make():
        raise StepError(f"{sys.prefix} belongs to a checkout; there, run: make setup")
    environment = Environment(
        Path(sys.prefix),
        Path(sys.executable),
        Path(sysconfig.get_path("purelib")),
        prerequisites.system_ros(dict(os.environ)),
    )
    _check(environment)
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    log = Log(folder / "setup.log")
    with one_at_a_time(folder / "setup.lock"):
        environment.fetch_headers(log)
        if environment.ros:
            log.run(f"importing rclpy of the sourced ROS 2 {environment.ros}", [sys.executable, "-c", "import rclpy"])
        stamps = _stamps()
        Workspace(folder, _SOURCES).build(environment, _requirements(environment), stamps, log)
        stamps.finish("sources", _sources_digest())
    say("ready")


def _check(environment: Environment) -> None:
    """Raises StepError with all that stands in the way."""
    needed = (*_BUILD_NEEDS, "make") if environment.ros else _BUILD_NEEDS
    reason = prerequisites.check(environment.prefix, COMMAND, needed)
    if reason:
        raise StepError(reason)
    if environment.ros:
        if shutil.which("colcon", path=environment.variables()["PATH"]) is None:
            raise StepError(
                "missing: colcon; on Debian or Ubuntu: sudo apt-get install python3-colcon-common-extensions"
            )
        return
    missing = missing_of_extra()
    if missing:
        others = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise StepError(f"missing: {missing[0]}{others} of the extra ros; run: {INSTALL_EXTRA}")
    if not (environment.prefix / "share" / "ament_index").is_dir():
        raise StepError(
            f"{environment.prefix}: the ROS wheels are not installed there; make a virtual environment, and in it run: "
            f"{INSTALL_EXTRA} && {COMMAND}"
        )


def _folder() -> Path:
    """What is built is here, in the environment."""
    return Path(sys.prefix) / "share" / "spikedrive" / "ros_ws"


def _stamps() -> Stamps:
    return Stamps(_folder() / "setup.json")


def _sources_digest() -> str:
    return digest([(Path(path).relative_to(_SOURCES), content) for path, content in contents(_SOURCES)])


def _requirements(environment: Environment) -> str:
    """Digest of what the message packages are built with."""
    wheels = sorted(
        f"{distribution.name}=={distribution.version}"
        for distribution in importlib.metadata.distributions()
        if re.match("ros-|numpy$|empy$|lark", distribution.name)
    )
    below = os.environ["AMENT_PREFIX_PATH"] if environment.ros else ""
    return digest(sys.version, sys.prefix, environment.ros, below, wheels)


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
