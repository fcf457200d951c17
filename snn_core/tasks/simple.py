"""A task that says where its body starts, how it moves and what its camera sees; all else follows."""

from abc import abstractmethod
from enum import Enum

import numpy as np

from snn_core.control.command import Command
from snn_core.events.events import Events
from snn_core.tasks.base import Settings_co, SignalSettings_co, Task, TaskWindow


class Outcome(Enum):
    """How it stands at the end of a window."""

    GOES_ON = "goes on"
    COMPLETED = "completed"
    """The goal was reached: counted, and the body is placed at a start."""
    FAILED = "failed"
    """The body left where it may be: counted, and it is placed at a start."""


class SimpleTask(Task[Settings_co, SignalSettings_co]):
    """A task of one goal. After it is reached, or has failed, the body is placed at a start for the next window."""

    @abstractmethod
    def place(self, rng: np.random.Generator) -> None:
        """Put the body at a start; ``rng`` is the run's."""

    @abstractmethod
    def advance(self, command: Command, begin_us: int, end_us: int) -> Events:
        """Hold a command for the window [begin_us, end_us); return what the camera saw of it."""

    @abstractmethod
    def state(self) -> tuple[float, ...]:
        """Where the body is now, in the order of ``state_names``."""

    @abstractmethod
    def outcome(self) -> Outcome:
        """How it stands now."""

    def begin(self) -> None:
        self._rng = np.random.default_rng(self.settings.seed)
        self._number = self._now_us = self._completed = self._failed = 0
        self._last_failed_us: int | None = None
        self._to_be_placed = True

    def step(self, command: Command) -> TaskWindow:
        if not command.is_finite:
            raise ValueError(f"expected a finite command, found {command}")
        placed, self._to_be_placed = self._to_be_placed, False
        if placed:
            self.place(self._rng)
        begin_us, end_us = self._now_us, self._now_us + self.window_us
        events = self.advance(command, begin_us, end_us)
        outcome = self.outcome()
        self._to_be_placed = outcome is not Outcome.GOES_ON
        self._completed += outcome is Outcome.COMPLETED
        if outcome is Outcome.FAILED:
            self._failed += 1
            self._last_failed_us = end_us
        window = TaskWindow(
            number=self._number,
            begin_us=begin_us,
            end_us=end_us,
            events=Events.empty() if self.settings.dark else events,
            placed=placed,
            goal=0,
            completed=self._completed,
            failed=self._failed,
            last_failed_s=None if self._last_failed_us is None else self._last_failed_us / 1e6,
            finished=self._is_finished(end_us),
            state=self.state(),
        )
        self._number, self._now_us = self._number + 1, end_us
        return window

    def _is_finished(self, now_us: int) -> bool:
        rules = self.settings.task
        # Divided, not multiplied by 1e-6: only so is 1350000 us the 1.35 s of a parameter file.
        if rules.duration_s and now_us / 1e6 >= rules.duration_s:
            return True
        return bool(rules.settled_s) and (now_us - (self._last_failed_us or 0)) / 1e6 >= rules.settled_s
