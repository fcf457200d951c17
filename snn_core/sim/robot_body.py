"""What the robot's limits leave open: the body that a physics engine moves."""

from typing import Literal, NamedTuple

from pydantic import Field

from snn_core.files import StrictModel


class RobotBodySpec(StrictModel):
    """Wheels, casters and body. By default of about a Pioneer P3-DX's size and weight: 0.45 x 0.38 x 0.24 m, 9 kg.

    The body's inertia is that of its shape, evenly filled, about its centre of mass. It rests on the wheels and on the
    caster of its heavier side. The other caster, a tenth of a millimetre above the ground, keeps it from nodding when
    it brakes or speeds up. Casters are spheres without friction.
    """

    wheel_radius_m: float = Field(default=0.0975, ge=0.005, le=2.0, description="radius of the wheels (m)")
    wheel_width_m: float = Field(default=0.048, ge=0.001, le=1.0, description="width of the wheels (m)")
    wheel_mass_kg: float = Field(default=0.5, ge=0.001, le=1000.0, description="mass of a wheel (kg)")
    wheel_friction: float = Field(default=1.5, ge=0.01, le=10.0, description="friction of the wheels")
    shape: Literal["box", "cylinder"] = Field(
        default="box", description="body: a box, or an upright cylinder of the diameter length_m"
    )
    mass_kg: float = Field(default=8.0, ge=0.01, le=10_000.0, description="mass without wheels (kg)")
    length_m: float = Field(default=0.45, ge=0.02, le=10.0, description="length of the body (m)")
    width_m: float = Field(default=0.33, ge=0.02, le=10.0, description="width of a box (m)")
    height_m: float = Field(default=0.187, ge=0.01, le=10.0, description="height of the body (m)")
    clearance_m: float = Field(default=0.05, ge=0.001, le=2.0, description="height of its underside (m)")
    forward_m: float = Field(
        default=-0.08, ge=-5.0, le=5.0, description="distance of its middle ahead of the wheels' axle (m)"
    )
    centre_of_mass_forward_m: float = Field(
        default=-0.03, ge=-5.0, le=5.0, description="distance of the centre of mass ahead of the wheels' axle (m)"
    )
    centre_of_mass_height_m: float = Field(default=0.1, ge=0.001, le=10.0, description="its height (m)")
    front_caster_m: float = Field(default=0.12, ge=0.01, le=5.0, description="caster ahead of the axle by (m)")
    rear_caster_m: float = Field(default=0.25, ge=0.01, le=5.0, description="caster behind the axle by (m)")
    caster_radius_m: float = Field(default=0.03, ge=0.002, le=1.0, description="radius of the casters (m)")


class Inertia(NamedTuple):
    """Mass (kg) and principal moments of inertia (kg m^2) about x, y and z."""

    mass_kg: float
    ixx: float
    iyy: float
    izz: float


def box_inertia(mass_kg: float, length_m: float, width_m: float, height_m: float) -> Inertia:
    """Of an evenly filled box, ``length_m`` along x, ``width_m`` along y."""
    x, y, z = length_m**2, width_m**2, height_m**2
    return Inertia(mass_kg, mass_kg * (y + z) / 12.0, mass_kg * (x + z) / 12.0, mass_kg * (x + y) / 12.0)


def cylinder_inertia(mass_kg: float, radius_m: float, height_m: float, axis: Literal["y", "z"]) -> Inertia:
    """Of an evenly filled cylinder whose axis is y (a wheel) or z (upright)."""
    about_axis = 0.5 * mass_kg * radius_m**2
    across = mass_kg * (3.0 * radius_m**2 + height_m**2) / 12.0
    return Inertia(mass_kg, across, *((about_axis, across) if axis == "y" else (across, about_axis)))


def body_inertia(body: RobotBodySpec) -> Inertia:
    """Of the body without its wheels."""
    if body.shape == "cylinder":
        return cylinder_inertia(body.mass_kg, 0.5 * body.length_m, body.height_m, "z")
    return box_inertia(body.mass_kg, body.length_m, body.width_m, body.height_m)


def wheel_inertia(body: RobotBodySpec) -> Inertia:
    """Of a wheel, about its middle."""
    return cylinder_inertia(body.wheel_mass_kg, body.wheel_radius_m, body.wheel_width_m, "y")


def total_mass_kg(body: RobotBodySpec) -> float:
    """Of the body with its wheels."""
    return body.mass_kg + 2.0 * body.wheel_mass_kg


def wheel_torque_nm(body: RobotBodySpec, acceleration_m_s2: float) -> float:
    """Torque of each wheel that gives the robot an acceleration straight on."""
    rolling = 2.0 * wheel_inertia(body).iyy / body.wheel_radius_m**2  # as much as so much more mass
    return 0.5 * acceleration_m_s2 * body.wheel_radius_m * (total_mass_kg(body) + rolling)
