"""The figures as a table: a line for each task and library, a column for each stream."""

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from spikedrive_benchmarks.events.streams import NAMES

Row = Mapping[str, Any]


def print_tables(figures: Mapping[str, Any], console: Console) -> None:
    """What ``measure`` returned."""

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    rows: list[Row] = figures["rows"]
    versions = {row["library"]: row["version"] for row in rows}
    say(", ".join(f"{name} {value}" for name, value in figures["machine"].items()))
    say(", ".join(f"{library} {version}" for library, version in versions.items()))
    say("million events a second of CPU time on one core, the median of the rounds; ratio: SpikeDrive's to it")
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("task", no_wrap=True)
    table.add_column("library", no_wrap=True)
    streams = [name for name in NAMES if any(row["stream"] == name for row in rows)]
    for stream in streams:
        table.add_column(stream, justify="right", no_wrap=True)
        table.add_column("ratio", justify="right", no_wrap=True)
    told = None
    for task, library in _pairs(rows):
        cells = [cell for stream in streams for cell in _cells(rows, task, library, stream)]
        table.add_row("" if task == told else task, library, *cells)
        told = task
    console.print(table)
    for task, library in _pairs(rows):
        remark = _remark(rows, task, library)
        if remark:
            say(f"{task}, {library}: {remark}")
    for failure in figures["failed"]:
        say("{task}, {stream}: {library} failed: {error}".format(**failure))


def _pairs(rows: list[Row]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["task"], row["library"]) for row in rows))


def _cells(rows: list[Row], task: str, library: str, stream: str) -> tuple[str, str]:
    """The speed, and how many times as fast SpikeDrive is."""
    speeds = {row["library"]: row["mev_per_s"] for row in rows if (row["task"], row["stream"]) == (task, stream)}
    if library not in speeds:
        return "-", "-"
    ours = speeds.get("spikedrive")
    return f"{speeds[library]:.0f}", "-" if ours is None else f"{ours / speeds[library]:.2f}"


def _remark(rows: list[Row], task: str, library: str) -> str:
    mine = [row for row in rows if (row["task"], row["library"]) == (task, library)]
    differing = [row["stream"] for row in mine if not row["agrees"]]
    remarks = [f"another result than SpikeDrive's ({', '.join(differing)})"] if differing else []
    return "; ".join([*dict.fromkeys(row["note"] for row in mine if row["note"]), *remarks])
