"""Matplotlib figures as SVG to stand inside an HTML page, whose style sheet gives them their inks.

Colours of data are fixed and can be told apart on white and on near-black, by colour-blind people too (after Okabe and
Ito, https://jfly.uni-koeln.de/color/). Text, axes and road are drawn in the placeholders below, which become
``var(--...)``, so that one figure serves the light and the dark scheme.
"""

import io
import re
from collections.abc import Callable
from typing import Any

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

BLUE = "#2f80c2"
ORANGE = "#d98214"
GREEN = "#1f9d7c"
PURPLE = "#c2528f"
ON_COLOUR, OFF_COLOUR = ORANGE, BLUE
"""Events that are brighter and darker, in every picture."""
EVENT_RGB = tuple(tuple(bytes.fromhex(colour[1:])) for colour in (OFF_COLOUR, ON_COLOUR))
"""The same as red, green and blue, by polarity."""

INK = "#010203"
MUTED = "#010204"
LINE = "#010205"
ROAD = "#010206"
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", LINE: "var(--line)", ROAD: "var(--road)"}

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.2,
    "path.simplify_threshold": 0.2,
    "svg.fonttype": "none",
    "svg.hashsalt": "spikedrive",
}
_PIXELS_PER_UNIT = 4 / 3  # a figure's unit is a point of 1/72 inch, a CSS pixel is 1/96 inch
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def draw(name: str, label: str, size_in: tuple[float, float], paint: Callable[[Figure], None]) -> Markup:
    """Let ``paint`` draw on an empty figure and return it as an <svg> element.

    name: unique in the page, starts the ids of the figure's parts. label: what a screen reader says.
    size_in: width and height, inches of 96 CSS pixels; the largest at which the figure is shown.
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=size_in, dpi=72, layout="constrained")
        paint(figure)
        _settle(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", dpi=180, metadata=_NO_METADATA)
    body = buffer.getvalue()
    body = body[body.index(">", body.index("<svg")) + 1 :]
    for attribute in (' id="', "url(#", 'xlink:href="#'):
        body = body.replace(attribute, f"{attribute}{name}-")
    for placeholder, variable in _VARIABLES.items():
        body = body.replace(placeholder, variable)
    body = re.sub(r"\n\s*", "\n", body)
    width, height = (72 * side for side in size_in)
    head = Markup('<svg viewBox="0 0 {:g} {:g}" style="max-width:{:.0f}px" role="img" aria-label="{}">').format(
        width, height, width * _PIXELS_PER_UNIT, label
    )
    return head + Markup(body)


def _settle(figure: Figure) -> None:
    """Lay the figure out, less the noise that the layout's solver leaves in the last digits: same data, same bytes."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(edge, 6) for edge in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))
