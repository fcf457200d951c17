"""W1 and W2 in SpikingJelly with its rule MSTDPET."""
# pyright: reportMissingImports=false

from importlib.metadata import version as installed_version

import torch
from spikingjelly.activation_based.learning import MSTDPETLearner

from spikedrive_benchmarks.snn.workloads import (
    DT_MS,
    REFRACTORY_MS,
    TAU_ELIGIBILITY_MS,
    TAU_TRACE_MS,
    THRESHOLD_MV,
    Call,
    Stimulus,
    TwoLayers,
    current_to_membrane,
    decays,
)

NOTE = (
    "neurons are PyTorch's own operations, since its LIF has no refractory period; a pair counts one step later, and "
    "none that spikes in the same step; clips in every step"
)


def version() -> str:
    """SpikingJelly's, and PyTorch's."""
    return f"{installed_version('spikingjelly')}, torch {torch.__version__}"


class Neurons(torch.nn.Module):
    """LIF neurons with exponential synaptic currents."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.v, self.i, self.left = torch.zeros(3, n)
        self._membrane, self._synapse = decays()
        self._coupling = current_to_membrane()

    def forward(self, arriving: torch.Tensor) -> torch.Tensor:
        """A step: what arrives, in; 1 for each neuron that spikes, out."""
        self.i.mul_(self._synapse).add_(arriving)
        free = self.left == 0
        self.v.mul_(self._membrane).add_(self.i * free, alpha=self._coupling)
        spiking = self.v >= THRESHOLD_MV
        self.left.sub_(DT_MS).clamp_(min=0).masked_fill_(spiking, REFRACTORY_MS)
        self.v.masked_fill_(spiking, 0.0)
        return spiking.float()


class Layer:
    """Synapses, neurons, and what learns."""

    def __init__(self, weights: torch.Tensor, w_max: float, learning_rate: float, plastic: bool) -> None:
        self.synapses = torch.nn.Linear(*weights.shape, bias=False)
        self.synapses.weight.copy_(weights.T)
        self.neurons = Neurons(weights.shape[1])
        self._w_max = w_max
        self._scale = learning_rate * TAU_ELIGIBILITY_MS  # its eligibility is divided by the time constant
        self._learner = MSTDPETLearner("s", self.synapses, self.neurons, TAU_TRACE_MS, TAU_TRACE_MS, TAU_ELIGIBILITY_MS)
        self._plastic = plastic
        if not plastic:
            self._learner.disable()

    def step(self, spikes: torch.Tensor, reward: float) -> torch.Tensor:
        """A step; which neurons spike."""
        spiking = self.neurons(self.synapses(spikes))
        if self._plastic:
            change = self._learner.step(reward, on_grad=False, scale=self._scale)
            self.synapses.weight.add_(change).clamp_(0.0, self._w_max)
        return spiking


class Simulator:
    """Two layers."""

    def __init__(self, what: TwoLayers, stimulus: Stimulus | None = None) -> None:
        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        parts = zip(map(torch.from_numpy, what.initial_weights()), what.w_max, what.learning_rate, strict=True)
        self._first, self._second = (Layer(*part, what.plastic) for part in parts)
        self._n_inputs, self._hidden = what.n_inputs, torch.zeros(what.n_counted)

    def run(self, call: Call) -> int:
        """Simulate the steps of a call; how many spikes the hidden neurons gave."""
        count = 0
        offsets, inputs = call.spikes.offsets, torch.from_numpy(call.spikes.inputs).long()
        for step in range(call.steps):
            arriving = torch.zeros(self._n_inputs)
            arriving[inputs[offsets[step] : offsets[step + 1]]] = 1.0
            before, self._hidden = self._hidden, self._first.step(arriving, call.reward)
            self._second.step(before, call.reward)
            count += int(self._hidden.sum())
        return count
