"""A sweep from its file to its table: what the command does, for those who write Python."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from snn_core.errors import UserError
from snn_core.files import write_atomically
from snn_core.learning.record import make_folder
from snn_core.learning.sweep.base import base_job, check_paths, fingerprint, with_values
from snn_core.learning.sweep.executors import Executor
from snn_core.learning.sweep.job import Job
from snn_core.learning.sweep.plot import write_effects
from snn_core.learning.sweep.samplers import make_sampler
from snn_core.learning.sweep.scheduler import OnProgress, Scheduler
from snn_core.learning.sweep.spec import SweepSpec
from snn_core.learning.sweep.storage import SweepStorage, load_trials
from snn_core.learning.sweep.table import Row, make_table, table_figures


@dataclass(frozen=True)
class SweepResult:
    """A sweep that has ended.

    busy_share: of the workers' wall time, how much was spent in runs; None: nothing was run.
    """

    spec: SweepSpec
    rows: list[Row]
    interrupted: bool
    failed_runs: int
    wall_s: float
    busy_share: float | None


def database_of(out: Path) -> Path:
    """The database of a sweep: beside its folder, under the same name."""
    return out.with_name(f"{out.name}.db")


def run_sweep(
    spec: SweepSpec,
    out: Path,
    make_executor: Callable[[], Executor],
    on_progress: OnProgress = lambda state: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> SweepResult:
    """Run a sweep, or what is left of it, and write its table (table.json), plot (effects.svg) and best parameters.

    out: folder of the results; the database is beside it. make_executor: gives the workers, when all else is checked.
    interrupted: asked twice a second; True ends the sweep, which the same call goes on with.

    Raises UserError for a run or a path that cannot be, and for a database of another sweep; nothing is run then.
    """
    base = base_job(spec.run)
    check_paths(base, spec)
    make_sampler(spec, 0)
    make_folder(out)
    with _alone(out):
        storage = SweepStorage(database_of(out), spec, fingerprint(base))
        scheduler, wall_s, slots, ended = None, 0.0, 1, False
        executor = make_executor()
        try:
            begin, slots = time.perf_counter(), executor.slots()
            scheduler = Scheduler(spec, base, storage, executor, on_progress, interrupted)
            ended = not scheduler.run()
            wall_s = time.perf_counter() - begin
        finally:
            executor.close()
        rows = write_results(spec, storage, out)
        if rows and rows[0].state == "complete":
            write_best(out, with_values(base, rows[0].parameters))
    busy_share = scheduler.busy_s / (slots * wall_s) if scheduler.busy_s else None
    return SweepResult(spec, rows, not ended, scheduler.failed, wall_s, busy_share)


def write_results(spec: SweepSpec, storage: SweepStorage, out: Path) -> list[Row]:
    """Write table and plot of what has been run."""
    return _write(spec, make_table(spec, storage.trials()), out)


def tabulate(out: Path) -> tuple[SweepSpec, list[Row]]:
    """Write table and plot again from the database of a sweep, also of one that runs. Raises UserError."""
    spec, trials = load_trials(database_of(out))
    make_folder(out)
    return spec, _write(spec, make_table(spec, trials), out)


def _write(spec: SweepSpec, rows: list[Row], out: Path) -> list[Row]:
    text = json.dumps(table_figures(spec, rows), indent=2)
    write_atomically(out / "table.json", lambda file: file.write(text.encode() + b"\n"))
    write_effects(spec, rows, out / "effects.svg")
    return rows


def write_best(out: Path, job: Job) -> None:
    """Write the files with which ``spikedrive train`` runs a parameter set: best_network.yaml, best_parameters.yaml."""
    sections = {
        "/**/simulator": {"ros__parameters": job["simulator"]},
        "/**/reward": {"ros__parameters": job["reward"]},
        "/**/controller": {"ros__parameters": job["controller"]},
    }
    files = {"best_parameters.yaml": sections, "best_network.yaml": job["network"]}
    for name, content in files.items():
        if content is not None:
            text = yaml.safe_dump(content, sort_keys=False)
            write_atomically(out / name, lambda file, text=text: file.write(text.encode()))


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One process a sweep. Raises UserError when another one is at it."""
    descriptor = os.open(out / ".lock", os.O_CREAT | os.O_RDWR, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"{out}: another process runs this sweep; wait for it, or end it first") from error
        yield
    finally:
        os.close(descriptor)
