"""What a machine must have before anything is installed, and the Debian or Ubuntu package that has it.

Standard library only, and nothing newer than Python 3.7 in it: it must run where it says no.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Container
from pathlib import Path

from spikedrive_nodes.processes.setup import python_headers

OLDEST, NEWEST = (3, 11), (3, 14)


def system_ros(environment: dict[str, str]) -> str | None:
    """The ROS 2 distribution that is sourced, if any. (ROS images set ROS_DISTRO where nothing is sourced, too.)"""
    return environment.get("ROS_DISTRO") if environment.get("AMENT_PREFIX_PATH") else None


def refusal(
    python: tuple[int, int], system: str, machine: str, ros: str | None, command: str = "make setup"
) -> str | None:
    """Why SpikeDrive cannot run here over ROS 2 and what would do, in one line; None when it can.

    ``python`` is (major, minor), ``system`` and ``machine`` as :mod:`platform` calls them, ``ros`` the distribution
    that is sourced, ``command`` what the user ran.
    """
    if ros not in (None, "jazzy"):
        return f"ROS 2 {ros} is sourced, SpikeDrive needs Jazzy: run this in a shell where jazzy or no ROS is sourced"
    if not OLDEST <= python <= NEWEST:
        versions = [f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
        here = next((name for name in reversed(versions) if shutil.which(name)), None)
        return (
            f"Python {python[0]}.{python[1]} is not supported, 3.{OLDEST[1]} to 3.{NEWEST[1]} are: "
            + (f"{here} is here, run: " if here else "install one of them, then run for example: ")
            + f"PYTHON={here or versions[1]} make setup"
        )
    if ros is None and (system, machine) != ("Linux", "x86_64"):
        return (
            f"without a system ROS 2, SpikeDrive's nodes run on Linux x86_64 only, this is {system} {machine}: "
            f"install ROS 2 Jazzy, then run: . /opt/ros/jazzy/setup.sh && {command}"
        )
    return None


def missing(python: tuple[int, int], headers: Path) -> dict[str, str]:
    """What this machine lacks, each with the package to install; ``headers`` is the folder of Python.h."""
    version = f"python{python[0]}.{python[1]}"
    compilers = ("c++", "g++", "clang++")
    needed = {
        ("venv and ensurepip", f"{version}-venv"): all(importlib.util.find_spec(m) for m in ("venv", "ensurepip")),
        ("Python.h", f"{version}-dev"): (headers / "Python.h").exists(),
        ("a C++ compiler", "g++"): any(map(shutil.which, (*compilers, os.environ.get("CXX", "c++")))),
        ("make", "make"): shutil.which("make"),
        ("git", "git"): shutil.which("git"),
    }
    return {what: package for (what, package), found in needed.items() if not found}


def advice(lacks: dict[str, str]) -> str:
    return f"missing: {', '.join(lacks)}; on Debian or Ubuntu: sudo apt-get install {' '.join(lacks.values())}"


def check(prefix: Path, command: str = "make setup", needed: Container[str] | None = None) -> str | None:
    """All that stands in the way of a set-up of the environment ``prefix`` by ``command``, for the user to read.

    Of what :func:`missing` names only ``needed`` counts, None: all. Returns None when nothing stands in the way.
    """
    python, ros = sys.version_info[:2], system_ros(dict(os.environ))
    reason = refusal(python, platform.system(), platform.machine(), ros, command)
    if reason is None:
        lacks = missing(python, python_headers.folder(prefix))
        lacks = {what: package for what, package in lacks.items() if needed is None or what in needed}
        # A system ROS 2 names the machine's headers in its CMake files, so that fetched ones are of no use.
        if "Python.h" in lacks and ros is None and python_headers.package():
            del lacks["Python.h"]
        reason = advice(lacks) if lacks else None
    return reason
