"""This engine, stepped as the controller steps it."""

import numpy as np

from snn_core import __version__
from snn_core.network.network import Network, Spikes
from spikedrive_benchmarks.snn.networks import describe
from spikedrive_benchmarks.snn.workloads import Call, Stimulus, TwoLayers, Workload

NOTE = ""


def version() -> str:
    """Its version."""
    return __version__


class Simulator:
    """A network of ours. The counted neurons are its second population; spike sources are the first."""

    def __init__(self, what: Workload, stimulus: Stimulus | None = None) -> None:
        self.network = Network(describe(what), seed=0)
        if isinstance(what, TwoLayers):
            for connection, weights in enumerate(what.initial_weights()):
                self.network.set_weights(connection, weights)
        self._fired, self._begin_us = Spikes.empty(), 0

    def run(self, call: Call) -> int:
        """Simulate the steps of a call; how many spikes the counted neurons gave."""
        network = self.network
        self._begin_us = network.time_us
        network.set_reward(call.reward)
        self._fired = network.advance(call.steps, call.spikes.offsets, call.spikes.inputs)
        return int(np.count_nonzero(self._fired.population == 1))

    def spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and counted neurons of the last call's spikes."""
        counted = self._fired.population == 1
        steps = (self._fired.time_us[counted] - self._begin_us) // self.network.spec.dt_us - 1
        return steps, self._fired.neuron[counted]
