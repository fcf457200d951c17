"""Lane keeping as a Gymnasium environment. Importing this module registers it.

    SpikeDrive/Lane-v1           speed and yaw rate, continuous
    SpikeDrive/LaneDiscrete-v1   one of a few yaw rates at one speed

Both have a vector entry point, for ``gymnasium.make_vec``.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, SupportsFloat, cast

import gymnasium
import numpy as np

from snn_core.errors import UserError
from snn_core.events.pooling import RectanglePooling
from snn_core.files import validate
from snn_core.sim.schedule import Schedule
from snn_core.sim.track import load_track
from snn_core.sim.world import World, WorldWindow
from snn_core.tasks.lane.rules import Starts
from snn_core.tasks.lane.signals import LaneSignals, Motion, RewardSettings
from snn_core.tasks.lane.task import LaneTask, SimulatorSettings
from snn_core.tasks.svg import EVENT_RGB

ENVIRONMENT_ID = "SpikeDrive/Lane-v1"
DISCRETE_ID = "SpikeDrive/LaneDiscrete-v1"
REWARDS: Mapping[str, str] = {"center": "centre", "progress": "progress", "approach": "approach"}
"""Rewards by name, and which of ``snn_core.tasks.lane.signals.RewardTerms`` is 1 then."""
_MANY_EVENTS = 2000.0
"""Of a pool in a window: an observation of 1."""
_MOTIONS = 4
_OPTIONS = ("lane", "arc_length_m", "deviation_m")


class LaneEnvironment(gymnasium.Env[np.ndarray, Any]):
    """One robot on one track, a step for each control window.

    Observation, float32 (rows * columns + 4,): for each pool of the sensor, by rows, log(1 + events of the window) /
    log(2001), at most 1. ``crop`` rows of pixels at the top and bottom belong to no pool. Then actual speed, actual yaw
    rate, and the last command's, each mapped as actions are, within [-1, 1]. ``info["events"]`` has the counts.

    Action: speed and yaw rate, each in [-1, 1] and mapped to [min_speed_m_s, max_speed_m_s] and [-max_turn_rate_rad_s,
    max_turn_rate_rad_s]. ``actions: discrete``: one of ``turn_levels`` yaw rates in even steps, from the right to the
    left, at min_speed_m_s.

    Reward: by name, see REWARDS; or the settings of a reward (``RewardSettings``, or a mapping). Terminates further
    than task.max_deviation_m from the lane's centre, truncates after ``episode_s``. Starts are those of the lane task
    (task.start), alternating between lanes, or where ``options`` says (lane, arc_length_m, deviation_m). A window is
    driven straight on, at the lowest speed, before the first observation.

    settings: SimulatorSettings, or a mapping, which ``spec.to_json`` can write. The schedule's time is that since the
    last reset with a seed. Raises UserError for settings that cannot be used, ValueError for other arguments.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        settings: SimulatorSettings | Mapping[str, object] | None = None,
        rows: int = 4,
        columns: int = 8,
        crop: tuple[int, int] = (40, 24),
        reward: str | RewardSettings | Mapping[str, object] = "center",
        actions: Literal["continuous", "discrete"] = "continuous",
        turn_levels: int = 7,
        min_speed_m_s: float = 1.0,
        max_speed_m_s: float = 1.5,
        max_turn_rate_rad_s: float = 3.0,
        episode_s: float = 60.0,
        render_mode: str | None = None,
    ) -> None:
        self.settings = checked_settings(settings)
        camera = self.settings.camera
        if actions not in ("continuous", "discrete") or turn_levels < 2:
            raise ValueError(
                f"actions, turn_levels: expected continuous or discrete, and at least 2, found {actions!r}, "
                f"{turn_levels}"
            )
        if not episode_s > 0.0:
            raise ValueError(f"episode_s: expected above 0, found {episode_s}")
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode: expected None or 'rgb_array', found {render_mode!r}")
        self.render_mode = render_mode
        self._track = load_track(self.settings.track)
        self._signals = LaneSignals(checked_reward(reward, self.settings), self._track)
        self._starts = Starts(self.settings.task, self._track)
        self._pooling = RectanglePooling(
            camera.width, camera.height, rows, columns, crop_top=crop[0], crop_bottom=crop[1]
        )
        self._low = np.array([min_speed_m_s, -max_turn_rate_rad_s])
        self._high = np.array([max_speed_m_s, max_turn_rate_rad_s])
        self._windows = max(1, round(1e6 * episode_s / self.settings.window_us))
        self._world: World | None = None
        self._lane = -1
        low = np.concatenate([np.zeros(rows * columns), np.full(_MOTIONS, -1.0)]).astype(np.float32)
        self.observation_space = gymnasium.spaces.Box(low, np.ones_like(low), dtype=np.float32)
        self._levels = np.linspace(-1.0, 1.0, turn_levels) if actions == "discrete" else None
        self.action_space = (
            gymnasium.spaces.Discrete(turn_levels)
            if self._levels is not None
            else gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Place the robot, and drive it straight on for a window at the lowest speed. A seed begins a new world.

        Raises ValueError for an option that is not known.
        """
        unknown = set(options or {}) - set(_OPTIONS)
        if unknown:
            raise ValueError(f"options: expected {', '.join(_OPTIONS)}, found {', '.join(sorted(unknown))}")
        super().reset(seed=seed)
        settings = self.settings
        if seed is not None or self._world is None:
            self._world = World(
                self._track, settings.camera, settings.pixel, settings.robot,
                int(self.np_random.integers(2**31)), settings.window_us, settings.dark, settings.sensor,
            )  # fmt: skip
            self._schedule = Schedule(settings)
            self._lane = settings.task.first_lane - 1
        self._lane = (self._lane + 1) % self._track.lanes
        asked = {"lane": self._lane, "deviation_m": 0.0, **(options or {})}
        self._lane = int(asked["lane"])
        start = self._starts.on(self._lane, self.np_random)
        self._schedule.apply(self._world, self._world.now_us)
        self._world.place(
            self._lane, asked.get("arc_length_m", start.arc_length_m), asked["deviation_m"], self._low[0].item()
        )
        self._left = self._windows
        self._command = np.array([-1.0, 0.0])
        observation, info, _ = self._advance(self._command)
        return observation, info

    def step(self, action: Any) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        if self._world is None:
            raise RuntimeError("reset() comes before step()")
        self._schedule.apply(self._world, self._world.now_us)
        if self._levels is not None:
            self._command = np.array([-1.0, self._levels[int(action)]])
        else:
            self._command = np.clip(np.asarray(action, np.float64), -1.0, 1.0)
        observation, info, window = self._advance(self._command)
        self._left -= 1
        terminated = abs(window.position.deviation_m) > self.settings.task.max_deviation_m
        return observation, info["signals"]["reward"], terminated, not terminated and self._left <= 0, info

    def _advance(self, command: np.ndarray) -> tuple[np.ndarray, dict[str, Any], WorldWindow]:
        world = cast("World", self._world)
        v, omega = (self._low + 0.5 * (command + 1.0) * (self._high - self._low)).tolist()
        window = world.advance(v, omega)
        self._last = window
        counts = self._pooling.counts(window.events.x, window.events.y, window.events.polarity)
        pools = np.minimum(np.log1p(counts) / np.log1p(_MANY_EVENTS), 1.0)
        moving = 2.0 * (np.array([window.v, window.omega]) - self._low) / (self._high - self._low) - 1.0
        observation = np.concatenate([pools, np.clip(moving, -1.0, 1.0), command]).astype(np.float32)
        info = {"lane": world.lane, "t_us": window.end_us, "v": window.v, "omega": window.omega}
        info |= window.position._asdict() | window.pose._asdict()
        info["events"] = counts
        info["signals"] = self._signals(window.position, Motion(window.v, window.omega), world.lane)
        return observation, info, window

    def render(self) -> np.ndarray | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The last window's events, uint8 (height, width, 3): ON orange, OFF blue, on white."""
        if self.render_mode is None:
            return None
        polarity = np.full((self.settings.camera.height, self.settings.camera.width), -1, np.int8)
        events = self._last.events
        polarity[events.y, events.x] = events.polarity
        return np.array([*EVENT_RGB, (255, 255, 255)], np.uint8)[polarity]


def checked_settings(settings: SimulatorSettings | Mapping[str, object] | None) -> SimulatorSettings:
    """Settings of the embedded simulator. Raises UserError for those of another one."""
    if not isinstance(settings, SimulatorSettings):
        settings = validate(SimulatorSettings, dict(settings or {}), "settings")
    if settings.backend != "embedded":
        raise UserError(f"settings: backend: expected embedded, the only one that it has, found {settings.backend}")
    return settings


def checked_reward(reward: str | RewardSettings | Mapping[str, object], settings: SimulatorSettings) -> RewardSettings:
    """Settings of a reward, by default those that fit the simulator's. Raises ValueError for a name that is not known,
    UserError for settings that cannot be used, do not fit, or give no reward.
    """
    task = settings.task
    if isinstance(reward, str):
        if reward not in REWARDS:
            raise ValueError(f"reward: expected one of {', '.join(REWARDS)}, or settings, found {reward!r}")
        reward = {"terms": {REWARDS[reward]: 1.0}, "centre_width_m": task.max_deviation_m}
    given = reward.model_dump(exclude_unset=True) if isinstance(reward, RewardSettings) else dict(reward)
    fitting = {"track": settings.track, "window_ms": settings.window_ms, "failure_deviation_m": task.max_deviation_m}
    chosen = validate(RewardSettings, {**fitting, **given}, "reward")
    try:
        LaneTask.check_settings(settings, chosen)
    except ValueError as error:
        raise UserError(str(error)) from error
    if chosen.window_ms != settings.window_ms:
        raise UserError(f"reward: window_ms: expected that of the settings, {settings.window_ms:g}, found "
                        f"{chosen.window_ms:g}")  # fmt: skip
    if not any(weight for _, weight in chosen.terms):
        raise UserError("reward: terms: expected a weight other than 0; all of them are")
    return chosen


def make_vector(num_envs: int = 1, **arguments: Any) -> gymnasium.vector.SyncVectorEnv:
    """So many environments, one after another in a step; each with a world of its own.

    num_envs: how many. arguments: of ``LaneEnvironment``.
    """
    return gymnasium.vector.SyncVectorEnv([lambda: LaneEnvironment(**arguments)] * num_envs)


def register() -> None:
    """Make the environments known to Gymnasium; repeating it does no harm."""
    for name, kwargs in ((ENVIRONMENT_ID, {}), (DISCRETE_ID, {"actions": "discrete"})):
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point=f"{__name__}:LaneEnvironment",
                vector_entry_point=f"{__name__}:make_vector",
                kwargs=kwargs,
            )


register()
