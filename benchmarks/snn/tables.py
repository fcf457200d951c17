"""The figures as tables."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], str]]


def _number(key: str, scale: float = 1.0) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        value = row.get(key)
        return "-" if value is None else _rounded(value * scale)

    return text


def _rounded(value: float) -> str:
    """Three digits, and all of those before the point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _compared(row: Row) -> str:
    differing = row["spikes_differing"]
    return "-" if differing is None else f"{differing} of {row['spikes_compared']}"


COMPARED: list[Column] = [
    ("simulator", lambda row: f"{row['simulator']} {row['version']}"),
    ("us a step", _number("cpu_us_per_step")),
    ("lowest", _number("cpu_us_per_step_lowest")),
    ("ratio", _number("ratio")),
    ("longest step, us", _number("max_step_us")),
    ("hidden, Hz", _number("hidden_rate_hz")),
    ("spikes that differ", _compared),
]
RATE: list[Column] = [
    ("inputs, Hz", _number("input_hz")),
    ("us a step", _number("cpu_us_per_step")),
    ("weights held", _number("held_us_per_step")),
    ("plastic part", _number("plastic_us_per_step")),
    ("hidden, Hz", _number("hidden_rate_hz")),
]
SIZE: list[Column] = [
    ("neurons", _number("neurons")),
    ("synapses", _number("plastic_synapses")),
    ("us a step", _number("cpu_us_per_step")),
    ("longest", _number("max_step_us")),
    ("times real time", _number("real_time_factor")),
    ("Hz", _number("rate_hz")),
    ("bytes a synapse", _number("bytes_per_synapse")),
    ("and wiring", _number("wiring_bytes_per_synapse")),
    ("process, GiB", _number("peak_rss_gib")),
]
LANE: list[Column] = [
    ("network", lambda row: row["workload"]),
    ("inputs", _number("inputs")),
    ("us a step", _number("cpu_us_per_step")),
    ("longest step, us", _number("max_step_us")),
    ("motor, Hz", _number("motor_rate_hz")),
]
START: list[Column] = [
    ("network", lambda row: row["workload"].removesuffix("_start")),
    ("imports, s", _number("import_s")),
    ("building, s", _number("build_s")),
    ("first step, s", _number("first_step_s")),
    ("building and step, s", _number("start_s")),
]
MEMORY: list[Column] = [
    ("network", lambda row: row["workload"].removesuffix("_memory")),
    ("bytes a synapse", _number("bytes_per_synapse")),
    ("and wiring", _number("wiring_bytes_per_synapse")),
]


def print_tables(figures: Mapping[str, Any], console: Console) -> None:
    """What ``measure`` returned."""
    machine = dict(figures["machine"])
    bandwidth = machine.pop("memory_gb_s")
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), highlight=False, soft_wrap=True)
    console.print(f"one core reads and writes {bandwidth:.3g} GB/s of memory", highlight=False)
    rows = figures["rows"]
    for name, bound in figures["bounds"].items():
        compared = [row for row in rows if row["workload"] == name]
        title = f"{name}: CPU time of a step of 1 ms while it learns, medians, calls of 50 steps"
        _print(title, COMPARED, compared, console)
        console.print(
            f"moving the synapses of the inputs that spike takes {bound['bound_us_per_step']:.3g} us a step from where "
            f"they all fit, {bound['memory_bound_us_per_step']:.3g} us from memory",
            highlight=False,
            soft_wrap=True,
        )
        for row in compared:
            if row["note"]:
                console.print(f"  {row['simulator']}: {row['note']}", highlight=False, soft_wrap=True)
    parts = [
        ("against the rate of the inputs (W1)", RATE, "plastic_us_per_step"),
        ("against size: recurrent, 100 plastic synapses a neuron", SIZE, "real_time_factor"),
        ("lane network", LANE, "motor_rate_hz"),
        ("first step of a new process, after the imports", START, "start_s"),
    ]
    for title, columns, key in parts:
        _print(title, columns, [row for row in rows if key in row], console)
    _print("memory", MEMORY, [row for row in rows if row["workload"].endswith("_memory")], console)


def _print(title: str, columns: Sequence[Column], rows: Sequence[Row], console: Console) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for heading, _ in columns:
        table.add_column(heading, justify="left" if heading in ("simulator", "network") else "right")
    for row in rows:
        table.add_row(*(text(row) for _, text in columns))
    console.print(table)
