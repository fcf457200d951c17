"""``python -m spikedrive_benchmarks.snn.worker JSON``: one simulator in a process of its own.

The argument is an object with ``simulator``, ``workload``, ``input_hz`` (null: the workload's), ``plastic`` and
``steps`` (of all that will be asked for). Each line of the standard input is one question of two words, and is answered
by a line of JSON:

    calls N     N steps in calls of 50: their CPU time and spikes
    single N    N steps, a call each: the longest, too
    spikes N    N steps: step and neuron of each spike; null where the simulator does not tell them
    memory 0    bytes of the arrays by name (SpikeDrive), and of the whole process at its largest
"""

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from spikedrive_benchmarks.snn.workloads import CALL_STEPS, Stimulus, Workload, workload


class Answering:
    """A simulator and what has been simulated of its workload."""

    def __init__(self, module: Any, what: Workload, steps: int) -> None:
        self.stimulus = Stimulus(what, steps)
        begin = time.perf_counter()
        self.simulator = module.Simulator(what, self.stimulus)
        self.build_s = time.perf_counter() - begin

    def calls(self, steps: int, length: int = CALL_STEPS) -> dict[str, Any]:
        """CPU time of the steps, and the counted neurons' spikes."""
        if hasattr(self.simulator, "timed"):
            seconds, spikes = self.simulator.timed(steps)
            return {"cpu_us_per_step": seconds / steps * 1e6, "max_call_us": None, "spikes": spikes}
        calls = [self.stimulus.take(length) for _ in range(steps // length)]
        taken, spikes = [], 0
        for call in calls:
            begin = time.process_time()
            spikes += self.simulator.run(call)
            taken.append(time.process_time() - begin)
        return {"cpu_us_per_step": sum(taken) / steps * 1e6, "max_call_us": max(taken) * 1e6, "spikes": spikes}

    def single(self, steps: int) -> dict[str, Any] | None:
        """The same with a call for each step; None where the simulator cannot."""
        return None if hasattr(self.simulator, "timed") else self.calls(steps, 1)

    def spikes(self, steps: int) -> list[tuple[int, int]] | None:
        """Step and neuron of each spike, in order."""
        if not hasattr(self.simulator, "spikes"):
            self.single(steps)
            return None
        listed = []
        for begin in range(0, steps, CALL_STEPS):
            self.simulator.run(self.stimulus.take(CALL_STEPS))
            step, neuron = self.simulator.spikes()
            listed += zip((step + begin).tolist(), neuron.tolist(), strict=True)
        return sorted(listed)

    def memory(self, _: int) -> dict[str, Any]:
        """Bytes."""
        network = getattr(self.simulator, "network", None)
        arrays = {} if network is None else network.memory()
        return {"arrays": arrays, "peak_rss": _peak_rss()}


def _peak_rss() -> int:
    """Bytes; getrusage would tell the parent's where that is larger."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024


def main() -> None:
    """Build, then answer."""
    asked = json.loads(sys.argv[1])
    module = importlib.import_module(f".simulators.with_{asked['simulator']}", __package__)
    answering = Answering(module, workload(asked["workload"], asked["input_hz"], asked["plastic"]), asked["steps"])
    about = {"version": module.version(), "note": module.NOTE, "build_s": answering.build_s}
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        question, steps = line.split()
        print(json.dumps({"answer": getattr(answering, question)(int(steps))}), flush=True)


if __name__ == "__main__":
    main()
