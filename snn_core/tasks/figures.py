"""Figures of a drive that need no knowledge of its task."""

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snn_core.tasks.drives import Drive
from snn_core.tasks.panels import WIDE_IN
from snn_core.tasks.svg import BLUE, GREEN, MUTED, ORANGE, PURPLE, draw

RUNNING_MEAN_S = 10.0
_MOST_POINTS = 1500
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)


def signals_figure(training: Drive) -> Markup:
    """Running mean of every signal of a training, a row each, with its terms; and of what a critic made of them."""
    signals = list(dict.fromkeys(name.split("/")[0] for name in training.signals))

    def paint(figure: Figure) -> None:
        rows = figure.subplots(len(signals), 1, sharex=True, squeeze=False)[:, 0]
        for axes, signal in zip(rows, signals, strict=True):
            terms = [name for name in training.signals if name.startswith(f"{signal}/")]
            if len(terms) > 1 and signal in training.signals:
                _paint_mean(axes, training, signal, "sum", MUTED)
            for colour, term in zip(_COLOURS * (1 + len(terms) // len(_COLOURS)), terms, strict=False):
                _paint_mean(axes, training, term, term.removeprefix(f"{signal}/"), colour)
            axes.axhline(0.0, color=MUTED, lw=0.6)
            axes.set(ylabel=signal)
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, borderaxespad=0.1)
        rows[-1].set(xlabel="simulated time (s)", xlim=(0, training.time_s[-1]))
        figure.align_ylabels()

    label = "Running mean of what taught, with its terms"
    return draw("signals", label, (WIDE_IN, 1.0 + 1.6 * len(signals)), paint)


def _paint_mean(axes: Axes, drive: Drive, name: str, label: str, colour: str) -> None:
    time_s, mean = drive.running_mean(drive.rows[name], RUNNING_MEAN_S)
    keep = slice(None, None, max(1, mean.size // _MOST_POINTS))
    axes.plot(time_s[keep], mean[keep], color=colour, lw=1.3, label=label)


def paint_count(axes: Axes, drive: Drive, label: str) -> None:
    """The count of failures over time, as steps."""
    at = drive.failed_windows()
    count, times, end_s = np.arange(at.size + 1), drive.time_s[at], drive.time_s[-1]
    axes.step([0.0, *times, end_s], [*count, count[-1]], where="post", color=PURPLE, lw=1.6)
    axes.set(ylabel=label, xlabel="simulated time (s)", ylim=(0, None if count[-1] else 1), xlim=(0, end_s))
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))


def state_figure(name: str, label: str, drive: Drive, columns: tuple[str, ...]) -> Markup:
    """Columns of a drive's rows over time, a row each, and the count of failures."""

    def paint(figure: Figure) -> None:
        *rows, last = figure.subplots(len(columns) + 1, 1, sharex=True)
        keep = slice(None, None, max(1, drive.rows.size // _MOST_POINTS))
        for axes, column in zip(rows, columns, strict=True):
            axes.plot(drive.time_s[keep], drive.rows[column][keep], color=BLUE, lw=1.0)
            axes.set(ylabel=column)
        paint_count(last, drive, "failed")
        figure.align_ylabels()

    return draw(name, label, (WIDE_IN, 1.2 + 1.4 * len(columns)), paint)
