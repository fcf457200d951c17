"""W1 and W2 in NEST with its model of R-STDP, ``stdp_dopamine_synapse`` (Potjans, Morrison and Diesmann 2010)."""
# pyright: reportMissingImports=false

from typing import Any

import nest
import numpy as np

from spikedrive_benchmarks.snn.workloads import (
    DT_MS,
    REFRACTORY_MS,
    RESISTANCE_MOHM,
    REWARD_STEPS,
    TAU_ELIGIBILITY_MS,
    TAU_MEMBRANE_MS,
    TAU_SYNAPSE_MS,
    TAU_TRACE_MS,
    THRESHOLD_MV,
    Call,
    Stimulus,
    TwoLayers,
)

NOTE = (
    "stdp_dopamine_synapse: the reward is its baseline b with the sign changed, no dopamine spikes; the volume "
    "transmitter updates all weights every 100 ms, when the reward changes; clips at each update; double precision"
)


def version() -> str:
    """NEST's."""
    return nest.__version__


class Simulator:
    """Two layers behind a spike_train_injector for each input."""

    def __init__(self, what: TwoLayers, stimulus: Stimulus) -> None:
        nest.verbosity = nest.VerbosityLevel.ERROR
        nest.ResetKernel()
        nest.resolution = DT_MS
        nest.local_num_threads = 1
        n_inputs, n_hidden, n_motor = what.sizes
        inputs = nest.Create("spike_train_injector", n_inputs)
        for neuron, times in zip(inputs, _spike_times(n_inputs, stimulus), strict=True):
            neuron.spike_times = times
        hidden, motor = nest.Create("iaf_psc_exp", n_hidden, _neuron()), nest.Create("iaf_psc_exp", n_motor, _neuron())
        transmitter = nest.Create("volume_transmitter", params={"deliver_interval": REWARD_STEPS})
        self._models = ["first", "second"]
        parts = zip(what.initial_weights(), what.w_max, what.learning_rate, strict=True)
        layers = ((inputs, hidden), (hidden, motor))
        for model, (pre, post), (weights, w_max, rate) in zip(self._models, layers, parts, strict=True):
            synapse: dict[str, Any] = {"synapse_model": model, "delay": DT_MS, "weight": weights.T.astype(np.float64)}
            if what.plastic:
                nest.CopyModel("stdp_dopamine_synapse", model, _rule(transmitter, rate, w_max))
            else:
                synapse["synapse_model"] = "static_synapse"
            nest.Connect(pre, post, "all_to_all", synapse)
        self._recorder = nest.Create("spike_recorder")
        nest.Connect(hidden, self._recorder)
        self._plastic, self._counted, self._reward = what.plastic, 0, 0.0
        nest.Prepare()

    def run(self, call: Call) -> int:
        """Simulate the steps of a call; how many spikes the hidden neurons gave."""
        if self._plastic and call.reward != self._reward:
            self._reward = call.reward
            for model in self._models:
                nest.SetDefaults(model, {"b": -call.reward})
        nest.Run(call.steps * DT_MS)
        before, self._counted = self._counted, int(self._recorder.n_events)
        return self._counted - before


def _spike_times(n_inputs: int, stimulus: Stimulus) -> list[list[float]]:
    """Of each input, ms; a spike of step s comes at its end."""
    step = np.repeat(np.arange(stimulus.steps), np.diff(stimulus.spikes.offsets))
    order = np.argsort(stimulus.spikes.inputs, kind="stable")
    split = np.cumsum(np.bincount(stimulus.spikes.inputs, minlength=n_inputs))[:-1]
    return [((part + 1) * DT_MS).tolist() for part in np.split(step[order], split)]


def _neuron() -> dict[str, float]:
    """A capacitance that makes numbers of pA what the workload has in nA."""
    return {
        "tau_m": TAU_MEMBRANE_MS,
        "C_m": TAU_MEMBRANE_MS / RESISTANCE_MOHM,
        "tau_syn_ex": TAU_SYNAPSE_MS,
        "E_L": 0.0,
        "V_m": 0.0,
        "V_reset": 0.0,
        "V_th": THRESHOLD_MV,
        "t_ref": REFRACTORY_MS,
        "tau_minus": TAU_TRACE_MS,
    }


def _rule(transmitter: Any, learning_rate: float, w_max: float) -> dict[str, Any]:
    return {
        "volume_transmitter": transmitter,
        "A_plus": learning_rate,
        "A_minus": learning_rate,
        "tau_plus": TAU_TRACE_MS,
        "tau_c": TAU_ELIGIBILITY_MS,
        "Wmin": 0.0,
        "Wmax": w_max,
    }
