"""The environment that ROS 2 needs, for processes that were started without sourcing anything.

Python finds rclpy and the messages by itself: they are in its environment, or a .pth file there names their folders
(see :mod:`spikedrive_nodes.processes.setup`). What is left are their shared libraries, which the loader looks up in
LD_LIBRARY_PATH as it was when the process started. So a process that lacks them there is started again, once.
"""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

from snn_core.errors import UserError
from spikedrive_nodes.processes import discovery
from spikedrive_nodes.processes.setup.installed import COMMAND, outdated, remedy

PACKAGES = ("rclpy", "event_camera_msgs", "tf2_msgs", "spikedrive_msgs")
_GUARD = "SPIKEDRIVE_ENVIRONMENT_SET"
_WHEELS_GUARD = "_ROS_WHEELS_BOOTSTRAP_COMPLETE"


def package_folder(name: str) -> Path:
    """Where a Python package is, without importing it. Raises UserError when it is not there."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"{name}: expected this Python package of ROS 2, found none; run: {remedy(name)}")
    return Path(spec.submodule_search_locations[0])


def _prefix(folder: Path) -> Path:
    """The install prefix that a ROS package's Python folder belongs to: the one with an ament index."""
    for parent in folder.parents:
        if (parent / "share" / "ament_index").is_dir():
            return parent
    raise UserError(f"{folder}: expected a ROS 2 package, found no share/ament_index above it")


def _with_missing(value: str | None, folders: list[Path]) -> str:
    """A search path with the folders that it lacks put in front of it."""
    present = [part for part in (value or "").split(os.pathsep) if part]
    missing = [str(folder) for folder in folders if str(folder) not in present]
    return os.pathsep.join([*dict.fromkeys(missing), *present])


def ros_environment() -> dict[str, str]:
    """A copy of ``os.environ`` with what ROS 2 processes need and it lacks; what the user has set stays.

    Discovery stays on the local host unless the environment says something about it. Raises UserError when rclpy or
    the messages are not there, or when another middleware is asked for than the wheels have.
    """
    environment = dict(os.environ)
    folders = [package_folder(name) for name in PACKAGES]
    if outdated():
        raise UserError(f"message packages: built for another version of SpikeDrive; run: {COMMAND}")
    prefixes = [_prefix(folder) for folder in folders]
    libraries = [prefix / "lib" for prefix in prefixes]
    if prefixes[0] == Path(sys.prefix):
        libraries += sorted(folders[0].parent.glob("ros_*.libs"))
        environment[_WHEELS_GUARD] = "1"  # else the wheels start every Python again to the same end
        if environment.setdefault("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp") != "rmw_fastrtps_cpp":
            raise UserError(
                f"RMW_IMPLEMENTATION={environment['RMW_IMPLEMENTATION']}: expected rmw_fastrtps_cpp, "
                "the only one that the ROS wheels have; unset it, or use a system ROS 2"
            )
    environment["LD_LIBRARY_PATH"] = _with_missing(environment.get("LD_LIBRARY_PATH"), libraries)
    environment["AMENT_PREFIX_PATH"] = _with_missing(environment.get("AMENT_PREFIX_PATH"), prefixes)
    if not any(environment.get(name) for name in discovery.VARIABLES):
        environment[discovery.RANGE] = "LOCALHOST"
    return environment


def ensure_ros_environment(before_restart: Callable[[], object] = lambda: None) -> None:
    """Make ``import rclpy`` and the message packages work in this process; call it before importing them.

    Where LD_LIBRARY_PATH must change this does not return: after ``before_restart`` the process starts again with the
    same arguments, once. Raises UserError as `ros_environment`.
    """
    environment = ros_environment()
    started_again = os.environ.get(_GUARD) == str(os.getpid())  # a child of such a process is not
    if environment["LD_LIBRARY_PATH"] != os.environ.get("LD_LIBRARY_PATH") and not started_again:
        environment[_GUARD] = str(os.getpid())
        before_restart()
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
    os.environ.update(environment)
