"""What a controller tells a body: a value for each of its named channels, and the limits that a channel has.

A channel's name ends in its unit: ``v_m_s``, ``omega_rad_s``, ``force_n``, ``pan_rad_s``.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import Field, model_validator

from snn_core.files import StrictModel

SPEED, TURN_RATE = "v_m_s", "omega_rad_s"
"""Channels of a velocity: forward speed (m/s), and yaw rate (rad/s, positive left)."""
VELOCITY = (SPEED, TURN_RATE)


@dataclass(frozen=True, slots=True)
class Command:
    """Values of named channels, in their order; iterating gives the values.

    names: of the channels. values: one for each, in the unit that its name ends in.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]

    @classmethod
    def zero(cls, names: tuple[str, ...]) -> "Command":
        """0 on every channel: a body that is driven by speeds or forces stands."""
        return cls(names, (0.0,) * len(names))

    @property
    def is_finite(self) -> bool:
        """Whether all values are finite."""
        return all(map(math.isfinite, self.values))

    def __getitem__(self, name: str) -> float:
        return self.values[self.names.index(name)]

    def __iter__(self) -> Iterator[float]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)


def velocity(v_m_s: float, omega_rad_s: float) -> Command:
    """A command of forward speed ``v_m_s`` (m/s) and yaw rate ``omega_rad_s`` (rad/s, positive left)."""
    return Command(VELOCITY, (v_m_s, omega_rad_s))


STOP = velocity(0.0, 0.0)


class ChannelLimits(StrictModel):
    """The range of a channel, and how fast its value may change. Units are those of the channel's name."""

    low: float = Field(description="smallest value")
    high: float = Field(description="largest value")
    max_rate_per_s: float | None = Field(default=None, gt=0, description="largest change in a second; null: any")
    max_jerk_per_s2: float | None = Field(
        default=None, gt=0, description="largest change of that rate in a second; null: any"
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> "ChannelLimits":
        if not self.low < self.high:
            raise ValueError(f"low must lie below high ({self.high:g}), found {self.low:g}")
        return self

    def within(self, other: "ChannelLimits") -> "ChannelLimits":
        """The narrower of both. Raises ValueError where no value is allowed by both."""
        return ChannelLimits(
            low=max(self.low, other.low),
            high=min(self.high, other.high),
            max_rate_per_s=_least(self.max_rate_per_s, other.max_rate_per_s),
            max_jerk_per_s2=_least(self.max_jerk_per_s2, other.max_jerk_per_s2),
        )


def _least(one: float | None, other: float | None) -> float | None:
    given = [value for value in (one, other) if value is not None]
    return min(given, default=None)


class CommandLimiter:
    """Limits every channel against the command given last, ``last``; what is not finite becomes 0 on all channels.

    limits: by channel; the order is that of the commands.
    """

    def __init__(self, limits: Mapping[str, ChannelLimits]) -> None:
        self._limits = dict(limits)
        self.names = tuple(limits)
        self.stop = Command.zero(self.names)
        self.last = self.stop
        self._rates = self.stop.values
        self.not_finite = 0
        self.limited = 0

    def set_last(self, command: Command) -> None:
        """The body has this command now, whatever was given before: stopped, or placed at a start by a simulator."""
        self.last = command
        self._rates = self.stop.values

    def limit(self, wanted: Command, duration_s: float) -> Command:
        """The command nearest to ``wanted`` that the limits allow ``duration_s`` after the last one.

        ``not_finite`` and ``limited`` count the commands that were stopped or changed.
        """
        if not wanted.is_finite:
            self.not_finite += 1
            self.set_last(self.stop)
            return self.stop
        allowed = Command(
            self.names,
            tuple(
                _approach(limits, last, rate, value, duration_s)
                for limits, last, rate, value in zip(self._limits.values(), self.last, self._rates, wanted, strict=True)
            ),
        )
        self._rates = tuple((new - old) / duration_s for new, old in zip(allowed, self.last, strict=True))
        self.limited += allowed != wanted
        self.last = allowed
        return allowed


def _approach(limits: ChannelLimits, last: float, rate: float, wanted: float, duration_s: float) -> float:
    """The value nearest to ``wanted`` that a channel may have; ``rate`` is its last change (per s).

    The range goes before the jerk: a channel that comes to its end stops there, however fast it came.
    """
    value = min(max(wanted, limits.low), limits.high)
    if limits.max_jerk_per_s2 is not None:
        change = limits.max_jerk_per_s2 * duration_s
        value = min(max(value, last + (rate - change) * duration_s), last + (rate + change) * duration_s)
        value = min(max(value, limits.low), limits.high)
    if limits.max_rate_per_s is not None:
        change = limits.max_rate_per_s * duration_s
        value = min(max(value, last - change), last + change)
    return value
