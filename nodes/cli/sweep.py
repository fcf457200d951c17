"""``spikedrive sweep``: many training runs, over seeds and parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from snn_core.errors import UserError
from spikedrive_nodes.cli.json_output import JsonOption, write_json

if TYPE_CHECKING:
    from snn_core.learning.sweep.executors import Executor
    from snn_core.learning.sweep.scheduler import SweepState
    from snn_core.learning.sweep.spec import RunSpec, SweepSpec
    from snn_core.learning.sweep.sweep import SweepResult
    from snn_core.learning.sweep.table import Row

INTERRUPTED = 130
FAILED = 1
"""Exit code when the sweep has ended and some of its runs have failed."""
_ROWS_SHOWN = 20
_WHOLE_SWEEP_S = 1e9
"""Time left is worked out from all runs that have ended, which may take hours each."""

WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=1024, help="Processes on this machine, without Ray.", show_default="on Ray, where it is installed"
    ),
]
RayAddressOption = Annotated[
    str | None, typer.Option(help="Ray cluster, HOST:PORT or auto.", show_default="a Ray on this machine")
]


def sweep(
    file: Annotated[Path, typer.Argument(help="What to run and to vary (.yaml): see docs/sweep.md.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for table and plot; the database is beside it.", show_default="out/sweep_NAME"),
    ] = None,
    workers: WorkersOption = None,
    ray_address: RayAddressOption = None,
    table: Annotated[bool, typer.Option("--table", help="Run nothing; make table and plot from the database.")] = False,
    json_path: JsonOption = None,
) -> None:
    """Run seeds x parameters, chosen by a grid, at random or by Optuna; the same command again goes on."""
    folder = out or Path("out") / f"sweep_{file.stem}"
    check_installed("sweep")
    make_executor = choose_executor(workers, ray_address)
    if table:
        from snn_core.learning.sweep.sweep import tabulate

        spec, rows = tabulate(folder)
        _show(spec, rows, folder, json_path)
        return
    from snn_core.learning.sweep.spec import load_sweep

    spec = load_sweep(file)
    spec = spec.model_copy(update={"run": with_task_file(spec.run)})
    result = _run(spec, folder, make_executor)
    _show(result.spec, result.rows, folder, json_path)
    _tell(result, file)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
    if result.failed_runs:
        raise typer.Exit(FAILED)


def check_installed(command: str) -> None:
    """Raises UserError where the packages of a sweep are missing. command: what needs them."""
    from importlib.util import find_spec

    missing = [name for name in ("optuna", "pebble") if find_spec(name) is None]
    if missing:
        raise UserError(f"{command}: {missing[0]} is not installed; pip install 'spikedrive[sweep]'")


def choose_executor(workers: int | None, ray_address: str | None) -> Callable[[], Executor]:
    """Processes where they are asked for, or where there is no Ray; else Ray. Raises UserError."""
    if workers is not None and ray_address is not None:
        raise UserError("--workers: not with --ray-address; the cluster says how many runs go at once")
    from importlib.util import find_spec

    has_ray = find_spec("ray") is not None
    if ray_address is not None and not has_ray:
        raise UserError("--ray-address: Ray is not installed; pip install 'spikedrive[sweep]', or use --workers")
    if workers is None and has_ray:
        from snn_core.learning.sweep.on_ray import OnRay

        return lambda: OnRay(ray_address)
    import os

    from snn_core.learning.sweep.processes import Processes

    count = workers or len(os.sched_getaffinity(0))
    return lambda: Processes(count)


def with_task_file(run: RunSpec) -> RunSpec:
    """With the parameter file that ``spikedrive train`` would take."""
    from spikedrive_nodes.cli.training import task_parameter_file
    from spikedrive_nodes.processes.shared_files import shipped_or_path

    path = shipped_or_path(run.parameters) or task_parameter_file(run.task)
    return run.model_copy(update={"parameters": path})


def _run(spec: SweepSpec, folder: Path, make_executor: Callable[[], Executor]) -> SweepResult:
    from snn_core.learning.sweep.sweep import run_sweep
    from spikedrive_nodes.cli.progress import Interruption

    with Interruption() as interruption, SweepProgress() as progress:
        return run_sweep(spec, folder, make_executor, progress.update, lambda: interruption.asked)


class SweepProgress:
    """A line: runs, how it goes, time left. Use as a context manager."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from spikedrive_nodes.cli.progress import console

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("runs{task.fields[how]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            speed_estimate_period=_WHOLE_SWEEP_S,
        )
        self._tasks: dict[str, Any] = {}

    def update(self, state: SweepState, title: str = "sweep") -> None:
        """Show how far the sweep of this title is."""
        if title not in self._tasks:
            self._tasks[title] = self._progress.add_task(title, total=state.total, completed=state.ended, how="")
        parts = [
            f"best {state.best:.4g}" if state.best is not None else "",
            f"{state.failed} failed" if state.failed else "",
            f"{state.pruned} sets pruned" if state.pruned else "",
        ]
        how = "".join(f", {part}" for part in parts if part)
        self._progress.update(self._tasks[title], total=state.total, completed=state.ended, how=how)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()


def _show(spec: SweepSpec, rows: list[Row], folder: Path, json_path: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from snn_core.learning.sweep.table import table_figures

    write_json(json_path, table_figures(spec, rows))
    if str(json_path) == "-":
        return
    table = Table(title=f"{spec.objective.figure} over seeds: median (quartiles)", title_justify="left")
    for name in ("set", *_short_names(list(spec.vary)), "seeds", "objective", "state"):
        table.add_column(name, overflow="fold")
    for row in rows[:_ROWS_SHOWN]:
        values = [_text(row.parameters.get(name)) for name in spec.vary]
        quartiles = (
            "" if row.median is None else f"{row.median:.4g} ({row.lower_quartile:.4g}, {row.upper_quartile:.4g})"
        )
        table.add_row(str(row.trial), *values, str(len(row.seeds)), quartiles, row.failed or row.state)
    console = Console()
    console.print(table)
    left_out = len(rows) - _ROWS_SHOWN
    more = f", {left_out} sets more" if left_out > 0 else ""
    console.print(f"table: {folder / 'table.json'}{more}\n plot: {folder / 'effects.svg'}", highlight=False)


def _short_names(paths: list[str]) -> list[str]:
    """The end of each path, as long as it takes to tell it from the others."""
    names = []
    for path in paths:
        keys = path.split(".")
        ends = (".".join(keys[-count:]) for count in range(1, len(keys) + 1))
        names.append(next(end for end in ends if sum(f".{other}".endswith(f".{end}") for other in paths) == 1))
    return names


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _tell(result: SweepResult, file: Path) -> None:
    from spikedrive_nodes.cli.progress import console

    if result.busy_share is not None:
        console.print(f"workers were busy for {result.busy_share:.1%} of {result.wall_s:.0f} s", highlight=False)
    if result.failed_runs:
        console.print(f"{result.failed_runs} runs failed; the table says why", highlight=False)
    if result.interrupted:
        console.print(f"interrupted; the same command goes on: spikedrive sweep {file}", highlight=False)
