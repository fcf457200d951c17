"""Steps of a set-up: commands with a log, and digests that tell which steps are up to date."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

MADE_BY_MAKE = "spikedrive-setup.json"
"""Name of the stamps in an environment that "make setup" keeps."""


class StepError(Exception):
    """A step of the set-up did not work; the message is for the user."""


def say(text: str) -> None:
    """Tell the user what is being done."""
    print(f"setup: {text}", flush=True)


class Log:
    """The file that the output of commands goes to.

    Args:
        path: the file; its folder must exist.
        name: what the user is told it is called; None: ``path``.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.path = path
        self.name = name or str(path)

    def run(
        self,
        what: str,
        command: Sequence[object],
        environment: dict[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Run a command in ``folder``, the log's if none is given. Raises StepError."""
        with self.path.open("a") as log:
            print(f"\n$ {' '.join(map(str, command))}", file=log, flush=True)
            status = subprocess.run(
                list(map(str, command)),
                env=environment,
                cwd=folder or self.path.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        if status:
            raise StepError(f"{what} failed, {self.name} says why")


class Stamps:
    """Digests of what each finished step was made of, kept in the environment so that they go with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.digests: dict[str, str] = json.loads(path.read_text())
        except (OSError, ValueError):
            self.digests = {}

    def up_to_date(self, step: str, current: str, *made: Path) -> bool:
        """Whether the step was finished with this digest and what it made is there."""
        return self.digests.get(step) == current and all(path.exists() for path in made)

    def finish(self, step: str, current: str) -> None:
        """Keep the digest of a finished step."""
        self.digests[step] = current
        self._path.write_text(json.dumps(self.digests, indent=1))


def digest(*parts: object) -> str:
    """SHA-256 of what a step depends on."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def contents(*folders: Path) -> list[tuple[str, str]]:
    """Path and digest of every file in the folders, sorted."""
    files = sorted(p for folder in folders for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return [(str(path), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Wait until no other process is in here with the same lock file."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
