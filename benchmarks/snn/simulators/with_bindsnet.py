"""W1 and W2 in BindsNET with its rule MSTDPET."""
# pyright: reportMissingImports=false

from importlib.metadata import version as installed_version

import torch
from bindsnet.learning import MSTDPET
from bindsnet.network import Network
from bindsnet.network.nodes import CurrentLIFNodes, Input
from bindsnet.network.topology import Connection

from spikedrive_benchmarks.snn.workloads import (
    DT_MS,
    REFRACTORY_MS,
    TAU_ELIGIBILITY_MS,
    TAU_MEMBRANE_MS,
    TAU_SYNAPSE_MS,
    TAU_TRACE_MS,
    THRESHOLD_MV,
    Call,
    Stimulus,
    TwoLayers,
    current_to_membrane,
)

NOTE = "an input acts one step later; a pair that spikes in the same step leaves no eligibility; clips in every step"


def version() -> str:
    """BindsNET's, and PyTorch's."""
    return f"{installed_version('bindsnet')}, torch {torch.__version__}"


class Simulator:
    """Three layers. BindsNET adds currents to potentials as they are, so weights are in mV a step."""

    def __init__(self, what: TwoLayers, stimulus: Stimulus | None = None) -> None:
        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        self._network = Network(dt=DT_MS, learning=what.plastic)
        n_inputs, n_hidden, n_motor = what.sizes
        self._hidden = _neurons(n_hidden)
        layers = {"input": Input(n_inputs), "hidden": self._hidden, "motor": _neurons(n_motor)}
        for name, layer in layers.items():
            self._network.add_layer(layer, name)
        scale = current_to_membrane()
        pairs = (("input", "hidden"), ("hidden", "motor"))
        parts = zip(pairs, what.initial_weights(), what.w_max, what.learning_rate, strict=True)
        for (pre, post), weights, w_max, rate in parts:
            connection = Connection(
                layers[pre],
                layers[post],
                update_rule=MSTDPET,
                nu=rate * scale * TAU_ELIGIBILITY_MS,  # its eligibility is divided by the time constant
                w=torch.from_numpy(weights * scale),
                wmin=0.0,
                wmax=w_max * scale,
                tc_plus=TAU_TRACE_MS,
                tc_minus=TAU_TRACE_MS,
                tc_e_trace=TAU_ELIGIBILITY_MS,
                zero_lag=True,
            )
            self._network.add_connection(connection, pre, post)
        self._shape = (1, n_inputs)
        self._spikes = 0

    def run(self, call: Call) -> int:
        """Simulate the steps of a call; how many spikes the hidden neurons gave."""
        spikes = 0
        offsets, inputs = call.spikes.offsets, torch.from_numpy(call.spikes.inputs).long()
        for step in range(call.steps):
            arriving = torch.zeros(1, *self._shape, dtype=torch.bool)
            arriving[0, 0, inputs[offsets[step] : offsets[step + 1]]] = True
            self._network.run({"input": arriving}, time=1, reward=call.reward)
            spikes += int(self._hidden.s.sum())
        return spikes


def _neurons(n: int) -> CurrentLIFNodes:
    return CurrentLIFNodes(
        n,
        thresh=THRESHOLD_MV,
        rest=0.0,
        reset=0.0,
        refrac=REFRACTORY_MS + DT_MS,  # it counts the step of the spike
        tc_decay=TAU_MEMBRANE_MS,
        tc_i_decay=TAU_SYNAPSE_MS,
    )
