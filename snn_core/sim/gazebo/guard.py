"""A process between a node and a simulator's server, that ends the server when the node is gone, however it went.

Run by path, with one JSON object as argument: ``server`` (command), ``environment``, ``log`` (path), ``display``
(command of an X server that takes ``-displayfd``, or null). Says on standard output, a JSON object a line: ``pids``
once all run, or ``failed``; later ``ended``, the server's exit code. Ends all when standard input closes. Standard
library only: it has to start at once.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

PR_SET_PDEATHSIG = 1
"""See prctl(2)."""
ADDR_NO_RANDOMIZE = 0x0040000
"""See personality(2)."""
DISPLAY_S = 20.0
END_S = 3.0


def say(**what: object) -> None:
    """A line for the node, if it still listens."""
    with contextlib.suppress(OSError):
        print(json.dumps(what), flush=True)


def prepare() -> None:
    """Ask the kernel for SIGKILL when this process's parent is killed, and for the same addresses in every run, by
    which physics engines sort what touches.
    """
    library = ctypes.CDLL(None)
    library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    library.personality(ADDR_NO_RANDOMIZE)


def start(command: list[str], environment: dict[str, str], log: Any, keep: tuple[int, ...] = ()) -> subprocess.Popen:
    """Start a command in a process group of its own."""
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=keep,
        start_new_session=True,
        preexec_fn=prepare,  # noqa: PLW1509 - there is one thread
    )


def read_line(source: int, patience_s: float) -> str:
    """The first line from a file descriptor, "" when it does not come. An X server writes its number in pieces."""
    data, deadline = b"", time.monotonic() + patience_s
    while not data.endswith(b"\n"):
        ready, _, _ = select.select([source], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(source, 16) if ready else b""
        if not piece:
            return ""
        data += piece
    return data.decode().strip()


def start_display(command: list[str], environment: dict[str, str], log: Any) -> tuple[subprocess.Popen, str | None]:
    """An X server and the display that it has chosen; None when it has not within a while."""
    reading, writing = os.pipe()
    display = start([*command, "-displayfd", str(writing)], environment, log, (writing,))
    os.close(writing)
    said = read_line(reading, DISPLAY_S)
    os.close(reading)
    return display, f":{said}" if said else None


def end(process: subprocess.Popen | None) -> None:
    """SIGTERM to the group, also to one that is stopped, and SIGKILL when that does not end it."""
    if process is None:
        return
    for number, patience_s in ((signal.SIGTERM, END_S), (signal.SIGKILL, END_S)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
            os.killpg(process.pid, signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    process.poll()


def watch(server: subprocess.Popen) -> None:
    """Wait until the server has ended or standard input has closed."""
    while True:
        if (code := server.poll()) is not None:
            say(ended=code)
            return
        ready, _, _ = select.select([sys.stdin], [], [], 0.1)
        if ready and not os.read(sys.stdin.fileno(), 1024):
            return


def main() -> None:
    """See the module."""
    plan = json.loads(sys.argv[1])
    environment = dict(plan["environment"])
    display = server = None

    def leave(*_: object) -> None:
        raise SystemExit

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    with open(plan["log"], "ab") as log:
        try:
            if plan["display"] is not None:
                display, name = start_display(plan["display"], {"PATH": os.environ.get("PATH", os.defpath)}, log)
                if name is None:
                    say(failed=f"{plan['display'][0]} did not start a display within {DISPLAY_S:g} s")
                    return
                environment["DISPLAY"] = name
            server = start(plan["server"], environment, log)
            say(pids=[process.pid for process in (server, display) if process is not None])
            watch(server)
        except OSError as error:
            say(failed=str(error))
        finally:
            begin = time.monotonic()
            end(server)
            end(display)
            print(f"guard: ended all in {time.monotonic() - begin:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
