"""Critic: TD errors by hand, what a controller makes of them, and its state in a checkpoint."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.control.checkpoint import controller_from_checkpoint, save_checkpoint
from snn_core.control.controller import Controller
from snn_core.control.critic import Critic, CriticSpec
from snn_core.control.spec import ControllerSpec, load_controller_spec
from snn_core.errors import UserError
from snn_core.events.events import Events
from tests.network.networks import controller_description

WINDOW_S = 0.05
SIZE = 4
windows = st.lists(
    st.tuples(st.floats(-2, 2), st.lists(st.integers(0, 20), min_size=SIZE, max_size=SIZE), st.booleans()),
    min_size=1,
    max_size=12,
)


def errors_of(spec: CriticSpec, course: list[tuple[float, list[int], bool]]) -> list[float]:
    """TD errors that a critic gives for windows of (reward, spike counts, placed), neither clipped nor less another."""
    critic, found, before, largest = Critic(spec, SIZE, WINDOW_S), [], 0.0, spec.largest_error or math.inf
    for k, (reward, counts, placed) in enumerate(course):
        judged = critic.errors({"reward": reward}, placed)
        error = -judged["value_error"]
        nothing_foreseen = placed if spec.horizon_ms is None else k < 2 or course[k - 1][2]
        surprise = 0.0 if nothing_foreseen else error - spec.error_persistence * before
        assert judged["td_error"] == judged["critic/td_error"]
        assert judged["td_error"] == pytest.approx(min(max(surprise, -largest), largest), abs=1e-12)
        before = 0.0 if placed else error
        found.append(error)
        critic.observe(np.array(counts))
    return found


def values_of(spec: CriticSpec, course: list[tuple[float, list[int], bool]]) -> list[float]:
    return [spec.value_at_silence + spec.value_per_hz * sum(counts) / (SIZE * WINDOW_S) for _, counts, _ in course]


@given(course=windows)
def test_without_a_horizon_the_error_is_what_the_last_window_did_not_foresee(course):
    spec = CriticSpec(population="value", value_per_hz=0.02, value_at_silence=-1.0, error_persistence=0.7)
    values = values_of(spec, course)
    for k, error in enumerate(errors_of(spec, course)):
        reward, _, placed = course[k]
        expected = 0.0 if k == 0 or placed else reward - values[k - 1]
        assert error == pytest.approx(expected, abs=1e-9)


@given(course=windows)
def test_with_a_horizon_the_error_comes_a_window_late_and_ends_with_a_placement(course):
    spec = CriticSpec(population="value", value_per_hz=0.02, value_at_silence=-1.0, horizon_ms=400.0, largest_error=0.3)
    values, discount = values_of(spec, course), math.exp(-50.0 / 400.0)
    for k, error in enumerate(errors_of(spec, course)):
        known = k >= 2 and not course[k - 1][2]  # window k - 1 continued one that was seen
        following = 0.0 if course[k][2] else discount * values[k - 1]
        expected = course[k - 1][0] + following - values[k - 2] if known else 0.0
        assert error == pytest.approx(expected, abs=1e-9)


def with_critic(**changes) -> ControllerSpec:
    """A controller whose rule follows a critic that reads the motor neurons."""
    data = controller_description()
    data["critic"] = {"population": "motor", "value_per_hz": 0.01, **changes}
    data["connections"][0]["rule"]["signal"] = "td_error"
    return ControllerSpec.model_validate(data)


def drive(controller: Controller, seed: int, rewards: list[float]) -> list[float]:
    controller.connect_sensor(128, 128)
    found = []
    for number, reward in enumerate(rewards):
        rng, begin_us = np.random.default_rng(seed + number), controller.network.time_us
        t, x, y = (
            np.sort(rng.integers(0, 50_000, 3000)) + begin_us,
            *rng.integers(0, 128, (2, 3000)).astype(np.uint16),
        )
        events = Events(t, x, y, np.ones(3000, np.uint8))
        found.append(controller.step(events, {"reward": reward}).judged["td_error"])
    return found


def test_a_rule_is_taught_by_the_error_and_a_checkpoint_keeps_what_was_foreseen(tmp_path: Path):
    spec = with_critic(horizon_ms=300.0, error_persistence=0.4)
    whole, first = Controller(spec, seed=3), Controller(spec, seed=3)
    rewards = [0.5, -0.2, 0.3, 0.1, -0.4, 0.2]
    expected = drive(whole, 0, rewards)
    assert len(set(expected[2:])) == 4
    taught = whole.network.connection_traces(0)["reward"]
    assert taught == pytest.approx([expected[-1] * math.exp(-50 / 200)] * 2, rel=1e-4)
    assert drive(first, 0, rewards[:3]) == expected[:3]
    save_checkpoint(tmp_path / "c.npz", first)
    again = controller_from_checkpoint(tmp_path / "c.npz")
    assert drive(again, 3, rewards[3:]) == expected[3:]
    assert np.array_equal(again.network.connection_weights(0), whole.network.connection_weights(0))
    assert drive(first.copy(), 3, rewards[3:]) == expected[3:]


def test_a_critic_that_is_not_given_its_reward_is_refused():
    controller = Controller(with_critic())
    with pytest.raises(UserError, match="its critic predicts the signal 'reward', given are error"):
        controller.check_signals({"error": 1.0})
    controller.check_signals({"reward": 1.0})


def test_frozen_it_judges_nothing():
    controller = Controller(with_critic())
    controller.connect_sensor(128, 128)
    assert controller.step(Events.empty(), None).judged == {}


def test_a_window_that_is_not_judged_leaves_no_reward_to_the_next():
    critic = Critic(CriticSpec(population="value", value_per_hz=0.02, horizon_ms=400.0), SIZE, WINDOW_S)
    for judged in (True, True, False):
        if judged:
            critic.errors({"reward": 1.0}, placed=False)
        critic.observe(np.array([3, 0, 0, 0]))
    assert critic.errors({"reward": 1.0}, placed=False)["td_error"] == 0.0
    critic.observe(np.array([3, 0, 0, 0]))
    assert critic.errors({"reward": 1.0}, placed=False)["td_error"] != 0.0


@pytest.mark.parametrize(
    "change", [{"critic": [1.0]}, {"critic": 3}, {"decoder": [1.0]}, {"decoder": "x"}, {"encoder": {}}, {"last": [1.0]}]
)
def test_a_state_that_does_not_fit_changes_nothing(change):
    controller, other = Controller(with_critic(horizon_ms=300.0), seed=3), Controller(with_critic(horizon_ms=300.0))
    drive(controller, 0, [0.5, -0.2])
    drive(other, 7, [0.1, 0.3])
    before = other.state()
    assert before != controller.state()
    with pytest.raises((ValueError, KeyError, TypeError)):
        other.set_state({**controller.state(), **change})
    assert other.state() == before


def test_a_population_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"critic\.population must name a population"):
        with_critic(population="nobody")
    with pytest.raises(ValueError, match=r"critic\.population must be a population of neurons, found 'input'"):
        with_critic(population="input")


def test_a_description_without_a_critic_has_the_hash_that_it_had_before_there_were_critics():
    assert load_controller_spec("lane").sha256().startswith("269acf827a9f")
