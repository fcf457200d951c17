"""Run rows of the benchmark, and write what they came to: a table and a picture for each row, and all as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from snn_core.files import write_atomically
from snn_core.learning.benchmark.page import markdown_table, write_picture
from snn_core.learning.benchmark.result import RowResult, row_result
from snn_core.learning.benchmark.row import RowSpec
from snn_core.learning.record import make_folder
from snn_core.learning.sweep.executors import Executor
from snn_core.learning.sweep.scheduler import SweepState
from snn_core.learning.sweep.spec import RunSpec
from snn_core.learning.sweep.sweep import run_sweep

OnProgress = Callable[[str, SweepState], None]
"""Called with a row's title and how far it is."""


def run_benchmark(
    rows: Mapping[str, RowSpec],
    out: Path,
    make_executor: Callable[[], Executor],
    *,
    quick: bool = False,
    complete: Callable[[RunSpec], RunSpec] = lambda run: run,
    on_progress: OnProgress = lambda title, state: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> list[RowResult]:
    """Run what is left of some rows, one after another, and write what they came to into ``out``.

    Runs that have ended are in a database for each row (``ROW.db``) and are not run again. The folder also gets
    ``benchmark.json``, ``benchmark.md`` and ``ROW.svg``. With ``quick`` the folder should be another one: a database
    of other runs is refused.

    complete: fills in what a row leaves to the caller, such as the task's parameter file. interrupted: asked twice a
    second; True ends it, and the same call goes on. Raises UserError.
    """
    make_folder(out)
    results: list[RowResult] = []
    for name, row in rows.items():
        spec = row.sweep(quick)
        spec = spec.model_copy(update={"run": complete(spec.run)})
        title = row.title
        swept = run_sweep(
            spec, out / name, make_executor, lambda state, title=title: on_progress(title, state), interrupted
        )
        result = row_result(name, row, len(spec.seed_list), swept.rows)
        results.append(result)
        write_picture(result, out / f"{name}.svg")
        write_results(results, out, quick)
        if swept.interrupted:
            break
    return results


def write_results(results: list[RowResult], out: Path, quick: bool) -> None:
    """Write ``benchmark.json`` and ``benchmark.md``."""
    text = json.dumps(benchmark_figures(results, quick), indent=2)
    write_atomically(out / "benchmark.json", lambda file: file.write(text.encode() + b"\n"))
    table = markdown_table(results)
    write_atomically(out / "benchmark.md", lambda file: file.write(table.encode()))


def benchmark_figures(results: list[RowResult], quick: bool) -> dict[str, object]:
    """All that the rows came to, for JSON."""
    return {"quick": quick, "rows": [{**asdict(result), "reached": result.reached} for result in results]}
