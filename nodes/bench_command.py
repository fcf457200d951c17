"""``spikedrive bench``: what networks and events cost, next to other programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from snn_core.errors import UserError

from .json_output import JsonOption, write_json

bench_app = typer.Typer(help="Measure what networks and events cost, next to other programs.", no_args_is_help=True)


@bench_app.callback()
def bench() -> None:
    """Measure what networks and events cost, next to other programs."""


@contextmanager
def _benchmarks() -> Iterator[None]:
    """Their import; colcon does not install them."""
    try:
        yield
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("spikedrive_benchmarks"):
            raise
        raise UserError("bench: the benchmarks are not installed here; run spikedrive from a checkout") from None


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
    with _benchmarks():
        from spikedrive_benchmarks.snn.measure import measure
        from spikedrive_benchmarks.snn.tables import print_tables
    console = Console(stderr=True)
    with console.status("") as status:
        figures = measure(workload or [], simulator or [], steps, rounds, status.update)
    write_json(json_path, figures)
    if str(json_path) != "-":
        print_tables(figures, Console())


@bench_app.command()
def events(
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="evt3_decode, evt2_decode, libcaer_decode, mono_decode, pool, filter_background, aedat4_read or "
            "evt3_encode. Several times.",
            show_default="all",
        ),
    ] = None,
    library: Annotated[
        list[str] | None,
        typer.Option(
            help="spikedrive, evutils, faery, evt3, expelliarmus, eventcv, dv-processing or numpy. Several times.",
            show_default="all that are installed",
        ),
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(help="real or generated. Twice for both.", show_default="both"),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Rounds, whose median counts.")] = 7,
    recording: Annotated[
        Path | None,
        typer.Option(
            help="EVT3 recording (.raw, 1280 x 720) that the real stream is made of.",
            show_default="../shared/data/prophesee_gen41_evt3.raw",
        ),
    ] = None,
    generated_events: Annotated[
        int, typer.Option(min=1000, max=10**9, help="Events of the generated stream.")
    ] = 20_000_000,
    json_path: JsonOption = None,
) -> None:
    """Time decoding, filtering, pooling and reading on one core, interleaved, each library in its own process."""
    with _benchmarks():
        from spikedrive_benchmarks.events.measure import measure
        from spikedrive_benchmarks.events.tables import print_tables
    console = Console(stderr=True)
    with console.status("") as status:
        figures = measure(
            task or [],
            library or [],
            stream or [],
            rounds,
            status.update,
            recording=recording,
            generated_events=generated_events,
        )
    write_json(json_path, figures)
    if str(json_path) != "-":
        print_tables(figures, Console())
