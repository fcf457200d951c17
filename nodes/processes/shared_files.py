"""Where launch files and parameter files are."""

from pathlib import Path

from snn_core.errors import UserError

_PACKAGED = Path(__file__).parents[1] / "launch"
"""In a wheel; in the install of a checkout, links to its ``launch``."""


def launch_folder() -> Path:
    """The folder that holds ``*.launch.py`` and ``config``. Raises UserError when there is none."""
    if (_PACKAGED / "config").is_dir():
        return _PACKAGED
    try:  # colcon installs it as ROS 2 packages have it
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
    except ImportError as error:
        raise UserError(f"{_PACKAGED}: expected launch files, found none; install SpikeDrive again") from error
    try:
        return Path(get_package_share_directory("spikedrive")) / "launch"
    except PackageNotFoundError as error:
        raise UserError("package spikedrive: not found; source ros_ws/install/setup.bash") from error


def parameter_file(name: str) -> Path:
    """A parameter file of ``launch/config`` by its name without .yaml."""
    return launch_folder() / "config" / f"{name}.yaml"


def shipped_or_path(path: Path | None) -> Path | None:
    """A shipped parameter file by its name (``lane_reward``), any other as it is."""
    named = None if path is None or path.exists() or path.name != str(path) else parameter_file(path.name)
    return named if named is not None and named.is_file() else path
