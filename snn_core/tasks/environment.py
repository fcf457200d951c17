"""Any task as a Gymnasium environment. Importing this module registers all of them as ``SpikeDrive/NAME-v0``.

    gymnasium.make("snn_core.tasks.environment:SpikeDrive/Balance-v0")

An agent is paid by the task's own signal ``reward``, the same that teaches a network. The lane task has an environment
of its own, with more options: ``snn_core.tasks.lane.environment``.
"""

from typing import Any, ClassVar, SupportsFloat

import gymnasium
import numpy as np

from snn_core.control.command import Command
from snn_core.control.signals import REWARD
from snn_core.errors import UserError
from snn_core.events.pooling import RectanglePooling
from snn_core.tasks.base import Task, TaskWindow
from snn_core.tasks.lane import environment as lane_environment
from snn_core.tasks.lane.task import LaneTask
from snn_core.tasks.registry import all_tasks, find_task

MOST_EVENTS = 65535.0
"""Of a pool in a window that an observation tells apart."""


class TaskEnvironment(gymnasium.Env[np.ndarray, np.ndarray]):
    """A run of a task, a step for each control window.

    Observation: events of the window counted over a grid of pools, float32 (2, rows, columns): OFF, then ON. Action:
    a value in [-1, 1] for each channel of the command, mapped to the task's ``ranges``. Reward: the signal ``reward``;
    ``info["signals"]`` has all signals and their terms, ``info["state"]`` the state by name. Terminates when the task
    is completed or fails, truncates where the run's rules end it.

    Raises UserError for a task that is not there, or for one that gives no reward.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, task: str, settings: Any = None, signal_settings: Any = None, rows: int = 4, columns: int = 8):
        self._type = find_task(task)
        self._settings = settings if settings is not None else self._type.settings_type()
        self._signal_settings = signal_settings
        self._task: Task | None = None
        probe = self._make(0)
        self._pooling = RectanglePooling(*probe.sensor, rows=rows, columns=columns, per_polarity=True)
        self._shape = (2, rows, columns)
        bounds = [self._type.ranges.get(channel, (-1.0, 1.0)) for channel in self._type.channels]
        self._low, self._high = (np.array(ends, np.float64) for ends in zip(*bounds, strict=True))
        self.observation_space = gymnasium.spaces.Box(0.0, MOST_EVENTS, self._shape, np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (len(bounds),), np.float32)

    def _make(self, seed: int) -> Task:
        return self._type(self._settings.model_copy(update={"seed": seed}), self._signal_settings)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """A new run; the body is at a start when the first step begins. The first observation is empty."""
        super().reset(seed=seed)
        self.close()
        self._task = self._make(int(self.np_random.integers(2**31)))
        return np.zeros(self._shape, np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        task = self._task
        if task is None:
            raise RuntimeError("reset() comes before step()")
        share = 0.5 * (np.clip(np.asarray(action, np.float64), -1.0, 1.0) + 1.0)
        values = self._low + share * (self._high - self._low)
        window = task.step(Command(task.channels, tuple(values.tolist())))
        signals = task.signals(window)
        if REWARD not in signals:
            raise UserError(f"task {task.name!r}: gives no signal {REWARD!r}, which pays an agent; set its terms")
        info = {"signals": dict(signals), "state": dict(zip(task.state_names, window.state, strict=True))}
        ended = window.completed + window.failed > 0
        return self._observe(window), signals[REWARD], ended, window.finished, info

    def _observe(self, window: TaskWindow) -> np.ndarray:
        events = window.events
        counts = self._pooling.counts(events.x, events.y, events.polarity).reshape(self._shape)
        return np.minimum(counts, MOST_EVENTS).astype(np.float32)

    def close(self) -> None:
        """End the run."""
        if self._task is not None:
            self._task.close()
            self._task = None


def environment_id(task: str) -> str:
    """``SpikeDrive/PanTilt-v0`` of the task ``pan_tilt``."""
    return f"SpikeDrive/{''.join(part.capitalize() for part in task.replace('-', '_').split('_'))}-v0"


def register() -> None:
    """Make all tasks known to Gymnasium; repeating it does no harm."""
    lane_environment.register()
    for name in all_tasks():
        if name != LaneTask.name and environment_id(name) not in gymnasium.registry:
            entry_point = f"{__name__}:TaskEnvironment"
            gymnasium.register(environment_id(name), entry_point=entry_point, kwargs={"task": name})


register()
