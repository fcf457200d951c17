"""A spiking network: its state, and how it advances."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.network.drawing import Drawn, draw_connection
from snn_core.network.energy.operations import NetworkSize, Operations
from snn_core.network.kernels import advance
from snn_core.network.models import MODELS
from snn_core.network.models.base import LEARNING, SEED
from snn_core.network.population import PopulationState
from snn_core.network.rules import RULES
from snn_core.network.spec import Connection, NetworkSpec
from snn_core.network.synapses import (
    LEARNING_UPDATES,
    MEMORY_BYTES,
    SYNAPTIC_EVENTS,
    FixedSynapses,
    SparseSynapses,
    Synapses,
    Wiring,
)


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
    """State of a network that ``spec`` describes, with synapses and initial weights drawn by ``seed``.

    Populations are numbered in the order of the description, and so are all neurons, spike sources included:
    ``span(name)`` is a population's range. ``learning`` False holds all weights; traces and eligibility go on.
    """

    def __init__(self, spec: NetworkSpec, seed: int) -> None:
        self.spec = spec
        self.time_us = 0
        """End of the last step (us); ``rest`` and ``set_state`` set it."""
        sizes = [population.size for population in spec.populations.values()]
        self._begins: NDArray[np.int64] = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._names = list(spec.populations)
        rng = np.random.default_rng(seed)
        drawn = [draw_connection(spec, connection, rng) for connection in spec.connections]
        self._populations = self._make_populations(seed, drawn)
        self._synapses: list[Synapses] = [self._connect(*pair) for pair in zip(spec.connections, drawn, strict=True)]
        self._learning, self._frozen = True, [False] * len(self._synapses)
        self._pending = np.zeros(self.n_neurons, np.bool_)
        self._n_firing = sum(population.spec.size for population in self._populations.values())
        self._scratch = self._fired = np.empty((2, 0), np.int64)
        self._population_table = np.zeros((len(sizes), 2), np.int64)
        for place, name in enumerate(self._names):
            if name in self._populations:
                population = self._populations[name]
                self._population_table[place] = population.model.advance.address, population.record.ctypes.data
        self._connection_table = np.array(
            [self._table_row(*pair) for pair in zip(spec.connections, self._synapses, strict=True)], np.int64
        ).reshape(-1, 8)
        self._steps = self._spikes = self._neuron_updates = 0

    def _make_populations(self, seed: int, drawn: list[Drawn]) -> dict[str, PopulationState]:
        populations: dict[str, PopulationState] = {}
        for place, (name, population) in enumerate(self.spec.populations.items()):
            if population.model in MODELS:
                pairs = zip(self.spec.connections, drawn, strict=True)
                longest = [parts.longest_delay_steps for connection, parts in pairs if connection.post == name]
                own_seed = int(np.random.default_rng([seed, 2, place]).integers(1 << 62))
                first, steps = int(self._begins[place]), max(longest, default=1)
                populations[name] = PopulationState(population, first, steps, self.spec.dt_ms, own_seed)
        return populations

    def _connect(self, connection: Connection, drawn: Drawn) -> Synapses:
        spec, pre, post = self.spec, self.span(connection.pre), self._populations[connection.post]
        inhibitory = spec.populations[connection.pre].effect == "inhibitory"
        several = len(post.model.channels) > 1
        wiring = Wiring(
            n_pre=pre.stop - pre.start,
            n_post=post.spec.size,
            post_first=self.span(connection.post).start,
            rows=drawn.rows,
            delay_steps=drawn.delay_steps,
            weights=drawn.weights,
            sign=-1 if inhibitory and not several else 1,
            input_channel=post.input[:, 1 if inhibitory and several else 0],
            post_state=post.state,
            post_variables=post.model.variables,
            rule=connection.rule,
            dt_ms=spec.dt_ms,
            bounds=spec.weight_bounds(connection),
            post_spec=post.spec,
            spans={name: self.span(name) for name in self._names},
        )
        if connection.rule is not None:
            return RULES[connection.rule.name].connect(wiring)
        return FixedSynapses(wiring) if drawn.rows is None else SparseSynapses(wiring)

    def _table_row(self, connection: Connection, synapses: Synapses) -> tuple[int, ...]:
        pre = self.span(connection.pre)
        kernels = (synapses.deliver, synapses.arrive, synapses.learn, synapses.homeostasis)
        deliver, *others = (0 if kernel is None else kernel.address for kernel in kernels)
        return pre.start, pre.stop, synapses.record.ctypes.data, deliver, synapses.deliver_always, *others

    @property
    def n_neurons(self) -> int:
        """Number of neurons of all populations, spike sources included."""
        return int(self._begins[-1])

    @property
    def step(self) -> int:
        """Number of the next step."""
        return self.time_us // self.spec.dt_us

    @property
    def learning(self) -> bool:
        """Whether weights change, but those of frozen connections."""
        return self._learning

    @learning.setter
    def learning(self, learning: bool) -> None:
        self._learning = learning
        self._tell_learning()

    def freeze(self, connection: int, frozen: bool = True) -> None:
        """Hold the weights of one connection, or let them change again."""
        self._frozen[connection] = frozen
        self._tell_learning()

    def _tell_learning(self) -> None:
        for synapses, frozen in zip(self._synapses, self._frozen, strict=True):
            synapses.learning = self._learning and not frozen
        for population in self._populations.values():
            population.record[LEARNING] = self._learning

    def span(self, population: str) -> slice:
        """The range of a population's neurons among all. Raises KeyError for an unknown name."""
        if population not in self.spec.populations:
            raise KeyError(population)
        place = self._names.index(population)
        return slice(int(self._begins[place]), int(self._begins[place + 1]))

    def population_state(self, population: str) -> dict[str, np.ndarray]:
        """The state variables of a population of neurons by name: (size,) float32 views, mV, nA and steps."""
        return self._populations[population].variables()

    def population_seed(self, population: str) -> int:
        """Seed of a population's own random numbers."""
        return int(self._populations[population].record[SEED])

    def connection_weights(self, connection: int) -> np.ndarray:
        """The weights of the connection at this place of the description, nA, clipped as the rule says; a copy.

        They are float32: (pre, post) for all-to-all connections, else (synapses,) in the order of ``connection_pairs``.
        """
        return self._synapses[connection].weights(self.step)

    def connection_traces(self, connection: int) -> dict[str, np.ndarray]:
        """Traces, eligibility and reward of a plastic connection by name, as they are now; copies. Eligibility has the
        shape of the weights, traces are (pre,) or (post,).
        """
        return self._synapses[connection].traces(self.step)

    def connection_eligibility(self, connection: int) -> np.ndarray:
        """``connection_traces(connection)["eligibility"]``."""
        return self.connection_traces(connection)["eligibility"]

    def connection_pairs(self, connection: int) -> tuple[np.ndarray, np.ndarray]:
        """Pre- and postsynaptic neuron of each synapse, each (synapses,) int32, places in their populations."""
        synapses = self._synapses[connection]
        if synapses.wiring.rows is None:
            pre, post = np.indices((synapses.wiring.n_pre, synapses.wiring.n_post), np.int32).reshape(2, -1)
            return pre, post
        rows = synapses.natural_rows
        return np.repeat(np.arange(synapses.wiring.n_pre, dtype=np.int32), np.diff(rows.row_begin)), rows.post

    def connection_delays(self, connection: int) -> np.ndarray:
        """Delay of each synapse in steps, (synapses,) uint8, in the order of ``connection_pairs``."""
        return self._synapses[connection].delays()

    def connection_matrix(self, connection: int, absent: float = 0.0) -> np.ndarray:
        """The weights as a (pre, post) float32 matrix, ``absent`` where there is no synapse; a copy."""
        weights = self.connection_weights(connection)
        if weights.ndim == 2:
            return weights
        wiring = self._synapses[connection].wiring
        matrix = np.full((wiring.n_pre, wiring.n_post), absent, np.float32)
        matrix[self.connection_pairs(connection)] = weights
        return matrix

    def set_weights(self, connection: int, weights: np.ndarray) -> None:
        """Set the weights of a connection, in the shape of ``connection_weights``; traces stay.

        Raises:
            ValueError: a wrong shape, or a weight that is not finite or beyond the bounds.
        """
        synapses = self._synapses[connection]
        wiring = synapses.wiring
        shape = (wiring.n_pre, wiring.n_post) if wiring.rows is None else (synapses.n_synapses,)
        values = np.asarray(weights, np.float32)
        if values.shape != shape:
            raise ValueError(f"weights must have shape {shape}, found {values.shape}")
        low, high = self.spec.weight_bounds(self.spec.connections[connection])
        if not ((values >= np.float32(low)) & (values <= np.float32(high)) & np.isfinite(values)).all():
            raise ValueError(f"weights must be finite and lie in [{low:g}, {high:g}]")
        synapses.set_weights(values, self.step)

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals that its rules follow, each once, in the order of the connections."""
        rules = (connection.rule for connection in self.spec.connections)
        return tuple(dict.fromkeys(rule.signal for rule in rules if rule is not None))

    def set_signal(self, name: str, value: float | np.ndarray) -> None:
        """Set what teaches the connections whose rule follows the signal ``name``, as at a window's start.

        Args:
            name: of the signal; one that no rule follows changes nothing.
            value: one value for all neurons, or one for each, (n_neurons,).

        Raises:
            ValueError: a wrong shape, or a value that is not finite.
        """
        values = np.asarray(value, np.float32)
        if values.shape not in ((), (self.n_neurons,)):
            raise ValueError(f"{name} must be one value or have shape ({self.n_neurons},), found {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite")
        for connection, synapses in zip(self.spec.connections, self._synapses, strict=True):
            if connection.rule is not None and connection.rule.signal == name:
                synapses.set_reward(values if values.ndim == 0 else values[self.span(connection.post)])

    def set_reward(self, reward: float | np.ndarray) -> None:
        """``set_signal("reward", reward)``."""
        self.set_signal("reward", reward)

    def set_learning_rate(self, connection: int, factor: float) -> None:
        """From now on a connection learns at ``factor`` times the rate of its description.

        Raises:
            ValueError: a factor that is negative or not finite, or a connection that does not learn.
        """
        if not (np.isfinite(factor) and factor >= 0):
            raise ValueError(f"factor must be finite and not negative, found {factor}")
        self._synapses[connection].set_learning_rate(factor)

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
        counts = np.diff(offsets)
        if offsets.shape != (steps + 1,) or offsets[0] != 0 or offsets[-1] != inputs.size or (counts < 0).any():
            raise ValueError(f"input_offsets must have {steps + 1} values that count up from 0 to {inputs.size}")
        if inputs.size and not 0 <= inputs.min() <= inputs.max() < self.n_neurons:
            raise ValueError(f"inputs must lie in [0, {self.n_neurons})")
        pending = np.flatnonzero(self._pending)
        self._make_room(steps, int(counts.max(initial=0)))
        arriving, rows = self._scratch
        arriving[: pending.size] = pending
        spike_step, spike_neuron = self._fired
        n_spikes, n_arriving = advance(
            steps,
            self.step,
            offsets,
            inputs,
            self._population_table,
            self._connection_table,
            arriving,
            pending.size,
            rows,
            spike_step,
            spike_neuron,
        )
        self._pending[:] = False
        self._pending[arriving[:n_arriving]] = True
        begin_us, first_step = self.time_us, self.step
        self.time_us += steps * self.spec.dt_us
        self._steps += steps
        self._spikes += n_spikes + inputs.size
        self._neuron_updates += steps * self._n_firing
        neuron = spike_neuron[:n_spikes]
        population = np.searchsorted(self._begins, neuron, side="right") - 1
        return Spikes(
            time_us=begin_us + (spike_step[:n_spikes] - first_step + 1) * self.spec.dt_us,
            population=population.astype(np.int32),
            neuron=(neuron - self._begins[population]).astype(np.int32),
        )

    def _make_room(self, steps: int, inputs: int) -> None:
        """Let the scratch arrays hold what ``steps`` with up to ``inputs`` input spikes each may need."""
        if self._scratch.shape[1] < self.n_neurons + inputs:
            self._scratch = np.empty((2, self.n_neurons + inputs), np.int64)
        if self._fired.shape[1] < steps * self._n_firing:
            self._fired = np.empty((2, steps * self._n_firing), np.int64)

    def rest(self, time_us: int | None = None) -> None:
        """Let all that decays be as after an endless silence, and go on at a time (us); the weights stay."""
        self._pending[:] = False
        for population in self._populations.values():
            population.rest()
        for synapses in self._synapses:
            synapses.rest()
        if time_us is not None:
            self.time_us = time_us

    def operations(self) -> Operations:
        """What has been computed since the network was made, as a neuromorphic chip would count it."""

        def total(counter: int) -> int:
            return sum(int(synapses.record[counter]) for synapses in self._synapses)

        return Operations(
            steps=self._steps,
            neuron_updates=self._neuron_updates,
            spikes=self._spikes,
            synaptic_events=total(SYNAPTIC_EVENTS),
            learning_updates=total(LEARNING_UPDATES),
            memory_bytes=total(MEMORY_BYTES),
        )

    def size(self) -> NetworkSize:
        """Synapses, and the memory that all arrays take."""
        synapses = sum(synapses.n_synapses for synapses in self._synapses)
        return NetworkSize(synapses=synapses, state_bytes=sum(self.memory().values()))

    def memory(self) -> dict[str, int]:
        """Bytes that the network's arrays take, by name."""
        arrays = {name: array.nbytes for name, array in self.state().items()}
        for place, synapses in enumerate(self._synapses):
            arrays |= {f"connections.{place}.{name}": size for name, size in synapses.memory().items()}
        return arrays

    def state(self) -> dict[str, np.ndarray]:
        """All that advances with time, by name (views, not copies), without ``time_us``."""
        arrays = {"pending": self._pending}
        for name, population in self._populations.items():
            arrays |= {f"populations.{name}.state": population.state, f"populations.{name}.input": population.input}
        for place, synapses in enumerate(self._synapses):
            arrays |= {f"connections.{place}.{name}": array for name, array in synapses.arrays.items()}
        return arrays

    def set_state(self, state: Mapping[str, np.ndarray], time_us: int) -> None:
        """Take over a state of the same description, as ``state`` gave it.

        Raises:
            KeyError: an array is missing.
            ValueError: an array of a wrong shape; nothing has changed then.
        """
        own = self.state()
        for name, array in own.items():
            if state[name].shape != array.shape:
                raise ValueError(f"{name} must have shape {array.shape}, found {state[name].shape}")
        for name, array in own.items():
            array[:] = state[name]
        for synapses in self._synapses:
            if not synapses.learning:
                synapses.settle()
        self.time_us = time_us
