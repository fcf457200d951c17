"""The robot as a model of Gazebo (SDF)."""

import math
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from snn_core.sim.camera import CameraSpec
from snn_core.sim.gazebo import names
from snn_core.sim.gazebo.body import Inertia, RobotBodySpec, body_inertia, box_inertia, wheel_inertia
from snn_core.sim.gazebo.description.classic_drive import add_classic_drive
from snn_core.sim.gazebo.description.elements import add, add_all, add_hinge, add_inertial
from snn_core.sim.simulator_settings import SimulatorSettings
from snn_core.sim.track import Pose

CAMERA_BOX_M = (0.03, 0.04, 0.03)
_CAMERA_MASS_KG = 0.1
_GREY = (0.2, 0.2, 0.2, 1.0)
ORIGIN = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_CASTER_GAP_M = 1e-4
_FAR_M = 300.0
_NEAR_HEIGHTS = 0.25
"""Where the camera's view begins, in its heights above the ground, of which it sees nothing nearer. The nearer, the
coarser are the depths far away, by which paint is told from the ground that it lies on.
"""
WHEELS = ((names.LEFT_WHEEL, 1.0), (names.RIGHT_WHEEL, -1.0))


def add_robot(world: Element, settings: SimulatorSettings, pose: Pose, classic: bool) -> None:
    """Append the robot's model to a world: its frame midway between the wheels on the ground, x ahead.

    It is driven by (v, omega) within the limits of ``settings.robot``; ``classic``: for Gazebo Classic.
    """
    model = add(world, "model", name=names.ROBOT)
    add(model, "pose", (pose.x, pose.y, 0.0, 0.0, 0.0, pose.yaw))
    base = _add_base(model, settings.gazebo.body)
    for name, side in WHEELS:
        _add_wheel(model, settings, name, side)
    if classic:
        _add_camera(base, settings, camera_pose(settings.camera))
        add_classic_drive(model, settings)
    else:
        for name, _ in WHEELS:
            add_hinge(model, f"{name}_joint", names.BASE_LINK, name)
        link = add(model, "link", name=names.CAMERA_LINK)
        add(link, "pose", camera_pose(settings.camera))
        add_inertial(link, camera_inertia())
        optics = _add_camera(link, settings, ORIGIN)
        add(optics, "optical_frame_id", names.CAMERA_OPTICAL_FRAME)
        joint = add(model, "joint", name=f"{names.CAMERA_LINK}_joint", type="fixed")
        add_all(joint, parent=names.BASE_LINK, child=names.CAMERA_LINK)
        _add_drive(model, settings)
        _add_odometry(model, settings)


def _add_base(model: Element, body: RobotBodySpec) -> Element:
    link = add(model, "link", name=names.BASE_LINK)
    add_inertial(link, body_inertia(body), (body.centre_of_mass_forward_m, 0.0, body.centre_of_mass_height_m))
    middle = (body.forward_m, 0.0, body.clearance_m + 0.5 * body.height_m, 0.0, 0.0, 0.0)
    for part in _add_shapes(link, "body_", middle):
        if body.shape == "cylinder":
            _add_cylinder(part, 0.5 * body.length_m, body.height_m)
        else:
            add(add(add(part, "geometry"), "box"), "size", (body.length_m, body.width_m, body.height_m))
    for name, place in caster_places(body):
        collision, visual = _add_shapes(link, f"{name}_", (*place, 0.0, 0.0, 0.0))
        for part in (collision, visual):
            add(add(add(part, "geometry"), "sphere"), "radius", body.caster_radius_m)
        _add_friction(collision, 0.0)
    return link


def _add_wheel(model: Element, settings: SimulatorSettings, name: str, side: float) -> None:
    body, half_base = settings.gazebo.body, 0.5 * settings.robot.wheel_base_m
    link = add(model, "link", name=name)
    add(link, "pose", (0.0, side * half_base, body.wheel_radius_m, 0.0, 0.0, 0.0))
    add_inertial(link, wheel_inertia(body))
    collision, visual = _add_shapes(link, "", (0.0, 0.0, 0.0, -0.5 * math.pi, 0.0, 0.0))
    _add_cylinder(visual, body.wheel_radius_m, body.wheel_width_m)
    # A sphere touches the ground in one point; the edges of a cylinder would scrub in every curve.
    add(add(add(collision, "geometry"), "sphere"), "radius", body.wheel_radius_m)
    _add_friction(collision, body.wheel_friction)


