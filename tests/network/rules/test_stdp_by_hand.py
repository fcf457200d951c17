"""Pair and triplet STDP, and scaling, on spike trains whose changes can be worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from snn_core.network.rules.triplet_stdp import PRESETS, TripletStdp
from tests.network.rules.scripted import play, scripted

PAIR = {"name": "pair_stdp", "w_max_na": 2.0, "learning_rate": 0.01, "a_plus": 1.0, "a_minus": 0.5}
TRIPLET = {
    "name": "triplet_stdp",
    "w_max_na": 10.0,
    "w_scale_na": 1.0,
    "a2_plus": 4e-3,
    "a3_plus": 6e-3,
    "a2_minus": 3e-3,
    "a3_minus": 2e-3,
    "tau_plus_ms": 16.8,
    "tau_x_ms": 101.0,
    "tau_minus_ms": 33.7,
    "tau_y_ms": 125.0,
}


def changes(rule: dict, pre: list[int], post: list[int], weight: float = 1.0, **connection: object) -> float:
    """Change of one synapse's weight (nA)."""
    network = scripted(rule, [weight], **connection)
    return float(play(network, {0: pre}, post, 200)[0]) - weight


@pytest.mark.parametrize("gap", [1, 5, 20])
def test_a_pair_changes_the_weight_by_the_window(gap: int) -> None:
    assert changes(PAIR, [10], [10 + gap]) == pytest.approx(0.02 * math.exp(-gap / 20), rel=1e-4)
    assert changes(PAIR, [10 + gap], [10]) == pytest.approx(-0.01 * math.exp(-gap / 20), rel=1e-4)


def test_spikes_of_one_step_count_as_pre_before_post() -> None:
    assert changes(PAIR, [10], [10]) == pytest.approx(0.02, rel=1e-4)


def test_the_axonal_step_of_a_delay_is_part_of_the_gap() -> None:
    """A spike of an input arrives in its own step; what a delay adds is dendritic, so the pairs stay."""
    assert changes(PAIR, [10], [14], delay_ms=9.0) == pytest.approx(0.02 * math.exp(-4 / 20), rel=1e-4)


def test_nearest_spikes_count_once_and_all_spikes_add_up() -> None:
    pre, post = [10, 14], [20]
    near, far = math.exp(-6 / 20), math.exp(-10 / 20)
    assert changes(PAIR, pre, post) == pytest.approx(0.02 * (near + far), rel=1e-4)
    assert changes(PAIR | {"pairing": "nearest"}, pre, post) == pytest.approx(0.02 * near, rel=1e-4)
    # Symmetric: the second postsynaptic spike takes the same presynaptic one again.
    twice = 0.02 * (math.exp(-6 / 20) + math.exp(-16 / 20))
    assert changes(PAIR | {"pairing": "nearest"}, [4, 14], [20, 30]) == pytest.approx(twice, rel=1e-4)


