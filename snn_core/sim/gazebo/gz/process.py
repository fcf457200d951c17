"""Processes of a Gazebo Sim: its server, and helpers under the interpreter that has its bindings."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, TypedDict

from snn_core.errors import UserError
from snn_core.sim.gazebo.backend import OnWait
from snn_core.sim.gazebo.gz import helper as gz_helper
from snn_core.sim.gazebo.server import Server, display_command
from snn_core.sim.gazebo_settings import GazeboSettings

NAME = "gz"
INSTALL = "install gz-harmonic and python3-gz-transport13 (https://gazebosim.org/docs/harmonic/install)"
_SYSTEM_PYTHON = "/usr/bin/python3"
_PROBE_S = 30.0
_END_S = 2.0


class HelperPlan(TypedDict):
    """What a helper process is told. memory: file descriptor of the frames' shared memory, of ``slots`` frames."""

    world: str
    robot: str
    cmd_vel_topic: str
    odometry_topic: str
    camera_topic: str
    step_us: int
    width: int
    height: int
    slots: int
    memory: int


class Helper:
    """A process of ``gz_helper``, that reads and writes JSON objects, one a line."""

    def __init__(self, role: str, python: str, plan: HelperPlan, environment: dict[str, str], log: Path) -> None:
        self.log = log
        self._said = b""
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [python, gz_helper.__file__, role, json.dumps(plan)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=environment,
                pass_fds=(plan["memory"],),
                start_new_session=True,
            )

    def write(self, request: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # reading finds that it has ended
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()

    def read(self, timeout_s: float) -> list[dict[str, Any]] | None:
        """What it has said, waiting for a first line up to ``timeout_s``; None when it has ended."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], timeout_s)[0]:
            return []
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            return None
        *lines, self._said = (self._said + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def stop(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_server(
    gazebo: GazeboSettings, world: Path, folder: Path, environment: dict[str, str], on_wait: OnWait
) -> Server:
    """Start the server of a world file; its log and what it keeps in HOME lie in ``folder``."""
    engine = gazebo.render_engine
    options = ["--render-engine-server", engine] if engine else []
    display = None
    if os.environ.get("DISPLAY") or shutil.which("Xvfb") or engine == "ogre":
        display = display_command()
    else:
        options.append("--headless-rendering")  # ogre2 renders without a display, by EGL
    # gz keeps logs and settings in HOME; models that the user has fetched and the display's key are there, too.
    home = Path(environment.get("HOME", "/"))
    there = {"GZ_FUEL_CACHE_PATH": home / ".gz/fuel", "XAUTHORITY": home / ".Xauthority"}
    kept = {name: str(path) for name, path in there.items() if path.exists()}
    return Server(
        NAME,
        ["gz", "sim", "-s", *options, str(world)],
        kept | environment | {"HOME": str(folder)},
        display,
        folder / "server.log",
        on_wait,
        gazebo.start_timeout_s,
    )


def environment_of(gazebo: GazeboSettings) -> dict[str, str]:
    """Of server and helpers: a partition of their own on the loopback interface, or that of a running server."""
    environment = dict(os.environ)
    if gazebo.gz_partition:
        environment["GZ_PARTITION"] = gazebo.gz_partition
    elif not gazebo.attach:
        environment["GZ_PARTITION"] = f"spikedrive_{uuid.uuid4().hex}"
    if not gazebo.attach:
        environment["GZ_IP"] = "127.0.0.1"
    return environment


def find_python(chosen: str) -> str:
    """The interpreter that has Gazebo Sim's bindings: the chosen one, or the first that has of this and the system's.

    Raises UserError.
    """
    reasons = []
    for python in [chosen] if chosen else [sys.executable, _SYSTEM_PYTHON]:
        try:
            probe = subprocess.run(
                [python, gz_helper.__file__, "probe"], capture_output=True, text=True, timeout=_PROBE_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            reasons.append(str(error))
            continue
        if probe.returncode == 0:
            return python
        reasons.append(f"{python}: {' '.join(probe.stderr.split())[-200:]}")
    raise UserError(
        f"gazebo.gz_python: no Python bindings of Gazebo Sim ({'; '.join(reasons)}): {INSTALL}, "
        "or name the interpreter that has them"
    )
