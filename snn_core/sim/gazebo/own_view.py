"""Whether a robot's camera would see the robot."""

import math

import numpy as np

from snn_core.errors import UserError
from snn_core.sim.robot_body import RobotBodySpec
from snn_core.sim.scene_settings import SceneSettings

_SAMPLES = 41


def check_own_view(settings: SceneSettings) -> None:
    """Raise UserError when the camera sees the robot, of which the embedded simulator's camera sees nothing."""
    camera = settings.camera
    points = np.concatenate([_body(settings.gazebo.body), *_wheels(settings)])
    points -= (camera.forward_m, 0.0, camera.height_m)
    pitch = math.radians(camera.pitch_deg)
    ahead = points[:, 0] * math.cos(pitch) - points[:, 2] * math.sin(pitch)
    up = points[:, 0] * math.sin(pitch) + points[:, 2] * math.cos(pitch)
    wide = math.tan(math.radians(0.5 * camera.field_of_view_deg))
    high = wide * camera.height / camera.width
    if np.any((ahead > 0.0) & (np.abs(points[:, 1]) < wide * ahead) & (np.abs(up) < high * ahead)):
        raise UserError(
            f"camera: at forward_m {camera.forward_m:g}, height_m {camera.height_m:g}, pitch_deg {camera.pitch_deg:g} "
            "it sees the robot's own body; move it ahead, or make gazebo.body shorter"
        )


def _body(body: RobotBodySpec) -> np.ndarray:
    """Points of the body's surface, (n, 3)."""
    across = np.linspace(-1.0, 1.0, _SAMPLES)
    u, v, w = (grid.ravel() for grid in np.meshgrid(across, across, np.linspace(0.0, 1.0, 11), indexing="ij"))
    if body.shape == "cylinder":
        inside = u * u + v * v <= 1.0
        u, v, w = u[inside], v[inside], w[inside]
        v = v * body.length_m
    else:
        v = v * body.width_m
    return np.column_stack([body.forward_m + 0.5 * u * body.length_m, 0.5 * v, body.clearance_m + w * body.height_m])


def _wheels(settings: SceneSettings) -> list[np.ndarray]:
    """Points of the wheels' faces, (n, 3) each."""
    body, angle = settings.gazebo.body, np.linspace(0.0, 2.0 * math.pi, _SAMPLES)
    x, z = body.wheel_radius_m * np.sin(angle), body.wheel_radius_m * (1.0 + np.cos(angle))
    half = 0.5 * settings.robot.wheel_base_m
    faces = [side * half + face * body.wheel_width_m for side in (-1.0, 1.0) for face in (-0.5, 0.5)]
    return [np.column_stack([x, np.full_like(x, y), z]) for y in faces]
