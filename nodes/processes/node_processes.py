"""Nodes as processes of their own: started with a parameter file, watched, and ended by their pid."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import yaml

from snn_core.errors import UserError
from snn_core.files import StrictModel
from spikedrive_nodes.processes.environment import ros_environment

PARENT = "SPIKEDRIVE_PARENT"
"""Environment variable: pid of the process without which a node ends."""
_END_S = 5.0


def free_domain_id() -> int:
    """A ROS domain that nobody on this host uses now, by the ports that DDS gives it (DDSI-RTPS 9.6.1.1)."""
    domains = list(range(1, 101))
    random.shuffle(domains)
    for domain in domains:
        try:
            for offset in (10, 11):  # unicast ports of a domain's first participant
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind(("0.0.0.0", 7400 + 250 * domain + offset))
        except OSError:
            continue
        return domain
    raise UserError("ROS_DOMAIN_ID: all of 1 to 100 are in use on this host; end what runs there, or set ROS_DOMAIN_ID")


def write_parameters(path: Path, sections: Mapping[str, StrictModel]) -> None:
    """Write a ROS 2 parameter file with a section ``/**/NODE`` for each node."""
    data: dict[str, Any] = {
        f"/**/{node}": {"ros__parameters": _without_empty(parameters.model_dump())}
        for node, parameters in sections.items()
    }
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without sections that hold nothing: rcl takes an empty one for a parameter."""
    parts = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in parts.items() if value != {}}


class NodeProcesses:
    """A group of node processes that ends as one. Use as a context manager.

    Args:
        domain_id: ROS domain, None for that of the environment.
        log_folder: each node's output goes to NAME.log there; None: to this process's own.
    """

    def __init__(self, domain_id: int | None = None, log_folder: Path | None = None) -> None:
        self._environment = ros_environment()
        self._environment[PARENT] = str(os.getpid())
        if domain_id is not None:
            self._environment["ROS_DOMAIN_ID"] = str(domain_id)
        self._log_folder = log_folder
        self._processes: dict[str, subprocess.Popen] = {}
        self._logs: dict[str, IO[bytes]] = {}

    def start(self, node: str, arguments: Sequence[str] = (), name: str | None = None) -> None:
        """Start ``node`` (its module's name) with ``--ros-args`` and ``arguments``; ``name`` tells two of a kind
        apart.
        """
        name = name or node
        if self._log_folder is not None:
            self._log_folder.mkdir(parents=True, exist_ok=True)
            self._logs[name] = (self._log_folder / f"{name}.log").open("wb")
        command = [sys.executable, "-m", f"spikedrive_nodes.{node}", "--ros-args", *arguments]
        # A session of its own, so that Ctrl-C reaches this process alone, which then ends the nodes in order.
        self._processes[name] = subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._logs.get(name),
            stderr=subprocess.STDOUT if name in self._logs else None,
            start_new_session=True,
        )

    def pid(self, name: str) -> int:
        """Process id of a node."""
        return self._processes[name].pid

    def ended(self) -> dict[str, int]:
        """Exit codes of the nodes that have ended by themselves."""
        return {name: process.returncode for name, process in self._processes.items() if process.poll() is not None}

    def check(self) -> None:
        """Raises UserError with a node's last line when one has ended."""
        for name, code in self.ended().items():
            raise UserError(f"{name}: ended with code {code}: {self._last_line(name)}")

    def _last_line(self, name: str) -> str:
        if self._log_folder is None:
            return "see above"
        path = self._log_folder / f"{name}.log"
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"{lines[-1]} ({path})" if lines else f"no output ({path})"

    def end(self) -> None:
        """SIGTERM to all, SIGKILL to those that have not ended after a while."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()  # SIGINT would make one that is still importing print a traceback
        deadline = time.monotonic() + _END_S
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for log in self._logs.values():
            log.close()

    def wait(self) -> None:
        """Wait until the first of them has ended."""
        while not self.ended():
            time.sleep(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()
