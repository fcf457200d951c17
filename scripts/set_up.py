"""Set the project up: .venv with the locked requirements, the project itself, and the message packages built.

Run by "make setup" with the Python that .venv is to be made from. Standard library only. What is up to date is left
alone: each step keeps a digest of what it was made of.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    # Nothing is installed yet: the package is taken from its folder, which has another name.
    sys.modules["spikedrive_nodes"] = types.ModuleType("spikedrive_nodes")
    sys.modules["spikedrive_nodes"].__path__ = [str(ROOT / "nodes")]

from spikedrive_nodes.processes.setup import message_packages, prerequisites, python_headers  # noqa: E402
from spikedrive_nodes.processes.setup.steps import (  # noqa: E402
    MADE_BY_MAKE,
    Log,
    Stamps,
    StepError,
    contents,
    digest,
    one_at_a_time,
    say,
)

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.txt"
LOG = Log(ROOT / "build" / "setup.log", "build/setup.log")
# What the project's install links to.
INSTALLED = ("benchmarks", "launch", "nodes", "ros_ws/src", "snn_core")
# Of the requirements, what a system ROS 2 brings itself, in the versions that fit it.
FROM_SYSTEM_ROS = re.compile(r"(ros-.*|empy|lark-parser|cmake|ninja)==")


def locked(lock: str, keep: re.Pattern[str] | None = None, drop: re.Pattern[str] | None = None) -> str:
    """The requirements of a lock that match ``keep`` and do not match ``drop``, with their hashes."""
    entries = re.findall(r"^[\w.-]+==.*(?:\n[ \t]+.*)*", lock, flags=re.MULTILINE)
    chosen = [e for e in entries if (not keep or keep.match(e)) and not (drop and drop.match(e))]
    return "\n".join(chosen) + "\n"


def make_venv(stamps: Stamps, ros: str | None) -> str:
    """A virtual environment from the Python that runs this; the digest of what it depends on."""
    headers = python_headers.folder(VENV)
    fetched = [headers] if VENV in headers.parents else []
    current = digest("venv", ROOT, sys.version, os.path.realpath(sys.executable), ros, *fetched)
    if not stamps.up_to_date("venv", current, PYTHON):
        if ros:
            what = f"importing rclpy of the sourced ROS 2 {ros} with {sys.executable} (PYTHON=/usr/bin/python3 may do)"
            LOG.run(what, [sys.executable, "-c", "import rclpy"])
        say(f"making .venv with Python {sys.version.split()[0]}" + (" and the system's ROS 2" if ros else ""))
        shutil.rmtree(VENV, ignore_errors=True)
        LOG.run("making .venv", [sys.executable, "-m", "venv", *(["--system-site-packages"] if ros else []), VENV])
        stamps.digests.clear()
        stamps.finish("venv", current)
    return current


def install_requirements(stamps: Stamps, venv: str, ros: str | None) -> str:
    lock = LOCK.read_text()
    current = digest(venv, lock)
    if not stamps.up_to_date("requirements", current):
        wanted = locked(lock, drop=FROM_SYSTEM_ROS if ros else None)
        say(f"installing {len(re.findall('(?m)^[^ ]+==', wanted))} locked requirements")
        installer, chosen = VENV / "requirements-uv.txt", VENV / "requirements.txt"
        installer.write_text(locked(lock, keep=re.compile("uv==")))
        chosen.write_text(wanted)
        # Isolated and even when there is a uv already: a system ROS 2 may lend .venv packages that .venv is to have.
        pip = [PYTHON, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--ignore-installed"]
        LOG.run("installing the installer uv", [*pip, "--require-hashes", "-r", installer])
        uv = [VENV / "bin" / "uv", "pip", "install", "--python", PYTHON, "--no-deps", "--require-hashes"]
        LOG.run("installing the requirements", [*uv, "-r", chosen])
        stamps.finish("requirements", current)
    return current


def install_project(stamps: Stamps, requirements: str) -> None:
    """An editable install of symbolic links, which a new file needs to be made again."""
    names = [name for name, _ in contents(*(ROOT / folder for folder in INSTALLED))]
    current = digest(requirements, names, (ROOT / "pyproject.toml").read_text())
    links = list((ROOT / "build").glob("__editable__.spikedrive-*"))
    if not links or not stamps.up_to_date("project", current, VENV / "bin" / "spikedrive"):
        say("installing the project (editable)")
        for folder in links:
            shutil.rmtree(folder)
        uv = [VENV / "bin" / "uv", "pip", "install", "--python", PYTHON, "--no-deps", "--no-build-isolation"]
        LOG.run("installing the project", [*uv, "--config-settings", "editable_mode=strict", "--editable", ROOT])
        stamps.finish("project", current)


def message_environment(ros: str | None) -> message_packages.Environment:
    """.venv, for the message packages."""
    version = "python{}.{}".format(*sys.version_info)
    return message_packages.Environment(VENV, PYTHON, VENV / "lib" / version / "site-packages", ros)


def workspace(ros: str | None) -> message_packages.Workspace:
    """The message packages, or on a system ROS 2 the whole workspace, whose package spikedrive installs folders."""
    also = tuple(ROOT / name for name in ("snn_core", "nodes", "launch")) if ros else ()
    return message_packages.Workspace(ROOT / "ros_ws", ROOT / "ros_ws" / "src", also)


def set_up(ros: str | None) -> None:
    """All steps, each only where something changed. Raises StepError."""
    LOG.path.parent.mkdir(exist_ok=True)
    with one_at_a_time(LOG.path.with_suffix(".lock")):
        stamps = Stamps(VENV / MADE_BY_MAKE)
        before = dict(stamps.digests)
        venv = make_venv(stamps, ros)
        environment = message_environment(ros)
        environment.fetch_headers(LOG)
        requirements = install_requirements(stamps, venv, ros)
        install_project(stamps, requirements)
        workspace(ros).build(environment, requirements, stamps, LOG)
        if stamps.digests != before:
            say("ready")


def main() -> int:
    reason = prerequisites.check(VENV)
    if reason is None:
        try:
            set_up(prerequisites.system_ros(dict(os.environ)))
            return 0
        except StepError as error:
            reason = str(error)
        except OSError as error:  # a full disk, a folder of another user
            reason = f"{error.filename}: {error.strerror}"
        except KeyboardInterrupt:
            reason = "interrupted; run it again to go on"
    say(reason)
    return 1


if __name__ == "__main__":
    sys.exit(main())
