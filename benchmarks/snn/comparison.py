"""W1 and W2 in all simulators: what a step costs."""

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from spikedrive_benchmarks.snn.bandwidth import bandwidth_gb_s
from spikedrive_benchmarks.snn.processes import Worker
from spikedrive_benchmarks.snn.workloads import DT_MS, INPUT_HZ, REWARD_STEPS, SIZES

WARM_UP_STEPS = 200
SINGLE_STEPS, SINGLE_RUNS = 1000, 3
ROUND_S = 3.0
"""A simulator that would take longer for the steps of a round takes fewer: as many as fit, but those of one reward."""
BYTES_OF_A_SYNAPSE = 8
"""Weight and eligibility, float32: what is read and written of each synapse of a row whose input spikes."""

Say = Callable[[str], None]
Row = dict[str, Any]


def compare(name: str, simulators: Sequence[str], steps: int, rounds: int, say: Say) -> list[Row]:
    """A row for each simulator.

    In each of ``rounds`` rounds all run one after the other, ``steps`` steps each, in calls of 50. The median of the
    rounds counts. The first 300 steps are not timed; SpikeDrive's spikes in 200 of them are compared with
    numba_dense's. The longest step is that of another 1000 with a call each. Of three such runs the one in the middle
    counts, since what else the machine does may fall into any step.
    """
    with ExitStack() as stack:
        total = WARM_UP_STEPS + REWARD_STEPS + rounds * steps + SINGLE_RUNS * SINGLE_STEPS
        workers = [stack.enter_context(Worker(simulator, name, total)) for simulator in simulators]
        first_spikes, lengths = {}, {}
        for worker in workers:
            say(f"{name}: {worker.simulator}: first steps")
            first_spikes[worker.simulator] = worker.ask("spikes", WARM_UP_STEPS)
            lengths[worker.simulator] = _steps_of_a_round(worker.ask("calls", REWARD_STEPS)["cpu_us_per_step"], steps)
        taken = _take_turns(workers, lengths, rounds, lambda text: say(f"{name}: {text}"))
        rows = [
            {"workload": name, "simulator": worker.simulator, "version": worker.about["version"]}
            | _costs(name, taken[worker.simulator], lengths[worker.simulator])
            | _longest(worker, taken[worker.simulator], lambda text: say(f"{name}: {text}"))
            | _differing(first_spikes, worker.simulator)
            | {"note": worker.about["note"]}
            for worker in workers
        ]
    ours = next((row["cpu_us_per_step"] for row in rows if row["simulator"] == "spikedrive"), None)
    for row in rows:
        row["ratio"] = row["cpu_us_per_step"] / ours if ours else None
    return rows


def _steps_of_a_round(cost_us: float, most: int) -> int:
    """Whole rewards, since NEST does some of its work once a reward."""
    fitting = int(ROUND_S * 1e6 / cost_us) // REWARD_STEPS * REWARD_STEPS
    return max(min(fitting, most), REWARD_STEPS)


def _take_turns(workers: Sequence[Worker], lengths: dict[str, int], rounds: int, say: Say) -> dict[str, list[Row]]:
    """The answers of each simulator; another one begins each round."""
    taken: dict[str, list[Row]] = {worker.simulator: [] for worker in workers}
    for turn in range(rounds):
        first = turn % len(workers)
        for worker in [*workers[first:], *workers[:first]]:
            say(f"round {turn + 1} of {rounds}: {worker.simulator}")
            taken[worker.simulator].append(worker.ask("calls", lengths[worker.simulator]))
    return taken


def _costs(name: str, answers: Sequence[Row], steps: int) -> Row:
    costs = [answer["cpu_us_per_step"] for answer in answers]
    spikes = sum(answer["spikes"] for answer in answers)
    return {
        "cpu_us_per_step": statistics.median(costs),
        "cpu_us_per_step_lowest": min(costs),
        "cpu_us_per_step_highest": max(costs),
        "steps": steps * len(costs),
        "hidden_rate_hz": spikes / (SIZES[name][1] * steps * len(costs) * 1e-3),
    }


def _longest(worker: Worker, answers: Sequence[Row], say: Say) -> Row:
    """Of steps that are calls of their own; null where the simulator runs whole simulations only."""
    say(f"{worker.simulator}: single steps")
    steps = _steps_of_a_round(statistics.median(answer["cpu_us_per_step"] for answer in answers), SINGLE_STEPS)
    return longest_step(worker, steps, SINGLE_RUNS)


def longest_step(worker: Worker, steps: int, runs: int) -> Row:
    """``max_step_us``, the median of the longest step (us) of each of some runs; that of the worst run; and what a step
    costs on average in such a run. All are None where the simulator cannot do a single step.
    """
    answers = [worker.ask("single", steps) for _ in range(runs)]
    if None in answers:
        return dict.fromkeys(("max_step_us", "max_step_us_highest", "single_step_us"))
    longest = [answer["max_call_us"] for answer in answers]
    costs = [answer["cpu_us_per_step"] for answer in answers]
    return {
        "max_step_us": statistics.median(longest),
        "max_step_us_highest": max(longest),
        "single_step_us": statistics.median(costs),
    }


def _differing(first_spikes: dict[str, list | None], simulator: str) -> Row:
    """How many spikes of the first steps only one of SpikeDrive and the simulator has, of how many."""
    ours, theirs = first_spikes.get("spikedrive"), first_spikes[simulator]
    if ours is None or theirs is None or simulator == "spikedrive":
        return {"spikes_differing": None, "spikes_compared": None}
    differing = set(map(tuple, ours)) ^ set(map(tuple, theirs))
    return {"spikes_differing": len(differing), "spikes_compared": len(ours)}


def bounds(name: str, memory_gb_s: float) -> Row:
    """What it takes to move the synapses of the rows whose inputs spike, us a step.

    At the memory's speed, and at the speed measured on as many bytes as all synapses have. The latter is a cache's
    speed where they fit into it.
    """
    n_inputs, n_hidden, _ = SIZES[name]
    moved = 2 * BYTES_OF_A_SYNAPSE * n_inputs * INPUT_HZ * DT_MS * 1e-3 * n_hidden
    in_place_gb_s = bandwidth_gb_s(BYTES_OF_A_SYNAPSE * n_inputs * n_hidden)
    return {
        "memory_bound_us_per_step": moved / memory_gb_s * 1e-3,
        "bound_us_per_step": moved / in_place_gb_s * 1e-3,
    }
