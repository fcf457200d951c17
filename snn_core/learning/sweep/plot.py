"""What each parameter does to the objective: a panel a parameter, a dot a parameter set, its quartiles as a bar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snn_core.files import write_atomically
from snn_core.learning.sweep.spec import SweepSpec, Values, Variation
from snn_core.learning.sweep.table import Row
from snn_core.tasks.svg import BLUE, INK

_PANEL_IN, _HEIGHT_IN = 3.2, 2.6
_COLUMNS = 3
_GREY = "0.72"
_LONGEST_LABEL = 18


def write_effects(spec: SweepSpec, rows: Sequence[Row], path: Path) -> None:
    """Draw the effect of each parameter into an SVG file. Raises UserError when it cannot be written."""
    figure = effects_figure(spec, rows)
    style: dict[Any, Any] = {"svg.hashsalt": "spikedrive", "svg.fonttype": "none", "font.size": 8, "text.color": INK}
    with mpl.rc_context(style):
        write_atomically(path, lambda file: figure.savefig(file, format="svg", metadata={"Date": None}))


def effects_figure(spec: SweepSpec, rows: Sequence[Row]) -> Figure:
    """A panel for each parameter; one over the parameter sets where none varies."""
    names = list(spec.vary)
    count = max(len(names), 1)
    columns = min(count, _COLUMNS)
    lines = -(-count // columns)
    figure = Figure(figsize=(_PANEL_IN * columns, _HEIGHT_IN * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    shown = [row for row in rows if row.median is not None]
    for panel, name in zip(panels, names, strict=False):
        _draw(panel, name, spec.vary[name], [row for row in shown if name in row.parameters])
    if not names:
        panels[0].plot([row.median for row in shown], "o", color=BLUE)
        panels[0].set_xlabel("parameter set")
    for panel in panels[count:]:
        panel.set_visible(False)
    for panel in panels[::columns]:
        panel.set_ylabel(spec.objective.figure)
    return figure


def _draw(panel: Axes, name: str, kind: Variation, rows: list[Row]) -> None:
    places = _places(panel, kind, [row.parameters[name] for row in rows])
    panel.set_xlabel(name if len(name) < 44 else f"… {name[-42:]}")
    for state, colour, label in (("pruned", _GREY, "pruned"), ("complete", BLUE, "median, quartiles")):
        chosen = [i for i, row in enumerate(rows) if (row.state == "pruned") == (state == "pruned")]
        if not chosen:
            continue
        low, middle, high = (
            np.array([getattr(rows[i], quartile) for i in chosen], float)
            for quartile in ("lower_quartile", "median", "upper_quartile")
        )
        panel.errorbar(
            places[chosen], middle, yerr=np.vstack((middle - low, high - middle)),
            fmt="o", color=colour, markersize=3.5, linewidth=0.8, label=label,
        )  # fmt: skip
    complete = [i for i, row in enumerate(rows) if row.state != "pruned"]
    _draw_trend(panel, places[complete], np.array([rows[i].median for i in complete], float))


def _draw_trend(panel: Axes, places: np.ndarray, medians: np.ndarray) -> None:
    """The median over all sets that have a value in common, where several have."""
    values = np.unique(places)
    if 1 < values.size < places.size:
        panel.plot(values, [np.median(medians[places == value]) for value in values], color=INK, linewidth=0.8)


def _places(panel: Axes, kind: Variation, values: list[object]) -> np.ndarray:
    """Where values stand on the axis: numbers by size, others by their place in the file."""
    if not isinstance(kind, Values):
        if getattr(kind, "log", False) or kind.kind == "log_uniform":
            panel.set_xscale("log")
        return np.array(values, float)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in kind.values):
        numbers = np.array(kind.values, float)
        if numbers.min() > 0 and numbers.max() / numbers.min() >= 30:
            panel.set_xscale("log")
        return np.array(values, float)
    texts = [value if isinstance(value, str) else json.dumps(value) for value in kind.values]
    panel.set_xticks(range(len(texts)), [text[:_LONGEST_LABEL] for text in texts])
    return np.array([kind.values.index(value) for value in values], float)  # type: ignore[arg-type]
