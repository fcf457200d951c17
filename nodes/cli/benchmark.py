"""``spikedrive benchmark``: what learning reaches, in rows, over seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snn_core.errors import UserError
from spikedrive_nodes.cli.json_output import JsonOption, write_json
from spikedrive_nodes.cli.sweep import (
    INTERRUPTED,
    RayAddressOption,
    SweepProgress,
    WorkersOption,
    check_installed,
    choose_executor,
    with_task_file,
)

if TYPE_CHECKING:
    from snn_core.learning.benchmark.result import RowResult
    from snn_core.learning.benchmark.row import RowSpec
    from snn_core.learning.sweep.executors import Executor


def benchmark(
    rows: Annotated[list[str] | None, typer.Argument(metavar="ROW", help="Rows to run.", show_default="all")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two seeds and a minute of each row: shows that it runs, reaches nothing.")
    ] = False,
    list_rows: Annotated[bool, typer.Option("--list", help="Run nothing; say which rows there are.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for tables and pictures.", show_default="out/benchmark, with --quick ..._quick"),
    ] = None,
    workers: WorkersOption = None,
    ray_address: RayAddressOption = None,
    json_path: JsonOption = None,
) -> None:
    """Train, evaluate and judge each row's seeds; the same command again goes on."""
    check_installed("benchmark")
    make_executor = choose_executor(workers, ray_address)
    from snn_core.learning.benchmark.row import load_rows

    specs = load_rows(rows or [])
    if list_rows:
        for name, spec in specs.items():
            wanted = ", ".join(f"{criterion.figure} <= {criterion.at_most:g}" for criterion in spec.reach)
            typer.echo(f"{name}: {spec.title}: {wanted}")
        return
    folder = out or Path("out") / ("benchmark_quick" if quick else "benchmark")
    results, interrupted = _run(specs, folder, make_executor, quick)
    _show(results, folder, quick, json_path)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _run(
    specs: dict[str, RowSpec], folder: Path, make_executor: Callable[[], Executor], quick: bool
) -> tuple[list[RowResult], bool]:
    from snn_core.learning.benchmark.run import run_benchmark
    from spikedrive_nodes.cli.progress import Interruption

    with Interruption() as interruption, SweepProgress() as progress:
        results = run_benchmark(
            specs,
            folder,
            make_executor,
            quick=quick,
            complete=with_task_file,
            on_progress=lambda title, state: progress.update(replace(state, best=None), title),
            interrupted=lambda: interruption.asked,
        )
        return results, interruption.asked


def _show(results: list[RowResult], folder: Path, quick: bool, json_path: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from snn_core.learning.benchmark.page import figure_cells
    from snn_core.learning.benchmark.run import benchmark_figures

    write_json(json_path, benchmark_figures(results, quick))
    if str(json_path) == "-":
        return
    console = Console()
    for result in results:
        table = Table(title=result.title, title_justify="left")
        for name in ("figure", "to reach", "median (quartiles)", "worst", "seeds", "reached"):
            table.add_column(name, overflow="fold")
        for figure in result.figures:
            table.add_row(*figure_cells(figure, result))
        console.print(table)
        if result.failed is not None:
            raise UserError(f"benchmark: {result.name}: {result.failed}")
    if quick:
        console.print("quick: too short a training to reach anything")
    console.print(f"all: {folder / 'benchmark.md'}, {folder / 'benchmark.json'}", highlight=False)
