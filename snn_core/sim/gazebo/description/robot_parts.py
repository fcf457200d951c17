"""The numbers of the robot that the templates of SDF and URDF write: places (m), sizes (m), masses and inertias."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from snn_core.sim.camera import CameraSpec
from snn_core.sim.gazebo import names
from snn_core.sim.robot_body import Inertia, RobotBodySpec, body_inertia, box_inertia, wheel_inertia
from snn_core.sim.scene_settings import SceneSettings

Vector = tuple[float, float, float]
"""x ahead, y to the left, z up, of the robot's frame: midway between the wheels, on the ground."""

_CAMERA_BOX_M = (0.03, 0.04, 0.03)
_CAMERA_MASS_KG = 0.1
_CASTER_GAP_M = 1e-4
_FAR_M = 300.0
_NEAR_HEIGHTS = 0.25
"""Where the camera's view begins, in its heights above the ground, of which it sees nothing nearer. The nearer, the
coarser are the depths far away, by which paint is told from the ground that it lies on.
"""


class Base(NamedTuple):
    """The body without wheels. size: of a box; radius_m: of a cylinder."""

    inertia: Inertia
    centre_of_mass: Vector
    middle: Vector
    size: Vector
    radius_m: float


class Caster(NamedTuple):
    """A sphere without friction."""

    name: str
    middle: Vector


class Wheel(NamedTuple):
    """A wheel. name: of its link; side: 1 on the left, -1 on the right."""

    name: str
    side: float
    middle: Vector
    inertia: Inertia


class CameraBox(NamedTuple):
    """The camera's housing, its front at the camera's place."""

    size: Vector
    inertia: Inertia


class View(NamedTuple):
    """What the camera sees: its horizontal field of view and the distances between which things are drawn."""

    angle_rad: float
    near_m: float
    far_m: float


def robot_values(settings: SceneSettings) -> dict[str, object]:
    """What the templates need to know of the robot, by the names that they use."""
    body, camera = settings.gazebo.body, settings.camera
    return {
        "names": names,
        "robot": settings.robot,
        "body": body,
        "camera": camera,
        "gazebo": settings.gazebo,
        "base": _base(body),
        "casters": list(_casters(body)),
        "wheels": list(_wheels(settings)),
        "camera_pose": _camera_pose(camera),
        "camera_box": CameraBox(_CAMERA_BOX_M, box_inertia(_CAMERA_MASS_KG, *_CAMERA_BOX_M)),
        "view": View(math.radians(camera.field_of_view_deg), _NEAR_HEIGHTS * camera.height_m, _FAR_M),
    }


def _base(body: RobotBodySpec) -> Base:
    return Base(
        inertia=body_inertia(body),
        centre_of_mass=(body.centre_of_mass_forward_m, 0.0, body.centre_of_mass_height_m),
        middle=(body.forward_m, 0.0, body.clearance_m + 0.5 * body.height_m),
        size=(body.length_m, body.width_m, body.height_m),
        radius_m=0.5 * body.length_m,
    )


def _casters(body: RobotBodySpec) -> Iterator[Caster]:
    """The caster on the heavier side touches the ground, the other does not."""
    for name, x in (("front_caster", body.front_caster_m), ("rear_caster", -body.rear_caster_m)):
        touches = x * body.centre_of_mass_forward_m > 0.0
        yield Caster(name, (x, 0.0, body.caster_radius_m + (0.0 if touches else _CASTER_GAP_M)))


def _wheels(settings: SceneSettings) -> Iterator[Wheel]:
    body, half_base = settings.gazebo.body, 0.5 * settings.robot.wheel_base_m
    for name, side in ((names.LEFT_WHEEL, 1.0), (names.RIGHT_WHEEL, -1.0)):
        yield Wheel(name, side, (0.0, side * half_base, body.wheel_radius_m), wheel_inertia(body))


def _camera_pose(camera: CameraSpec) -> tuple[float, ...]:
    """Of the camera in the robot's frame: x, y, z (m), roll, pitch, yaw (rad); it looks along x."""
    return (camera.forward_m, 0.0, camera.height_m, 0.0, math.radians(camera.pitch_deg), math.radians(camera.yaw_deg))
