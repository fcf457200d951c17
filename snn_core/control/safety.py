"""The one place that every command passes before it reaches a robot."""

from collections.abc import Mapping

from pydantic import Field

from snn_core.control.command import SPEED, TURN_RATE, ChannelLimits
from snn_core.errors import UserError
from snn_core.files import StrictModel


class SafetyLimits(StrictModel):
    """What a robot that is driven by velocities may be told to do."""

    max_speed_m_s: float = Field(default=2.0, gt=0, le=100, description="largest forward or backward speed (m/s)")
    max_turn_rate_rad_s: float = Field(default=4.0, gt=0, le=100, description="largest turn rate (rad/s)")
    max_acceleration_m_s2: float = Field(default=10.0, gt=0, le=1000, description="largest change of speed (m/s^2)")
    max_turn_acceleration_rad_s2: float = Field(
        default=80.0, gt=0, le=10000, description="largest change of turn rate (rad/s^2)"
    )

    def channels(self) -> dict[str, ChannelLimits]:
        """The same by channel."""
        return {
            SPEED: ChannelLimits(
                low=-self.max_speed_m_s, high=self.max_speed_m_s, max_rate_per_s=self.max_acceleration_m_s2
            ),
            TURN_RATE: ChannelLimits(
                low=-self.max_turn_rate_rad_s,
                high=self.max_turn_rate_rad_s,
                max_rate_per_s=self.max_turn_acceleration_rad_s2,
            ),
        }


def limits_of(own: Mapping[str, ChannelLimits | None], safety: SafetyLimits) -> dict[str, ChannelLimits]:
    """Limits of the channels of a decoder: ``own``, and no more than ``safety`` for those of a velocity.

    Raises UserError for a channel that nothing limits, or that no value is allowed for.
    """
    known = safety.channels()
    limits: dict[str, ChannelLimits] = {}
    for name, limit in own.items():
        if limit is None and name not in known:
            raise UserError(f"channel {name}: has no limits; give it low and high in the decoder")
        try:
            limits[name] = known[name] if limit is None else limit.within(known[name]) if name in known else limit
        except ValueError as error:
            raise UserError(f"channel {name}: the decoder's limits and the robot's have no value in common") from error
    return limits
