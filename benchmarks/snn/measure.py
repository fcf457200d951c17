"""All that ``spikedrive bench snn`` measures."""

from collections.abc import Sequence
from typing import Any

from snn_core.errors import UserError
from spikedrive_benchmarks.machine import machine
from spikedrive_benchmarks.snn.bandwidth import bandwidth_gb_s, last_level_cache_bytes
from spikedrive_benchmarks.snn.comparison import Say, bounds, compare
from spikedrive_benchmarks.snn.processes import chosen
from spikedrive_benchmarks.snn.scaling import against_rate, against_size, lane, memory
from spikedrive_benchmarks.snn.start import first_step
from spikedrive_benchmarks.snn.workloads import REWARD_STEPS

PARTS = {
    "W1": "2048 inputs, 256 hidden neurons, 2 motor neurons, all simulators",
    "W2": "8192 inputs, 1024 hidden neurons, 2 motor neurons, all simulators",
    "rate": "W1 with its inputs at 0 to 40 Hz",
    "size": "recurrent networks of 1000 to 100000 neurons with 100 synapses each",
    "lane": "the lane network",
    "start": "the first step of a new process",
    "memory": "bytes of a synapse",
}
"""What ``--workload`` names."""


def measure(parts: Sequence[str], simulators: Sequence[str], steps: int, rounds: int, say: Say) -> dict[str, Any]:
    """``machine`` (processor, threads, versions, bandwidth), ``bounds`` of W1 and W2 that were measured, and ``rows``.

    Args:
        parts: of ``PARTS``; none: all.
        simulators: by name; none: all that are installed.
        steps: of a round, in W1 and W2 and against rate; made a multiple of 100.
        rounds: whose median counts.
        say: told what is under way.

    Raises:
        UserError: a part or a simulator that is not known, or not installed.
    """
    for part in parts:
        if part not in PARTS:
            raise UserError(f"--workload {part}: expected one of {', '.join(PARTS)}")
    names = chosen(simulators)
    steps = max(steps // REWARD_STEPS, 1) * REWARD_STEPS
    say("memory bandwidth")
    memory_gb_s = bandwidth_gb_s(max(8 * last_level_cache_bytes(), 1 << 28))
    figures: dict[str, Any] = {"machine": _machine() | {"memory_gb_s": memory_gb_s}, "bounds": {}, "rows": []}
    for part in [part for part in PARTS if not parts or part in parts]:
        if part in ("W1", "W2"):
            figures["bounds"][part] = bounds(part, memory_gb_s)
            figures["rows"] += compare(part, names, steps, rounds, say)
        elif "spikedrive" in names:
            figures["rows"] += _own(part, steps, rounds, say)
    return figures


def _own(part: str, steps: int, rounds: int, say: Say) -> list[dict[str, Any]]:
    """What only SpikeDrive is measured by."""
    if part == "rate":
        return against_rate("W1", steps, rounds, say)
    if part == "size":
        return against_size(min(steps, 500), rounds, say)
    if part == "lane":
        return lane(steps, rounds, say)
    return first_step(rounds, say) if part == "start" else memory(say)


def _machine() -> dict[str, Any]:
    return machine() | {"threads": 1, "last_level_cache_mib": last_level_cache_bytes() / 2**20}
