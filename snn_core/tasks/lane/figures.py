"""Figures of the lane task: the path, deviation and resets. Each returns an <svg> element."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from snn_core.sim.track import Track
from snn_core.tasks.figures import RUNNING_MEAN_S, paint_count
from snn_core.tasks.lane.summary import LaneDrive
from snn_core.tasks.panels import HALF_IN, WIDE_IN
from snn_core.tasks.svg import BLUE, GREEN, MUTED, ORANGE, PURPLE, ROAD, draw

LANE_COLOURS = (BLUE, ORANGE)


# The path


def path_figure(name: str, track: Track, drive: LaneDrive) -> Markup:
    """The track from above and the path of a drive, a colour a lane; crosses where the robot was put back from."""
    outer = np.concatenate([track.line(offset) for offset in (track.lines[0], track.lines[-1])])
    x_m, y_m = (np.concatenate([outer[:, i], drive.rows[field]]) for i, field in enumerate(("x_m", "y_m")))
    margin = 0.3
    limits = ((x_m.min() - margin, x_m.max() + margin), (y_m.min() - margin, y_m.max() + margin))
    aspect = (limits[1][1] - limits[1][0]) / (limits[0][1] - limits[0][0])
    height = min(max(4.1 * aspect + 0.8, 2.0), 6.5)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot(xlim=limits[0], ylim=limits[1], xlabel="x (m)", ylabel="y (m)", aspect="equal")
        _paint_road(axes, track)
        for lane in range(track.lanes):
            _paint_path(axes, drive, lane)
            _paint_direction(axes, track, lane)
        places = drive.reset_places_m()
        if places.size:
            axes.plot(*places.T, "x", color=PURPLE, ms=6, mew=1.6, label="left the lane", zorder=5)
        figure.legend(loc="outside upper left", ncols=3, handlelength=1.2, columnspacing=1.4, borderaxespad=0.1)

    return draw(name, f"Track {track.name} from above with the path driven", (HALF_IN, height), paint)


def _paint_road(axes: Axes, track: Track) -> None:
    inner, *middle, outer = (track.line(offset) for offset in track.lines)
    axes.fill(*np.concatenate([inner, outer[::-1]]).T, color=ROAD, lw=0, zorder=0)
    for border in (inner, outer):
        axes.plot(*border.T, color=MUTED, lw=0.8, zorder=1)
    for line in middle:
        axes.plot(*line.T, color=MUTED, lw=0.7, ls=(0, (3, 3)), zorder=1)


def _paint_path(axes: Axes, drive: LaneDrive, lane: int) -> None:
    label: str | None = f"lane {lane}"
    for stretch in drive.stretches():
        rows = drive.rows[stretch]
        if rows["goal"][0] == lane:
            axes.plot(rows["x_m"], rows["y_m"], color=LANE_COLOURS[lane], lw=1.1, alpha=0.85, label=label, zorder=3)
            label = None


def _paint_direction(axes: Axes, track: Track, lane: int) -> None:
    """An arrow as long as a lane is wide, away from the start, where the path is densest."""
    middle = 0.4 * track.lane_length_m(lane)
    tail, head = (track.pose(lane, middle + along) for along in (0.0, track.spec.lane_width))
    arrow = {"arrowstyle": "-|>", "color": LANE_COLOURS[lane], "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=head[:2], xytext=tail[:2], arrowprops=arrow, zorder=4)


# Deviation and resets over time


def learning_figure(training: LaneDrive, limit_m: float, references_m: dict[str, float]) -> Markup:
    """Deviation, its running mean and the count of resets over training.

    limit_m: deviation at which the robot is put back, m. references_m: name and mean absolute deviation, m, of other
    drives to compare the running mean with.
    """

    def paint(figure: Figure) -> None:
        deviation, mean, resets = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2.2, 1.3))
        _paint_lanes((deviation, mean, resets), training)
        _paint_deviation(deviation, training, limit_m)
        _paint_running_mean(mean, training, references_m)
        times, end_s = training.time_s[training.failed_windows()], training.time_s[-1]
        paint_count(resets, training, "resets")
        if times.size:
            for axes in (deviation, mean, resets):
                axes.axvline(times[-1], color=PURPLE, lw=0.9, ls=(0, (1, 2)))
            right = times[-1] > 0.75 * end_s
            resets.annotate(
                f"last reset {times[-1]:.0f} s",
                (times[-1], 0),
                (-5 if right else 5, 4),
                textcoords="offset points",
                ha="right" if right else "left",
                fontsize=9,
            )
        figure.align_ylabels()

    return draw("learning", "Deviation, its running mean and resets over training", (WIDE_IN, 5.0), paint)


def _paint_lanes(all_axes: Sequence[Axes], drive: LaneDrive) -> None:
    """Shade the time on lane 1."""
    lane, time_s = drive.rows["goal"].astype(int), np.concatenate([[0.0], drive.time_s])
    edges = [0, *(np.flatnonzero(np.diff(lane)) + 1).tolist(), lane.size]
    for begin, end in pairwise(edges):
        if lane[begin] == 1:
            for axes in all_axes:
                axes.axvspan(float(time_s[begin]), float(time_s[end]), color=ROAD, lw=0, zorder=0)


def _paint_deviation(axes: Axes, drive: LaneDrive, limit_m: float) -> None:
    """The range of deviations in each of some hundred bins of time."""
    begins = np.arange(0, drive.rows.size, max(1, drive.rows.size // 800))
    low, high = (1e3 * extreme.reduceat(drive.deviation_m, begins) for extreme in (np.minimum, np.maximum))
    axes.fill_between(drive.time_s[begins], low, high, color=BLUE, lw=0.7)
    for side in (-1, 1):
        axes.axhline(side * 1e3 * limit_m, color=MUTED, lw=0.9, ls=(0, (4, 3)))
    axes.axhline(0.0, color=MUTED, lw=0.6)
    at = drive.failed_windows()
    axes.plot(drive.time_s[at], np.full(at.size, 1.14e3 * limit_m), "x", color=PURPLE, ms=5, mew=1.4)
    axes.set(ylabel="deviation (mm)\n← right     left →", ylim=(-1.3e3 * limit_m, 1.3e3 * limit_m))


def _paint_running_mean(axes: Axes, drive: LaneDrive, references_m: dict[str, float]) -> None:
    time_s, mean = drive.running_mean(1e3 * np.abs(drive.deviation_m), RUNNING_MEAN_S)
    keep = slice(None, None, max(1, mean.size // 1500))
    axes.plot(time_s[keep], np.maximum(mean[keep], 0.1), color=BLUE, lw=1.4)
    for name, value_m in references_m.items():
        axes.axhline(max(1e3 * value_m, 0.1), color=GREEN, lw=1.1, ls=(0, (6, 2)))
        at_left = name == "after"  # where the curve is still far above it
        axes.annotate(
            f"{name}: {1e3 * value_m:.1f} mm",
            (0.0 if at_left else 1.0, max(1e3 * value_m, 0.1)),
            (4, -11) if at_left else (0, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="left" if at_left else "right",
            fontsize=9,
        )
    axes.set(yscale="log", ylabel=f"mean |deviation|\nof {RUNNING_MEAN_S:g} s (mm)")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low / 1.5, 3), max(high * 1.5, 120))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y")
