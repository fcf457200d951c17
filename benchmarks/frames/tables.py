"""The figures as two tables: libraries, and frames a second."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


def print_tables(figures: Mapping[str, Any], console: Console) -> None:
    """What ``measure`` returned."""

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say(", ".join(f"{name} {value}" for name, value in figures["machine"].items()))
    if figures["libraries"]:
        _print_libraries(figures["libraries"], console, say)
    _print_rates(figures, console, say)


def _print_libraries(rows: Sequence[Mapping[str, Any]], console: Console, say: Callable[[str], None]) -> None:
    say(", ".join(dict.fromkeys(f"{row['library']} {row['version']}" for row in rows)))
    say("frames a second of CPU time on one core, the median of the rounds; times: SpikeDrive's to it")
    table = Table(
        "response", "frames", "library", "frames/s", "times", "events", "correlation",
        box=box.SIMPLE_HEAD,
    )  # fmt: skip
    ours: dict[tuple[str, str], float] = {
        (row["task"], row["film"]): row["frames_per_s"] for row in rows if row["library"] == "spikedrive"
    }
    for row in rows:
        times = ours[row["task"], row["film"]] / row["frames_per_s"]
        table.add_row(
            row["task"],
            row["film"],
            row["library"],
            f"{row['frames_per_s']:.0f}",
            f"{times:.1f}",
            str(row["events"]),
            f"{row['correlation']:.4f}",
        )
    console.print(table)
    for note in dict.fromkeys(f"{row['library']}: {row['note']}" for row in rows if row["note"]):
        say(note)


def _print_rates(figures: Mapping[str, Any], console: Console, say: Callable[[str], None]) -> None:
    say(
        f"{figures['backend']}: events of frames next to those of the embedded camera, along the same path; made/s: "
        "frames made into events a second of CPU time; x real time: the source alone, wall time"
    )
    table = Table("frames/s", "correlation", "ratio", "events/s", "made/s", "x real time", box=box.SIMPLE_HEAD)
    for row in figures["rates"]:
        table.add_row(
            str(row["rate_hz"]),
            f"{row['correlation']:.4f}",
            f"{row['ratio']:.3f}",
            f"{row['events']:.0f}",
            f"{row['frames_per_s']:.0f}",
            f"{row['real_time']:.1f}",
        )
    console.print(table)
    enough = figures["enough_hz"]
    say("no rate is enough" if enough is None else f"enough: {enough} frames a second")
