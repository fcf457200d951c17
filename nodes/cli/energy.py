"""What ``spikedrive energy`` does: an estimate of the energy that a run's training takes on published hardware."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from snn_core.errors import UserError
from snn_core.files import StrictModel, validate
from snn_core.network.energy.estimate import Energy, Estimate, PlatformEstimate, estimate
from snn_core.network.energy.operations import NetworkSize, Operations
from snn_core.network.energy.table import TABLE, EnergyTable, load_energy_table

_COLUMNS = {
    "synaptic_events": "events",
    "neuron_updates": "neurons",
    "learning_updates": "learn",
    "memory_bytes": "memory",
    "spikes": "spikes",
}
_HOW_COUNTED = (
    "Estimates: counted operations times published energies per operation. Left out: host, camera, motors, and what a "
    "chip takes at rest where its figure does not include it. Power is the mean over simulated time. Synaptic events, "
    "neuron updates, learning updates, memory and spikes have their shares; incl.: in the figure of another kind; "
    "none: counted, but no figure was found, so that the total is a lower bound (≥)."
)
_PREFIXES = ((1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


class Run(StrictModel):
    """What is read of a run's report.json."""

    operations: Operations
    """Of the training alone."""
    network_size: NetworkSize
    dt_ms: float = Field(gt=0)
    window_ms: float = Field(gt=0)

    @property
    def simulated_s(self) -> float:
        """Simulated time of the counts, s."""
        return self.operations.steps * self.dt_ms * 1e-3

    @property
    def steps_per_window(self) -> float:
        """Steps of the network in a control window."""
        return self.window_ms / self.dt_ms


def read_run(run: Path) -> Run:
    """Read the counts of a run: its folder, or its report.json. Raises UserError."""
    path = run / "report.json" if run.is_dir() else run
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: missing; expected the folder of a run of `spikedrive train`, or its report.json"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not the report.json of a run; expected what `spikedrive train` writes") from error
    if not isinstance(report, dict) or "operations" not in report:
        raise UserError(
            f"{path}: operations: missing; expected the counts of a training in one process; run `spikedrive train`, "
            "without --dds"
        )
    configuration = report.get("configuration")
    network = configuration.get("network") if isinstance(configuration, dict) else None
    data = {key: report[key] for key in ("operations", "network_size") if key in report}
    if isinstance(network, dict):
        data |= {key: network[key] for key in ("dt_ms", "window_ms") if key in network}
    found = validate(Run, data, str(path))
    if not found.operations.steps:
        raise UserError(f"{path}: operations: steps: expected at least 1, found 0: nothing was trained")
    return found


@dataclass(frozen=True)
class RunEstimate:
    """A run, and what was made of it."""

    run: Run
    estimate: Estimate
    table: EnergyTable


def estimate_run(path: Path, table: Path | None = None) -> RunEstimate:
    """Estimate a run's energy, by the shipped table unless another is given. Raises UserError."""
    run, energies = read_run(path), load_energy_table(table or TABLE)
    return RunEstimate(run, estimate(run.operations, run.network_size, energies), energies)


def energy_figures(estimated: RunEstimate) -> dict[str, Any]:
    """The figures, as JSON holds them."""
    run = estimated.run
    return {
        "what": "estimate: counted operations times published energies per operation; nothing was measured",
        "simulated_s": run.simulated_s,
        "operations": run.operations._asdict(),
        "network_size": run.network_size._asdict(),
        "dense": _platform_figures(estimated, estimated.estimate.dense),
        "platforms": [_platform_figures(estimated, platform) for platform in estimated.estimate.platforms],
        "references": estimated.table.references,
    }


