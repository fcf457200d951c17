"""The differential drive of Gazebo Classic, as its own plugin has it, with limits of acceleration.

The plugin (libDiffDrivePlugin.so of gazebo-plugin-base) sets the speeds of the links behind its two joints at once, in
every step and whatever that takes; wheels driven so slip. Here it drives a flywheel beside each wheel instead. A joint
with dry friction, a clutch, takes the wheel along with at most the torque of the robot's largest acceleration.
"""

from typing import NamedTuple

from snn_core.sim.gazebo import names
from snn_core.sim.robot_body import Inertia, total_mass_kg, wheel_torque_nm
from snn_core.sim.scene_settings import SceneSettings

_MASS = 0.02
"""Mass of a flywheel, as a part of the robot's."""
_INERTIA = 0.25
"""... and its moment of inertia, as a part of what the robot has about the wheels' point of contact. Much of it makes
the wheels follow at once. Too much lets the robot roll, like a gyroscope, when it turns.
"""


class ClassicDrive(NamedTuple):
    """Flywheels and clutches. outwards_m: how far outside its wheel the joint of a flywheel is."""

    flywheel_inertia: Inertia
    clutch_torque_nm: float
    outwards_m: float


def classic_drive(settings: SceneSettings) -> ClassicDrive:
    """The drive for a robot of this body, wheel base and largest acceleration."""
    body = settings.gazebo.body
    inertia = _INERTIA * total_mass_kg(body) * body.wheel_radius_m**2
    return ClassicDrive(
        flywheel_inertia=Inertia(_MASS * total_mass_kg(body), inertia, inertia, inertia),
        clutch_torque_nm=(1.0 + 2.0 * _MASS) * wheel_torque_nm(body, settings.robot.max_acceleration_m_s2),
        outwards_m=(names.CLASSIC_TURN_SCALE - 1.0) * 0.5 * settings.robot.wheel_base_m,
    )
