"""W1 and W2 in Brian2's C++ standalone mode: one thread, single precision, all weights by clock-driven equations."""
# pyright: reportMissingImports=false

import tempfile
from pathlib import Path
from typing import Any

import brian2
import numpy as np
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, TimedArray, ms

from spikedrive_benchmarks.snn.workloads import (
    DT_MS,
    REFRACTORY_MS,
    RESISTANCE_MOHM,
    TAU_ELIGIBILITY_MS,
    TAU_MEMBRANE_MS,
    TAU_SYNAPSE_MS,
    TAU_TRACE_MS,
    THRESHOLD_MV,
    Stimulus,
    TwoLayers,
)

NOTE = (
    "C++ standalone, compiling not counted, each time from the beginning with 300 steps uncounted; an input acts one "
    "step later; weights by an Euler step of the eligibility, clipped where a spike reads them"
)
WARM_UP_STEPS = 300
NEURON = """
    dv/dt = (R * current - v) / tau_m : 1 (unless refractory)
    dcurrent/dt = -current / tau_s : 1
"""
SYNAPSE = """
    dw/dt = gain * reward(t) * c : 1 (clock-driven)
    dc/dt = -c / tau_c : 1 (clock-driven)
    dx_plus/dt = -x_plus / tau_x : 1 (event-driven)
    dx_minus/dt = -x_minus / tau_x : 1 (event-driven)
    gain : Hz (shared)
    w_max : 1 (shared)
"""
ON_PRE = """
    w = clip(w, 0, w_max)
    current_post += w
    c -= x_minus
    x_plus += 1
"""
ON_POST = """
    x_minus += 1
    c += x_plus
"""
CLOCK = "std::ofstream({file!r}, std::ios::app) << std::clock() / double(CLOCKS_PER_SEC) << std::endl;"


def version() -> str:
    """Brian2's."""
    return brian2.__version__


class Simulator:
    """A program, compiled when it is first run."""

    def __init__(self, what: TwoLayers, stimulus: Stimulus) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="brian2-")
        self._what, self._stimulus = what, stimulus
        self._built_for: int | None = None
        self._monitor: Any = None

    def timed(self, steps: int) -> tuple[float, int]:
        """CPU seconds of ``steps`` steps after the warm-up, and their spikes of hidden neurons."""
        times = Path(self._folder.name) / "seconds"
        times.unlink(missing_ok=True)
        if self._built_for == steps:
            brian2.device.run()
        else:
            self._build(steps, times)
        # The clock is read before and after each of two runs: the warm-up's, then the one that counts.
        seconds = [float(line) for line in times.read_text().split()]
        spike_steps = np.asarray(self._monitor.t / ms)
        return seconds[3] - seconds[2], int((spike_steps >= WARM_UP_STEPS * DT_MS).sum())

    def _build(self, steps: int, times: Path) -> None:
        if self._built_for is not None:
            brian2.device.reinit()
            brian2.device.activate()
        self._built_for = steps
        folder = str(Path(self._folder.name) / str(steps))
        brian2.set_device("cpp_standalone", directory=folder, build_on_run=False)
        brian2.prefs.core.default_float_dtype = np.float32
        brian2.prefs.codegen.cpp.headers += ["<fstream>", "<ctime>"]
        brian2.defaultclock.dt = DT_MS * ms
        network = self._network()
        for place in ("before_network_run", "after_network_run"):
            brian2.device.insert_code(place, CLOCK.format(file=str(times)).replace("'", '"'))
        for duration in (WARM_UP_STEPS, steps):
            network.run(duration * DT_MS * ms, namespace=self._constants())
        brian2.device.build(directory=folder, compile=True, run=True, debug=False)

    def _constants(self) -> dict[str, Any]:
        return {
            "R": RESISTANCE_MOHM,
            "tau_m": TAU_MEMBRANE_MS * ms,
            "tau_s": TAU_SYNAPSE_MS * ms,
            "tau_c": TAU_ELIGIBILITY_MS * ms,
            "tau_x": TAU_TRACE_MS * ms,
            "reward": TimedArray(self._stimulus.rewards, dt=DT_MS * ms),
        }

    def _network(self) -> Network:
        what, spikes = self._what, self._stimulus.spikes
        times = np.repeat(np.arange(self._stimulus.steps), np.diff(spikes.offsets)) * DT_MS * ms
        inputs = SpikeGeneratorGroup(what.n_inputs, spikes.inputs, times)
        hidden, motor = (
            NeuronGroup(
                n,
                NEURON,
                threshold=f"v >= {THRESHOLD_MV}",
                reset="v = 0",
                refractory=REFRACTORY_MS * ms,
                method="exact",
            )
            for n in what.sizes[1:]
        )
        self._monitor = SpikeMonitor(hidden)
        layers = ((inputs, hidden), (hidden, motor))
        parts = zip(layers, what.initial_weights(), what.w_max, what.learning_rate, strict=True)
        synapses = [self._connect(*layer, weights, w_max, rate) for layer, weights, w_max, rate in parts]
        return Network(inputs, hidden, motor, self._monitor, *synapses)

    def _connect(self, pre: Any, post: Any, weights: np.ndarray, w_max: float, learning_rate: float) -> Synapses:
        if self._what.plastic:
            synapses = Synapses(pre, post, SYNAPSE, on_pre=ON_PRE, on_post=ON_POST, method="euler")
        else:
            synapses = Synapses(pre, post, "w : 1", on_pre="current_post += w")
        synapses.connect()
        synapses.w = weights.ravel()
        if self._what.plastic:
            synapses.gain, synapses.w_max = learning_rate / ms, w_max
        return synapses
