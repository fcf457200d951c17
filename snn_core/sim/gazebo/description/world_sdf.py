"""The world of the lane task as a file of Gazebo: road, ground, light, robot."""

from pathlib import Path
from xml.etree.ElementTree import Element

from snn_core.files import write_atomically
from snn_core.sim.gazebo import names
from snn_core.sim.gazebo.description.elements import add, add_all, add_colour, document
from snn_core.sim.gazebo.description.road_mesh import paint_mesh, wavefront
from snn_core.sim.gazebo.description.robot_sdf import add_robot
from snn_core.sim.gazebo.description.surroundings import add_surroundings
from snn_core.sim.gazebo.own_view import check_own_view
from snn_core.sim.simulator_settings import SimulatorSettings
from snn_core.sim.track import Pose, Track

_GROUND_M = 200.0
_CLASSIC_STEPS_PER_S = 20_000  # of wall time, at most


def write_world(settings: SimulatorSettings, track: Track, path: Path, classic: bool) -> None:
    """Write the world for Gazebo Sim (SDF 1.9) or, ``classic``, for Gazebo Classic 11 (SDF 1.6).

    The paint's mesh is written beside it, as NAME_paint.obj; Gazebo Classic's file names it by its whole path. The same
    settings, track and path give the same bytes. Raises UserError when a file cannot be written, or when the camera
    would see the robot's own body.
    """
    check_own_view(settings)
    paint = path.with_name(f"{path.stem}_paint.obj")
    root = _root(classic)
    world = add(root, "world", name=names.WORLD)
    _add_physics(world, settings, classic)
    _add_scene(world, settings)
    # Gazebo Sim looks for it beside the file, Gazebo Classic does not.
    _add_ground(world, settings, paint.resolve().as_uri() if classic else paint.name)
    add_surroundings(world, settings.gazebo, track)
    add_robot(world, settings, track.pose(0), classic)
    content = document(root, f"Track {track.name}, written by spikedrive gazebo world")
    write_atomically(paint, lambda file: file.write(wavefront(paint_mesh(track))))
    write_atomically(path, lambda file: file.write(content))


def robot_sdf(settings: SimulatorSettings, classic: bool) -> bytes:
    """The robot alone, at the origin, as an SDF file."""
    root = _root(classic)
    add_robot(root, settings, Pose(0.0, 0.0, 0.0), classic)
    return document(root, "Written by spikedrive gazebo robot")


def _root(classic: bool) -> Element:
    return Element("sdf", version="1.6" if classic else "1.9")


def _add_ground(world: Element, settings: SimulatorSettings, paint: str) -> None:
    model = add(world, "model", name="ground")
    add(model, "static", 1)
    link = add(model, "link", name="link")
    for kind in ("collision", "visual"):
        part = add(link, kind, name=kind)
        plane = add(add(part, "geometry"), "plane")
        add_all(plane, normal=(0.0, 0.0, 1.0), size=(_GROUND_M, _GROUND_M))
    add_colour(part, settings.camera.ground_intensity)
    visual = add(link, "visual", name="paint")
    add(add(add(visual, "geometry"), "mesh"), "uri", paint)
    add_colour(visual, settings.camera.marking_intensity)


def _add_physics(world: Element, settings: SimulatorSettings, classic: bool) -> None:
    step_s = 1e-6 * settings.gazebo.physics_step_us
    physics = add(world, "physics", name="physics", type="ode", default=1)
    add_all(physics, max_step_size=step_s, real_time_factor=1)
    if classic:
        add(physics, "real_time_update_rate", _CLASSIC_STEPS_PER_S)
        # The exact solver: with the iterative one a robot at rest creeps, and wheels slip. Forces that are not unique
        # (two wheels on one axle hold it sideways) make it stumble unless joints give by a trifle.
        engine = add(physics, "ode")
        add(add(engine, "solver"), "type", "world")
        add(add(engine, "constraints"), "cfm", 1e-9)
    else:
        for system in ("physics", "user-commands", "scene-broadcaster", "sensors"):
            name = "".join(word.capitalize() for word in system.split("-"))
            add(world, "plugin", filename=f"gz-sim-{system}-system", name=f"gz::sim::systems::{name}")


def _add_scene(world: Element, settings: SimulatorSettings) -> None:
    grey = settings.camera.background_intensity
    scene = add(world, "scene")
    add_all(scene, ambient=(0.4, 0.4, 0.4, 1.0), background=(grey, grey, grey, 1.0), shadows=0)
    light = add(world, "light", name="sun", type="directional")
    add(light, "pose", (0.0, 0.0, 10.0, 0.0, 0.0, 0.0))
    add_all(
        light, diffuse=(0.8, 0.8, 0.8, 1.0), specular=(0.0, 0.0, 0.0, 1.0), direction=(0.3, 0.2, -0.9), cast_shadows=0
    )
