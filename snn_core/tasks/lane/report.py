"""What a report says of the lane task."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.lib import recfunctions

from snn_core.sim.track import load_track
from snn_core.tasks.figures import RUNNING_MEAN_S
from snn_core.tasks.lane.figures import learning_figure, path_figure
from snn_core.tasks.lane.summary import LaneDrive
from snn_core.tasks.lane.words import headline, mm, sentences
from snn_core.tasks.panels import Plot, Section, plural, seconds
from snn_core.tasks.report import DRIVES, TaskReport


class LaneReport(TaskReport):
    """Paths, deviation and resets."""

    control_columns: ClassVar[dict[str, str]] = {"resets": "resets", "laps": "laps"}
    shown_figures: ClassVar[frozenset[str]] = frozenset(
        {
            "resets",
            "last_reset_s",
            "laps",
            "evaluation_s",
            "mean_abs_deviation_m",
            "max_abs_deviation_m",
            "evaluation_resets",
            "evaluation_laps",
        }
    )

    def __init__(self, name: str, configuration: Mapping[str, Any], rows: Mapping[str, np.ndarray]) -> None:
        self._track = load_track(configuration["simulator"]["track"])
        self._limit_m = float(configuration["simulator"].get("task", {}).get("max_deviation_m", 0.2))
        super().__init__(name, configuration, rows)
        self._drives: dict[str, LaneDrive | None] = {key: self.drives.get(key) for key in DRIVES}

    def summarise(self, rows: np.ndarray) -> LaneDrive:
        if "deviation_m" not in (rows.dtype.names or ()):  # a record of an earlier version
            poses = zip(*(rows[name].tolist() for name in ("x_m", "y_m", "yaw_rad", "goal")), strict=True)
            deviation_m = np.array([self._track.locate(*pose).deviation_m for pose in poses])
            rows = recfunctions.append_fields(rows, "deviation_m", deviation_m, usemask=False)
        return LaneDrive(rows)

    def title(self) -> list[str]:
        return [*super().title(), f"track {self._track.name}"]

    def headline(self) -> str:
        return headline(self._drives)

    def sentences(self) -> Iterator[str]:
        return sentences(self._drives, self._limit_m)

    def figures(self) -> list[tuple[str, list[str]]]:
        drives = self.drives.values()
        rows = [("Mean absolute deviation (mm)", [mm(drive.mean_abs_deviation_m()) for drive in drives])]
        if self._track.lanes > 1:
            rows += [
                (
                    f"Mean absolute deviation, lane {lane} (mm)",
                    [mm(drive.mean_abs_deviation_m(lane)) for drive in drives],
                )
                for lane in range(self._track.lanes)
            ]
        return [
            *rows,
            ("Largest absolute deviation (mm)", [mm(drive.max_abs_deviation_m) for drive in drives]),
            ("Resets", [str(drive.failed) for drive in drives]),
            ("Laps", [str(drive.completed) for drive in drives]),
            ("Mean commanded speed (m/s)", [f"{drive.rows['v_m_s'].mean():.2f}" for drive in drives]),
        ]

    def sections(self) -> list[Section]:
        return [self._path_section(), self._learning_section()]

    def _path_section(self) -> Section:
        lines, plots = [], []
        for name in ("before", "after"):
            drive = self._drives[name]
            if drive is None:
                lines.append(f"No drive {name} training was made in this run.")
                continue
            caption = f"{seconds(drive.seconds)} s with weights frozen, {plural(drive.failed, 'reset')}."
            svg = path_figure(f"path-{name}", self._track, drive)
            plots.append(Plot(svg, f"{name.capitalize()} training", caption))
        return Section("path", "The path", lines, plots, pair=True)

    def _learning_section(self) -> Section:
        title, training = "Deviation and resets over training", self._drives["training"]
        if training is None:
            return Section("learning", title, ["No training was driven in this run."])
        references = {
            name: drive.mean_abs_deviation_m() for name, drive in self._drives.items() if drive and name != "training"
        }
        caption = (
            "Top: the range of the deviation from the lane's centre; at the dashed lines the robot is put back "
            f"(crosses). Middle: its running mean over {RUNNING_MEAN_S:g} s, on a logarithmic scale"
            + ("; dashed: the mean of the frozen drives. " if references else ". ")
            + "Shaded: on lane 1."
        )
        svg = learning_figure(training, self._limit_m, references)
        return Section("learning", title, [], [Plot(svg, caption=caption)])