@pytest.mark.parametrize("mu", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("weight", [0.5, 1.6])
def test_weight_dependence_is_a_power(mu: float, weight: float) -> None:
    rule = PAIR | {"mu": mu}
    up, down = changes(rule, [10], [15], weight), changes(rule, [15], [10], weight)
    assert up == pytest.approx(0.02 * (1 - weight / 2) ** mu * math.exp(-5 / 20), rel=1e-3)
    assert down == pytest.approx(-0.01 * (weight / 2) ** mu * math.exp(-5 / 20), rel=1e-3)


def test_weights_stop_at_their_bounds() -> None:
    rule = PAIR | {"learning_rate": 5.0}
    assert changes(rule, [10], [15]) == 1.0
    assert changes(rule, [15], [10]) == -1.0
    assert changes(rule | {"mu": 1.0}, [15], [10], weight=0.0) == 0.0


def decay(gap: float, tau: float) -> float:
    return math.exp(-gap / tau)


def test_triplet_of_pre_post_pre() -> None:
    """5 ms, then 8 ms: the post-pre pair is depressed by a2_minus and, since r2 remembers, a3_minus."""
    up = decay(5, 16.8) * 4e-3
    down = decay(8, 33.7) * (3e-3 + 2e-3 * decay(13, 101.0))
    assert changes(TRIPLET, [10, 23], [15]) == pytest.approx(up - down, rel=1e-3)


def test_triplet_of_post_pre_post() -> None:
    """6 ms, then 9 ms: the pre-post pair is potentiated by a2_plus and, since o2 remembers, a3_plus."""
    down = decay(6, 33.7) * 3e-3
    up = decay(9, 16.8) * (4e-3 + 6e-3 * decay(15, 125.0))
    assert changes(TRIPLET, [16], [10, 25]) == pytest.approx(up - down, rel=1e-3)


def test_triplets_of_nearest_spikes_forget_earlier_ones() -> None:
    rule = TRIPLET | {"a2_minus": 0.0, "a3_minus": 0.0}
    r1, o2 = decay(5, 16.8), [decay(25, 125.0), decay(15, 125.0)]
    all_pairs = changes(rule, [30], [10, 20, 35])
    nearest = changes(rule | {"pairing": "nearest"}, [30], [10, 20, 35])
    assert all_pairs == pytest.approx(r1 * (4e-3 + 6e-3 * sum(o2)), rel=1e-3)
    assert nearest == pytest.approx(r1 * (4e-3 + 6e-3 * o2[1]), rel=1e-3)


def test_without_triplet_terms_it_is_the_pair_rule() -> None:
    triplet = TRIPLET | {"a2_plus": 0.02, "a2_minus": 0.01, "a3_plus": 0.0, "a3_minus": 0.0}
    triplet |= {"tau_plus_ms": 20.0, "tau_minus_ms": 20.0}
    rng = np.random.default_rng(0)
    pre, post = (sorted(rng.choice(180, 15, replace=False).tolist()) for _ in range(2))
    assert changes(triplet, pre, post) == pytest.approx(changes(PAIR | {"w_max_na": 2.0}, pre, post), abs=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_fill_in_what_is_not_given(preset: str) -> None:
    rule = TripletStdp.model_validate(
        {"name": "triplet_stdp", "w_max_na": 1.0, "w_scale_na": 1.0, "preset": preset, "tau_y_ms": 77.0}
    )
    given = PRESETS[preset] | {"tau_y_ms": 77.0}
    assert {key: getattr(rule, key) for key in given} == given
    assert TripletStdp.model_validate(rule.model_dump()) == rule
    assert rule.pairing == ("nearest" if "nearest" in preset else "all_to_all")


def test_the_default_is_the_minimal_model_of_visual_cortex() -> None:
    known = {"name": "triplet_stdp", "w_max_na": 1.0, "w_scale_na": 1.0}
    assert TripletStdp.model_validate(known) == TripletStdp.model_validate(known | {"preset": "visual_cortex"})
    with pytest.raises(ValidationError, match=r"preset must be one of visual_cortex, .*found 'cortex'"):
        TripletStdp.model_validate(known | {"preset": "cortex"})


SCALING = {"target_rate_hz": 20.0, "tau_rate_ms": 50.0, "rate_per_ms": 1e-3, "interval_ms": 10.0}
STILL = {"name": "pair_stdp", "w_max_na": 2.0, "learning_rate": 0.0, "scaling": SCALING}


def test_a_silent_neurons_weights_grow_at_the_given_rate_up_to_the_bound() -> None:
    network = scripted(STILL, [0.5, 1.0])
    np.testing.assert_allclose(play(network, {}, [], 100), np.array([0.5, 1.0]) * math.exp(0.1), rtol=1e-5)
    assert play(network, {}, [], 3000)[1] == 2.0


def test_scaling_follows_the_filtered_rate() -> None:
    """One spike, 7 ms before the end of the interval."""
    network = scripted(STILL, [1.0])
    rate_hz = 1000 / 50 * math.exp(-7 / 50)
    assert play(network, {}, [2], 10)[0] == pytest.approx(math.exp(0.01 * (1 - rate_hz / 20)), rel=1e-5)
    np.testing.assert_allclose(network.connection_traces(0)["rates"], rate_hz, rtol=1e-5)


@given(st.lists(st.integers(0, 199), max_size=20, unique=True))
def test_scaling_keeps_ratios(post: list[int]) -> None:
    weights = play(scripted(STILL, [0.25, 0.5, 1.0]), {}, sorted(post), 200)
    np.testing.assert_allclose(weights / weights[0], [1.0, 2.0, 4.0], rtol=1e-4)


def test_frozen_weights_are_not_scaled_but_the_rate_goes_on() -> None:
    network = scripted(STILL, [1.0])
    network.freeze(0)
    assert play(network, {}, [5, 15], 20)[0] == 1.0
    assert network.connection_traces(0)["rates"][0] == pytest.approx(20 * (decay(14, 50) + decay(4, 50)), rel=1e-4)
    assert network.operations().learning_updates == 0
