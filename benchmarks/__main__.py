"""``python -m spikedrive_benchmarks [--json PATH]``: all timings, as a table."""

import argparse
import contextlib
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from snn_core.errors import UserError
from spikedrive_benchmarks.driving import driving, driving_over_dds
from spikedrive_benchmarks.machine import machine
from spikedrive_benchmarks.network import network_window
from spikedrive_nodes.processes.environment import ensure_ros_environment

TITLES = {
    "network": ("lane network, learning", "us a step of 1 ms"),
    "driving": ("lane task", "simulated s a second"),
}


def _table(part: str, values: dict[str, float]) -> Table:
    title, unit = TITLES[part]
    table = Table("", unit, "ratio", title=title, title_justify="left")
    first = next(iter(values.values()))
    for name, value in values.items():
        table.add_row(name, f"{value:.3g}", f"{value / first:.3g}")
    return table


def _measure() -> dict[str, dict[str, float]]:
    results = {"network": network_window(), "driving": driving()}
    try:
        results["driving"]["whole loop over ROS 2 (wall time)"] = driving_over_dds()
    except UserError as error:
        Console(stderr=True).print(f"not over ROS 2: {error}", highlight=False)
    return results


def main() -> None:
    """Measure, print, and write JSON where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m spikedrive_benchmarks", description="Time the parts against their peers."
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write the figures to this file")
    path = parser.parse_args().json
    console = Console()
    console.print(", ".join(f"{name} {value}" for name, value in machine().items()), highlight=False, soft_wrap=True)
    results = _measure()
    for part, values in results.items():
        console.print(_table(part, values))
    if path is not None:
        path.write_text(json.dumps({"machine": machine(), **results}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with contextlib.suppress(UserError):  # then all but what goes over ROS 2 is measured
        ensure_ros_environment()  # may start this process again
    main()
