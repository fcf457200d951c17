"""Decoders with a part for each channel: push and pull, and rate code."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.control.command import ChannelLimits
from snn_core.control.decoders import DECODERS
from snn_core.control.decoders.channels import ChannelDecoder
from snn_core.control.decoders.push_pull import PushPull, PushPullDecoding
from snn_core.control.decoders.rate import Rate, RateDecoding

WINDOW_S = 0.05
SIZES = {"a": 2, "b": 4, "c": 1}
RANGE = {"low": -2.0, "high": 6.0, "full_rate_hz": 60.0, "tau_ms": 0.0}
CODES = ("push_pull", "rate")


def push_pull(**channels: dict) -> PushPull:
    """A decoder of these channels, each with what it has besides or instead of RANGE."""
    command = {name: {**RANGE, "raises": "a", "lowers": "b", **own} for name, own in channels.items()}
    spec = PushPullDecoding.model_validate({"code": "push_pull", "command": command})
    return PushPull(spec, SIZES, WINDOW_S)


def rate(**channels: dict) -> Rate:
    command = {name: {**RANGE, "population": "a", **own} for name, own in channels.items()}
    return Rate(RateDecoding.model_validate({"code": "rate", "command": command}), SIZES, WINDOW_S)


def decoder_of(code: str, **channels: dict) -> PushPull | Rate:
    return push_pull(**channels) if code == "push_pull" else rate(**channels)


def counts(a: int = 0, b: int = 0, c: int = 0) -> dict[str, np.ndarray]:
    """Spikes of each population in a window, unevenly over its neurons."""
    arrays = {name: np.zeros(size, np.int64) for name, size in SIZES.items()}
    for name, n in (("a", a), ("b", b), ("c", c)):
        arrays[name][0] = n
    return arrays


def test_push_and_pull_by_hand():
    decoder = push_pull(force_n={})
    # 4 spikes of 2 neurons in 50 ms are 40 Hz, 2 of 4 neurons 10 Hz: half of full scale, above the middle of the range.
    assert decoder.decode(counts(a=4, b=2)).values == pytest.approx((2.0 + 0.5 * 4.0,))
    assert decoder.decode(counts(b=12)).values == (-2.0,)
    assert decoder.decode(counts(a=60)).values == (6.0,)
    assert decoder.decode(counts(a=5, b=10)).values == pytest.approx((2.0,))


def test_a_rate_by_hand():
    decoder = rate(force_n={})
    assert decoder.decode(counts(a=3, b=50)).values == pytest.approx((-2.0 + 0.5 * 8.0,))  # 30 Hz
    assert decoder.decode(counts()).values == (-2.0,)
    assert decoder.decode(counts(a=60)).values == (6.0,)


@pytest.mark.parametrize("code", CODES)
def test_channels_are_decoded_apart_and_in_order(code):
    populations = {"raises": "b", "lowers": "c"} if code == "push_pull" else {"population": "b"}
    decoder = decoder_of(code, pan_rad_s={}, force_n={**populations, "low": 0.0, "high": 1.0})
    alone = decoder_of(code, pan_rad_s={}), decoder_of(code, force_n={**populations, "low": 0.0, "high": 1.0})
    for a, b, c in ((3, 0, 0), (0, 8, 1), (2, 5, 3)):
        command = decoder.decode(counts(a, b, c))
        assert command.names == ("pan_rad_s", "force_n")
        assert list(command) == [value for each in alone for value in each.decode(counts(a, b, c))]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("tau_ms", [0.0, 20.0, 300.0])
def test_the_low_pass_goes_to_what_is_wanted_by_its_time_constant(code, tau_ms):
    decoder = decoder_of(code, force_n={"tau_ms": tau_ms})
    wanted = 4.0 if code == "push_pull" else 2.0
    for windows in range(1, 8):
        (value,) = decoder.decode(counts(a=3))
        left = math.exp(-1000 * windows * WINDOW_S / tau_ms) if tau_ms else 0.0
        assert value == pytest.approx(wanted * (1 - left))  # it begins at 0


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("low", "high", "at_rest"), [(-2.0, 6.0, 0.0), (1.0, 2.0, 1.0), (-3.0, -1.0, -1.0)])
def test_rest_is_0_or_what_is_nearest_to_it(code, low, high, at_rest):
    decoder = decoder_of(code, force_n={"low": low, "high": high, "tau_ms": 100.0})
    assert decoder.state() == [at_rest]
    decoder.decode(counts(a=30))
    decoder.decode(counts(b=7))
    assert decoder.state() != [at_rest]
    assert decoder.rest().values == (at_rest,)
    assert decoder.state() == [at_rest]


windows_of_spikes = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=20)


@pytest.mark.parametrize("code", CODES)
@given(
    spikes=windows_of_spikes,
    low=st.floats(-50.0, 49.0),
    width=st.floats(0.1, 100.0),
    tau_ms=st.floats(0.0, 500.0),
    full_rate_hz=st.floats(1.0, 500.0),
)
def test_a_value_never_leaves_its_range(code, spikes, low, width, tau_ms, full_rate_hz):
    high = low + width
    own = {"low": low, "high": high, "tau_ms": tau_ms, "full_rate_hz": full_rate_hz}
    decoder = decoder_of(code, force_n=own)
    for a, b in spikes:
        (value,) = decoder.decode(counts(a, b))
        assert low - 1e-9 <= value <= high + 1e-9


@given(spikes=windows_of_spikes, tau_ms=st.floats(0.0, 500.0))
def test_what_raises_and_what_lowers_mirror_each_other(spikes, tau_ms):
    one = push_pull(force_n={"low": -3.0, "high": 3.0, "tau_ms": tau_ms, "raises": "b", "lowers": "c"})
    other = push_pull(force_n={"low": -3.0, "high": 3.0, "tau_ms": tau_ms, "raises": "c", "lowers": "b"})
    for b, c in spikes:
        (value,) = one.decode(counts(b=b, c=c))
        assert other.decode(counts(b=b, c=c)).values == pytest.approx((-value,))


@given(spikes=windows_of_spikes, more=st.integers(1, 50), tau_ms=st.floats(0.0, 500.0))
@pytest.mark.parametrize("code", CODES)
def test_more_spikes_never_give_less(code, spikes, more, tau_ms):
    one, other = (decoder_of(code, force_n={"tau_ms": tau_ms}) for _ in range(2))
    for a, b in spikes:
        (less,) = one.decode(counts(a, b))
        (value,) = other.decode(counts(a + more, b))
        assert value >= less - 1e-9


# Errors


@pytest.mark.parametrize("code", CODES)
def test_the_error_of_one_channel_has_no_name_of_its_own(code):
    assert decoder_of(code, force_n={}).errors == ("error",)
    assert decoder_of(code, force_n={}, pan_rad_s={}).errors == ("error.force_n", "error.pan_rad_s")


def as_lists(credit: dict[str, np.ndarray]) -> dict[str, list[float]]:
    assert all(reward.dtype == np.float32 for reward in credit.values())
    return {population: reward.tolist() for population, reward in credit.items()}


@pytest.mark.parametrize("error", [0.5, -0.25, 0.0])
def test_an_error_rewards_what_raises_the_channel_and_punishes_what_lowers_it(error):
    assert as_lists(push_pull(force_n={}).credit([error])) == {"a": [error] * 2, "b": [-error] * 4}
    assert as_lists(rate(force_n={}).credit([error])) == {"a": [error] * 2}


def test_errors_of_several_channels_add_up_where_they_share_a_population():
    shared = push_pull(force_n={}, pan_rad_s={"raises": "b", "lowers": "c"})
    assert as_lists(shared.credit([0.5, 0.25])) == {"a": [0.5] * 2, "b": [-0.25] * 4, "c": [-0.25]}
    apart = rate(force_n={}, pan_rad_s={"population": "c"}, lift_n={})
    assert as_lists(apart.credit([0.5, 0.25, -1.0])) == {"a": [-0.5] * 2, "c": [0.25]}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("errors", [[], [1.0], [1.0, 2.0, 3.0]])
def test_another_number_of_errors_is_refused(code, errors):
    with pytest.raises(ValueError, match="zip"):
        decoder_of(code, force_n={}, pan_rad_s={}).credit(errors)


@pytest.mark.parametrize("code", CODES)
@given(error=st.floats(-1.0, 1.0).filter(lambda value: abs(value) > 1e-3))
def test_rewarded_neurons_move_the_channel_the_way_the_error_asks(code, error):
    """More spikes of the neurons that an error rewards, fewer of those that it punishes: the error gets smaller."""
    decoder, other = (decoder_of(code, force_n={}) for _ in range(2))
    spikes = {name: np.full(size, 2) for name, size in SIZES.items()}
    moved = {name: n.copy() for name, n in spikes.items()}
    for population, reward in decoder.credit([error]).items():
        moved[population] += np.sign(reward).astype(np.int64)
    (before,), (after,) = other.decode(spikes), decoder.decode(moved)
    assert (after - before) * error > 0


# State and description


@pytest.mark.parametrize("code", CODES)
@given(spikes=windows_of_spikes)
def test_a_state_goes_on_as_it_would_have(code, spikes):
    channels = {"force_n": {"tau_ms": 80.0}, "pan_rad_s": {"tau_ms": 300.0, "low": 0.5}}
    one, other = decoder_of(code, **channels), decoder_of(code, **channels)
    for a, b in spikes:
        one.decode(counts(a, b))
    other.set_state(one.state())
    assert other.state() == one.state()
    assert other.decode(counts(7, 2)) == one.decode(counts(7, 2))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("state", [[], [1.0], [1.0, 2.0, 3.0], [1.0, math.nan], [math.inf, 0.0]])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(code, state):
    decoder = decoder_of(code, force_n={}, pan_rad_s={})
    decoder.decode(counts(a=4))
    before = decoder.state()
    with pytest.raises(ValueError, match="must be 2 finite numbers"):
        decoder.set_state(state)
    assert decoder.state() == before


@pytest.mark.parametrize("code", CODES)
def test_a_description_tells_its_populations_and_limits(code):
    names = {"push_pull": {"raises": "a", "lowers": "b"}, "rate": {"population": "a"}}[code]
    own = {**names, "low": 0.0, "high": 2.0, "max_rate_per_s": 3.0, "max_jerk_per_s2": 40.0}
    kind = DECODERS[code]
    spec = kind.spec.model_validate({"code": code, "command": {"force_n": own}})
    assert spec.populations() == {f"command.force_n.{key}": population for key, population in names.items()}
    limits = ChannelLimits(low=0.0, high=2.0, max_rate_per_s=3.0, max_jerk_per_s2=40.0)
    assert spec.channels() == {"force_n": limits}
    made = kind.make(spec, SIZES, WINDOW_S)
    assert isinstance(made, ChannelDecoder)
    assert made.names == ("force_n",)
