"""``spikedrive gazebo``: worlds and robots as files for Gazebo, and a picture of a drive in it."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from snn_core.errors import UserError
from spikedrive_nodes.processes.shared_files import parameter_file

gazebo_app = typer.Typer(help="Write worlds and robots for Gazebo; picture a drive in it.", no_args_is_help=True)
ParametersOption = Annotated[
    Path | None,
    typer.Option(
        help="ROS 2 parameter file: camera, robot and gazebo of its node `simulator`.",
        show_default="launch/config/lane.yaml",
    ),
]


class GazeboBackend(StrEnum):
    """Gazebos."""

    GZ = "gz"
    GAZEBO_CLASSIC = "gazebo_classic"


@gazebo_app.callback()
def gazebo() -> None:
    """Write worlds and robots for Gazebo; picture a drive in it."""


@gazebo_app.command()
def world(
    track: Annotated[str, typer.Argument(help="Track: a shipped name, generated:SEED or a .yaml file.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File to write (.sdf); NAME_paint.obj, the paint's mesh, goes beside it."),
    ],
    classic: Annotated[
        bool, typer.Option("--classic", help="For Gazebo Classic 11 (SDF 1.6) instead of Gazebo Sim.")
    ] = False,
    parameters: ParametersOption = None,
) -> None:
    """Write the world of a track with the robot at the start of lane 0."""
    from snn_core.files import check_writable
    from snn_core.learning.parameters import read_parameters, simulator_parameters
    from snn_core.sim.gazebo.description.world_sdf import write_world
    from snn_core.sim.track import load_track
    from snn_core.tasks.lane.task import LaneTask

    if out.suffix != ".sdf":
        raise UserError(f"{out}: expected a name that ends in .sdf")
    check_writable(out)
    settings = read_parameters(parameters or parameter_file("lane"), "simulator", simulator_parameters(LaneTask))
    write_world(settings, load_track(track), out, classic)


@gazebo_app.command()
def robot(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write.", show_default="standard output")
    ] = None,
    urdf: Annotated[
        bool, typer.Option("--urdf", help="URDF, for robot_state_publisher and RViz, instead of SDF.")
    ] = False,
    classic: Annotated[bool, typer.Option("--classic", help="SDF for Gazebo Classic 11.")] = False,
    parameters: ParametersOption = None,
) -> None:
    """Write the robot alone: SDF, or URDF."""
    from snn_core.files import check_writable, write_atomically
    from snn_core.learning.parameters import read_parameters, simulator_parameters
    from snn_core.sim.gazebo.description.robot_urdf import robot_urdf
    from snn_core.sim.gazebo.description.world_sdf import robot_sdf
    from snn_core.tasks.lane.task import LaneTask

    if urdf and classic:
        raise UserError("--classic: expected with SDF; an URDF is the same for both")
    if out is not None:
        check_writable(out)
    settings = read_parameters(parameters or parameter_file("lane"), "simulator", simulator_parameters(LaneTask))
    content = robot_urdf(settings) if urdf else robot_sdf(settings, classic)
    if out is None:
        sys.stdout.write(content.decode())
    else:
        write_atomically(out, lambda file: file.write(content))


@gazebo_app.command()
def picture(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint that `spikedrive train` or a controller wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write (.png).")],
    backend: Annotated[GazeboBackend, typer.Option(help="Gazebo Sim or Gazebo Classic.")] = GazeboBackend.GZ,
    seconds: Annotated[
        float, typer.Option(min=1, max=10_000, help="Simulated time to drive (s), half on each lane.")
    ] = 60.0,
    track: Annotated[
        str | None,
        typer.Option(
            help="Track: a shipped name, generated:SEED or a .yaml file.", show_default="that of the parameters"
        ),
    ] = None,
    render_engine: Annotated[
        str | None,
        typer.Option(
            envvar="SPIKEDRIVE_GZ_RENDER_ENGINE",
            help="gz: rendering engine, such as ogre or ogre2.",
            show_default="as in --parameters",
        ),
    ] = None,
    parameters: ParametersOption = None,
) -> None:
    """Drive a checkpoint, frozen, and draw the camera's last view, its events, and the path."""
    from snn_core.control.checkpoint import controller_from_checkpoint
    from snn_core.files import check_writable, write_atomically
    from snn_core.learning.drive import steps
    from snn_core.learning.parameters import load_parameters, with_task
    from snn_core.tasks.lane.gazebo_picture import drive_picture
    from snn_core.tasks.lane.task import LaneTask

    if out.suffix != ".png":
        raise UserError(f"{out}: expected a name that ends in .png")
    check_writable(out)
    drive = load_parameters(parameters or parameter_file("lane"), 0, options={"track": track, "backend": backend.value})
    drive = with_task(drive, mode="evaluate", duration_s=seconds)
    simulator = drive.simulator
    if render_engine is not None:
        gazebo_settings = simulator.gazebo.model_copy(update={"render_engine": render_engine})
        simulator = simulator.model_copy(update={"gazebo": gazebo_settings})
    controller = controller_from_checkpoint(checkpoint, drive.controller.limits)
    controller.network.learning = False
    with LaneTask(simulator, drive.reward) as task:
        png = drive_picture(task, (step.window for step in steps(task, controller)))
    write_atomically(out, lambda file: file.write(png))
