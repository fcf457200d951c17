"""The parts of a report's page that tasks fill."""

from dataclasses import dataclass, field

from markupsafe import Markup

WIDE_IN, HALF_IN, HALF_HEIGHT_IN = 9.6, 4.7, 3.2
"""Width of a figure over the whole page and over half of it, and the usual height of the latter (inches of 96 px)."""


@dataclass(frozen=True)
class Plot:
    """A figure and the words around it."""

    svg: Markup
    title: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page; ``pair`` puts its plots side by side where there is space."""

    id: str
    title: str
    lines: list[str] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    pair: bool = False


@dataclass(frozen=True)
class Comparison:
    """The table of figures: names of drives, and for each row its name and a text for each drive."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]


def seconds(value_s: float) -> str:
    """A time in s, without its unit."""
    return f"{value_s:.0f}" if value_s >= 10 else f"{value_s:.1f}"


def plural(count: float, thing: str) -> str:
    """``no lap``, ``1 lap``, ``2 laps``."""
    return f"no {thing}" if count == 0 else f"{count} {thing}{'' if count == 1 else 's'}"
