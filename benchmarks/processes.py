"""What is compared runs in processes of its own, each on one thread; here as the one that measures sees them."""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Self

THREAD_COUNTS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


def environment() -> dict[str, str]:
    """Of a process that imports what this one does, on one thread."""
    return {**os.environ, **dict.fromkeys(THREAD_COUNTS, "1"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


class Process:
    """A process that says what it is in a line of JSON, and answers a line with a line of JSON.

    name: what it is called in errors.
    module: what runs in it, with ``asked`` as JSON for its argument. Its lines of JSON are objects, ``about`` the first
    of them; other lines of its output are ignored.
    """

    def __init__(self, name: str, module: str, asked: dict[str, Any]) -> None:
        self.name = name
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, json.dumps(asked)],
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
        """What it said first; waits for it. Raises RuntimeError when the process has ended."""
        if not self._about:
            self._about = self._read()
        return self._about

    def ask(self, question: str) -> Any:
        """The answer to a question. Raises RuntimeError when the process has ended."""
        assert self.about
        assert self._process.stdin is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        return self._read()["answer"]

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # libraries greet on their standard output
                return json.loads(line)
        self._process.wait()
        self._complaints.seek(0)
        raise RuntimeError(f"{self.name} ended with {self._process.returncode}: {self._complaints.read()[-4000:]}")
