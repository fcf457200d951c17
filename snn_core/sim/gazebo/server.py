"""A simulator's server and the display that it renders on: started, watched, ended, and what its log says."""

import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from snn_core.errors import UserError
from snn_core.sim.gazebo.backend import OnWait

GUARD = Path(__file__).with_name("guard.py")
_END_S = 9.0
_LOG_LINES = 3
_LOG_BYTES = 4096
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def display_command(folder: Path | None = None) -> list[str] | None:
    """How to start an X server without a screen, from the machine's Xvfb, or the one unpacked in ``folder``.

    None when there is a display already. Raises UserError when there is neither.
    """
    if os.environ.get("DISPLAY"):
        return None
    options = ["-screen", "0", "640x480x24", "-nolisten", "tcp"]
    unpacked = folder is not None and (folder / "usr/bin/Xvfb").exists()
    # An unpacked Xvfb looks for its parts in /usr, so that it must believe to be at home.
    if unpacked and os.geteuid() == 0:
        return ["chroot", str(folder), "/usr/bin/Xvfb", *options]
    if shutil.which("Xvfb"):
        return ["Xvfb", *options]
    if unpacked:
        return ["unshare", "--map-root-user", f"--root={folder}", "/usr/bin/Xvfb", *options]
    raise UserError(
        "DISPLAY: not set, and rendering needs one: install an X server without a screen (sudo apt-get install xvfb "
        "libgl1-mesa-dri)"
    )


class Server:
    """A server's process, with its display and the guard that ends both when this process is gone.

    name: how messages call it. log: path of the file that its output is appended to.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        display: list[str] | None,
        log: Path,
        on_wait: OnWait,
        timeout_s: float,
    ) -> None:
        """Start it; returns when its process runs. Raises UserError."""
        self.name, self.log = name, log
        log.touch()
        plan = {"server": command, "environment": environment, "display": display, "log": str(log)}
        self._guard = subprocess.Popen(
            [sys.executable, "-I", str(GUARD), json.dumps(plan)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._said = b""
        deadline = time.monotonic() + timeout_s
        try:
            while not (said := self._listen(0.1)):
                on_wait(f"starting {name}")
                if time.monotonic() > deadline:
                    raise self.failure(f"not started within {timeout_s:g} s")
            if "pids" not in said:
                raise self.failure(f"cannot be started: {said.get('failed', 'its guard has ended')}")
        except BaseException:
            self.stop()
            raise
        self.pids: list[int] = said["pids"]
        """Process ids of the server and, if one was started, of its display."""

    def check(self) -> None:
        """Raises UserError when the server has ended."""
        if said := self._listen(0.0):
            code = said.get("ended")
            how = f"ended with code {code}" if code is None or code >= 0 else f"was ended by signal {-code}"
            raise self.failure(how)

    def failure(self, what: str) -> UserError:
        """An error in one line with the last lines of the server's log."""
        return UserError(f"{self.name}: {what}; its log {self.log} ends: {last_lines(self.log)}")

    def stop(self) -> None:
        """End server and display."""
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._guard.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # its children go with it
            self._guard.wait()

    def _listen(self, timeout_s: float) -> dict[str, Any]:
        """What the guard says next; {} when it says nothing, {"ended": ...} when it is gone."""
        assert self._guard.stdout is not None
        ready, _, _ = select.select([self._guard.stdout], [], [], timeout_s)
        if not ready:
            return {}
        data = os.read(self._guard.stdout.fileno(), 4096)
        self._said += data
        line, newline, rest = self._said.partition(b"\n")
        if newline:
            self._said = rest
            return json.loads(line)
        return {} if data else {"ended": self._guard.poll()}


def last_lines(log: Path) -> str:
    """The end of a log, in one line."""
    try:
        data = log.read_bytes()[-_LOG_BYTES:]
    except OSError as error:
        return str(error)
    text = _ESCAPES.sub("", data.decode(errors="replace"))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_LOG_LINES:]) or "(it is empty)"
