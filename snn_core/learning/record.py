"""A run's folder: what was driven, measured and learnt, as files that the report is made from.

report.json      figures and configuration
drives.npz       rows of each drive, weights before and after, a stretch of events and spikes
checkpoint.npz   the controller's state (see ``snn_core.control.checkpoint``)
report.html      made by ``snn_core.learning.report.page``
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import recfunctions

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.files import check_writable, write_atomically
from snn_core.network.network import Spikes
from snn_core.npz import read_npz
from snn_core.tasks.log import COMMON
from snn_core.tasks.report import DRIVES

_EARLIER_NAMES = {"lane": "goal", "laps": "completed", "resets": "failed"}
"""Fields of rows as an earlier version called them."""
_EXPECTED = "the folder of a run of `spikedrive train --out` or `demo`; run it again"


@dataclass
class RunRecord:
    """All that a report shows. Times are event time; the arrays of a drive that did not happen are empty."""

    figures: dict[str, Any]
    """As the JSON of ``spikedrive train`` (see README), with more from the demo."""
    configuration: dict[str, Any]
    """``simulator``, ``reward``, ``controller``: the parameters; ``network``: the description."""
    drives: dict[str, np.ndarray]
    """``before``, ``training``, ``after``: (windows,) structured arrays of ``snn_core.tasks.log.row_dtype``."""
    weights_before: list[np.ndarray]
    """A (pre, post) array for each connection, nA."""
    weights_after: list[np.ndarray]
    events: Events = field(default_factory=Events.empty)
    """Of the last seconds of the drive ``after``."""
    spikes: Spikes = field(default_factory=Spikes.empty)
    """Of the same stretch."""
    delays_us: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """Wall time from the last message of a window to its command; empty in one process."""

    def save(self, folder: Path) -> None:
        """Write report.json and drives.npz. Raises UserError when the folder cannot be written."""
        arrays: dict[str, Any] = {f"drive_{name}": self.drives.get(name, np.empty(0, COMMON)) for name in DRIVES}
        for when, weights in (("before", self.weights_before), ("after", self.weights_after)):
            arrays |= {f"weights_{when}_{c}": array for c, array in enumerate(weights)}
        arrays |= {f"events_{name}": getattr(self.events, name) for name in ("t", "x", "y", "polarity")}
        arrays |= {f"spikes_{name}": getattr(self.spikes, name) for name in Spikes._fields}
        arrays["delays_us"] = self.delays_us
        text = json.dumps({**self.figures, "configuration": self.configuration}, indent=2)
        make_folder(folder)
        write_atomically(folder / "drives.npz", lambda file: np.savez_compressed(file, **arrays))
        write_atomically(folder / "report.json", lambda file: file.write(text.encode() + b"\n"))

    @classmethod
    def load(cls, folder: Path) -> "RunRecord":
        """Read what ``save`` wrote. Raises UserError when something is missing or damaged."""
        path = folder / "report.json"
        try:
            figures = json.loads(path.read_text(encoding="utf-8"))
            configuration = figures.pop("configuration")
            path = folder / "drives.npz"
            arrays = read_npz(path, _EXPECTED)
            drives = {name: recfunctions.rename_fields(arrays[f"drive_{name}"], _EARLIER_NAMES) for name in DRIVES}
            if not isinstance(configuration["simulator"], dict) or not isinstance(configuration["network"], dict):
                raise ValueError("no parameters")
            if not all(set(COMMON.names or ()) <= set(rows.dtype.names or ()) for rows in drives.values()):
                raise ValueError("rows of another kind")
            return cls(
                figures=figures,
                configuration=configuration,
                drives=drives,
                weights_before=_numbered(arrays, "weights_before_"),
                weights_after=_numbered(arrays, "weights_after_"),
                events=Events(*(arrays[f"events_{name}"] for name in ("t", "x", "y", "polarity"))),
                spikes=Spikes(*(arrays[f"spikes_{name}"] for name in Spikes._fields)),
                delays_us=arrays["delays_us"],
            )
        except FileNotFoundError as error:
            raise UserError(f"{path}: no such file; expected {_EXPECTED}") from error
        except UserError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{path}: not a whole record of a run; run it again") from error


def make_folder(folder: Path) -> None:
    """Make a folder and its parents. Raises UserError when that cannot be done, or nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made a folder: {error.strerror}") from error
    check_writable(folder / "report.json")


def _numbered(arrays: dict[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    return [arrays[f"{prefix}{n}"] for n in range(sum(name.startswith(prefix) for name in arrays))]
