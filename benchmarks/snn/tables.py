"""The figures as tables. Times are CPU time of a step of 1 ms, medians, us."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
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
    ("simulator", lambda row: row["simulator"]),
    ("us", _number("cpu_us_per_step")),
    ("lowest", _number("cpu_us_per_step_lowest")),
    ("ratio", _number("ratio")),
    ("longest, us", _number("max_step_us")),
    ("hidden, Hz", _number("hidden_rate_hz")),
    ("differ", _compared),
]
RATE: list[Column] = [
    ("inputs, Hz", _number("input_hz")),
    ("us", _number("cpu_us_per_step")),
    ("weights held", _number("held_us_per_step")),
    ("plastic part", _number("plastic_us_per_step")),
    ("hidden, Hz", _number("hidden_rate_hz")),
]
SIZE: list[Column] = [
    ("neurons", _number("neurons")),
    ("synapses", _number("plastic_synapses")),
    ("us", _number("cpu_us_per_step")),
    ("longest, us", _number("max_step_us")),
    ("x real time", _number("real_time_factor")),
    ("Hz", _number("rate_hz")),
    ("GiB", _number("peak_rss_gib")),
]
LANE: list[Column] = [
    ("network", lambda row: row["workload"]),
    ("inputs", _number("inputs")),
    ("us", _number("cpu_us_per_step")),
    ("longest, us", _number("max_step_us")),
    ("motors, Hz", _number("motor_rate_hz")),
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
    ("weight and plasticity", _number("bytes_per_synapse")),
    ("index, delay, reverse index", _number("wiring_bytes_per_synapse")),
]


def print_tables(figures: Mapping[str, Any], console: Console) -> None:
    """What ``measure`` returned."""
    machine = dict(figures["machine"])
    bandwidth = machine.pop("memory_gb_s")
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), highlight=False, soft_wrap=True)
    console.print(f"one core reads and writes {bandwidth:.3g} GB/s of memory", highlight=False)
    console.print(
        "us: CPU time of a step of 1 ms, the median of the rounds; longest: of steps that are calls of their own; "
        "differ: spikes of 200 steps that only one of spikedrive and the simulator has",
        highlight=False,
        soft_wrap=True,
    )
    rows = figures["rows"]
    for name, bound in figures["bounds"].items():
        compared = [row for row in rows if row["workload"] == name]
        _print(f"{name}: a step while it learns, calls of 50 steps", COMPARED, compared, console)
        console.print(
            "moving the synapses of the inputs that spike takes "
            f"{bound['bound_us_per_step']:.3g} us a step from where they all fit, "
            f"{bound['memory_bound_us_per_step']:.3g} us from memory",
            highlight=False,
            soft_wrap=True,
        )
    about = {row["simulator"]: (row["version"], row["note"]) for row in rows if "version" in row}
    for simulator, (version, note) in about.items():
        console.print(f"{simulator} {version}{': ' if note else ''}{note}", highlight=False, soft_wrap=True)
    parts = [
        ("W1 against the rate of its inputs", RATE, "plastic_us_per_step"),
        ("against size: recurrent, 100 plastic synapses a neuron", SIZE, "real_time_factor"),
        ("lane network, calls of 50 steps", LANE, "motor_rate_hz"),
        ("first step of a new process", START, "start_s"),
    ]
    for title, columns, key in parts:
        _print(title, columns, [row for row in rows if key in row], console)
    _print("bytes of a synapse", MEMORY, [row for row in rows if row["workload"].endswith("_memory")], console)


def _print(title: str, columns: Sequence[Column], rows: Sequence[Row], console: Console) -> None:
    if not rows:
        return
    console.print()
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for heading, _ in columns:
        named = heading in ("simulator", "network")
        table.add_column(heading, justify="left" if named else "right", no_wrap=named)
    for row in rows:
        table.add_row(*(text(row) for _, text in columns))
    console.print(table)
