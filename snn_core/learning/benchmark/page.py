"""What a row came to, as people read it: a Markdown table, and a picture with a dot for each seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Picture

from snn_core.files import write_atomically
from snn_core.learning.benchmark.result import Figure, RowResult
from snn_core.tasks.svg import BLUE, INK, ORANGE

_PANEL_IN, _HEIGHT_IN = 2.4, 2.4
_STYLE: dict[Any, Any] = {"svg.hashsalt": "spikedrive", "svg.fonttype": "none", "font.size": 8, "text.color": INK}
_HEAD = ("row", "figure", "to reach", "median (quartiles)", "worst", "seeds", "reached")


def markdown_table(results: Sequence[RowResult]) -> str:
    """A line for each figure of each row."""
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    for result in results:
        for place, figure in enumerate(result.figures):
            lines.append(_line([result.title if place == 0 else "", *figure_cells(figure, result)]))
        if result.failed is not None:
            lines.append(_line(["", "failed", result.failed.replace("|", "/"), "", "", "", "no"]))
    return "\n".join(lines) + "\n"


def figure_cells(figure: Figure, result: RowResult) -> list[str]:
    """Name, what to reach, median and quartiles, worst, seeds, whether it is reached."""
    quartiles = "-"
    if figure.median is not None:
        quartiles = f"{figure.median:.4g} ({figure.lower_quartile:.4g}, {figure.upper_quartile:.4g})"
    worst = "-" if figure.worst is None else f"{figure.worst:.4g}"
    ended = len(result.seeds)
    if figure.good is None:
        return [figure.name, "", quartiles, worst, str(ended), ""]
    said = "yes" if figure.reached else "no"
    said = said if ended == result.asked else f"{ended} of {result.asked} seeds so far"
    to_reach = f"at most {figure.at_most:g}, {figure.needed} of {result.asked}"
    return [figure.name, to_reach, quartiles, worst, f"{len(figure.good)} of {ended}", said]


def write_picture(result: RowResult, path: Path) -> None:
    """Draw a panel for each figure that must reach something, as SVG. Raises UserError when it cannot be written."""
    judged = [figure for figure in result.figures if figure.good is not None]
    picture = Picture(figsize=(_PANEL_IN * len(judged), _HEIGHT_IN), layout="constrained")
    with mpl.rc_context(_STYLE):
        for panel, figure in zip(picture.subplots(1, len(judged), squeeze=False)[0], judged, strict=True):
            good = np.isin(figure.seeds, figure.good or [])
            places, values = np.arange(len(figure.seeds)), np.array(figure.values)
            panel.plot(places[good], values[good], "o", color=BLUE, markersize=4)
            panel.plot(places[~good], values[~good], "x", color=ORANGE, markersize=6)
            panel.axhline(figure.at_most, color=INK, lw=0.8, ls="--")
            panel.set_title(figure.name, fontsize=8)
            panel.set_xticks(places, [str(seed) for seed in figure.seeds])
            panel.set_xlabel("seed")
            panel.margins(x=0.1, y=0.1)
        write_atomically(path, lambda file: picture.savefig(file, format="svg", metadata={"Date": None}))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
