"""Smoothed differential steering, after Meschede (2017), as used by Bing et al. (2018).

With n_l and n_r the spikes of the left and the right motor neuron in a window, m = n / n_max for each:

    a = m_l - m_r
    v = v_max - |a| (v_max - v_min)
    turn = turn_factor a
    c = sqrt((m_l^2 + m_r^2) / 2)

v and turn are low-passed with c as the weight of the new value, so that a silent network keeps what it said. A motor
neuron drives the wheel on its own side: v + turn (left) and v - turn (right).

Its error is lateral, positive where the robot is too far left: the left wheel must learn to run faster, the right one
slower. So the left neuron's reward is the error, the right one's its negative (Bing et al. 2018).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from snn_core.control.command import VELOCITY, ChannelLimits, Command, velocity
from snn_core.control.decoders.base import Counts, DecoderKind, DecodingSpec, take_finite
from snn_core.control.signals import ERROR


class SteeringDecoding(DecodingSpec):
    """Smoothed differential steering; see ``snn_core.control.decoders.differential_steering``."""

    code: Literal["differential_steering"]  # type: ignore[assignment]
    population: str
    left: int = Field(default=0, ge=0)
    right: int = Field(default=1, ge=0)
    n_max: int = Field(default=15, ge=1, description="spikes in a window that count as full drive")
    v_min_m_s: float = Field(default=1.0, ge=0)
    v_max_m_s: float = Field(default=1.5, ge=0)
    turn_factor_m_s: float = Field(default=0.5, ge=0)
    wheel_base_m: float = Field(default=0.33, gt=0)

    @model_validator(mode="after")
    def _speeds_are_ordered(self) -> "SteeringDecoding":
        if self.v_min_m_s > self.v_max_m_s:
            raise ValueError(f"v_min_m_s must not exceed v_max_m_s ({self.v_max_m_s}), found {self.v_min_m_s}")
        return self

    def populations(self) -> dict[str, str]:
        return {"population": self.population}

    def check(self, sizes: Mapping[str, int]) -> None:
        size = sizes[self.population]
        for side, place in (("left", self.left), ("right", self.right)):
            if place >= size:
                raise ValueError(f"{side} must be below the population's size {size}")

    def channels(self) -> dict[str, ChannelLimits | None]:
        return dict.fromkeys(VELOCITY)


class DifferentialSteering:
    """The decoder and its low-passed state, ``v_m_s`` and ``turn_m_s``."""

    errors = (ERROR,)

    def __init__(self, spec: SteeringDecoding, size: int) -> None:
        self._spec = spec
        self._size = size
        self.rest()

    def rest(self) -> Command:
        """Slow and straight ahead."""
        self.v_m_s = self._spec.v_min_m_s
        self.turn_m_s = 0.0
        return velocity(self.v_m_s, 0.0)

    def decode(self, counts: Counts) -> Command:
        """Take in a window's spike counts."""
        spec, n = self._spec, counts[self._spec.population]
        m_left, m_right = int(n[spec.left]) / spec.n_max, int(n[spec.right]) / spec.n_max
        a = m_left - m_right
        c = min(math.sqrt((m_left**2 + m_right**2) / 2), 1.0)
        self.v_m_s += c * (spec.v_max_m_s - abs(a) * (spec.v_max_m_s - spec.v_min_m_s) - self.v_m_s)
        self.turn_m_s += c * (spec.turn_factor_m_s * a - self.turn_m_s)
        return velocity(self.v_m_s, -2.0 * self.turn_m_s / spec.wheel_base_m)

    def credit(self, errors: Sequence[float]) -> dict[str, NDArray[np.float32]]:
        """The lateral error to the left neuron, its negative to the right one."""
        (error,) = errors
        reward = np.zeros(self._size, np.float32)
        reward[[self._spec.left, self._spec.right]] = (error, -error)
        return {self._spec.population: reward}

    def state(self) -> list[float]:
        """Speed (m/s) and turn (m/s)."""
        return [self.v_m_s, self.turn_m_s]

    def set_state(self, state: Sequence[float]) -> None:
        """Take over what ``state`` gave. Raises ValueError."""
        self.v_m_s, self.turn_m_s = take_finite(state, 2)


def _make(spec: SteeringDecoding, sizes: Mapping[str, int], window_s: float) -> DifferentialSteering:
    return DifferentialSteering(spec, sizes[spec.population])


DECODER = DecoderKind(code="differential_steering", spec=SteeringDecoding, make=_make)
