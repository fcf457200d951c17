"""What is simulated: W1 and W2 (two layers, all-to-all, all plastic), recurrent sparse networks, the lane network.

W1 and W2: Poisson inputs at 20 Hz onto LIF neurons onto two motor neurons, every synapse plastic by R-STDP, a reward
that changes every 100 ms. The initial weights bring the hidden neurons to 10 to 20 Hz.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from snn_core.errors import UserError

DT_MS = 1.0
TAU_MEMBRANE_MS, TAU_SYNAPSE_MS, REFRACTORY_MS, THRESHOLD_MV = 20.0, 5.0, 2.0, 1.0
TAU_TRACE_MS, TAU_ELIGIBILITY_MS = 20.0, 500.0
REWARD_STEPS = 100
CALL_STEPS = 50
SIZES = {"W1": (2048, 256, 2), "W2": (8192, 1024, 2)}
INPUT_HZ = 20.0

RESISTANCE_MOHM = 1.104
"""The workload's weights are meant for a membrane that holds the synaptic current for the whole of a step, as a
forward-Euler step of 1 ms does. A spike of weight 1 then brings 1 / (1 - exp(-1 / 5)) = 5.52 nA ms, where the exact
solution has the equation's 5. So much more resistance makes the neurons fire as often, at 10 to 20 Hz."""

OUT_DEGREE, DELAY_MS = 100, (1.0, 20.0)
RECURRENT_INPUT_HZ = 4.8
"""Of each neuron's own source, whose spike it answers with one; the recurrent synapses make it about 5 Hz."""
LANE_INPUT_HZ = 100.0


def decays() -> tuple[float, float]:
    """What a step leaves of a membrane's potential and of a synaptic current."""
    return math.exp(-DT_MS / TAU_MEMBRANE_MS), math.exp(-DT_MS / TAU_SYNAPSE_MS)


def current_to_membrane() -> float:
    """What a synaptic current of 1 nA at the beginning of a step adds to the potential until its end, mV."""
    membrane, synapse = decays()
    return RESISTANCE_MOHM * TAU_SYNAPSE_MS / (TAU_MEMBRANE_MS - TAU_SYNAPSE_MS) * (membrane - synapse)


@dataclass(frozen=True)
class Workload:
    """A network and what is put into it."""

    name: str
    n_inputs: int
    n_counted: int
    """Neurons whose spikes are counted: the hidden ones of two layers, all of a recurrent network, the motors."""
    input_hz: float
    plastic: bool


@dataclass(frozen=True)
class TwoLayers(Workload):
    """Two layers; weights in nA, learning rates in nA per ms, each of the first connection and of the second."""

    sizes: tuple[int, int, int]
    w_max: tuple[float, float]
    learning_rate: tuple[float, float]

    def initial_weights(self) -> list[np.ndarray]:
        """(inputs, hidden) and (hidden, motor) float32, uniform in [0, w_max]."""
        rng = np.random.default_rng(3)
        shapes = (self.sizes[:2], self.sizes[1:])
        drawn = [rng.random(shape, np.float32) * np.float32(w) for shape, w in zip(shapes, self.w_max, strict=True)]
        return [np.minimum(w, np.float32(limit)) for w, limit in zip(drawn, self.w_max, strict=True)]


def workload(name: str, input_hz: float | None = None, plastic: bool = True) -> Workload:
    """``W1``, ``W2``, ``lane``, ``lane_polarity``, or ``recurrent_N`` with N neurons, as it is or with another rate of
    its inputs, or with weights that do not change. Raises UserError for another name.
    """
    if name in SIZES:
        return two_layers(name, SIZES[name], INPUT_HZ if input_hz is None else input_hz, plastic)
    if name in ("lane", "lane_polarity"):
        return Workload(name, 32 if name == "lane" else 64, 2, LANE_INPUT_HZ, plastic)
    if name.startswith("recurrent_") and name[10:].isdecimal() and int(name[10:]) > OUT_DEGREE:
        n_neurons = int(name[10:])
        return Workload(name, n_neurons, n_neurons, RECURRENT_INPUT_HZ, plastic)
    raise UserError(f"workload {name!r}: expected W1, W2, lane, lane_polarity or recurrent_N with N > {OUT_DEGREE}")


def two_layers(name: str, sizes: tuple[int, int, int], input_hz: float, plastic: bool = True) -> TwoLayers:
    """Two layers of these sizes, with weights and learning rates scaled so that they fire as often as W1 and W2."""
    n_inputs, n_hidden, _ = sizes
    w_max = (2 * 0.0047 * 2048 / n_inputs, 2 * 0.045 * 256 / n_hidden)
    rate = 3e-7 * 2048 / n_inputs
    learning_rate = (rate, rate * w_max[1] / w_max[0])
    return TwoLayers(name, n_inputs, n_hidden, input_hz, plastic, sizes, w_max, learning_rate)


class Spikes(NamedTuple):
    """Input spikes of a stretch: inputs[offsets[s] : offsets[s + 1]] (int32) spike in its step s."""

    offsets: np.ndarray
    inputs: np.ndarray


class Call(NamedTuple):
    """What a simulator gets in one call: some steps of one reward."""

    reward: float
    spikes: Spikes

    @property
    def steps(self) -> int:
        """How many."""
        return self.spikes.offsets.size - 1


def input_spikes(n_inputs: int, hz: float, steps: int, seed: int = 1) -> Spikes:
    """Independent inputs that spike with a probability of ``hz * dt`` in each step."""
    rng = np.random.default_rng(seed)
    counts = rng.binomial(n_inputs, hz * DT_MS * 1e-3, size=steps)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    chosen = [np.sort(rng.choice(n_inputs, count, replace=False)) for count in counts]
    return Spikes(offsets, np.concatenate([*chosen, np.empty(0)]).astype(np.int32))


def rewards(steps: int, seed: int = 2) -> np.ndarray:
    """(steps,) float32, constant over each 100 ms."""
    chosen = np.random.default_rng(seed).choice([-1.0, -0.5, 0.5, 1.0], size=steps // REWARD_STEPS + 1)
    return np.repeat(chosen, REWARD_STEPS)[:steps].astype(np.float32)


class Stimulus:
    """All input spikes and rewards of a workload for ``steps`` steps, handed out in their order."""

    def __init__(self, what: Workload, steps: int) -> None:
        self.spikes, self.rewards = input_spikes(what.n_inputs, what.input_hz, steps), rewards(steps)
        self.steps, self._position = steps, 0

    def take(self, steps: int) -> Call:
        """The next steps. ValueError where they are no longer there, or go on beyond a change of the reward."""
        begin, end = self._position, self._position + steps
        if end > self.steps or begin // REWARD_STEPS != (end - 1) // REWARD_STEPS:
            raise ValueError(f"steps {begin} to {end} must lie below {self.steps} and within one reward")
        self._position = end
        offsets = self.spikes.offsets[begin : end + 1]
        inputs = self.spikes.inputs[offsets[0] : offsets[-1]]
        return Call(float(self.rewards[begin]), Spikes(offsets - offsets[0], inputs))
