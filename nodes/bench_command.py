"""``spikedrive bench``: what the network costs, next to other simulators."""

from typing import Annotated

import typer
from rich.console import Console

from snn_core.errors import UserError

from .json_output import JsonOption, write_json

bench_app = typer.Typer(help="Measure what the network costs, next to other simulators.", no_args_is_help=True)


@bench_app.callback()
def bench() -> None:
    """Measure what the network costs, next to other simulators."""


@bench_app.command()
def snn(
    workload: Annotated[
        list[str] | None,
        typer.Option(
            help="W1, W2 (all simulators); rate, size, lane, start, memory (SpikeDrive alone). Several times.",
            show_default="all",
        ),
    ] = None,
    simulator: Annotated[
        list[str] | None,
        typer.Option(
            help="spikedrive, numba_dense, brian2, nest, bindsnet or spikingjelly. Several times.",
            show_default="all that are installed",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=100, max=100_000, help="Steps of a round (ms).")] = 1000,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Rounds, whose median counts.")] = 7,
    json_path: JsonOption = None,
) -> None:
    """Time a step of networks that learn online, interleaved, each simulator in its own process on one thread."""
    try:
        from spikedrive_benchmarks.snn.measure import measure
        from spikedrive_benchmarks.snn.tables import print_tables
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("spikedrive_benchmarks"):
            raise
        raise UserError("bench: the benchmarks are not installed here; run spikedrive from a checkout") from None
    console = Console(stderr=True)
    with console.status("") as status:
        figures = measure(workload or [], simulator or [], steps, rounds, status.update)
    write_json(json_path, figures)
    if str(json_path) != "-":
        print_tables(figures, Console())
