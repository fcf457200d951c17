"""The simulators' processes, as the one that measures sees them."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, Self

from snn_core.errors import UserError
from spikedrive_benchmarks.snn.simulators import ALWAYS, NAMES, PACKAGES

THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def environment() -> dict[str, str]:
    """Of a process that imports what this one does, on one thread."""
    return {**os.environ, **dict.fromkeys(THREAD_COUNTS, "1"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def available() -> list[str]:
    """The simulators that are installed here."""
    return [name for name in NAMES if name in ALWAYS or importlib.util.find_spec(PACKAGES[name]) is not None]


def chosen(names: Sequence[str]) -> list[str]:
    """The simulators of these names, in our order; all that are installed for none. Raises UserError for one that is
    unknown or not installed.
    """
    there = available()
    for name in names:
        if name not in NAMES:
            raise UserError(f"--simulator {name}: expected one of {', '.join(NAMES)}")
        if name not in there:
            raise UserError(f"--simulator {name}: not installed here; make bench-setup installs all that are compared")
    return [name for name in there if not names or name in names]


class Worker:
    """A simulator's process, building its network; the first question waits until that is done.

    Args:
        simulator: one of ``NAMES``.
        workload: as ``workloads.workload`` takes it.
        steps: all that will be asked for.
        input_hz: rate of its inputs; None: the workload's own.
        plastic: whether its weights change.
    """

    def __init__(
        self, simulator: str, workload: str, steps: int, input_hz: float | None = None, plastic: bool = True
    ) -> None:
        self.simulator = simulator
        asked = {
            "simulator": simulator,
            "workload": workload,
            "steps": steps,
            "input_hz": input_hz,
            "plastic": plastic,
        }
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.worker", json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=environment(),
            text=True,
        )
        self._about: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()

    @property
    def about(self) -> dict[str, Any]:
        """``version``, ``note`` and ``build_s``."""
        if not self._about:
            self._about = self._read()
        return self._about

    def ask(self, question: str, steps: int = 0) -> Any:
        """The answer to one of the questions that ``worker`` lists. Raises RuntimeError when the process has ended."""
        assert self.about
        assert self._process.stdin is not None
        self._process.stdin.write(f"{question} {steps}\n")
        self._process.stdin.flush()
        return self._read()["answer"]

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # simulators greet on their standard output
                return json.loads(line)
        self._process.wait()
        self._complaints.seek(0)
        raise RuntimeError(f"{self.simulator} ended with {self._process.returncode}: {self._complaints.read()[-4000:]}")
