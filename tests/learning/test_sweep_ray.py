"""Sweeps on Ray: one on this machine, and two nodes on loopback of which one is killed."""

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tests.learning.sweep_work import RATE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.processes,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'spikedrive[sweep]'"),
]
SPIKEDRIVE = Path(sys.executable).with_name("spikedrive")
# Ray takes 127.0.0.1 of a node for a mistake, which would have its servers listen on all interfaces.
START = (
    "import ray._private.services as services; services.resolve_ip_for_localhost = lambda host: host;"
    "from ray.scripts.scripts import main; main()"
)
OPTIONS = ["--node-ip-address=127.0.0.1", "--num-cpus=1", "--object-store-memory=80000000", "--block"]
SPEC = {
    "run": {"seconds": 30.0, "evaluation_seconds": 5.0},
    "seeds": [0, 1, 2],
    "vary": {RATE: {"kind": "grid", "values": [5e-4, 1.4e-3, 4e-3]}},
    "sampler": {"name": "grid"},
    "objective": {"figure": "mean_abs_deviation_m"},
}


def environment() -> dict[str, str]:
    """Of all parts of a cluster: nothing leaves this machine, and who has no token has no access."""
    own = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {**os.environ, **own}


@contextmanager
def process(command: list[str], variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, which is killed at the end."""
    with log.open("wb") as file:
        started = subprocess.Popen(
            command, env=variables, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield started
        finally:
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGTERM)
                try:
                    started.wait(30)
                except subprocess.TimeoutExpired:
                    os.killpg(started.pid, signal.SIGKILL)
                    started.wait()


def wait_for(what: Callable[[], bool], seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
        time.sleep(0.2)


def answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def ended_runs(database: Path) -> list[tuple[int, str]]:
    """Trial and attribute of each run that the database has."""
    if not database.is_file():
        return []
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        rows = connection.execute("SELECT trial_id, key FROM trial_user_attributes WHERE key LIKE 'seed %'")
        return rows.fetchall()
    except sqlite3.OperationalError:  # it has no tables yet
        return []
    finally:
        connection.close()


def free_port() -> int:
    """Below those that Ray gives to its workers, and below those that the system gives to anybody."""
    for port in range(6400, 9000):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """For Ray's sockets, whose names may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_a_node_is_killed_in_mid_run_and_nothing_is_lost_or_run_twice(tmp_path: Path, short_folder: Path) -> None:
    port, variables = free_port(), environment()
    loopback = {**variables, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    ray = [sys.executable, "-c", START, "start"]
    head = [*ray, "--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={short_folder}", *OPTIONS]
    second = [*ray, f"--address=127.0.0.1:{port}", *OPTIONS]
    file, out, logs = tmp_path / "sweep.yaml", tmp_path / "out", [tmp_path / f"{n}.log" for n in range(3)]
    file.write_text(yaml.safe_dump(SPEC))
    command = [str(SPIKEDRIVE), "sweep", str(file), "--out", str(out), "--ray-address", f"127.0.0.1:{port}"]
    with process(head, loopback, logs[0]) as head_process:
        wait_for(lambda: answers(port) or head_process.poll() is not None, 180, logs[0])
        wait_for(lambda: "Ray runtime started" in logs[0].read_text(errors="replace"), 180, logs[0])
        with process(second, variables, logs[1]) as second_process:
            wait_for(lambda: "Ray runtime started" in logs[1].read_text(errors="replace"), 180, logs[1])
            with process(command, loopback, logs[2]) as sweep:
                wait_for(lambda: bool(ended_runs(out.with_name("out.db"))) or sweep.poll() is not None, 240, logs[2])
                time.sleep(1.0)
                before = len(ended_runs(out.with_name("out.db")))
                os.killpg(second_process.pid, signal.SIGKILL)
                assert sweep.wait(240) == 0, logs[2].read_text(errors="replace")[-3000:]
    runs = ended_runs(out.with_name("out.db"))
    assert before < len(runs) == len(set(runs)) == 9
    rows = json.loads((out / "table.json").read_text())["trials"]
    assert [row["state"] for row in rows] == ["complete"] * 3
    assert sorted(row["seeds"] for row in rows) == [[0, 1, 2]] * 3
