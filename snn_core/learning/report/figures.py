"""The figures of a report that every task has: weights, rasters, delays. Each returns an <svg> element."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from snn_core.events.events import Events
from snn_core.network.network import Spikes
from snn_core.tasks.panels import HALF_HEIGHT_IN, HALF_IN, WIDE_IN
from snn_core.tasks.svg import BLUE, GREEN, INK, OFF_COLOUR, ON_COLOUR, draw

_TIME_BINS = 1200
_MOST_MARKERS = 2000
_WEIGHT_MAP, _DIFFERENCE_MAP = "viridis", "PuOr_r"


# Weights


class WeightImages(NamedTuple):
    """Rows of images over the same axes.

    ``before`` and ``after``: (rows, height, width), nA; nan where there is no synapse.
    """

    row_names: list[str]
    before: np.ndarray
    after: np.ndarray
    extent: tuple[float, float, float, float] | None
    """Left, right, bottom and top edge of an image in the units of its axes; None: by index."""
    x_label: str
    y_label: str
    square: bool
    """A unit is as long on both axes."""


def retina_images(weights: Sequence[np.ndarray], encoder: dict[str, Any], neurons: dict[str, int]) -> WeightImages:
    """Weights (pre, post) before and after as images over the retina, for each neuron and polarity.

    encoder: of the network's description. Inputs are numbered as ``snn_core.events.pooling.RectanglePooling`` does: all
    pools of OFF events, then all of ON events (or both as one), row by row. neurons: name and column of each neuron
    shown.
    """
    pooling = encoder["pooling"]
    is_log_polar = pooling.get("kind") == "log_polar"
    rows, columns = (pooling[key] for key in (("rings", "sectors") if is_log_polar else ("rows", "columns")))
    polarities = ["OFF", "ON"] if pooling.get("polarity") == "separate" else [""]
    names = [f"{neuron} {polarity}".strip() for neuron in neurons for polarity in polarities]
    before, after = (
        array[:, list(neurons.values())].T.reshape(len(names), rows, columns).astype(float) for array in weights
    )
    if is_log_polar:
        return WeightImages(names, before, after, None, "sector", "ring", True)
    if pooling.get("sensor", "any") == "any":
        return WeightImages(names, before, after, None, "pool column", "pool row", True)
    (width, height), crop = pooling["sensor"], pooling.get("crop", {})
    left, right = crop.get("left", 0), width - crop.get("right", 0)
    top, bottom = crop.get("top", 0), height - crop.get("bottom", 0)
    return WeightImages(names, before, after, (left, right, bottom, top), "x (pixel)", "y (pixel)", True)


def matrix_images(weights: Sequence[np.ndarray], pre: str, post: str) -> WeightImages:
    """Weights (pre, post) before and after as they are."""
    before, after = (array[np.newaxis].astype(float) for array in weights)
    return WeightImages([f"{pre} → {post}"], before, after, None, f"neuron of {post}", f"neuron of {pre}", False)


def weights_figure(name: str, label: str, images: WeightImages, after: str = "after") -> Markup:
    """Weights before and after on one colour scale, and what came and went; ``after`` names the second column."""
    count, height, width = images.before.shape
    difference = images.after - images.before
    low = min(0.0, _extreme(np.fmin, images.before, images.after))
    high = max(_extreme(np.fmax, images.before, images.after), low + 1e-9)
    change = max(_extreme(np.fmax, np.abs(difference)), 1e-9)
    if images.extent is not None:
        left, right, bottom, top = images.extent
        shape = (bottom - top) / (right - left)
    else:
        shape = height / width
    row_height = min(max(2.45 * shape, 1.1), 3.2) if images.square else 2.4

    def paint(figure: Figure) -> None:
        grid = figure.subplots(count, 3, sharex=True, sharey=True, squeeze=False)
        columns = ((images.before, "before"), (images.after, after), (difference, "change"))
        shown = []
        for column, (stack, title) in enumerate(columns):
            scale = {"cmap": _DIFFERENCE_MAP, "vmin": -change, "vmax": change}
            if column < 2:
                scale = {"cmap": _WEIGHT_MAP, "vmin": low, "vmax": high}
            aspect = "equal" if images.square else "auto"
            for row, axes in enumerate(grid[:, column]):
                shown.append(
                    axes.imshow(stack[row], interpolation="none", extent=images.extent, aspect=aspect, **scale)
                )
                axes.spines[:].set_visible(False)
                for axis in (axes.xaxis, axes.yaxis):
                    axis.set_major_locator(MaxNLocator(4, integer=True))
            grid[0, column].set_title(title)
            grid[-1, column].set_xlabel(images.x_label)
        for axes, row_name in zip(grid[:, 0], images.row_names, strict=True):
            axes.set_ylabel(f"{row_name}\n{images.y_label}" if images.square else images.y_label)
        for image, columns_of_bar, title in (
            (shown[0], grid[:, :2], "weight (nA)"),
            (shown[-1], grid[:, 2:], "change (nA)"),
        ):
            bar = figure.colorbar(
                image, ax=columns_of_bar, shrink=0.9, aspect=14 * min(count, 2), pad=0.02, label=title
            )
            bar.outline.set_visible(False)

    return draw(name, label, (WIDE_IN, row_height * count + 0.7), paint)


def _extreme(kind: np.ufunc, *stacks: np.ndarray) -> float:
    """Smallest (fmin) or largest (fmax) number of all, nan left out; 0 when there is none."""
    extreme = kind.reduce([kind.reduce(stack, axis=None) for stack in stacks])
    return float(extreme) if np.isfinite(extreme) else 0.0


# Rasters


class RasterPopulation(NamedTuple):
    """A population to show: its place in the network, name and size; ``neurons`` may name single ones."""

    index: int
    name: str
    size: int
    neurons: dict[str, int]


def raster_figure(
    events: Events, spikes: Spikes, populations: Sequence[RasterPopulation], columns: int, span_us: tuple[int, int]
) -> Markup:
    """Events (column over time, by polarity) above the spikes of each population, on one axis of time.

    columns: width of the sensor, pixels. span_us: begin and end of what is shown, us.
    """
    begin_s, end_s = (1e-6 * edge for edge in span_us)
    heights = [1.9, *(min(0.55 + 0.03 * population.size, 1.7) for population in populations)]

    def paint(figure: Figure) -> None:
        top, *below = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        image = _event_image(events, columns, span_us)
        top.imshow(image, extent=(begin_s, end_s, 0, columns), origin="lower", aspect="auto", interpolation="none")
        top.set(ylabel="events:\nx (pixel)", xlim=(begin_s, end_s))
        for name, colour in (("ON", ON_COLOUR), ("OFF", OFF_COLOUR)):
            top.plot([], [], "s", color=colour, label=name, ms=6)
        top.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, handlelength=0.8, borderaxespad=0.1)
        for axes, population in zip(below, populations, strict=True):
            _paint_spikes(axes, spikes, population)
        (below[-1] if below else top).set_xlabel("event time (s)")
        figure.align_ylabels()

    return draw("raster", "Events and spikes over time", (WIDE_IN, sum(heights) + 0.8), paint)


def _event_image(events: Events, columns: int, span_us: tuple[int, int]) -> np.ndarray:
    """(columns, time bins, 4) RGBA: the hue says which polarity prevails, the opacity how many events there were.

    Both in few steps, which the eye does not miss and which make for a small file.
    """
    shape = (columns, _TIME_BINS)
    inside = (events.t >= span_us[0]) & (events.t < span_us[1]) & (events.x < columns)
    column = ((events.t[inside] - span_us[0]) * _TIME_BINS // (span_us[1] - span_us[0])).astype(np.int64)
    place = events.x[inside].astype(np.int64) * _TIME_BINS + column
    on, off = (
        np.bincount(place[chosen], minlength=columns * _TIME_BINS).reshape(shape)
        for chosen in (events.polarity[inside] > 0, events.polarity[inside] == 0)
    )
    total = on + off
    share = (np.round(4 * on / np.maximum(total, 1)) / 4)[..., np.newaxis]
    colour = share * np.array(to_rgb(ON_COLOUR)) + (1 - share) * np.array(to_rgb(OFF_COLOUR))
    full = max(np.percentile(total[total > 0], 99), 2) if total.any() else 2
    opacity = np.ceil(8 * np.minimum(total / full, 1.0)) / 8
    return np.concatenate([colour, opacity[..., np.newaxis]], axis=2)


def _paint_spikes(axes: Axes, spikes: Spikes, population: RasterPopulation) -> None:
    chosen = spikes.population == population.index
    time_s, neuron = 1e-6 * spikes.time_us[chosen], spikes.neuron[chosen]
    height = 72 * min(0.55 + 0.03 * population.size, 1.7)
    axes.scatter(
        time_s,
        neuron,
        s=min(max(0.6 * height / population.size, 1.2), 14.0) ** 2,
        marker="|",
        lw=0.7 if population.size > 4 else 1.0,
        color=GREEN,
        rasterized=time_s.size > _MOST_MARKERS,
    )
    axes.set(ylim=(population.size - 0.4, -0.6), ylabel=f"{population.name}:\nneuron")
    if population.neurons and population.size <= 4:
        axes.set_yticks(list(population.neurons.values()), list(population.neurons))
        axes.set_ylabel(population.name)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


# Delays


def delay_figure(delays_us: np.ndarray) -> Markup:
    """Cumulative distribution of delays with its median and 99th percentile marked. delays_us: (n,), us, n > 0."""
    delays_ms = np.sort(np.maximum(delays_us, 1)) * 1e-3
    percent = 100.0 * np.arange(1, delays_ms.size + 1) / delays_ms.size
    keep = np.unique(
        np.concatenate([np.linspace(0, delays_ms.size - 1, 800).astype(int), np.arange(delays_ms.size)[-100:]])
    )

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot(
            xscale="log", xlabel="delay (ms)", ylabel="windows answered by then (%)", ylim=(0, 103)
        )
        axes.step(delays_ms[keep], percent[keep], where="post", color=BLUE, lw=1.6)
        axes.grid(axis="both")
        for share in (50, 99):
            value = float(np.percentile(delays_ms, share))
            axes.plot([value, value], [0, share], color=INK, lw=0.9, ls=(0, (3, 2)))
            axes.annotate(
                f"p{share} {value:.2g} ms",
                (value, 4 if share == 50 else 14),
                (4, 0),
                textcoords="offset points",
                fontsize=9,
            )
        low, high = delays_ms[0] / 1.3, delays_ms[-1] * 2.5
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))

    return draw("delay", "Cumulative distribution of delays", (HALF_IN, HALF_HEIGHT_IN), paint)