def _platform_figures(estimated: RunEstimate, platform: PlatformEstimate) -> dict[str, Any]:
    run, own, ratio = estimated.run, platform.platform, estimated.estimate.ratio(platform)
    return {
        "platform": own.name,
        "node_nm": own.node_nm,
        "evidence": own.evidence,
        "memory": platform.memory,
        "estimated_j": platform.total._asdict(),
        "estimated_mean_w": platform.total.times(1 / run.simulated_s)._asdict(),
        "estimated_j_by_kind": {kind: part._asdict() for kind, part in platform.parts.items()},
        "included": own.contained,
        "lacking": {kind: own.absent[kind] for kind in platform.absent},
        "estimated_ratio_to_dense": ratio._asdict() if ratio else None,
        "estimated_ratio_to_dense_once_a_window": ratio.times(run.steps_per_window)._asdict() if ratio else None,
        "sources": [f"{source.paper}, {source.where}" for source in own.sources()],
    }


def print_estimate(title: str, estimated: RunEstimate, console: Console) -> None:
    """The table, what its figures lack, and where they are from."""
    run, energies = estimated.run, estimated.estimate
    heading = f"{title}: energy, an estimate for {run.simulated_s:,.6g} s simulated"
    console.print(heading, soft_wrap=True, highlight=False, markup=False, style="italic")
    rows = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    rows.add_column("platform", no_wrap=True)
    for name in ("est. energy", "est. power", *_COLUMNS.values(), "/ dense"):
        rows.add_column(name, justify="right", overflow="fold", no_wrap=name in _COLUMNS.values())
    for platform in (*energies.platforms, energies.dense):
        rows.add_row(*_row(run, energies, platform))
    console.print(rows)
    for note in _notes(run, energies):
        console.print(note, soft_wrap=True, highlight=False, markup=False)
    console.print("Sources:", highlight=False)
    for key, reference in estimated.table.references.items():
        console.print(f"  {key}: {reference}", soft_wrap=True, highlight=False, markup=False)


def _row(run: Run, estimated: Estimate, platform: PlatformEstimate) -> list[str]:
    ratio = estimated.ratio(platform)
    shares = ["" if platform is estimated.dense else _share(platform, kind) for kind in _COLUMNS]
    bound = "≥" if platform.absent else ""
    return [
        "dense network" if platform is estimated.dense else escape(_name(platform).replace(", ", "\n")),
        bound + quantity(platform.total, "J"),
        bound + quantity(platform.total.times(1 / run.simulated_s), "W"),
        *shares,
        bound + _times(ratio) if ratio else "-",
    ]


def _name(platform: PlatformEstimate) -> str:
    memory = f", {platform.memory}" if platform.memory else ""
    return f"{platform.platform.name}, {platform.platform.node_nm:g} nm{memory}"


def _share(platform: PlatformEstimate, kind: str) -> str:
    share = platform.share(kind)
    if share is not None:
        return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
    return "none" if kind in platform.absent else "incl." if kind in platform.platform.contained else "-"


def _notes(run: Run, estimated: Estimate) -> list[str]:
    notes = [
        _HOW_COUNTED,
        (
            f"Dense network: on {_name(estimated.dense)}; a multiply-accumulate and the fetch of a float32 weight for "
            f"each of {run.network_size.synapses:,} synapses in each of {run.operations.steps:,} steps, no learning. "
            f"One that runs once a window of {run.window_ms:g} ms needs {run.steps_per_window:g} times less."
        ),
    ]
    for platform in estimated.platforms:
        own = platform.platform
        sources = "; ".join(f"{source.paper}, {source.where}" for source in own.sources())
        absent = "".join(f" Without {kind.replace('_', ' ')}: {own.absent[kind]}." for kind in platform.absent)
        notes.append(f"{own.name}: {own.evidence}.{absent} [{sources}]")
    return notes


def quantity(value: Energy, unit: str) -> str:
    """With an SI prefix, three digits: 1.23 mJ, or 1.2 to 3.4 mJ."""
    scale, prefix = next((pair for pair in _PREFIXES if abs(value.high) >= pair[0]), _PREFIXES[-1])
    low, high = (f"{end / scale:.3g}" for end in value)
    return f"{low} {prefix}{unit}" if low == high else f"{low} to {high} {prefix}{unit}"


def _times(ratio: Energy) -> str:
    low, high = (f"{end:.2g}" if end < 100 else f"{end:,.0f}" for end in ratio)
    return low if low == high else f"{low} to {high}"
