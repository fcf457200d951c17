"""The whole loop in one process: task and controller, in the order in which the nodes call them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from snn_core.control.controller import Answer, Controller
from snn_core.control.signals import Signals
from snn_core.learning.parameters import DriveParameters
from snn_core.network.network import Spikes
from snn_core.tasks.base import Baseline, Task, TaskWindow
from snn_core.tasks.log import Columns, DriveLog, WindowRow

KEEP_S = 4.0
"""Event time at the end of a drive of which events and spikes are kept, for the report."""

NO_SPIKES = Spikes.empty()
WrapSignals = Callable[[Signals], Signals]
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


class DriveStep(NamedTuple):
    """A window that was driven, what taught, and what the controller answered."""

    window: TaskWindow
    signals: Signals
    answer: Answer

    def row(self) -> WindowRow:
        """As a row of a DriveLog."""
        window = self.window
        return WindowRow(
            end_us=window.end_us,
            goal=window.goal,
            placed=window.placed,
            completed=window.completed,
            failed=window.failed,
            events=len(window.events),
            state=window.state,
            command=self.answer.command.values,
            signals={**self.signals, **{name: value for name, value in self.answer.judged.items() if "/" in name}},
        )


def columns_of(task: type[Task]) -> Columns:
    """The columns of a drive's rows."""
    return Columns(task.state_names, task.channels, task.path_names or task.state_names)


def empty_log(task: type[Task], window_us: int) -> DriveLog:
    """A log that keeps what a report shows."""
    return DriveLog(columns_of(task), round(KEEP_S * 1e6 / window_us))


def connect(task: Task, controller: Controller) -> None:
    """Tell the controller of the task's sensor. Raises UserError when its network is for another sensor, another
    window or another body.
    """
    controller.connect_sensor(*task.sensor)
    controller.check_window(task.window_us)
    controller.check_channels(task.channels)


def _unchanged(signals: Signals) -> Signals:
    return signals


def steps(task: Task, controller: Controller, wrap: WrapSignals = _unchanged) -> Iterator[DriveStep]:
    """Drive until the task is finished, a window an iteration. ``wrap`` may replace what teaches.

    Raises UserError as ``connect``, and when a rule follows a signal that the task does not give.
    """
    connect(task, controller)
    command = controller.start(0)
    while True:
        window = task.step(command)
        signals = task.signals(window)
        if controller.network.learning:
            signals = wrap(signals)
            if window.number == 0:
                controller.check_signals(signals)
        answer = controller.step(window.events, signals if controller.network.learning else None, placed=window.placed)
        yield DriveStep(window, signals, answer)
        if window.finished:
            return
        command = answer.command


def drive(
    task: Task,
    controller: Controller,
    log: DriveLog,
    on_window: OnWindow | None = None,
    wrap: WrapSignals = _unchanged,
) -> float:
    """Drive until the task is finished, or ``on_window`` says so; fill ``log``. Returns the wall time (s)."""
    begin = time.perf_counter()
    for step in steps(task, controller, wrap):
        log.add(step.row(), step.answer.spikes, step.window.events)
        if on_window is not None and on_window(log):
            break
    return time.perf_counter() - begin


class InProcess:
    """The driver without ROS. ``wrap`` may replace what teaches, window by window."""

    def __init__(self, wrap: WrapSignals = _unchanged) -> None:
        self._wrap = wrap

    def __call__(
        self, parameters: DriveParameters, controller: Controller, on_window: OnWindow | None = None
    ) -> DriveResult:
        """See ``Driver``."""
        with parameters.make_task() as task:
            log = empty_log(parameters.task, task.window_us)
            return DriveResult(log, drive(task, controller, log, on_window, self._wrap))


def drive_baseline(parameters: DriveParameters, baseline: Callable[[Task], Baseline]) -> DriveLog:
    """Drive until the task is finished with a controller that has no network."""
    with parameters.make_task() as task:
        log, control = DriveLog(columns_of(parameters.task)), baseline(task)
        command = control(None)
        while True:
            window = task.step(command)
            command = control(window)
            answer = Answer(window.end_us, command, NO_SPIKES)
            log.add(DriveStep(window, task.signals(window), answer).row(), NO_SPIKES, window.events)
            if window.finished:
                return log
