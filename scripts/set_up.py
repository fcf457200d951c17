"""Set the project up: .venv with the locked requirements, the project itself, and the message packages built.

Run by "make setup" with the Python that .venv is to be made from. Standard library only. What is up to date is left
alone: each step keeps a digest of what it was made of.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import prerequisites
import python_headers

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.txt"
LOG = ROOT / "build" / "setup.log"
WORKSPACE = ROOT / "ros_ws"
MESSAGE_PACKAGES = ["event_camera_msgs", "tf2_msgs", "spikedrive_msgs"]
# Of the requirements, what a system ROS 2 brings itself, in the versions that fit it.
FROM_SYSTEM_ROS = re.compile(r"(ros-.*|empy|lark-parser|cmake|ninja)==")


class StepError(Exception):
    """A step of the set-up did not work; the message is for the user."""


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def run(what: str, command: list[object], environment: dict[str, str] | None = None, folder: Path = ROOT) -> None:
    """Run a command with its output in the log. Raises StepError."""
    with LOG.open("a") as log:
        print(f"\n$ {' '.join(map(str, command))}", file=log, flush=True)
        status = subprocess.run(
            list(map(str, command)),
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if status:
        raise StepError(f"{what} failed, {LOG.relative_to(ROOT)} says why")


def digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def contents(*folders: Path) -> list[tuple[str, str]]:
    """Name and digest of every file in the folders, sorted."""
    files = sorted(p for folder in folders for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return [(str(path.relative_to(ROOT)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]


class Stamps:
    """Digests of what each finished step was made of, kept in .venv so that they go with it."""

    path = VENV / "spikedrive-setup.json"

    def __init__(self) -> None:
        try:
            self.digests = json.loads(self.path.read_text())
        except (OSError, ValueError):
            self.digests = {}

    def up_to_date(self, step: str, current: str, *made: Path) -> bool:
        return self.digests.get(step) == current and all(path.exists() for path in made)

    def finish(self, step: str, current: str) -> None:
        self.digests[step] = current
        self.path.write_text(json.dumps(self.digests, indent=1))


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
            run(what, [sys.executable, "-c", "import rclpy"])
        say(f"making .venv with Python {sys.version.split()[0]}" + (" and the system's ROS 2" if ros else ""))
        shutil.rmtree(VENV, ignore_errors=True)
        run("making .venv", [sys.executable, "-m", "venv", *(["--system-site-packages"] if ros else []), VENV])
        stamps.digests.clear()
        stamps.finish("venv", current)
    return current


def fetch_headers() -> None:
    """Python's headers into .venv where the machine lacks them. Raises StepError."""
    lacks = prerequisites.missing(sys.version_info[:2], python_headers.folder(VENV))
    if "Python.h" not in lacks:
        return
    package = python_headers.package()
    if package is None:
        raise StepError(prerequisites.advice(lacks))
    say(f"fetching Python's headers, which this machine lacks, into .venv ({package})")
    try:
        python_headers.fetch(package, VENV, run)
    except StepError as error:
        raise StepError(f"{prerequisites.advice(lacks)} ({error})") from None


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
        run("installing the installer uv", [*pip, "--require-hashes", "-r", installer])
        uv = [VENV / "bin" / "uv", "pip", "install", "--python", PYTHON, "--no-deps", "--require-hashes"]
        run("installing the requirements", [*uv, "-r", chosen])
        stamps.finish("requirements", current)
    return current


def install_project(stamps: Stamps, requirements: str) -> None:
    """An editable install of symbolic links, which a new file needs to be made again."""
    names = [name for name, _ in contents(ROOT / "benchmarks", ROOT / "snn_core", ROOT / "nodes")]
    current = digest(requirements, names, (ROOT / "pyproject.toml").read_text())
    links = list((ROOT / "build").glob("__editable__.spikedrive-*"))
    if not links or not stamps.up_to_date("project", current, VENV / "bin" / "spikedrive"):
        say("installing the project (editable)")
        for folder in links:
            shutil.rmtree(folder)
        uv = [VENV / "bin" / "uv", "pip", "install", "--python", PYTHON, "--no-deps", "--no-build-isolation"]
        run("installing the project", [*uv, "--config-settings", "editable_mode=strict", "--editable", ROOT])
        stamps.finish("project", current)


def build_environment(ros: str | None) -> dict[str, str]:
    """What colcon is to see: .venv, and below it the wheels or the system ROS 2 and nothing else."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    environment["PATH"] = f"{VENV / 'bin'}{os.pathsep}{environment['PATH']}"
    environment["VIRTUAL_ENV"] = str(VENV)
    if not ros:
        for name in ("PYTHONPATH", "LD_LIBRARY_PATH", "COLCON_PREFIX_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"):
            environment.pop(name, None)
        environment["AMENT_PREFIX_PATH"] = environment["CMAKE_PREFIX_PATH"] = str(VENV)
    return environment


def packages_of_system_ros(environment: dict[str, str]) -> list[str]:
    """The message packages that the system ROS 2 has itself, so that ours are not built."""
    prefixes = [Path(p) for p in environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    prefixes = [p for p in prefixes if WORKSPACE not in p.parents]
    return [name for name in MESSAGE_PACKAGES if any((p / "share" / name / "package.xml").exists() for p in prefixes)]


def build_messages(stamps: Stamps, requirements: str, ros: str | None) -> None:
    """Build the message packages with colcon (on a system ROS 2 the whole workspace) and let .venv find them."""
    environment = build_environment(ros)
    skipped = packages_of_system_ros(environment) if ros else []
    built = [name for name in MESSAGE_PACKAGES if name not in skipped]
    sources = [WORKSPACE / "src"] if ros else [WORKSPACE / "src" / name for name in built]
    # The package spikedrive, part of the whole workspace, installs these.
    sources += [ROOT / name for name in ("snn_core", "nodes", "launch")] if ros else []
    current = digest(requirements, skipped, contents(*sources))
    install = WORKSPACE / "install"
    if stamps.up_to_date("messages", current, *(install / name for name in built)):
        return
    say(f"building {'the ROS 2 workspace' if ros else ', '.join(built)} (a minute or so)")
    if not stamps.up_to_date("underlay", requirements):
        for folder in (WORKSPACE / "build", install):
            shutil.rmtree(folder, ignore_errors=True)
    command: list[object] = [VENV / "bin" / "colcon", "build"]
    if ros:
        command += ["--packages-skip", *skipped] if skipped else []
    else:
        run("correcting the ROS wheels", [PYTHON, ROOT / "scripts" / "fix_ros_wheels.py"], environment)
        command += ["--packages-select", *built, "--cmake-args", "-GNinja"]
        command += [f"-DPython3_INCLUDE_DIR={python_headers.folder(VENV)}"]
    run("building the message packages", command, environment, WORKSPACE)
    stamps.finish("underlay", requirements)

    folders = [path.parent for name in built for path in sorted(install.glob(f"**/lib/python3*/*-packages/{name}"))]
    if not folders:
        raise StepError(f"building left no message package in {install}, {LOG.relative_to(ROOT)} says why")
    site = next(VENV.glob("lib/python3*/site-packages"))
    (site / "spikedrive_messages.pth").write_text("".join(f"{folder}\n" for folder in folders))
    stamps.finish("messages", current)


def set_up(ros: str | None) -> None:
    """All steps, each only where something changed. Raises StepError."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two verbs at once
        stamps = Stamps()
        before = dict(stamps.digests)
        venv = make_venv(stamps, ros)
        fetch_headers()
        requirements = install_requirements(stamps, venv, ros)
        install_project(stamps, requirements)
        build_messages(stamps, requirements, ros)
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
