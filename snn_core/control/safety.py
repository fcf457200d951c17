"""The one place that every velocity passes before it reaches a robot."""

import math
from typing import NamedTuple

from pydantic import Field

from snn_core.files import StrictModel


class SafetyLimits(StrictModel):
    """What a robot may be told to do."""

    max_speed_m_s: float = Field(default=2.0, gt=0, le=100, description="largest forward or backward speed (m/s)")
    max_turn_rate_rad_s: float = Field(default=4.0, gt=0, le=100, description="largest turn rate (rad/s)")
    max_acceleration_m_s2: float = Field(default=10.0, gt=0, le=1000, description="largest change of speed (m/s^2)")
    max_turn_acceleration_rad_s2: float = Field(
        default=80.0, gt=0, le=10000, description="largest change of turn rate (rad/s^2)"
    )


class Velocity(NamedTuple):
    """A velocity command."""

    v_m_s: float
    """Forward."""
    omega_rad_s: float
    """Turn rate, positive left."""


STOP = Velocity(0.0, 0.0)


class VelocityLimiter:
    """Limits speed and acceleration against the velocity given last, ``last``; what is not finite becomes a stop."""

    def __init__(self, limits: SafetyLimits) -> None:
        self.limits = limits
        self.last = STOP
        self.not_finite = 0
        self.limited = 0

    def set_last(self, velocity: Velocity) -> None:
        """The robot has this velocity now, whatever was given before: stopped, or placed anew by a simulator."""
        self.last = velocity

    def limit(self, wanted: Velocity, duration_s: float) -> Velocity:
        """The velocity nearest to ``wanted`` that the limits allow ``duration_s`` after the last one.

        ``not_finite`` and ``limited`` count the commands that were stopped or changed.
        """
        if not (math.isfinite(wanted.v_m_s) and math.isfinite(wanted.omega_rad_s)):
            self.not_finite += 1
            self.last = STOP
            return STOP
        limits = self.limits
        allowed = Velocity(
            _approach(self.last.v_m_s, wanted.v_m_s, limits.max_speed_m_s, limits.max_acceleration_m_s2 * duration_s),
            _approach(
                self.last.omega_rad_s,
                wanted.omega_rad_s,
                limits.max_turn_rate_rad_s,
                limits.max_turn_acceleration_rad_s2 * duration_s,
            ),
        )
        self.limited += allowed != wanted
        self.last = allowed
        return allowed


def _approach(last: float, wanted: float, largest: float, largest_change: float) -> float:
    wanted = min(max(wanted, -largest), largest)
    return min(max(wanted, last - largest_change), last + largest_change)
