"""The ``spikedrive`` command."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from snn_core import __version__
from snn_core.errors import UserError
from spikedrive_nodes.cli.bench import bench_app
from spikedrive_nodes.cli.benchmark import benchmark
from spikedrive_nodes.cli.convert import convert
from spikedrive_nodes.cli.gazebo import gazebo_app
from spikedrive_nodes.cli.info import info
from spikedrive_nodes.cli.interchange import nir_app, weights_app
from spikedrive_nodes.cli.json_output import JsonOption, write_json
from spikedrive_nodes.cli.road import road
from spikedrive_nodes.cli.setup import setup
from spikedrive_nodes.cli.sweep import sweep
from spikedrive_nodes.cli.tables import print_table
from spikedrive_nodes.cli.tasks import list_tasks
from spikedrive_nodes.node_table import NODES
from spikedrive_nodes.processes.shared_files import parameter_file, shipped_or_path

app = typer.Typer(
    help="Drive robots from an event camera with a spiking neural network that keeps learning while it drives.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(bench_app, name="bench")
app.add_typer(gazebo_app, name="gazebo")
app.add_typer(nir_app, name="nir")
app.add_typer(weights_app, name="weights")
app.command()(info)
app.command("tasks")(list_tasks)
app.command()(convert)
app.command()(road)
app.command()(setup)
app.command()(sweep)
app.command()(benchmark)
INTERRUPTED = 130
"""Exit code after Ctrl-C, as Unix shells have it."""
LONGEST_S = 1e7
"""Simulated time that a drive may take (see LaneTaskSpec.duration_s)."""


class Control(StrEnum):
    """What is taken away from training."""

    NONE = "none"
    NO_LEARNING = "no-learning"
    SHUFFLED_REWARD = "shuffled-reward"
    DARK = "dark"


class Backend(StrEnum):
    """Simulators."""

    EMBEDDED = "embedded"
    GZ = "gz"
    GAZEBO_CLASSIC = "gazebo_classic"


class Discovery(StrEnum):
    """How far ROS 2 nodes find each other."""

    LOCALHOST = "localhost"
    SUBNET = "subnet"


ParametersOption = Annotated[
    Path | None,
    typer.Option(
        help="ROS 2 parameter file of the nodes: a shipped name (lane, lane_reward) or a .yaml file.",
        show_default="the task's: launch/config/lane.yaml",
        callback=shipped_or_path,
    ),
]
TaskOption = Annotated[str, typer.Option(help="What to learn: see `spikedrive tasks`.")]
SeedOption = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of weights, encoder and camera noise.")]
BackendOption = Annotated[
    Backend | None,
    typer.Option(help="Simulator: embedded, Gazebo Sim or Gazebo Classic.", show_default="as in --parameters"),
]
ScheduleOption = Annotated[
    Path | None, typer.Option(help="File of changes of robot, sensor and light in mid-run.", show_default="none")
]
DiscoveryOption = Annotated[
    Discovery | None,
    typer.Option(help="How far ROS 2 nodes find each other.", show_default="the environment's, else localhost"),
]


def _use_ros(discovery: Discovery | None) -> None:
    """Make rclpy importable and set how far discovery goes."""
    import os

    from spikedrive_nodes.processes.environment import ensure_ros_environment

    if discovery is not None:
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = discovery.upper()
    ensure_ros_environment()


@app.command()
def train(
    task: TaskOption = "lane",
    seconds: Annotated[float, typer.Option(min=0.05, max=LONGEST_S, help="Simulated time to train (s).")] = 1000.0,
    seed: SeedOption = 0,
    evaluation_seconds: Annotated[
        float,
        typer.Option(
            min=0, max=LONGEST_S, help="Simulated time to evaluate frozen, half on each lane (s); 0: not at all."
        ),
    ] = 300.0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for checkpoint, record and report.", show_default="out/train_SEED")
    ] = None,
    json_path: JsonOption = None,
    parameters: ParametersOption = None,
    network: Annotated[str | None, typer.Option(help="Network: a shipped name or a .yaml file.")] = None,
    track: Annotated[str | None, typer.Option(help="Track: a shipped name, generated:SEED or a .yaml file.")] = None,
    schedule: ScheduleOption = None,
    backend: BackendOption = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Go on from this checkpoint.", show_default="new weights")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Learning rate (nA/ms).", show_default="the network's")
    ] = None,
    control: Annotated[Control, typer.Option(help="What to take away, to show that it is needed.")] = Control.NONE,
    dds: Annotated[
        bool, typer.Option("--dds", help="Over ROS 2, a process a node, instead of in this process.")
    ] = False,
    discovery: DiscoveryOption = None,
) -> None:
    """Train a network on a task, evaluate it frozen, and write a report."""
    if dds:
        _use_ros(discovery)
    from spikedrive_nodes.cli import training

    options = training.TrainOptions(
        task=task,
        seconds=seconds,
        seed=seed,
        evaluation_s=evaluation_seconds,
        out=out or Path("out") / f"train_{seed}",
        parameters=parameters,
        network=network,
        track=track,
        schedule=schedule,
        backend=backend and backend.value,
        checkpoint=checkpoint,
        learning_rate_per_ms=learning_rate,
        control=control.value,
        dds=dds,
    )
    figures, interrupted = training.train(options)
    write_json(json_path, figures)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, record and report.")] = Path("out/demo"),
    seed: SeedOption = 0,
    parameters: ParametersOption = None,
    discovery: DiscoveryOption = None,
) -> None:
    """Let a robot learn to keep its lane over ROS 2, from random weights until it keeps it; report before and after."""
    _use_ros(discovery)
    from spikedrive_nodes.cli import training

    if training.demo(out, seed, parameters or parameter_file("lane")):
        raise typer.Exit(INTERRUPTED)


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint that `spikedrive train` or a controller wrote.")],
    seconds: Annotated[
        float, typer.Option(min=0.1, max=LONGEST_S, help="Simulated time (s), half on each lane.")
    ] = 300.0,
    seed: SeedOption = 0,
    task: TaskOption = "lane",
    out: Annotated[Path, typer.Option(help="Folder for record and report.")] = Path("out/evaluate"),
    json_path: JsonOption = None,
    parameters: ParametersOption = None,
    track: Annotated[str | None, typer.Option(help="Track: a shipped name, generated:SEED or a .yaml file.")] = None,
    schedule: ScheduleOption = None,
    backend: BackendOption = None,
    controls_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            max=LONGEST_S,
            help="Also train without learning, with shuffled reward and in the dark, this long (s) each.",
        ),
    ] = 0.0,
) -> None:
    """Drive a checkpoint frozen, next to the same network with its initial weights."""
    from spikedrive_nodes.cli import training

    options = training.EvaluateOptions(
        checkpoint=checkpoint,
        seconds=seconds,
        seed=seed,
        task=task,
        out=out,
        parameters=parameters,
        track=track,
        schedule=schedule,
        backend=backend and backend.value,
        controls_s=controls_seconds,
    )
    figures, interrupted = training.evaluate(options)
    write_json(json_path, figures)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Recording: any format that docs/events.md lists, or a bag.")],
    rate: Annotated[
        str, typer.Option(help="Event time per wall time; max: as fast as the controller answers, in lockstep.")
    ] = "1",
    network: Annotated[str | None, typer.Option(help="Network: a shipped name or a .yaml file.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Use this checkpoint and its network.", show_default="initial weights")
    ] = None,
    seed: SeedOption = 0,
    json_path: JsonOption = None,
    parameters: Annotated[
        Path | None, typer.Option(help="ROS 2 parameter file of the nodes.", show_default="launch/config/replay.yaml")
    ] = None,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="In this process, without ROS 2, as fast as it goes: the same spikes.")
    ] = False,
    discovery: DiscoveryOption = None,
) -> None:
    """Replay a recording through the controller, frozen, and count what comes out: over ROS 2, or in this process."""
    from spikedrive_nodes.cli.replay_options import ReplayOptions, replay_in_process

    options = ReplayOptions(file, rate, network, checkpoint, seed, parameters or parameter_file("replay"))
    if in_process:
        figures = replay_in_process(options)
    else:
        _use_ros(discovery)
        from spikedrive_nodes.cli.replay import run_replay

        figures = run_replay(options)
    write_json(json_path, figures)
    if str(json_path) != "-":
        print_table(str(file), figures)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def node(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help=f"Node to run: {', '.join(NODES)}.", show_default=False),
    ] = None,
    show_help: Annotated[
        bool, typer.Option("--help", "-h", help="List the parameters of NAME; without NAME, show this message.")
    ] = False,
) -> None:
    """Run one node: NAME --ros-args with parameters, remaps and namespace as ROS 2 has them."""
    if name is None:
        print(context.get_help())
        raise typer.Exit(0 if show_help else 2)
    if name not in NODES:
        raise UserError(f"node {name}: unknown; expected one of {', '.join(NODES)}")
    if show_help:
        from spikedrive_nodes.cli.node_help import print_node_help

        print_node_help(name)
        return
    _use_ros(None)
    from importlib import import_module

    sys.argv = [name, *context.args]
    raise typer.Exit(import_module(f"spikedrive_nodes.{name}").main())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def launch(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Launch file without .launch.py: demo, for instance; without NAME, list them."
        ),
    ] = None,
    discovery: DiscoveryOption = None,
    show_args: Annotated[bool, typer.Option("--show-args", help="List its arguments and end.")] = False,
) -> None:
    """Start the nodes of a launch file, on a machine without `ros2 launch`; arguments as NAME:=VALUE."""
    from spikedrive_nodes.cli.launch import argument_help, launch_names, launch_plan, read_launch_file, run_plan

    if name is None:
        print_table("launch files", {file: read_launch_file(file).what for file in launch_names()})
        return
    if show_args:
        print_table(f"{name}.launch.py", argument_help(name))
        return
    range_argument = [f"discovery:={discovery.upper()}"] if discovery else []
    raise typer.Exit(run_plan(launch_plan(name, [*context.args, *range_argument])))


@app.command()
def report(run: Annotated[Path, typer.Argument(help="Folder of a run: out/demo, for instance.")]) -> None:
    """Make a run's report again from its record."""
    from snn_core.learning.record import RunRecord
    from snn_core.learning.report.page import write_report

    print(write_report(RunRecord.load(run), run))


@app.command()
def energy(
    run: Annotated[
        Path, typer.Argument(help="Folder of a training run, or its report.json: out/train_0, for instance.")
    ],
    table: Annotated[
        Path | None,
        typer.Option(help="Energies per operation (.yaml).", show_default="snn_core/network/energy/energy.yaml"),
    ] = None,
    json_path: JsonOption = None,
) -> None:
    """Estimate the energy that a run's training takes on published hardware, next to a dense network's."""
    from spikedrive_nodes.cli.energy import energy_figures, estimate_run, print_estimate

    estimated = estimate_run(run, table)
    write_json(json_path, energy_figures(estimated))
    if str(json_path) != "-":
        print_estimate(str(run), estimated, Console())


@app.command()
def version() -> None:
    """Say the version."""
    print(__version__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: what the user can mend ends in one line and code 2, a bug in a traceback."""
    try:
        app(args=None if arguments is None else list(arguments))
    except UserError as error:
        print(f"spikedrive: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
