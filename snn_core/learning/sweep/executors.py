"""Where runs are done: what the scheduler asks of a pool of long-lived workers, whoever provides it."""

from typing import NamedTuple, Protocol

from snn_core.learning.sweep.job import Job, Result


class Key(NamedTuple):
    """Which run."""

    trial: int
    seed: int


class Outcome(NamedTuple):
    """A run that has ended."""

    key: Key
    result: Result | None
    """None: what ran it has died."""
    died: str = ""
    """How."""


class Executor(Protocol):
    """A pool of workers."""

    def slots(self) -> int:
        """Runs that can be under way at once, now."""
        ...

    def submit(self, key: Key, job: Job) -> None:
        """Give a run to the pool, which may begin it at once or later."""
        ...

    def wait(self, timeout_s: float) -> list[Outcome]:
        """Runs that have ended, after ``timeout_s`` (wall time) at the latest; none where none has."""
        ...

    def close(self) -> None:
        """End all workers, and what they run."""
        ...
