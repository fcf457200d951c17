"""Sweeps of tests: an executor that takes runs one by one, in the process of the test, and a short sweep."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snn_core.learning.sweep.executors import Executor, Key, Outcome
from snn_core.learning.sweep.job import Job, Work
from snn_core.learning.sweep.scheduler import SweepState
from snn_core.learning.sweep.spec import SweepSpec
from snn_core.learning.sweep.sweep import SweepResult, run_sweep
from tests.learning.sweep_work import RATE, quick


class Inline:
    """An executor of as many slots as it is told, which runs in the process of the test."""

    def __init__(self, work: Work = quick, slots: int = 1) -> None:
        self._work, self._slots = work, slots
        self._jobs: deque[tuple[Key, Job]] = deque()
        self.ran: list[Key] = []

    def slots(self) -> int:
        return self._slots

    def submit(self, key: Key, job: Job) -> None:
        self._jobs.append((key, job))

    def wait(self, timeout_s: float) -> list[Outcome]:
        if not self._jobs:
            return []
        key, job = self._jobs.popleft()
        self.ran.append(key)
        return [Outcome(key, self._work(job))]

    def close(self) -> None:
        self._jobs.clear()


def make_spec(**changes: Any) -> SweepSpec:
    """A sweep over the learning rate, whose runs have a ``loss``."""
    data = {
        "run": {"seconds": 2.0, "evaluation_seconds": 2.0},
        "seeds": [0, 1, 2],
        "vary": {RATE: {"kind": "log_uniform", "low": 1e-5, "high": 1e-1}},
        "sampler": {"name": "random"},
        "objective": {"figure": "loss"},
        "trials": 4,
    }
    return SweepSpec.model_validate(data | changes)


def sweep(
    spec: SweepSpec,
    out: Path,
    executor: Executor | None = None,
    stop: Callable[[SweepState], bool] = lambda state: False,
) -> SweepResult:
    """Run a sweep; end it, as Ctrl-C does, when ``stop`` says so."""
    states: list[SweepState] = []
    used = executor or Inline()
    return run_sweep(spec, out, lambda: used, states.append, lambda: bool(states) and stop(states[-1]))
