"""Controllers without a network, to compare with: straight ahead, and a Braitenberg reflex.

V. Braitenberg (1984), "Vehicles: Experiments in Synthetic Psychology", MIT Press.
"""

from collections.abc import Callable

import numpy as np

from snn_core.control.command import Command, velocity
from snn_core.tasks.base import Baseline, Task, TaskWindow

SPEED_M_S = 1.0
_GAIN_RAD_S = 3.0
_LOWER_HALF = 0.5


class Straight:
    """The slowest speed of the shipped network, straight ahead."""

    def __init__(self, task: Task) -> None:
        pass

    def __call__(self, window: TaskWindow | None) -> Command:
        return velocity(SPEED_M_S, 0.0)


class Reflex:
    """Turns away from the side of the picture's lower half that has more events; markings of a lane are there."""

    def __init__(self, task: Task) -> None:
        self._width, self._height = task.sensor

    def __call__(self, window: TaskWindow | None) -> Command:
        if window is None:
            return velocity(SPEED_M_S, 0.0)
        x = window.events.x[window.events.y >= _LOWER_HALF * self._height]
        left, right = np.count_nonzero(2 * x < self._width), np.count_nonzero(2 * x >= self._width)
        turn = (right - left) / max(left + right, 1)
        return velocity(SPEED_M_S, _GAIN_RAD_S * turn)


BASELINES: dict[str, Callable[[Task], Baseline]] = {"straight": Straight, "reflex": Reflex}
