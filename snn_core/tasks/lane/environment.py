"""Lane keeping as a Gymnasium environment. Importing this module registers it as ``SpikeDrive/Lane-v0``."""

from typing import Any, ClassVar, SupportsFloat

import gymnasium
import numpy as np

from snn_core.sim.track import load_track
from snn_core.sim.world import World, WorldWindow
from snn_core.tasks.lane.signals import LaneSignals, RewardSettings, RewardTerms
from snn_core.tasks.lane.task import SimulatorSettings
from snn_core.tasks.svg import EVENT_RGB

ENVIRONMENT_ID = "SpikeDrive/Lane-v0"
_MOST_EVENTS = 65535.0


REWARDS = ("center", "progress")
"""Names of the reward's terms: see ``snn_core.tasks.lane.signals.RewardTerms``."""


class LaneEnvironment(gymnasium.Env[np.ndarray, np.ndarray]):
    """One robot on one track, a step for each control window.

    Observation: events of the window counted over a grid of pools, float32 (rows, columns); ``crop`` rows of the sensor
    at the top and bottom are left out. Action: speed and yaw rate, each in [-1, 1] and mapped to [min_speed_m_s,
    max_speed_m_s] and [-max_turn_rate_rad_s, max_turn_rate_rad_s]. Reward: by name, see REWARDS. Terminates further
    than task.max_deviation_m from the lane's centre; never truncates (pass max_episode_steps to gymnasium.make). An
    episode starts anywhere on a lane drawn at random, or where ``options`` says (lane, arc_length_m, deviation_m).
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        rows: int = 4,
        columns: int = 8,
        crop: tuple[int, int] = (40, 24),
        reward: str = "center",
        min_speed_m_s: float = 1.0,
        max_speed_m_s: float = 1.5,
        max_turn_rate_rad_s: float = 3.0,
        render_mode: str | None = None,
    ) -> None:
        self.settings = settings or SimulatorSettings()
        camera = self.settings.camera
        if reward not in REWARDS:
            raise ValueError(f"reward: expected one of {', '.join(REWARDS)}, found {reward!r}")
        if min(crop) < 0 or not 1 <= rows <= camera.height - sum(crop) or not 1 <= columns <= camera.width:
            raise ValueError(
                f"rows, columns, crop: expected pools of at least a pixel on {camera.width} x {camera.height}"
            )
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode: expected None or 'rgb_array', found {render_mode!r}")
        self.render_mode = render_mode
        self._track = load_track(self.settings.track)
        self._signals = LaneSignals(
            RewardSettings(
                terms=RewardTerms(centre=float(reward == "center"), progress=float(reward == "progress")),
                centre_width_m=self.settings.task.max_deviation_m,
                window_ms=self.settings.window_ms,
            ),
            self._track,
        )
        self._crop = crop
        self._shape = (rows, columns)
        self._speed = (min_speed_m_s, max_speed_m_s)
        self._turn_rate = max_turn_rate_rad_s
        self._world: World | None = None
        self.observation_space = gymnasium.spaces.Box(0.0, _MOST_EVENTS, self._shape, np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Place the robot, driving at the lowest speed. The first observation is empty: nothing has moved yet."""
        super().reset(seed=seed)
        settings = self.settings
        if seed is not None or self._world is None:
            self._world = World(
                self._track, settings.camera, settings.pixel, settings.robot,
                int(self.np_random.integers(2**31)), settings.window_us, settings.dark,
            )  # fmt: skip
        lane = int(self.np_random.integers(self._track.lanes))
        arc_length = float(self.np_random.uniform(0.0, self._track.lane_length_m(lane)))
        where = {"lane": lane, "arc_length_m": arc_length, "deviation_m": 0.0} | (options or {})
        self._world.place(**where, speed_m_s=self._speed[0])
        self._polarity = np.full((settings.camera.height, settings.camera.width), -1, np.int8)
        return np.zeros(self._shape, np.float32), {"lane": where["lane"]}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        if self._world is None:
            raise RuntimeError("reset() comes before step()")
        low, high = self._speed
        speed, turn = np.clip(np.asarray(action, np.float64), -1.0, 1.0).tolist()
        window = self._world.advance(low + 0.5 * (speed + 1.0) * (high - low), turn * self._turn_rate)
        self._polarity[:] = -1
        self._polarity[window.events.y, window.events.x] = window.events.polarity
        info = {"lane": self._world.lane, "t_us": window.end_us, "v": window.v, "omega": window.omega}
        info |= window.position._asdict() | window.pose._asdict()
        signals = self._signals(window.position, window.v)
        info["signals"] = signals
        terminated = abs(window.position.deviation_m) > self.settings.task.max_deviation_m
        return self._pool(window), signals["reward"], terminated, False, info

    def render(self) -> np.ndarray | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The last window's events, uint8 (height, width, 3): ON orange, OFF blue, on white."""
        if self.render_mode is None:
            return None
        colours = np.array([*EVENT_RGB, (255, 255, 255)], np.uint8)
        return colours[self._polarity]

    def _pool(self, window: WorldWindow) -> np.ndarray:
        rows, columns = self._shape
        height = self.settings.camera.height - sum(self._crop)
        y = window.events.y.astype(np.int64) - self._crop[0]
        seen = (y >= 0) & (y < height)
        row, column = (
            y[seen] * rows // height,
            window.events.x[seen].astype(np.int64) * columns // self.settings.camera.width,
        )
        counts = np.bincount(row * columns + column, minlength=rows * columns).reshape(self._shape)
        return np.minimum(counts, _MOST_EVENTS).astype(np.float32)


def register() -> None:
    """Make ``gymnasium.make("SpikeDrive/Lane-v0")`` known; repeating it does no harm."""
    if ENVIRONMENT_ID not in gymnasium.registry:
        gymnasium.register(ENVIRONMENT_ID, entry_point=f"{__name__}:LaneEnvironment")


register()