def camera_pose(camera: CameraSpec) -> tuple[float, ...]:
    """Of the camera in the robot's frame: x, y, z (m), roll, pitch, yaw (rad); it looks along x."""
    return (camera.forward_m, 0.0, camera.height_m, 0.0, math.radians(camera.pitch_deg), 0.0)


def _add_camera(link: Element, settings: SimulatorSettings, pose: tuple[float, ...]) -> Element:
    camera = settings.camera
    sensor = add(link, "sensor", name=names.CAMERA, type="camera")
    add(sensor, "pose", pose)
    add_all(sensor, always_on=1, update_rate=settings.gazebo.frame_rate_hz, visualize=0, topic=names.CAMERA_TOPIC)
    optics = add(sensor, "camera")
    add(optics, "horizontal_fov", math.radians(camera.field_of_view_deg))
    add_all(add(optics, "image"), width=camera.width, height=camera.height, format="L8")
    add_all(add(optics, "clip"), near=_NEAR_HEIGHTS * camera.height_m, far=_FAR_M)
    return optics


def camera_inertia() -> Inertia:
    """Of the camera, about its middle."""
    return box_inertia(_CAMERA_MASS_KG, *CAMERA_BOX_M)


def caster_places(body: RobotBodySpec) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """Names of the casters and where their middles are (m): the one on the heavier side touches the ground."""
    for name, x in (("front_caster", body.front_caster_m), ("rear_caster", -body.rear_caster_m)):
        touches = x * body.centre_of_mass_forward_m > 0.0
        yield name, (x, 0.0, body.caster_radius_m + (0.0 if touches else _CASTER_GAP_M))


def _add_drive(model: Element, settings: SimulatorSettings) -> None:
    """Gazebo Sim's DiffDrive, whose limits work as those of the embedded robot."""
    robot = settings.robot
    plugin = add(model, "plugin", filename="gz-sim-diff-drive-system", name="gz::sim::systems::DiffDrive")
    add_all(
        plugin,
        left_joint=f"{names.LEFT_WHEEL}_joint",
        right_joint=f"{names.RIGHT_WHEEL}_joint",
        wheel_separation=robot.wheel_base_m,
        wheel_radius=settings.gazebo.body.wheel_radius_m,
        min_linear_velocity=-robot.max_speed_m_s,
        max_linear_velocity=robot.max_speed_m_s,
        min_angular_velocity=-robot.max_turn_rate_rad_s,
        max_angular_velocity=robot.max_turn_rate_rad_s,
        min_linear_acceleration=-robot.max_acceleration_m_s2,
        max_linear_acceleration=robot.max_acceleration_m_s2,
        min_angular_acceleration=-robot.max_turn_acceleration_rad_s2,
        max_angular_acceleration=robot.max_turn_acceleration_rad_s2,
        topic=names.CMD_VEL_TOPIC,
        odom_topic=f"/model/{names.ROBOT}/wheel_odometry",
        tf_topic=f"/model/{names.ROBOT}/wheel_tf",
        odom_publish_frequency=10,
    )


def _add_odometry(model: Element, settings: SimulatorSettings) -> None:
    """Gazebo Sim's OdometryPublisher: the true pose."""
    plugin = add(
        model, "plugin", filename="gz-sim-odometry-publisher-system", name="gz::sim::systems::OdometryPublisher"
    )
    add_all(
        plugin,
        odom_topic=names.ODOMETRY_TOPIC,
        tf_topic=names.TF_TOPIC,
        odom_frame="odom",
        robot_base_frame=names.BASE_LINK,
        dimensions=3,
        odom_publish_frequency=settings.gazebo.frame_rate_hz,
    )


def _add_shapes(link: Element, prefix: str, pose: tuple[float, ...]) -> tuple[Element, Element]:
    """A collision and a visual, without their geometry."""
    collision, visual = (add(link, kind, name=f"{prefix}{kind}") for kind in ("collision", "visual"))
    for part in (collision, visual):
        add(part, "pose", pose)
    add_all(add(visual, "material"), ambient=_GREY, diffuse=_GREY)
    return collision, visual


def _add_cylinder(part: Element, radius_m: float, length_m: float) -> None:
    add_all(add(add(part, "geometry"), "cylinder"), radius=radius_m, length=length_m)


def _add_friction(collision: Element, friction: float) -> None:
    ode = add(add(add(collision, "surface"), "friction"), "ode")
    add_all(ode, mu=friction, mu2=friction)
