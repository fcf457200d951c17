"""The differential drive of Gazebo Classic, as its own plugin has it, with limits of acceleration.

The plugin (libDiffDrivePlugin.so of gazebo-plugin-base) sets the speeds of the links behind its two joints at once, in
every step and whatever that takes; wheels driven so slip. Here it drives a flywheel beside each wheel instead, and a
joint with dry friction, a clutch, takes the wheel along with at most the torque of the robot's largest acceleration.
"""

from xml.etree.ElementTree import Element

from snn_core.sim.gazebo import names
from snn_core.sim.gazebo.body import Inertia, total_mass_kg, wheel_torque_nm
from snn_core.sim.gazebo.description.elements import add, add_all, add_hinge, add_inertial
from snn_core.sim.simulator_settings import SimulatorSettings

_MASS = 0.02
"""Mass of a flywheel, as a part of the robot's."""
_INERTIA = 0.25
"""... and its moment of inertia, as a part of what the robot has about the wheels' point of contact: much of it makes
the wheels follow at once, too much lets the robot roll, like a gyroscope, when it turns."""


def add_classic_drive(model: Element, settings: SimulatorSettings) -> None:
    """Append flywheels, joints and plugin to a model that has base and wheels."""
    body, half_base = settings.gazebo.body, 0.5 * settings.robot.wheel_base_m
    inertia = _INERTIA * total_mass_kg(body) * body.wheel_radius_m**2
    torque = (1.0 + 2.0 * _MASS) * wheel_torque_nm(body, settings.robot.max_acceleration_m_s2)
    for wheel, side in ((names.LEFT_WHEEL, 1.0), (names.RIGHT_WHEEL, -1.0)):
        flywheel = f"{wheel}_drive"
        link = add(model, "link", name=flywheel)
        add(link, "pose", (0.0, side * half_base, body.wheel_radius_m, 0.0, 0.0, 0.0))
        add_inertial(link, Inertia(_MASS * total_mass_kg(body), inertia, inertia, inertia))
        collision = add(link, "collision", name="size_of_the_wheel")  # the plugin takes the radius from it
        add(add(add(collision, "geometry"), "sphere"), "radius", body.wheel_radius_m)
        add(add(add(collision, "surface"), "contact"), "collide_bitmask", 0)
        # The plugin takes the distance of its joints for that of the wheels. To put a joint elsewhere on its axis
        # changes nothing else.
        outwards = side * (names.CLASSIC_TURN_SCALE - 1.0) * half_base
        add_hinge(model, f"{flywheel}_joint", names.BASE_LINK, flywheel, outwards)
        axis = add_hinge(model, f"{wheel}_joint", flywheel, wheel)
        add(add(axis, "dynamics"), "friction", torque)
    # It turns right when told to turn left, and left with its sides exchanged.
    add_all(
        add(model, "plugin", filename="libDiffDrivePlugin.so", name="drive"),
        left_joint=f"{names.RIGHT_WHEEL}_drive_joint",
        right_joint=f"{names.LEFT_WHEEL}_drive_joint",
    )
