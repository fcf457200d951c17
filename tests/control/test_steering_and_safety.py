"""Differential steering and limits: the formulas, and that nothing gets past the limits."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.control.command import STOP, ChannelLimits, Command, CommandLimiter, velocity
from snn_core.control.decoders.differential_steering import DifferentialSteering, SteeringDecoding
from snn_core.control.safety import SafetyLimits, limits_of
from snn_core.errors import UserError

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


def steering() -> DifferentialSteering:
    return DifferentialSteering(SPEC, 2)


def decoded(decoder: DifferentialSteering, n_left: int, n_right: int) -> Command:
    """The command after a window with so many spikes."""
    return decoder.decode({"motor": np.array([n_left, n_right])})


# Differential steering


def test_full_drive_on_both_sides_is_full_speed_ahead():
    assert decoded(steering(), 15, 15) == velocity(1.5, 0.0)


def test_silence_keeps_the_last_velocity():
    decoder = steering()
    assert decoded(decoder, 0, 0) == velocity(1.0, -0.0)
    said = decoded(decoder, 12, 3)
    assert decoded(decoder, 0, 0) == said


def test_one_window_by_hand():
    v, omega = decoded(steering(), 12, 6)
    a, c = 0.4, math.sqrt((0.8**2 + 0.4**2) / 2)
    assert v == pytest.approx(1.0 + c * (1.5 - 0.4 * 0.5 - 1.0))
    assert omega == pytest.approx(-2 * c * 0.5 * a / 0.33)


def test_the_left_motor_neuron_turns_the_left_wheel_faster():
    v, omega = decoded(steering(), 10, 2)
    left, right = v - omega * 0.33 / 2, v + omega * 0.33 / 2
    assert left > right
    assert omega < 0


def test_the_motor_neurons_are_those_of_the_description():
    decoder = DifferentialSteering(SPEC.model_copy(update={"left": 3, "right": 1}), 4)
    assert decoder.decode({"motor": np.array([40, 6, 40, 12])}) == decoded(steering(), 12, 6)


def test_rest_is_slow_and_straight():
    decoder = steering()
    decoded(decoder, 15, 2)
    assert decoder.rest() == velocity(1.0, 0.0)
    assert (decoder.v_m_s, decoder.turn_m_s) == (1.0, 0.0)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=30))
def test_mirrored_spikes_give_the_mirrored_turn(counts):
    one, other = steering(), steering()
    for n_left, n_right in counts:
        v, omega = decoded(one, n_left, n_right)
        assert decoded(other, n_right, n_left).values == (pytest.approx(v), pytest.approx(-omega))


@pytest.mark.parametrize("error", [0.25, -0.5, 0.0])
def test_credit_rewards_the_left_neuron_where_the_robot_is_too_far_left(error):
    decoder = DifferentialSteering(SPEC.model_copy(update={"left": 2, "right": 0}), 3)
    assert decoder.errors == ("error",)
    ((population, reward),) = decoder.credit([error]).items()
    assert population == "motor"
    np.testing.assert_array_equal(reward, np.array([-error, 0.0, error], np.float32))


@pytest.mark.parametrize("errors", [[], [1.0, 2.0]])
def test_another_number_of_errors_is_refused(errors):
    with pytest.raises(ValueError, match="unpack"):
        steering().credit(errors)


def test_steering_goes_on_from_its_state():
    one, other = steering(), steering()
    decoded(one, 12, 3)
    other.set_state(one.state())
    assert decoded(other, 2, 7) == decoded(one, 2, 7)
    for state in ([], [1.0], [1.0, 0.0, 0.0], [math.nan, 0.0]):
        before = other.state()
        with pytest.raises(ValueError, match="2 finite numbers"):
            other.set_state(state)
        assert other.state() == before


# Commands


def test_a_command_is_its_values_by_name_and_in_order():
    command = Command(("pan_rad_s", "force_n"), (0.5, -2.0))
    assert (command["force_n"], list(command), len(command)) == (-2.0, [0.5, -2.0], 2)
    assert command == Command(("pan_rad_s", "force_n"), (0.5, -2.0))
    assert command != Command(("force_n", "pan_rad_s"), (0.5, -2.0))
    assert Command.zero(("v_m_s", "omega_rad_s")) == STOP
    assert [velocity(1.0, value).is_finite for value in (0.0, math.nan, math.inf)] == [True, False, False]
    with pytest.raises(ValueError, match="tuple"):
        command["v_m_s"]


# Limits


@given(st.lists(st.tuples(anything, anything), max_size=30))
def test_no_command_gets_past_the_limits(commands):
    limiter, last = CommandLimiter(LIMITS.channels()), STOP
    for wanted in commands:
        given_v, given_omega = command = limiter.limit(velocity(*wanted), 0.05)
        assert abs(given_v) <= 1.5
        assert abs(given_omega) <= 2.0
        if all(map(math.isfinite, wanted)):
            assert abs(given_v - last["v_m_s"]) <= 4.0 * 0.05 + 1e-12
            assert abs(given_omega - last["omega_rad_s"]) <= 20.0 * 0.05 + 1e-12
        else:
            assert command == STOP
        last = command


def test_what_the_limits_allow_passes_unchanged_and_uncounted():
    limiter = CommandLimiter(LIMITS.channels())
    assert limiter.limit(velocity(0.1, -0.5), 0.05) == velocity(0.1, -0.5)
    assert (limiter.limited, limiter.not_finite) == (0, 0)
    limiter.limit(velocity(5.0, 0.0), 0.05)
    limiter.limit(velocity(math.nan, 0.0), 0.05)
    assert (limiter.limited, limiter.not_finite) == (1, 1)


def test_a_reachable_target_is_reached():
    limiter = CommandLimiter(LIMITS.channels())
    command = STOP
    for _ in range(20):
        command = limiter.limit(velocity(1.2, 1.0), 0.05)
    assert command == velocity(1.2, 1.0)


def one(**limits: float) -> CommandLimiter:
    """A limiter of a single channel."""
    return CommandLimiter({"force_n": ChannelLimits(**{"low": -1.0, "high": 1.0, **limits})})


def force(value: float) -> Command:
    return Command(("force_n",), (value,))


def test_a_channel_without_limits_of_its_change_jumps_within_its_range():
    limiter = one(low=-0.5)
    assert [limiter.limit(force(value), 0.1)["force_n"] for value in (7.0, -7.0, 0.25)] == [1.0, -0.5, 0.25]
    assert limiter.limited == 2


def test_jerk_by_hand():
    """5 /s^2 let the rate grow by 0.5 /s in each window of 0.1 s, up to 2 /s; the range ends it."""
    limiter = one(max_rate_per_s=2.0, max_jerk_per_s2=5.0)
    given = [limiter.limit(force(9.0), 0.1)["force_n"] for _ in range(9)]
    assert given == pytest.approx([0.05, 0.15, 0.3, 0.5, 0.7, 0.9, 1.0, 1.0, 1.0])


def test_a_channel_with_a_limited_jerk_goes_past_a_target_within_its_range():
    """Its rate falls as it grew, by 0.5 /s in a window."""
    limiter = one(max_jerk_per_s2=5.0)
    for _ in range(3):
        limiter.limit(force(1.0), 0.1)
    given = [limiter.limit(force(0.3), 0.1)["force_n"] for _ in range(4)]
    assert given == pytest.approx([0.4, 0.45, 0.45, 0.4])


def test_the_rate_is_forgotten_where_the_body_is_placed_or_stopped():
    limiter = one(max_jerk_per_s2=5.0)
    for _ in range(3):
        limiter.limit(force(1.0), 0.1)
    limiter.set_last(force(0.2))
    assert limiter.limit(force(1.0), 0.1)["force_n"] == pytest.approx(0.25)
    assert limiter.limit(force(math.nan), 0.1) == force(0.0)
    assert limiter.limit(force(1.0), 0.1)["force_n"] == pytest.approx(0.05)


@given(
    wanted=st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=40),
    low=st.floats(-2.0, -0.1),
    high=st.floats(0.1, 2.0),
    rate=st.floats(0.1, 50.0),
    jerk=st.floats(0.1, 500.0),
)
def test_range_rate_and_jerk_are_kept(wanted, low, high, rate, jerk):
    limiter = one(low=low, high=high, max_rate_per_s=rate, max_jerk_per_s2=jerk)
    values = [0.0, 0.0, *(limiter.limit(force(value), 0.05)["force_n"] for value in wanted)]
    assert all(low <= value <= high for value in values)
    rates = [(after - before) / 0.05 for before, after in pairwise(values)]
    assert all(abs(value) <= rate + 1e-9 for value in rates)
    for before, after, value in zip(rates, rates[1:], values[2:], strict=False):
        assert abs(after - before) <= jerk * 0.05 + 1e-9 or value in (low, high)


def test_a_range_must_not_be_empty():
    with pytest.raises(ValueError, match=r"low must lie below high \(1\), found 1"):
        ChannelLimits(low=1.0, high=1.0)


def test_limits_are_the_decoders_and_for_a_velocity_no_more_than_the_robots():
    pan = ChannelLimits(low=0.0, high=9.0, max_jerk_per_s2=4.0)
    own = {
        "omega_rad_s": ChannelLimits(low=-1.0, high=30.0, max_rate_per_s=500.0, max_jerk_per_s2=7.0),
        "pan_rad_s": pan,
        "v_m_s": None,
    }
    limits = limits_of(own, LIMITS)
    assert list(limits) == list(own)
    assert limits["omega_rad_s"] == ChannelLimits(low=-1.0, high=2.0, max_rate_per_s=20.0, max_jerk_per_s2=7.0)
    assert limits["pan_rad_s"] == pan
    assert limits["v_m_s"] == ChannelLimits(low=-1.5, high=1.5, max_rate_per_s=4.0)


def test_a_channel_that_nothing_limits_or_that_no_value_is_left_for_is_refused():
    with pytest.raises(UserError, match="channel force_n: has no limits; give it low and high"):
        limits_of({"v_m_s": None, "force_n": None}, LIMITS)
    with pytest.raises(UserError, match=r"channel v_m_s: .* have no value in common"):
        limits_of({"v_m_s": ChannelLimits(low=1.5, high=3.0)}, LIMITS)
