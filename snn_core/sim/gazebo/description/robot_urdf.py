"""The robot as URDF, for robot_state_publisher and RViz."""

import math
from xml.etree.ElementTree import Element

from snn_core.sim.gazebo import names
from snn_core.sim.gazebo.body import Inertia, body_inertia, wheel_inertia
from snn_core.sim.gazebo.description.elements import Value, add, document
from snn_core.sim.gazebo.description.robot_sdf import CAMERA_BOX_M, WHEELS, camera_inertia, camera_pose, caster_places
from snn_core.sim.simulator_settings import SimulatorSettings

_OPTICAL = (-0.5 * math.pi, 0.0, -0.5 * math.pi)
"""Of REP 103: z into the picture, x to its right, y down."""


def robot_urdf(settings: SimulatorSettings) -> bytes:
    """base_link, wheels, camera_link (x along the optical axis) and camera_optical_frame; no plugins."""
    body = settings.gazebo.body
    robot = Element("robot", name=names.ROBOT)
    base = add(robot, "link", name=names.BASE_LINK)
    _add_inertial(base, body_inertia(body), (body.centre_of_mass_forward_m, 0.0, body.centre_of_mass_height_m))
    middle = (body.forward_m, 0.0, body.clearance_m + 0.5 * body.height_m)
    if body.shape == "cylinder":
        _add_shape(base, middle, "cylinder", radius=0.5 * body.length_m, length=body.height_m)
    else:
        _add_shape(base, middle, "box", size=(body.length_m, body.width_m, body.height_m))
    for _, place in caster_places(body):
        _add_shape(base, place, "sphere", radius=body.caster_radius_m)
    for name, side in WHEELS:
        wheel = add(robot, "link", name=name)
        _add_inertial(wheel, wheel_inertia(body))
        size = {"radius": body.wheel_radius_m, "length": body.wheel_width_m}
        _add_shape(wheel, (0.0, 0.0, 0.0), "cylinder", (-0.5 * math.pi, 0.0, 0.0), **size)
        place = (0.0, side * 0.5 * settings.robot.wheel_base_m, body.wheel_radius_m)
        joint = _add_joint(robot, names.BASE_LINK, name, "continuous", place)
        add(joint, "axis", xyz=(0.0, 1.0, 0.0))
    camera = add(robot, "link", name=names.CAMERA_LINK)
    _add_inertial(camera, camera_inertia())
    _add_shape(camera, (-0.5 * CAMERA_BOX_M[0], 0.0, 0.0), "box", size=CAMERA_BOX_M)
    pose = camera_pose(settings.camera)
    _add_joint(robot, names.BASE_LINK, names.CAMERA_LINK, "fixed", pose[:3], pose[3:])
    add(robot, "link", name=names.CAMERA_OPTICAL_FRAME)
    _add_joint(robot, names.CAMERA_LINK, names.CAMERA_OPTICAL_FRAME, "fixed", (0.0, 0.0, 0.0), _OPTICAL)
    return document(robot, "Written by spikedrive gazebo robot")


def _add_inertial(link: Element, inertia: Inertia, at: tuple[float, ...] = (0.0, 0.0, 0.0)) -> None:
    inertial = add(link, "inertial")
    add(inertial, "origin", xyz=at, rpy=(0.0, 0.0, 0.0))
    add(inertial, "mass", value=inertia.mass_kg)
    add(inertial, "inertia", ixx=inertia.ixx, ixy=0.0, ixz=0.0, iyy=inertia.iyy, iyz=0.0, izz=inertia.izz)


def _add_shape(
    link: Element, at: tuple[float, ...], shape: str, turned: tuple[float, ...] = (0.0, 0.0, 0.0), **size: Value
) -> None:
    for kind in ("visual", "collision"):
        part = add(link, kind)
        add(part, "origin", xyz=at, rpy=turned)
        add(add(part, "geometry"), shape, **size)


def _add_joint(
    robot: Element,
    parent: str,
    child: str,
    kind: str,
    at: tuple[float, ...],
    turned: tuple[float, ...] = (0.0, 0.0, 0.0),
) -> Element:
    joint = add(robot, "joint", name=f"{child}_joint", type=kind)
    add(joint, "parent", link=parent)
    add(joint, "child", link=child)
    add(joint, "origin", xyz=at, rpy=turned)
    return joint
