"""``python -m spikedrive_benchmarks.replay_recording FILE``: a recording through a large sparse network, timed.

Every pixel of the camera is an input that reaches 100 neurons of 100000, which reach 100 others each by R-STDP with
delays of 1 to 20 ms. Each event is a spike of its pixel, and a reward changes every 100 ms.
"""

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from snn_core.events.recordings import open_recording
from snn_core.events.windows import windows
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec

NEURONS, DEGREE, DELAY_MS, WINDOW_US = 100_000, 100, (1.0, 20.0), 50_000
EVENT_NA, RECURRENT_NA = 1.6, 0.1


def description(pixels: int, neurons: int) -> NetworkSpec:
    """The network for a sensor of so many pixels."""
    rule = {"name": "r_stdp", "learning_rate_per_ms": 1e-5, "w_max_na": RECURRENT_NA, "tau_reward_ms": None}
    fan = {"kind": "fixed_out_degree", "degree": DEGREE}
    spec = {
        "name": "recording",
        "populations": {
            "retina": {"model": "spike_source", "size": pixels},
            "cells": {"model": "lif", "size": neurons},
        },
        "connections": [
            {
                "pre": "retina",
                "post": "cells",
                "pattern": fan,
                "weights": {"distribution": "uniform", "low_na": 0.0, "high_na": EVENT_NA},
            },
            {
                "pre": "cells",
                "post": "cells",
                "pattern": fan,
                "delay_ms": DELAY_MS,
                "weights": {"distribution": "uniform", "low_na": 0.0, "high_na": RECURRENT_NA},
                "rule": rule,
            },
        ],
    }
    return NetworkSpec.model_validate(spec)


def drive(path: Path, neurons: int = NEURONS) -> dict[str, float | str]:
    """Drive the network with a recording; what it took. Raises UserError for a file that is none."""
    rng = np.random.default_rng(0)
    with open_recording(path) as recording:
        network = Network(description(recording.width * recording.height, neurons), 0)
        steps = WINDOW_US // network.spec.dt_us
        taken, events, spikes = [], 0, 0
        for place, window in enumerate(windows(recording, WINDOW_US)):
            if place % 2 == 0:
                network.set_reward(float(rng.choice([-1.0, -0.5, 0.5, 1.0])))
            begin = time.perf_counter()
            step = (window.events.t - window.begin_us) // network.spec.dt_us
            offsets = np.searchsorted(step, np.arange(steps + 1))
            inputs = window.events.y.astype(np.int32) * recording.width + window.events.x
            spikes += network.advance(steps, offsets, inputs).time_us.size
            taken.append(time.perf_counter() - begin)
            events += len(window.events)
    seconds = len(taken) * WINDOW_US * 1e-6
    return {
        "file": path.name,
        "neurons": neurons,
        "synapses": network.connection_pairs(0)[0].size + network.connection_pairs(1)[0].size,
        "recorded_s": seconds,
        "events": events,
        "rate_hz": spikes / neurons / seconds,
        "real_time_factor": seconds / sum(taken),
        "window_ms_median": statistics.median(taken) * 1e3,
        "window_ms_longest": max(taken) * 1e3,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m spikedrive_benchmarks.replay_recording", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    drive(arguments.file, neurons=DEGREE)  # compiles what is not in numba's cache
    figures = drive(arguments.file)
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    table = Table("", "")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    Console().print(table)


if __name__ == "__main__":
    main()
