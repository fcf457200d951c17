"""The whole loop in one process: simulator, reward, controller, in the order in which the nodes call them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from snn_core.control.controller import Answer, Controller
from snn_core.events.events import Events
from snn_core.learning.log import DriveLog, WindowRow
from snn_core.learning.parameters import DriveParameters
from snn_core.tasks.lane.reward import LaneReward
from snn_core.tasks.lane.simulator import LaneSimulator, LaneWindow

KEEP_S = 4.0
"""Event time at the end of a drive of which events and spikes are kept, for the report."""

Reward = Callable[[float, float, float, int], np.ndarray]
OnWindow = Callable[[DriveLog], bool]
"""Called after every window; True ends the drive."""


@dataclass(frozen=True)
class DriveResult:
    """A drive that has ended."""

    log: DriveLog
    wall_s: float
    delays_us: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """Wall time from the last message of a window to its command, where there were messages."""

    @property
    def simulated_s(self) -> float:
        """Event time that was driven (s)."""
        return self.log.last.end_us * 1e-6 if self.log.last else 0.0


Driver = Callable[[DriveParameters, Controller, OnWindow | None], DriveResult]
"""Drives until the task is finished, learning if ``controller.network.learning``; leaves the new state in the
controller.
"""


class Step(NamedTuple):
    """A window that was driven and what the controller answered."""

    window: LaneWindow
    answer: Answer

    @property
    def events(self) -> Events:
        """The window's events."""
        return Events(self.window.t, self.window.x, self.window.y, self.window.polarity)

    def row(self) -> WindowRow:
        """As a row of a DriveLog."""
        window, command = self.window, self.answer.command
        return WindowRow(
            window.end_us,
            *window.pose,
            window.lane,
            window.placed,
            window.laps,
            window.resets,
            *command,
            window.t.size,
        )


def connect(simulator: LaneSimulator, controller: Controller) -> None:
    """Tell the controller of the simulator's sensor. Raises UserError when its network is for another, or for other
    windows.
    """
    camera = simulator.settings.camera
    controller.connect_sensor(camera.width, camera.height)
    controller.check_window(simulator.world.window_us)


def steps(simulator: LaneSimulator, reward: Reward, controller: Controller) -> Iterator[Step]:
    """Drive until the simulator's task is finished, a window an iteration.

    Raises UserError as ``connect``.
    """
    connect(simulator, controller)
    command = controller.start(0)
    while True:
        window = simulator.step(*command)
        values = reward(*window.pose, window.lane) if controller.network.learning else None
        events = Events(window.t, window.x, window.y, window.polarity)
        answer = controller.step(events, values, placed=window.placed)
        yield Step(window, answer)
        if window.finished:
            return
        command = answer.command


class InProcess:
    """The driver without ROS. ``wrap_reward`` may replace the reward function by another made from it."""

    def __init__(self, wrap_reward: Callable[[Reward], Reward] = lambda reward: reward) -> None:
        self._wrap_reward = wrap_reward

    def __call__(
        self, parameters: DriveParameters, controller: Controller, on_window: OnWindow | None = None
    ) -> DriveResult:
        """See ``Driver``."""
        with LaneSimulator(parameters.simulator) as simulator:
            reward = self._wrap_reward(LaneReward(parameters.reward, simulator.track))
            log = DriveLog(simulator.track, round(KEEP_S * 1e6 / simulator.world.window_us))
            begin = time.perf_counter()
            for step in steps(simulator, reward, controller):
                log.add(step.row(), step.answer.spikes, step.events)
                if on_window is not None and on_window(log):
                    break
        return DriveResult(log, time.perf_counter() - begin)
