"""How long the first step takes to come in a new process, after the imports."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from spikedrive_benchmarks.processes import environment
from spikedrive_benchmarks.snn.comparison import Say
from spikedrive_benchmarks.snn.workloads import Stimulus, workload

WORKLOADS = ("lane", "W1", "recurrent_1000")


def first_step(rounds: int, say: Say, names: Sequence[str] = WORKLOADS) -> list[dict[str, Any]]:
    """Wall time (s) from the end of the imports to that of the first step: building the network, and that step, which
    loads the kernels from numba's cache. A process before the counted ones fills the cache.
    """
    rows = []
    for name in names:
        say(f"first step of {name}")
        command = [sys.executable, "-P", "-m", f"{__package__}.start", name]
        told = [
            json.loads(subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE).stdout)
            for _ in range(rounds + 1)
        ]
        seconds = {key: statistics.median(one[key] for one in told[1:]) for key in told[0]}
        row = {"workload": f"{name}_start", "simulator": "spikedrive"}
        rows.append(row | {"cpu_us_per_step": None, "max_step_us": None} | seconds)
    return rows


def main() -> None:
    """In the new process."""
    begin = time.perf_counter()
    from spikedrive_benchmarks.snn.simulators.with_spikedrive import Simulator

    import_s = time.perf_counter() - begin
    what = workload(sys.argv[1])
    call = Stimulus(what, 1).take(1)
    begin = time.perf_counter()
    simulator = Simulator(what)
    built = time.perf_counter()
    simulator.run(call)
    end = time.perf_counter()
    told = {"import_s": import_s, "build_s": built - begin, "first_step_s": end - built, "start_s": end - begin}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
