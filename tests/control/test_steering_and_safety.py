"""Decoder and limits: the formulas, and that nothing gets past the limits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.control.decoders.differential_steering import DifferentialSteering
from snn_core.control.safety import STOP, SafetyLimits, Velocity, VelocityLimiter
from snn_core.network.spec import SteeringDecoding

SPEC = SteeringDecoding(
    code="differential_steering",
    population="motor",
    left=0,
    right=1,
    n_max=15,
    v_min_m_s=1.0,
    v_max_m_s=1.5,
    turn_factor_m_s=0.5,
    wheel_base_m=0.33,
)
LIMITS = SafetyLimits(
    max_speed_m_s=1.5, max_turn_rate_rad_s=2.0, max_acceleration_m_s2=4.0, max_turn_acceleration_rad_s2=20.0
)
anything = st.floats(allow_nan=True, allow_infinity=True)


def test_full_drive_on_both_sides_is_full_speed_ahead():
    assert DifferentialSteering(SPEC).decode(15, 15) == (1.5, 0.0)


def test_silence_keeps_the_last_velocity():
    steering = DifferentialSteering(SPEC)
    assert steering.decode(0, 0) == (1.0, -0.0)
    said = steering.decode(12, 3)
    assert steering.decode(0, 0) == said


def test_one_window_by_hand():
    v, omega = DifferentialSteering(SPEC).decode(12, 6)
    a, c = 0.4, math.sqrt((0.8**2 + 0.4**2) / 2)
    assert v == pytest.approx(1.0 + c * (1.5 - 0.4 * 0.5 - 1.0))
    assert omega == pytest.approx(-2 * c * 0.5 * a / 0.33)


def test_the_left_motor_neuron_turns_the_left_wheel_faster():
    v, omega = DifferentialSteering(SPEC).decode(10, 2)
    left, right = v - omega * 0.33 / 2, v + omega * 0.33 / 2
    assert left > right
    assert omega < 0


def test_rest_is_slow_and_straight():
    steering = DifferentialSteering(SPEC)
    steering.decode(15, 2)
    steering.rest()
    assert (steering.v_m_s, steering.turn_m_s) == (1.0, 0.0)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=30))
def test_mirrored_spikes_give_the_mirrored_turn(counts):
    one, other = DifferentialSteering(SPEC), DifferentialSteering(SPEC)
    for n_left, n_right in counts:
        v, omega = one.decode(n_left, n_right)
        assert other.decode(n_right, n_left) == (pytest.approx(v), pytest.approx(-omega))


@given(st.lists(st.tuples(anything, anything), max_size=30))
def test_no_command_gets_past_the_limits(commands):
    limiter, last = VelocityLimiter(LIMITS), STOP
    for wanted in commands:
        given_v, given_omega = limiter.limit(Velocity(*wanted), 0.05)
        assert abs(given_v) <= 1.5
        assert abs(given_omega) <= 2.0
        if all(map(math.isfinite, wanted)):
            assert abs(given_v - last.v_m_s) <= 4.0 * 0.05 + 1e-12
            assert abs(given_omega - last.omega_rad_s) <= 20.0 * 0.05 + 1e-12
        else:
            assert (given_v, given_omega) == STOP
        last = Velocity(given_v, given_omega)


def test_what_the_limits_allow_passes_unchanged_and_uncounted():
    limiter = VelocityLimiter(LIMITS)
    assert limiter.limit(Velocity(0.1, -0.5), 0.05) == (0.1, -0.5)
    assert (limiter.limited, limiter.not_finite) == (0, 0)
    limiter.limit(Velocity(5.0, 0.0), 0.05)
    limiter.limit(Velocity(math.nan, 0.0), 0.05)
    assert (limiter.limited, limiter.not_finite) == (1, 1)


def test_a_reachable_target_is_reached():
    limiter = VelocityLimiter(LIMITS)
    for _ in range(20):
        velocity = limiter.limit(Velocity(1.2, 1.0), 0.05)
    assert velocity == (1.2, 1.0)
