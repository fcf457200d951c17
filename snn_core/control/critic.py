"""A critic: a population of spiking neurons that predicts the reward, and the TD error that rules learn from.

With the mean rate f_k of the population in window k and the reward r_k at its end:

    V_k     = value_at_silence + value_per_hz f_k
    gamma   = exp(-window / horizon), or 0 without a horizon
    delta_k = r_k + gamma V_k - V_(k-1)

after Sutton and Barto (2018, Reinforcement Learning, section 6.1) and, for spiking neurons, Fremaux, Sprekeler and
Gerstner (2013, PLoS Computational Biology 9:e1003024). V_(k-1) is what was foreseen at the end of window k - 1, from
its events, and the command of window k comes from the same events. So without a horizon delta_k is the reward less what
could be known of it before: a baseline that takes what the actions did not cause out of the reward.

A critic learns slowly, and where it is wrong it stays wrong for many windows. No action of these is to blame. So an
actor is given delta_k - error_persistence delta_(k-1), or delta_k where the window before is not known. What that has
shown depends on no later action, so it may be subtracted as any baseline may (Williams 1992, Machine Learning 8:229).
What is given is clipped to [-largest_error, largest_error], after Mnih et al. (2015, Nature 518:529). A crash is no
reason for a step many times that of a good move.

Signals of window k reach the network before its events do. Then V_k is not known yet: with a horizon, rules are given
delta_(k-1), a window late. A placement ends what came before: the value of nothing is 0.
"""

import math
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from snn_core.control.signals import REWARD, Signals
from snn_core.files import StrictModel

TD_ERROR, VALUE_ERROR = "td_error", "value_error"
"""Signals that a critic gives. An actor climbs the first, delta, clipped. The second is -delta, for e-prop on the
critic's own synapses: positive where its neurons should have fired less."""
_UNKNOWN = math.nan


class CriticSpec(StrictModel):
    """A critic; see ``snn_core.control.critic``."""

    population: str = Field(description="its neurons: their mean rate is the value")
    reward: str = Field(default=REWARD, min_length=1, description="signal that it predicts")
    horizon_ms: float | None = Field(
        default=None, gt=0, description="over which rewards to come count; null: the next window's alone"
    )
    value_per_hz: float = Field(gt=0, description="value of 1 Hz, in units of the reward")
    value_at_silence: float = Field(default=0.0, description="value of a silent population")
    error_persistence: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="part of the error of the window before that was to be expected of this one",
    )
    largest_error: float | None = Field(
        default=None, gt=0, description="td_error is clipped to plus and minus this; value_error is not; null: neither"
    )


class Critic:
    """A critic's state from window to window: the value foreseen, and with a horizon the reward that waits for it.

    population: its neurons. reward: the signal that it predicts.

    spec: its description. size: neurons of its population. window_s: length of a window (s).
    """

    def __init__(self, spec: CriticSpec, size: int, window_s: float) -> None:
        self.population, self.reward = spec.population, spec.reward
        self._at_silence = spec.value_at_silence
        self._persistence, self._largest = spec.error_persistence, spec.largest_error or math.inf
        self._per_spike = spec.value_per_hz / (size * window_s)
        self._discount = math.exp(-1e3 * window_s / spec.horizon_ms) if spec.horizon_ms else 0.0
        self.rest()

    def rest(self) -> None:
        """Forget what was foreseen."""
        self._value = self._value_before = self._reward = self._reward_before = _UNKNOWN
        self._error = self._error_before = 0.0

    def errors(self, signals: Signals, placed: bool) -> dict[str, float]:
        """What a window's signals come to: ``td_error``, ``value_error``, and two for the eye, ``critic/...``.

        placed: the body was placed when the window began. 0 where nothing was foreseen.
        """
        if self._discount:
            error = self._reward_before + self._discount * (0.0 if placed else self._value) - self._value_before
        else:
            error = _UNKNOWN if placed else signals[self.reward] - self._value
        surprise = error - self._persistence * self._error_before
        if math.isnan(error):
            error = surprise = 0.0
        # Events before a placement foretell nothing of what comes after it.
        self._reward, self._error = (_UNKNOWN, 0.0) if placed else (signals[self.reward], error)
        value = 0.0 if math.isnan(self._value) else self._value
        clipped = min(max(surprise, -self._largest), self._largest)
        return {TD_ERROR: clipped, VALUE_ERROR: -error, "critic/value": value, "critic/td_error": clipped}

    def observe(self, counts: np.ndarray) -> None:
        """Take in a window's spike counts of its neurons, (size,)."""
        self._value_before, self._reward_before, self._error_before = self._value, self._reward, self._error
        self._reward, self._error = _UNKNOWN, 0.0
        self._value = self._at_silence + self._per_spike * float(counts.sum())

    def state(self) -> list[float | None]:
        """Between two windows, for ``set_state``; None: unknown."""
        numbers = (self._value, self._value_before, self._reward_before, self._error_before)
        return [None if math.isnan(number) else number for number in numbers]

    def set_state(self, state: Sequence[object]) -> None:
        """Take over what ``state`` gave. Raises ValueError."""
        numbers = [_UNKNOWN if number is None else number for number in state]
        numbers = [float(number) for number in numbers if isinstance(number, int | float)]
        if len(state) != 4 or len(numbers) != 4 or math.isnan(numbers[-1]):
            raise ValueError(f"critic must be 4 numbers, found {state!r}")
        self._value, self._value_before, self._reward_before, self._error_before = numbers
        self._reward, self._error = _UNKNOWN, 0.0
