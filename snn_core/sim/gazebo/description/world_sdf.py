"""The world of the lane task, or the robot alone, as a file of Gazebo (SDF)."""

from functools import partial
from pathlib import Path
from typing import BinaryIO

from snn_core.errors import UserError
from snn_core.files import write_atomically
from snn_core.sim.gazebo.description.classic_drive import classic_drive
from snn_core.sim.gazebo.description.rendering import render
from snn_core.sim.gazebo.description.robot_parts import robot_values
from snn_core.sim.gazebo.description.surroundings import surroundings
from snn_core.sim.gazebo.own_view import check_own_view
from snn_core.sim.road_mesh import PaintLayer, paint_layers, wavefront
from snn_core.sim.scene_settings import SceneSettings
from snn_core.sim.track import Pose, Track


def write_world(settings: SceneSettings, track: Track, path: Path, classic: bool) -> None:
    """Write the world for Gazebo Sim (SDF 1.9) or, ``classic``, for Gazebo Classic 11 (SDF 1.6).

    The paint's mesh is written beside it, as NAME_paint.obj; meshes of worn and of crossing paint are NAME_paint_1.obj
    and so on. Gazebo Classic's file names them by their whole path. The same settings, track and path give the same
    bytes. Raises UserError when a file cannot be written or named in XML, when the camera would see the
    robot's own body, or when the track has shadows.
    """
    if not path.name.isprintable():
        raise UserError(f"{str(path)!r}: expected a file name of printable characters; choose another")
    check_own_view(settings)
    if track.spec.shadows:
        raise UserError(
            f"track {track.name}: shadows: cannot be shown in Gazebo; remove the key, or use backend: embedded"
        )
    layers = paint_layers(track)
    meshes = [path.with_name(f"{path.stem}_paint{f'_{k}' if k else ''}.obj") for k in range(len(layers))]
    camera = settings.camera
    gain = camera.marking_intensity - camera.ground_intensity
    content = render(
        "world.sdf.jinja",
        f"Track {track.name}, written by spikedrive gazebo world",
        paint=[
            # Gazebo Sim looks for it beside the file, Gazebo Classic does not.
            {
                "name": mesh.stem.removeprefix(f"{path.stem}_"),
                "uri": mesh.resolve().as_uri() if classic else mesh.name,
                "intensity": camera.marking_intensity - (1.0 - layer.contrast) * gain,
            }
            for mesh, layer in zip(meshes, layers, strict=True)
        ],
        physics_step_s=1e-6 * settings.gazebo.physics_step_us,
        boxes=surroundings(settings.gazebo, track),
        **_robot_values(settings, track.pose(0), classic),
    )
    for mesh, layer in zip(meshes, layers, strict=True):
        write_atomically(mesh, partial(_write_mesh, layer))
    write_atomically(path, lambda file: file.write(content))


def _write_mesh(layer: PaintLayer, file: BinaryIO) -> int:
    return file.write(wavefront(layer.mesh, layer.height_m))


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
