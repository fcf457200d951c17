"""A spiking network: its state, and how it advances."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from snn_core.network.kernels import _advance
from snn_core.network.neurons import lif_propagators
from snn_core.network.plasticity import stdp_propagators
from snn_core.network.spec import Connection, ConstantWeights, LifPopulation, NetworkSpec, UniformWeights

# What advances with time, by name: the arrays that a checkpoint holds.
STATE = ("potential", "current", "refractory", "pending", "weights", "eligibility", "x_pre", "x_post", "reward")


class Spikes(NamedTuple):
    """Spikes in the order of time, population, neuron; each array is (spikes,)."""

    time_us: np.ndarray
    """int64, end of the step in which the neuron reached its threshold."""
    population: np.ndarray
    """int32, place of the population in the network file."""
    neuron: np.ndarray
    """int32, place in its population."""

    @classmethod
    def empty(cls) -> "Spikes":
        """No spikes."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32))


class Network:
    """State of a network that ``spec`` describes, with initial weights drawn by ``seed``.

    Populations are numbered in the order of the description, and so are all neurons, spike sources included:
    ``span(name)`` is a population's range. ``learning`` False holds the weights; traces and eligibility go on.
    """

    def __init__(self, spec: NetworkSpec, seed: int) -> None:
        self.spec = spec
        self.learning = True
        self.time_us = 0
        self._sizes = [population.size for population in spec.populations.values()]
        self._begins = np.concatenate([[0], np.cumsum(self._sizes)]).astype(np.int64)
        self._names = list(spec.populations)
        self._describe_populations()
        self._describe_connections()
        self._draw_weights(np.random.default_rng(seed))
        neurons = self.n_neurons
        self.current = np.zeros(neurons, np.float32)
        self.refractory = np.zeros(neurons, np.int32)
        self.pending = np.zeros(neurons, np.bool_)
        self.potential = np.zeros(neurons, np.float32)
        for name, population in spec.populations.items():
            if isinstance(population, LifPopulation):
                self.potential[self.span(name)] = population.parameters.rest_mv
        self._arriving = np.empty(0, np.int64)

    def _describe_populations(self) -> None:
        spec = self.spec
        self._populations = np.zeros((len(self._sizes), 3), np.int64)
        self._neuron_parameters = np.zeros((len(self._sizes), 7), np.float32)
        for p, population in enumerate(spec.populations.values()):
            is_neuron = isinstance(population, LifPopulation)
            self._populations[p] = is_neuron, self._begins[p], self._begins[p + 1]
            if is_neuron:
                self._neuron_parameters[p] = lif_propagators(population.parameters, spec.dt_ms)

    def _describe_connections(self) -> None:
        spec = self.spec
        self._connections = np.zeros((len(spec.connections), 8), np.int64)
        self._synapse_parameters = np.zeros((len(spec.connections), 8), np.float32)
        synapses = pre_traces = post_traces = 0
        for c, connection in enumerate(spec.connections):
            pre, post = self.span(connection.pre), self.span(connection.post)
            n_pre, n_post = pre.stop - pre.start, post.stop - post.start
            self._connections[c] = (
                pre.start,
                pre.stop,
                post.start,
                post.stop,
                synapses,
                pre_traces,
                post_traces,
                connection.rule is not None,
            )
            self._synapse_parameters[c] = stdp_propagators(connection, spec.dt_ms)
            synapses += n_pre * n_post
            pre_traces += n_pre
            post_traces += n_post
        self.weights = np.zeros(synapses, np.float32)
        self._mask = np.ones(synapses, np.float32)
        self.eligibility = np.zeros(synapses, np.float32)
        self.x_pre = np.zeros(pre_traces, np.float32)
        self.x_post = np.zeros(post_traces, np.float32)
        self.reward = np.zeros(post_traces, np.float32)

    def _draw_weights(self, rng: np.random.Generator) -> None:
        for c, connection in enumerate(self.spec.connections):
            weights = self.connection_weights(c)
            weights[:] = _initial_weights(connection, weights.shape, rng)
            if connection.mask is not None:
                mask = np.array(connection.mask, np.float32)
                self._mask[self._synapses(c)] = mask.ravel()
                weights *= mask

    def _synapses(self, connection: int) -> slice:
        pre_begin, pre_end, post_begin, post_end, begin = self._connections[connection, :5]
        return slice(begin, begin + (pre_end - pre_begin) * (post_end - post_begin))

    @property
    def n_neurons(self) -> int:
        """Number of neurons of all populations, spike sources included."""
        return int(self._begins[-1])

    def span(self, population: str) -> slice:
        """The range of a population's neurons among all. Raises KeyError for an unknown name."""
        if population not in self.spec.populations:
            raise KeyError(population)
        place = self._names.index(population)
        return slice(int(self._begins[place]), int(self._begins[place + 1]))

    def connection_weights(self, connection: int) -> np.ndarray:
        """The weights of the connection at this place of the description: a (pre, post) float32 view, nA."""
        n_post = int(self._connections[connection, 3] - self._connections[connection, 2])
        return self.weights[self._synapses(connection)].reshape(-1, n_post)

    def connection_eligibility(self, connection: int) -> np.ndarray:
        """The eligibility of the connection at this place of the description: a (pre, post) float32 view."""
        n_post = int(self._connections[connection, 3] - self._connections[connection, 2])
        return self.eligibility[self._synapses(connection)].reshape(-1, n_post)

    def set_reward(self, reward: float | np.ndarray) -> None:
        """Set n of every plastic connection, as at a window's start.

        Args:
            reward: one value for all, or one for each neuron, (n_neurons,).

        Raises:
            ValueError: a wrong shape, or a value that is not finite.
        """
        values = np.asarray(reward, np.float32)
        if values.shape not in ((), (self.n_neurons,)):
            raise ValueError(f"reward must be one value or have shape ({self.n_neurons},), found {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError("reward must be finite")
        for row in self._connections:
            post_begin, post_end, trace_begin = row[2], row[3], row[6]
            self.reward[trace_begin : trace_begin + post_end - post_begin] = (
                values if values.ndim == 0 else values[post_begin:post_end]
            )

    def advance(self, steps: int, input_offsets: np.ndarray, inputs: np.ndarray) -> Spikes:
        """Advance by ``steps`` of dt and return the spikes of all populations but spike sources.

        Args:
            steps: number of steps.
            input_offsets: (steps + 1,) int64; inputs[input_offsets[s] : input_offsets[s + 1]] spike in step s.
            inputs: (input spikes,) int32, neurons of spike sources, numbered among all neurons.

        Raises:
            ValueError: arrays of another shape, offsets that do not count up from 0, or an input that is no neuron.
        """
        offsets, inputs = np.asarray(input_offsets, np.int64), np.asarray(inputs, np.int32)
        if (
            offsets.shape != (steps + 1,)
            or offsets[0] != 0
            or offsets[-1] != inputs.size
            or (np.diff(offsets) < 0).any()
        ):
            raise ValueError(f"input_offsets must have {steps + 1} values that count up from 0 to {inputs.size}")
        if inputs.size and not 0 <= inputs.min() <= inputs.max() < self.n_neurons:
            raise ValueError(f"inputs must lie in [0, {self.n_neurons})")
        pending = np.flatnonzero(self.pending)
        busiest = int(np.diff(offsets).max(initial=0))
        if self._arriving.size < self.n_neurons + busiest:
            self._arriving = np.empty(self.n_neurons + busiest, np.int64)
        self._arriving[: pending.size] = pending
        spike_step = np.empty(steps * self.n_neurons, np.int64)
        spike_neuron = np.empty(steps * self.n_neurons, np.int64)
        n_spikes, n_arriving = _advance(
            steps,
            offsets,
            inputs,
            self.learning,
            self._populations,
            self._neuron_parameters,
            self._connections,
            self._synapse_parameters,
            self.potential,
            self.current,
            self.refractory,
            self._arriving,
            pending.size,
            self.weights,
            self._mask,
            self.eligibility,
            self.x_pre,
            self.x_post,
            self.reward,
            spike_step,
            spike_neuron,
        )
        self.pending[:] = False
        self.pending[self._arriving[:n_arriving]] = True
        begin_us = self.time_us
        self.time_us += steps * self.spec.dt_us
        neuron = spike_neuron[:n_spikes]
        population = np.searchsorted(self._begins, neuron, side="right") - 1
        return Spikes(
            time_us=begin_us + (spike_step[:n_spikes] + 1) * self.spec.dt_us,
            population=population.astype(np.int32),
            neuron=(neuron - self._begins[population]).astype(np.int32),
        )

    def rest(self) -> None:
        """Let all that decays be as after an endless silence; the weights stay."""
        for array in (
            self.current,
            self.refractory,
            self.pending,
            self.eligibility,
            self.x_pre,
            self.x_post,
            self.reward,
        ):
            array[:] = 0
        for name, population in self.spec.populations.items():
            if isinstance(population, LifPopulation):
                self.potential[self.span(name)] = population.parameters.rest_mv

    def state(self) -> dict[str, np.ndarray]:
        """All that advances with time, by name (views, not copies), without ``time_us``."""
        return {name: getattr(self, name) for name in STATE}

    def set_state(self, state: Mapping[str, np.ndarray], time_us: int) -> None:
        """Take over a state of the same description, as ``state`` gave it. Raises ValueError for a wrong shape."""
        for name in STATE:
            if state[name].shape != getattr(self, name).shape:
                raise ValueError(f"{name} must have shape {getattr(self, name).shape}, found {state[name].shape}")
        for name in STATE:
            getattr(self, name)[:] = state[name]
        self.time_us = time_us


def _initial_weights(connection: Connection, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    weights = connection.weights
    if isinstance(weights, ConstantWeights):
        return np.full(shape, weights.value_na, np.float32)
    if isinstance(weights, UniformWeights):
        return rng.uniform(weights.low_na, weights.high_na, shape).astype(np.float32)
    return np.array(weights.values_na, np.float32)
