"""The Gymnasium environment."""

import json
import math
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

from snn_core.control.command import velocity
from snn_core.errors import UserError
from snn_core.sim.track import load_track
from snn_core.tasks.lane.environment import DISCRETE_ID, ENVIRONMENT_ID, REWARDS, LaneEnvironment, register
from snn_core.tasks.lane.signals import RewardSettings, RewardTerms
from snn_core.tasks.lane.task import LaneTask, SimulatorSettings

QUIET = {"pixel": {"leak_rate_hz": 0.0, "shot_noise_rate_hz": 0.0}}
TRACK = load_track("meschede")


@pytest.mark.parametrize("render_mode", [None, "rgb_array"])
@pytest.mark.parametrize("name", [ENVIRONMENT_ID, DISCRETE_ID])
def test_it_is_registered_and_passes_the_checker_without_a_warning(name: str, render_mode: str | None):
    register()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(name, render_mode=render_mode).unwrapped)


@pytest.mark.parametrize("actions", ["continuous", "discrete"])
def test_it_passes_the_checker_of_stable_baselines_without_a_warning(actions: Any):
    checker = pytest.importorskip("stable_baselines3.common.env_checker", reason="needs stable-baselines3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checker.check_env(LaneEnvironment(actions=actions), warn=True)


def test_an_episode_ends_off_the_lane():
    environment = gymnasium.make(ENVIRONMENT_ID)
    environment.reset(seed=1)
    for _ in range(500):
        observation, _, terminated, truncated, info = environment.step(np.array([1.0, 1.0], np.float32))
        assert observation.shape == (36,)
        assert terminated == (abs(info["deviation_m"]) > 0.2)
        if terminated:
            break
    assert terminated
    assert not truncated


def test_an_episode_is_cut_off_after_its_time():
    environment = LaneEnvironment(QUIET | {"dark": True}, episode_s=0.5)
    for _ in range(2):
        environment.reset()
        ends = [environment.step(np.array([-1.0, 0.0], np.float32))[2:4] for _ in range(10)]
        assert ends == [(False, False)] * 9 + [(False, True)]


def test_observations_are_normalised_counts_and_motions_and_follow_the_seed():
    def run(seed: int, rows: int = 2, columns: int = 2) -> tuple[np.ndarray, np.ndarray]:
        environment = LaneEnvironment(rows=rows, columns=columns, crop=(0, 0))
        seen = [environment.reset(seed=seed)]
        for k in range(4):
            observation, *_, info = environment.step(np.array([0.0, 0.1 * k], np.float32))
            seen.append((observation, info))
        return np.array([observation for observation, _ in seen]), np.array([info["events"] for _, info in seen])

    observations, counts = run(7)
    assert np.array_equal(observations, run(7)[0])
    assert not np.array_equal(observations, run(8)[0])
    assert np.array_equal(counts, run(7, 4, 8)[1].reshape(5, 2, 2, 2, 4).sum(axis=(2, 4)).reshape(5, 4))
    expected = np.minimum(np.log(1 + counts) / math.log(2001), 1)
    assert observations[:, :4] == pytest.approx(expected, abs=1e-6)
    assert observations.dtype == np.float32
    assert counts[0].sum() > 0  # a window has been driven


def test_actual_and_asked_motion_are_observed_as_actions_are_mapped():
    environment = LaneEnvironment(SimulatorSettings(dark=True))
    first, info = environment.reset(seed=0)
    assert first[-4:] == pytest.approx([-1.0, 0.0, -1.0, 0.0])
    assert (info["v"], info["omega"]) == (1.0, 0.0)
    observation, *_, info = environment.step(np.array([0.5, 1.0], np.float32))
    assert observation[-2:] == pytest.approx([0.5, 1.0])
    assert 1.0 < info["v"] < 1.375
    assert observation[-4] == pytest.approx(4.0 * (info["v"] - 1.25), abs=1e-6)
    assert observation[-3] == pytest.approx(info["omega"] / 3.0, abs=1e-6)
    for _ in range(10):
        observation, *_, info = environment.step(np.array([1.0, -1.0], np.float32))
    assert (info["v"], info["omega"]) == pytest.approx((1.5, -3.0))
    assert observation[-4:] == pytest.approx([1.0, -1.0, 1.0, -1.0])


def test_a_discrete_action_is_a_yaw_rate_from_the_right_to_the_left():
    rates = []
    for action in range(5):
        environment = LaneEnvironment(QUIET | {"dark": True}, actions="discrete", turn_levels=5)
        environment.reset(seed=0)
        for _ in range(6):
            info = environment.step(np.int64(action))[4]
        rates.append(info["omega"])
        assert info["v"] == 1.0
    assert rates == pytest.approx([-3.0, -1.5, 0.0, 1.5, 3.0])


def test_rewards_by_name():
    for name, expected in (("center", 1.0), ("progress", 0.05), ("approach", 0.0)):
        environment = LaneEnvironment(reward=name)
        environment.reset(seed=0, options={"lane": 0, "arc_length_m": 1.0})
        _, reward, _, _, info = environment.step(np.array([-1.0, 0.0], np.float32))
        assert reward == pytest.approx(expected, abs=1e-6)
        assert info["signals"]["reward"] == reward
    environment = LaneEnvironment(reward="center")
    environment.reset(seed=0, options={"lane": 0, "arc_length_m": 1.0, "deviation_m": 0.1})
    assert environment.step(np.array([-1.0, 0.0], np.float32))[1] == pytest.approx(0.5, abs=1e-6)
    assert set(REWARDS) == {"center", "progress", "approach"}


def test_a_reward_by_its_settings_is_that_of_the_task():
    settings = SimulatorSettings(dark=True)
    environment = LaneEnvironment(settings, reward={"terms": {"marking": 2.0, "failure": 5.0, "progress": 1.0}})
    environment.reset(seed=0, options={"deviation_m": 0.17})
    rewards = [environment.step(np.array([-1.0, 0.2], np.float32)) for _ in range(12)]
    for _, reward, terminated, _, info in rewards:
        terms = {name: value for name, value in info["signals"].items() if "/" in name and "reward" in name}
        assert reward == pytest.approx(sum(terms.values()))
        assert (terms["reward/failure"] == -5.0) == terminated
        if terminated:
            break
    assert terminated


def test_starts_are_those_of_the_lane_task():
    """The same places and the same first window, lane by lane."""
    settings = SimulatorSettings.model_validate(QUIET)
    environment, task = LaneEnvironment(settings), LaneTask(settings)
    environment.reset(seed=0)
    window = task.step(velocity(1.0, 2.0))
    for number in range(3):
        info = environment.reset()[1] if number else environment.reset(seed=0)[1]
        assert (info["lane"], info["x"], info["y"], info["yaw"]) == (window.goal, *window.state[:3])
        while not (window := task.step(velocity(1.0, 2.0))).placed:
            pass
    anywhere = LaneEnvironment({"task": {"start": "anywhere"}})
    assert (
        len(
            {
                round(anywhere.reset(seed=3)[1]["arc_length_m"], 3),
                *(round(anywhere.reset()[1]["arc_length_m"], 3) for _ in range(3)),
            }
        )
        == 4
    )


def test_a_description_can_be_written_and_made_from_again():
    made = gymnasium.make(ENVIRONMENT_ID, settings={"track": "tight"}, reward={"terms": {"approach": 1.0}})
    assert made.spec is not None
    again = gymnasium.make(EnvSpec.from_json(made.spec.to_json()))
    assert json.loads(made.spec.to_json())["kwargs"]["settings"] == {"track": "tight"}
    assert np.array_equal(made.reset(seed=5)[0], again.reset(seed=5)[0])


@pytest.mark.parametrize("name", [ENVIRONMENT_ID, DISCRETE_ID])
def test_a_vector_of_them_does_as_each_alone(name: str):
    vector = gymnasium.make_vec(name, num_envs=2, vectorization_mode="vector_entry_point")
    alone = [gymnasium.make(name) for _ in range(2)]
    observations, _ = vector.reset(seed=3)
    assert np.array_equal(observations, [env.reset(seed=3 + k)[0] for k, env in enumerate(alone)])
    vector.action_space.seed(0)
    for _ in range(3):
        actions = vector.action_space.sample()
        found = vector.step(actions)
        each = [env.step(action) for env, action in zip(alone, actions, strict=True)]
        assert np.array_equal(found[0], [one[0] for one in each])
        assert found[1] == pytest.approx([one[1] for one in each])
    vector.close()


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="center, progress, approach"):
        LaneEnvironment(reward="gold")
    with pytest.raises(UserError, match="reward: terms: expected a weight"):
        LaneEnvironment(reward={"look_ahead_m": 1.0})
    with pytest.raises(UserError, match="reward: track: expected that of the simulator, 'meschede', found 'tight'"):
        LaneEnvironment(reward=RewardSettings(track="tight", terms=RewardTerms(centre=1.0)))
    with pytest.raises(UserError, match="reward: failure_deviation_m: expected the simulator's"):
        LaneEnvironment(reward={"terms": {"failure": 1.0}, "failure_deviation_m": 0.1})
    with pytest.raises(UserError, match="reward: window_ms: expected that of the settings, 50, found 20"):
        LaneEnvironment(reward={"terms": {"progress": 1.0}, "window_ms": 20.0})
    with pytest.raises(ValueError, match="options: expected lane, arc_length_m, deviation_m, found arc_lenght_m"):
        LaneEnvironment().reset(options={"arc_lenght_m": 1.0})
    with pytest.raises(UserError, match="rows"):
        LaneEnvironment(rows=100)
    with pytest.raises(ValueError, match="render_mode"):
        LaneEnvironment(render_mode="human")
    with pytest.raises(ValueError, match="turn_levels"):
        LaneEnvironment(actions="discrete", turn_levels=1)
    with pytest.raises(ValueError, match="episode_s"):
        LaneEnvironment(episode_s=0.0)
    with pytest.raises(UserError, match="backend: expected embedded, the only one that it has, found gz"):
        LaneEnvironment({"backend": "gz"})
    with pytest.raises(UserError, match=r"settings: camera\.zoom: unknown key"):
        LaneEnvironment({"camera": {"zoom": 2}})
    with pytest.raises(RuntimeError, match="reset"):
        LaneEnvironment().step(np.zeros(2, np.float32))
