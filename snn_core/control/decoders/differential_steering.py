"""From motor spikes to a velocity: smoothed differential steering, after Meschede (2017), as used by Bing et al.
(2018).

With n_l and n_r the spikes of the left and the right motor neuron in a window, m = n / n_max for each:

    a = m_l - m_r
    v = v_max - |a| (v_max - v_min)
    turn = turn_factor a
    c = sqrt((m_l^2 + m_r^2) / 2)

v and turn are low-passed with c as the weight of the new value, so that a silent network keeps what it said. A motor
neuron drives the wheel on its own side: v + turn (left) and v - turn (right).
"""

import math

from snn_core.network.spec import SteeringDecoding


class DifferentialSteering:
    """The decoder and its low-passed state, ``v_m_s`` and ``turn_m_s``."""

    def __init__(self, spec: SteeringDecoding) -> None:
        self._spec = spec
        self.rest()

    def rest(self) -> None:
        """As at activation and at each reset of the robot: slow and straight ahead."""
        self.v_m_s = self._spec.v_min_m_s
        self.turn_m_s = 0.0

    def decode(self, n_left: int, n_right: int) -> tuple[float, float]:
        """Take in a window's spike counts; return forward velocity (m/s) and turn rate (rad/s, positive left)."""
        spec = self._spec
        m_left, m_right = n_left / spec.n_max, n_right / spec.n_max
        a = m_left - m_right
        c = min(math.sqrt((m_left**2 + m_right**2) / 2), 1.0)
        self.v_m_s += c * (spec.v_max_m_s - abs(a) * (spec.v_max_m_s - spec.v_min_m_s) - self.v_m_s)
        self.turn_m_s += c * (spec.turn_factor_m_s * a - self.turn_m_s)
        return self.v_m_s, -2.0 * self.turn_m_s / spec.wheel_base_m
