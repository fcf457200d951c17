"""What a step of SpikeDrive costs with more input spikes, with more neurons, and in the lane network."""

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from spikedrive_benchmarks.snn.comparison import SINGLE_RUNS, Row, Say, longest_step
from spikedrive_benchmarks.snn.processes import Worker
from spikedrive_benchmarks.snn.workloads import DT_MS, OUT_DEGREE, REWARD_STEPS, SIZES, workload

RATES_HZ = (0.0, 2.5, 5.0, 10.0, 20.0, 40.0)
NEURONS = (1000, 10_000, 100_000)
WARM_UP_STEPS = 500
SINGLE_STEPS = 500


def against_rate(name: str, steps: int, rounds: int, say: Say, rates_hz: Sequence[float] = RATES_HZ) -> list[Row]:
    """W1 with its inputs at some rates, and each of these once more with the same weights, fixed.

    The plastic part of a step is the difference of the two: what learning costs beyond delivering spikes and advancing
    neurons. The network of fixed weights is one without a rule, so it has no traces and takes no reward.
    """
    total = WARM_UP_STEPS + rounds * steps
    keys = [(hz, plastic) for hz in rates_hz for plastic in (True, False)]
    with ExitStack() as stack:
        workers = {key: stack.enter_context(Worker("spikedrive", name, total, *key)) for key in keys}
        costs, spikes = _take_turns(workers, steps, rounds, f"{name} against rate", say)
    return [
        {
            "workload": f"{name}_{hz:g}_hz",
            "simulator": "spikedrive",
            "cpu_us_per_step": costs[hz, True],
            "max_step_us": None,
            "input_hz": hz,
            "held_us_per_step": costs[hz, False],
            "plastic_us_per_step": costs[hz, True] - costs[hz, False],
            "hidden_rate_hz": spikes[hz, True] / (SIZES[name][1] * rounds * steps * DT_MS * 1e-3),
        }
        for hz in rates_hz
    ]


def against_size(steps: int, rounds: int, say: Say, neurons: Sequence[int] = NEURONS) -> list[Row]:
    """Recurrent networks of more and more neurons with 100 plastic synapses each."""
    total = WARM_UP_STEPS + rounds * steps + SINGLE_RUNS * SINGLE_STEPS
    names = [f"recurrent_{n}" for n in neurons]
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker("spikedrive", name, total)) for name in names}
        costs, spikes = _take_turns(workers, steps, rounds, "against size", say)
        rows = []
        for n, name in zip(neurons, names, strict=True):
            seconds = rounds * steps * DT_MS * 1e-3
            rows.append(
                {
                    "workload": name,
                    "simulator": "spikedrive",
                    "cpu_us_per_step": costs[name],
                    "neurons": n,
                    "plastic_synapses": n * OUT_DEGREE,
                    "rate_hz": spikes[name] / (n * seconds),
                    "real_time_factor": DT_MS * 1e3 / costs[name],
                    "build_s": workers[name].about["build_s"],
                }
                | longest_step(workers[name], SINGLE_STEPS, SINGLE_RUNS)
                | memory_of(workers[name], name)
            )
    return rows


def lane(steps: int, rounds: int, say: Say) -> list[Row]:
    """The lane network, and the one that tells the polarities apart; 50 steps a call, as the controller steps it."""
    names, total = ("lane", "lane_polarity"), WARM_UP_STEPS + (rounds + SINGLE_RUNS) * steps
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker("spikedrive", name, total)) for name in names}
        costs, spikes = _take_turns(workers, steps, rounds, "lane network", say)
        return [
            {
                "workload": name,
                "simulator": "spikedrive",
                "cpu_us_per_step": costs[name],
                "inputs": workload(name).n_inputs,
                "input_hz": workload(name).input_hz,
                "motor_rate_hz": spikes[name] / (2 * rounds * steps * DT_MS * 1e-3),
            }
            | longest_step(workers[name], steps, SINGLE_RUNS)
            for name in names
        ]


def _take_turns(
    workers: dict[Any, Worker], steps: int, rounds: int, what: str, say: Say
) -> tuple[dict[Any, float], dict[Any, int]]:
    """Median cost of a step of each, and spikes."""
    costs: dict[Any, list[float]] = {key: [] for key in workers}
    spikes = dict.fromkeys(workers, 0)
    for worker in workers.values():
        worker.ask("calls", WARM_UP_STEPS)
    for turn in range(rounds):
        for key, worker in workers.items():
            say(f"{what}: round {turn + 1} of {rounds}")
            answer = worker.ask("calls", steps)
            costs[key].append(answer["cpu_us_per_step"])
            spikes[key] += answer["spikes"]
    return {key: statistics.median(values) for key, values in costs.items()}, spikes


def memory(say: Say, names: Sequence[str] = ("W1", "W2", "recurrent_10000")) -> list[Row]:
    """Bytes of a plastic synapse: dense, and in compressed rows."""
    rows = []
    for name in names:
        say(f"memory: {name}")
        with Worker("spikedrive", name, REWARD_STEPS) as worker:
            worker.ask("calls", REWARD_STEPS)
            row = {
                "workload": f"{name}_memory",
                "simulator": "spikedrive",
                "cpu_us_per_step": None,
                "max_step_us": None,
            }
            rows.append(row | memory_of(worker, name))
    return rows


def memory_of(worker: Worker, name: str) -> Row:
    """Bytes of each plastic synapse of the largest connection, those of its wiring (index, delay, reverse index) apart,
    and the largest size of the process in GiB.
    """
    told = worker.ask("memory")
    first = name in SIZES
    synapses = SIZES[name][0] * SIZES[name][1] if first else int(name.removeprefix("recurrent_")) * OUT_DEGREE
    prefix = "connections.0." if first else "connections.1."
    sizes = {key.removeprefix(prefix): size for key, size in told["arrays"].items() if key.startswith(prefix)}
    wiring = sum(size for key, size in sizes.items() if key.startswith("wiring."))
    return {
        "bytes_per_synapse": (sum(sizes.values()) - wiring) / synapses,
        "wiring_bytes_per_synapse": wiring / synapses,
        "peak_rss_gib": told["peak_rss"] / 2**30,
    }
