"""The guard and the server that it watches, with ordinary programs in a simulator's place."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from snn_core.errors import UserError
from snn_core.sim.gazebo.server import Server, last_lines
from tests.processes import descendants, gone

pytestmark = pytest.mark.processes
PATIENCE_S = 30.0
Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a shell script as a server; all are ended afterwards."""
    servers = []

    def start(script: str, display: list[str] | None = None) -> Server:
        command = ["sh", "-c", script]
        log = tmp_path / "log"
        server = Server("a server", command, dict(os.environ), display, log, lambda what: None, PATIENCE_S)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def failure(server: Server) -> str:
    """What is said of a server that ends by itself."""

    def wait_for_the_end() -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            server.check()
            time.sleep(0.02)

    with pytest.raises(UserError) as caught:
        wait_for_the_end()
    return str(caught.value)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo one; echo two; exit 3", "ended with code 3"),
        ("echo one; echo two; kill -SEGV $$", "was ended by signal 11"),
    ],
)
def test_end_is_told_with_the_logs_last_lines(start: Start, script: str, said: str, tmp_path: Path) -> None:
    assert failure(start(script)) == f"a server: {said}; its log {tmp_path / 'log'} ends: one | two"


@pytest.mark.parametrize("script", ["sleep 600 & sleep 600", "trap '' TERM; sleep 600 & while :; do sleep 1; done"])
@pytest.mark.parametrize("stopped", [False, True])
def test_stop_ends_the_whole_group(start: Start, script: str, stopped: bool) -> None:
    server = start(script)
    until(lambda: descendants(server.pids[0]))
    pids = [*server.pids, *descendants(server.pids[0])]
    if stopped:
        os.kill(pids[0], signal.SIGSTOP)
    server.stop()
    assert gone(pids, 1.0)


OWNER = """
import os, pathlib, sys, time
from snn_core.sim.gazebo.server import Server
script = ["sh", "-c", "sleep 600 & sleep 600"]
server = Server("s", script, dict(os.environ), None, pathlib.Path(sys.argv[1]), lambda what: None, 30.0)
print(*server.pids, flush=True)
time.sleep(600)
"""


def test_nothing_outlives_an_owner_that_is_killed(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        (server,) = map(int, owner.stdout.readline().split())
        until(lambda: descendants(server))
        pids = descendants(owner.pid)  # the guard, the server and its child
        assert server in pids
    finally:
        owner.kill()
        owner.communicate()
    assert gone(pids, 10.0)


def test_guard_killed_takes_the_server_with_it(start: Start) -> None:
    server = start("exec sleep 600")
    (guard,) = [pid for pid in descendants(os.getpid()) if server.pids[0] in descendants(pid)]
    os.kill(guard, signal.SIGKILL)
    assert gone(server.pids, 10.0)
    assert "a server: " in failure(server)


def test_display_is_handed_on(start: Start, tmp_path: Path) -> None:
    display = tmp_path / "display"  # as an X server: writes its number to the descriptor that it is given
    display.write_text(f"#!{sys.executable}\nimport os, sys, time\nos.write(int(sys.argv[2]), b'4')\n"
                       "os.write(int(sys.argv[2]), b'2\\n')\ntime.sleep(600)\n")  # fmt: skip
    display.chmod(0o755)
    server = start("echo display $DISPLAY; exec sleep 600", [str(display)])
    until(lambda: (tmp_path / "log").read_text() == "display :42\n")
    assert len(server.pids) == 2
    server.stop()
    assert gone(server.pids, 1.0)


@pytest.mark.parametrize(
    ("display", "said"), [("/bin/false", "did not start a display within"), ("/nowhere/Xvfb", "No such file")]
)
def test_display_that_fails(start: Start, display: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"a server: cannot be started: .*{said}"):
        start("sleep 600", [display])


def test_command_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a server: cannot be started: .*/nowhere/server"):
        Server("a server", ["/nowhere/server"], {}, None, tmp_path / "log", lambda what: None, PATIENCE_S)


def test_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert "No such file" in last_lines(log)
    log.write_text("\n \n")
    assert last_lines(log) == "(it is empty)"
    log.write_bytes(b"x" * 10_000 + b"\none\n\n\x1b[1;31mtwo\x1b[0m \n\xff three\n")
    assert last_lines(log) == "one | two | \ufffd three"
