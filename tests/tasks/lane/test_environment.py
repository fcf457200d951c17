"""The Gymnasium environment."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from snn_core.tasks.lane.environment import ENVIRONMENT_ID, REWARDS, LaneEnvironment, register
from snn_core.tasks.lane.task import SimulatorSettings


@pytest.mark.parametrize("render_mode", [None, "rgb_array"])
def test_it_is_registered_and_passes_the_checker_without_a_warning(render_mode: str | None):
    register()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(ENVIRONMENT_ID, render_mode=render_mode).unwrapped)


def test_an_episode_ends_off_the_lane():
    environment = gymnasium.make(ENVIRONMENT_ID, max_episode_steps=500)
    environment.reset(seed=1)
    for _ in range(500):
        observation, _, terminated, truncated, info = environment.step(np.array([1.0, 1.0], np.float32))
        assert observation.shape == (4, 8)
        assert terminated == (abs(info["deviation_m"]) > 0.2)
        if terminated:
            break
    assert terminated
    assert not truncated


def test_observations_are_counts_of_events_and_follow_the_seed():
    def run(seed: int, rows: int = 2, columns: int = 2) -> np.ndarray:
        environment = LaneEnvironment(rows=rows, columns=columns, crop=(0, 0))
        environment.reset(seed=seed)
        return np.array([environment.step(np.array([0.0, 0.1 * k], np.float32))[0] for k in range(4)])

    first = run(7)
    assert np.array_equal(first, run(7))
    assert not np.array_equal(first, run(8))
    assert np.array_equal(first, np.rint(first))
    assert np.array_equal(first, run(7, 4, 8).reshape(4, 2, 2, 2, 4).sum(axis=(2, 4)))


def test_rewards_by_name():
    for name, expected in (("center", 1.0), ("progress", 0.05)):
        environment = LaneEnvironment(reward=name)
        environment.reset(seed=0, options={"lane": 0, "arc_length_m": 1.0})
        _, reward, _, _, info = environment.step(np.array([-1.0, 0.0], np.float32))
        assert reward == pytest.approx(expected, abs=1e-6)
        assert info["signals"]["reward"] == reward
    environment = LaneEnvironment(reward="center")
    environment.reset(seed=0, options={"lane": 0, "arc_length_m": 1.0, "deviation_m": 0.1})
    assert environment.step(np.array([-1.0, 0.0], np.float32))[1] == pytest.approx(0.5, abs=1e-6)
    assert set(REWARDS) == {"center", "progress"}


def test_actions_are_mapped_to_speeds():
    environment = LaneEnvironment(SimulatorSettings(dark=True))
    environment.reset(seed=0)
    for _ in range(10):
        info = environment.step(np.array([1.0, -1.0], np.float32))[4]
    assert (info["v"], info["omega"]) == pytest.approx((1.5, -3.0))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="center, progress"):
        LaneEnvironment(reward="gold")
    with pytest.raises(ValueError, match="rows"):
        LaneEnvironment(rows=100)
    with pytest.raises(ValueError, match="render_mode"):
        LaneEnvironment(render_mode="human")
    with pytest.raises(RuntimeError, match="reset"):
        LaneEnvironment().step(np.zeros(2, np.float32))
