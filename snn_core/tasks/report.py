"""What a report says of a task: words, a table of figures, and panels. A task's own class says more."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from snn_core.tasks.drives import Drive
from snn_core.tasks.figures import RUNNING_MEAN_S, signals_figure, state_figure
from snn_core.tasks.panels import Comparison, Plot, Section, plural, seconds

DRIVES = ("before", "training", "after")


class TaskReport:
    """The task's part of a report.

    name: of the task. configuration: of the run, as its report.json holds it. drives: rows of each drive by name, those
    without rows left out. Raises UserError where the scene of the run cannot be read.
    """

    control_columns: ClassVar[dict[str, str]] = {"failed": "failed", "completed": "completed"}
    """Title of each figure of a control run, by its key in the JSON."""
    shown_figures: ClassVar[frozenset[str]] = frozenset(
        {"failed", "last_failed_s", "completed", "evaluation_s", "evaluation_failed", "evaluation_completed"}
    )
    """Keys of the JSON that the task's part shows, and the rest of the page need not."""

    def __init__(self, name: str, configuration: Mapping[str, Any], rows: Mapping[str, np.ndarray]) -> None:
        self.name = name
        self.configuration = configuration
        driven = [key for key in DRIVES if key in rows and rows[key].size]
        self.drives: dict[str, Any] = {key: self.summarise(rows[key]) for key in driven}

    def summarise(self, rows: np.ndarray) -> Drive:
        """A drive from its rows, one or more."""
        return Drive(rows)

    def title(self) -> list[str]:
        """Parts of the title: the task, and where it was driven."""
        return [f"{self.name} task"]

    def headline(self) -> str:
        """What was learnt, in one sentence."""
        before, training, after = (self.drives.get(name) for name in DRIVES)
        if after is None:
            return "Training is not finished, or was not evaluated." if training else "Nothing has been driven yet."
        if before is None:
            return f"After training it failed {after.failed} times in {seconds(after.seconds)} s."
        if after.failed * before.seconds < before.failed * after.seconds:
            return "It fails less often than before training."
        return "It does not fail less often than before training."

    def sentences(self) -> Iterator[str]:
        """The figures behind the headline."""
        for name, drive in self.drives.items():
            when = {"before": "Before training it", "training": "Training it", "after": "After training it"}[name]
            yield (
                f"{when} drove {seconds(drive.seconds)} s, failed {plural(drive.failed, 'time')} and completed "
                f"{plural(drive.completed, 'time')}."
            )

    def comparison(self) -> Comparison | None:
        """The table of figures, a column for each drive that happened."""
        if not self.drives:
            return None
        drives = self.drives.values()
        rows = [
            ("Simulated time (s)", [seconds(drive.seconds) for drive in drives]),
            *self.figures(),
            ("Events (1000/s)", [f"{1e-3 * drive.events_per_s:.1f}" for drive in drives]),
        ]
        return Comparison(list(self.drives), rows)

    def figures(self) -> list[tuple[str, list[str]]]:
        """Rows of the table: a name, and a text for each drive."""
        drives = self.drives.values()
        return [
            ("Failed", [str(drive.failed) for drive in drives]),
            ("Completed", [str(drive.completed) for drive in drives]),
        ]

    def sections(self) -> list[Section]:
        """Panels of the drives."""
        columns = tuple(self._state_columns())
        plots = [
            Plot(state_figure(f"state-{name}", f"The state {name}", drive, columns), name.capitalize())
            for name, drive in self.drives.items()
        ]
        return [Section("state", "The state over time", [] if plots else ["Nothing was driven in this run."], plots)]

    def _state_columns(self) -> list[str]:
        return list(self.configuration.get("columns", {}).get("state", []))

    def signals_section(self) -> Section | None:
        """What taught, with its terms; None for a run without training or signals."""
        training = self.drives.get("training")
        if training is None or not training.signals:
            return None
        caption = f"Running means over {RUNNING_MEAN_S:g} s; a term is shown with its weight."
        return Section("signals", "What taught", [], [Plot(signals_figure(training), caption=caption)])
