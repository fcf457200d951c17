"""The world of the lane task, or the robot alone, as a file of Gazebo (SDF)."""

from pathlib import Path

from snn_core.errors import UserError
from snn_core.files import write_atomically
from snn_core.sim.gazebo.description.classic_drive import classic_drive
from snn_core.sim.gazebo.description.rendering import render
from snn_core.sim.gazebo.description.road_mesh import paint_mesh, wavefront
from snn_core.sim.gazebo.description.robot_parts import robot_values
from snn_core.sim.gazebo.description.surroundings import surroundings
from snn_core.sim.gazebo.own_view import check_own_view
from snn_core.sim.scene_settings import SceneSettings
from snn_core.sim.track import Pose, Track


def write_world(settings: SceneSettings, track: Track, path: Path, classic: bool) -> None:
    """Write the world for Gazebo Sim (SDF 1.9) or, ``classic``, for Gazebo Classic 11 (SDF 1.6).

    The paint's mesh is written beside it, as NAME_paint.obj; Gazebo Classic's file names it by its whole path. The same
    settings, track and path give the same bytes. Raises UserError when a file cannot be written or named in XML, or
    when the camera would see the robot's own body.
    """
    if not path.name.isprintable():
        raise UserError(f"{str(path)!r}: expected a file name of printable characters; choose another")
    check_own_view(settings)
    paint = path.with_name(f"{path.stem}_paint.obj")
    content = render(
        "world.sdf.jinja",
        f"Track {track.name}, written by spikedrive gazebo world",
        # Gazebo Sim looks for it beside the file, Gazebo Classic does not.
        paint=paint.resolve().as_uri() if classic else paint.name,
        physics_step_s=1e-6 * settings.gazebo.physics_step_us,
        boxes=surroundings(settings.gazebo, track),
        **_robot_values(settings, track.pose(0), classic),
    )
    write_atomically(paint, lambda file: file.write(wavefront(paint_mesh(track))))
    write_atomically(path, lambda file: file.write(content))


def robot_sdf(settings: SceneSettings, classic: bool) -> bytes:
    """The robot alone, at the origin, as an SDF file."""
    values = _robot_values(settings, Pose(0.0, 0.0, 0.0), classic)
    return render("robot.sdf.jinja", "Written by spikedrive gazebo robot", **values)


def _robot_values(settings: SceneSettings, pose: Pose, classic: bool) -> dict[str, object]:
    """The robot, driven by (v, omega) within the limits of ``settings.robot``; ``classic``: for Gazebo Classic."""
    return {
        **robot_values(settings),
        "version": "1.6" if classic else "1.9",
        "classic": classic,
        "classic_drive": classic_drive(settings),
        "pose": (pose.x, pose.y, 0.0, 0.0, 0.0, pose.yaw),
    }
