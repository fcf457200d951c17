"""Where launch files and parameter files are: in a checkout, or in what colcon has installed."""

from pathlib import Path

from snn_core.errors import UserError


def launch_folder() -> Path:
    """The folder that holds ``*.launch.py`` and ``config``. Raises UserError when there is none."""
    checkout = Path(__file__).resolve().parents[2] / "launch"
    if (checkout / "config").is_dir():
        return checkout
    try:
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
    except ImportError as error:
        raise UserError("launch/config: not found beside the program; run spikedrive from a checkout") from error
    try:
        return Path(get_package_share_directory("spikedrive")) / "launch"
    except PackageNotFoundError as error:
        raise UserError("package spikedrive: not found; source ros_ws/install/setup.bash") from error


def parameter_file(name: str) -> Path:
    """A parameter file of ``launch/config`` by its name without .yaml."""
    return launch_folder() / "config" / f"{name}.yaml"
