"""What a person sees while a drive goes on or a file is read, and how Ctrl-C ends a drive."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from snn_core.events.events import Events
    from snn_core.events.recordings import Recording
    from snn_core.learning.drive import OnWindow
    from snn_core.tasks.base import Task
    from snn_core.tasks.log import DriveLog

_EVERY = 20
"""Windows between two updates of the display."""

console = Console(stderr=True)


class Interruption:
    """Ctrl-C ends the drive after the window under way; a second one ends the process."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        self._previous = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._previous)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)


class DriveProgress:
    """A bar for each drive: simulated time, how it goes, time left. Use as a context manager."""

    def __init__(self, interruption: Interruption, task: type[Task], settled_s: float = 0.0) -> None:
        self._task = task
        self._interruption = interruption
        self._settled_s = settled_s
        self._progress = Progress(
            TextColumn("{task.description:>8}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:5.0f} s simulated"),
            TextColumn("{task.fields[how]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
        )

    def watch(self, name: str, seconds: float) -> OnWindow:
        """Begin a drive of ``seconds`` (event time; an upper bound where the task may settle earlier)."""
        settled_s = self._settled_s if name == "training" else 0.0
        task = self._progress.add_task(name, total=settled_s or seconds, how="")

        def on_window(log: DriveLog) -> bool:
            if len(log) % _EVERY == 0 or self._interruption.asked:
                self._update(task, log, settled_s, seconds)
            return self._interruption.asked

        return on_window

    def _update(self, task: TaskID, log: DriveLog, settled_s: float, seconds: float) -> None:
        assert log.last is not None
        now_s = log.last.end_us * 1e-6
        total = min(seconds, max(now_s, (log.last_failed_s or 0.0) + settled_s)) if settled_s else seconds
        self._progress.update(
            task,
            total=total,
            completed=now_s,
            how=self._task.progress_line(log),
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._progress.tasks:
            self._progress.update(task.id, total=task.completed)
        self._progress.stop()


def watch_reading(recording: Recording, name: str) -> Iterator[Events]:
    """The batches of a recording, with a bar on a terminal of how much of it has been read."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=1.0)
        for events in recording:
            progress.update(task, completed=recording.fraction_read)
            yield events
