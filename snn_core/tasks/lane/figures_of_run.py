"""How a run on the lanes is told of: figures for JSON, and lines for a terminal."""

from collections.abc import Mapping

import numpy as np

from snn_core.tasks.base import Figure
from snn_core.tasks.log import DriveLog
from snn_core.tasks.panels import plural

_RECENT = 200
"""Windows over which the deviation shown is averaged."""


def _number(figures: Mapping[str, Figure], key: str) -> float:
    """A figure that every run has."""
    value = figures[key]
    assert value is not None
    return value


class LaneFigures:
    """Resets, laps and deviations."""

    @classmethod
    def training_figures(cls, log: DriveLog) -> dict[str, Figure]:
        """What the JSON of a run says of training."""
        last = log.last
        return {
            "resets": last.failed if last else 0,
            "last_reset_s": log.last_failed_s,
            "laps": last.completed if last else 0,
        }

    @classmethod
    def evaluation_figures(cls, log: DriveLog) -> dict[str, Figure]:
        """What the JSON of a run says of an evaluation."""
        last, deviations = log.last, np.abs(log.column("deviation_m"))
        return {
            "mean_abs_deviation_m": float(deviations.mean()) if deviations.size else float("nan"),
            "max_abs_deviation_m": float(deviations.max()) if deviations.size else float("nan"),
            "evaluation_resets": last.failed if last else 0,
            "evaluation_laps": last.completed if last else 0,
        }

    @classmethod
    def training_line(cls, figures: Mapping[str, Figure]) -> str:
        """``training_figures`` in words."""
        last = figures["last_reset_s"]
        resets = plural(_number(figures, "resets"), "reset") + (
            "" if last is None else f", the last after {last:.0f} s"
        )
        return f"{resets}, {plural(_number(figures, 'laps'), 'lap')}"

    @classmethod
    def evaluation_line(cls, figures: Mapping[str, Figure]) -> str:
        """``evaluation_figures`` in words."""
        deviation_mm = 1000 * _number(figures, "mean_abs_deviation_m")
        resets = plural(_number(figures, "evaluation_resets"), "reset")
        laps = plural(_number(figures, "evaluation_laps"), "lap")
        return f"{deviation_mm:.1f} mm off on average, {resets}, {laps}"

    @classmethod
    def progress_line(cls, log: DriveLog) -> str:
        """How a drive goes, in a few words."""
        deviations = np.abs(log.column("deviation_m", _RECENT))
        off_mm = 1000 * deviations.mean() if deviations.size else 0.0
        return f"{log.last.failed if log.last else 0:3d} resets {off_mm:4.0f} mm off"
