"""``spikedrive bench``: what networks, events and frames cost, next to other programs, and the task in a Gazebo."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from snn_core.errors import UserError
from spikedrive_nodes.cli.json_output import JsonOption, write_json

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


class FrameBackend(StrEnum):
    """What renders the frames whose rates are compared."""

    EMBEDDED = "embedded"
    GZ = "gz"
    GAZEBO_CLASSIC = "gazebo_classic"


@bench_app.command()
def frames(
    backend: Annotated[
        FrameBackend, typer.Option(help="What renders the frames whose rates are compared.")
    ] = FrameBackend.EMBEDDED,
    rate: Annotated[
        list[int] | None,
        typer.Option(min=1, max=1000, help="Frames a simulated second. Several times.", show_default="50 100 200 400"),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=1000, help="Simulated time of a drive (s).")] = 10.0,
    render_engine: Annotated[
        str, typer.Option(help="gz: rendering engine of the server: ogre, for instance.", show_default="Gazebo's")
    ] = "",
    libraries: Annotated[bool, typer.Option(help="Also time event pixels next to other libraries'.")] = True,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Rounds, whose median counts.")] = 7,
    json_path: JsonOption = None,
) -> None:
    """Events made of frames: next to other libraries', and how many frames a second see what the embedded camera
    sees.
    """
    with _benchmarks():
        from spikedrive_benchmarks.frames.measure import measure
        from spikedrive_benchmarks.frames.rates import RATES_HZ
        from spikedrive_benchmarks.frames.tables import print_tables
    console = Console(stderr=True)
    with console.status("") as status:
        turns = rounds if libraries else 0
        figures = measure(backend.value, rate or RATES_HZ, seconds, turns, status.update, render_engine=render_engine)
    write_json(json_path, figures)
    if str(json_path) != "-":
        print_tables(figures, Console())


class GazeboBackend(StrEnum):
    """Gazebos."""

    GZ = "gz"
    GAZEBO_CLASSIC = "gazebo_classic"


class GazeboTask(StrEnum):
    """What is measured in a Gazebo."""

    LEARN = "learn"
    TRANSFER = "transfer"
    FREE = "free"
    SPEED = "speed"
    REPEAT = "repeat"


@bench_app.command()
def gazebo(
    backend: Annotated[
        list[GazeboBackend] | None, typer.Option(help="Twice for both.", show_default="those found here")
    ] = None,
    task: Annotated[list[GazeboTask] | None, typer.Option(help="Several times.", show_default="all")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=10_000, help="No drive is longer (s, simulated).")] = 600.0,
    render_engine: Annotated[
        str,
        typer.Option(
            envvar="SPIKEDRIVE_GZ_RENDER_ENGINE",
            help="gz: rendering engine, such as ogre or ogre2.",
            show_default="Gazebo's default",
        ),
    ] = "",
    json_path: JsonOption = None,
) -> None:
    """The lane task in a Gazebo: learnt from scratch (3 seeds), learnt elsewhere, free running over ROS 2, its speed in
    lockstep, and whether two runs are the same.
    """
    backends, tasks = ([name.value for name in names] for names in (backend or [], task or GazeboTask))
    if "free" in tasks:
        from spikedrive_nodes.processes.environment import ensure_ros_environment

        ensure_ros_environment()
    with _benchmarks():
        from spikedrive_benchmarks.gazebo.measure import measure
        from spikedrive_benchmarks.gazebo.tables import print_tables
    console = Console(stderr=True)

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    with console.status("measuring"):
        figures = measure(backends, tasks, seconds, render_engine, say)
    write_json(json_path, figures)
    if str(json_path) != "-":
        print_tables(figures, Console())
