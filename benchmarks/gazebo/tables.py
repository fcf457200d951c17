"""The figures as a table for each Gazebo and task, a column for each row."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]


def _mm(key: str) -> Callable[[Row], str]:
    return lambda row: f"{1000 * row[key]:.1f}"


def _plain(key: str) -> Callable[[Row], str]:
    return lambda row: "-" if row[key] is None else f"{row[key]:.4g}" if isinstance(row[key], float) else str(row[key])


def _ms(key: str) -> Callable[[Row], str]:
    return lambda row: f"{row[key] / 1000:.2g}"


def _counters(row: Row) -> str:
    return ", ".join(f"{name} {count}" for name, count in row["counters"].items())


_FROZEN = {
    "frozen (s)": _plain("evaluation_s"),
    "resets": _plain("evaluation_resets"),
    "laps": _plain("evaluation_laps"),
    "mean deviation (mm)": _mm("mean_abs_deviation_m"),
    "largest (mm)": _mm("max_abs_deviation_m"),
}
LINES: dict[str, tuple[str, dict[str, Callable[[Row], str]]]] = {
    "learn": (
        "learns from scratch, then drives frozen",
        {
            "learning (s)": _plain("simulated_s"),
            "resets then": _plain("resets"),
            "the last (s)": _plain("last_reset_s"),
            **_FROZEN,
            "the backend": _counters,
        },
    ),
    "transfer": ("learnt elsewhere, frozen, half of the time on each lane", _FROZEN),
    "free": (
        "free running over ROS 2, half of the time on each lane",
        {
            "seconds": _plain("seconds"),
            "x real time": _plain("x_real_time"),
            "resets": _plain("resets"),
            "mean deviation (mm)": _mm("mean_abs_deviation_m"),
            "last event to command: p50 (ms)": _ms("delay_p50_us"),
            "p99 (ms)": _ms("delay_p99_us"),
            "windows skipped": _plain("windows_skipped"),
            "the backend": _counters,
        },
    ),
    "speed": ("lockstep: simulated seconds a second of wall time", {"x real time": _plain("x_real_time")}),
    "repeat": (
        "the same again",
        {"windows": _plain("windows"), "same": _plain("same"), "first window apart": _plain("first_window_apart")},
    ),
}


def print_tables(figures: Mapping[str, Any], console: Console) -> None:
    """What ``measure`` returned."""

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say(", ".join(f"{name} {value}" for name, value in figures["machine"].items()))
    for backend, reason in figures["missing"].items():
        say(f"{backend}: not here: {reason}")
    for backend in dict.fromkeys(row["backend"] for row in figures["rows"]):
        for task, (title, lines) in LINES.items():
            rows = [row for row in figures["rows"] if (row["backend"], row["task"]) == (backend, task)]
            if rows:
                say(f"{backend}: {title}")
                console.print(_table(lines, rows))


def _table(lines: Mapping[str, Callable[[Row], str]], rows: Sequence[Row]) -> Table:
    table = Table("", *(row["what"] for row in rows), box=box.SIMPLE_HEAD)
    for name, cell in lines.items():
        table.add_row(name, *map(cell, rows))
    table.add_row("load", *(f"{row['load']:.1f}" for row in rows))
    return table
