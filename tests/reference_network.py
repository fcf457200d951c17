"""Slow, obviously right twin of a whole network, made of the twins of its models and rules."""

from typing import Any, NamedTuple

import numpy as np

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.reference_models import REFERENCE_MODELS
from tests.reference_rules import REFERENCE_RULES, ReferenceFixed


class Context(NamedTuple):
    """What a rule may need beyond its own synapses."""

    spec: NetworkSpec
    post: Any
    """Twin of the postsynaptic population."""
    delays: np.ndarray
    """(n_pre, n_post), in steps."""
    sign: int
    """-1 from inhibitory populations."""
    bounds: tuple[float, float]
    """What weights are clipped to."""


class ReferenceNetwork:
    """Float64 twin of ``network``, from which it takes synapses, delays, initial weights and seeds, but nothing that
    computes.
    """

    def __init__(self, network: Network) -> None:
        self.spec = spec = network.spec
        self.neurons = {
            name: REFERENCE_MODELS[population.model](population, spec.dt_ms, network.population_seed(name))
            for name, population in spec.populations.items()
            if population.model in REFERENCE_MODELS
        }
        self.synapses, self.delays = [], []
        for c, connection in enumerate(spec.connections):
            pairs = network.connection_pairs(c)
            shape = (spec.populations[connection.pre].size, spec.populations[connection.post].size)
            exists, delay = np.zeros(shape, bool), np.zeros(shape, int)
            exists[pairs], delay[pairs] = True, network.connection_delays(c)
            twin = ReferenceFixed if connection.rule is None else REFERENCE_RULES[connection.rule.name]
            weights = network.connection_matrix(c).astype(np.float64)
            sign = -1 if spec.populations[connection.pre].effect == "inhibitory" else 1
            bounds = spec.weight_bounds(connection)
            context = Context(spec, self.neurons[connection.post], np.where(exists, delay, 1), sign, bounds)
            self.synapses.append(twin(connection.rule, spec.dt_ms, weights, exists, context))
            self.delays.append(context.delays)
        self.step_number = 0
        self.spiked: dict[str, list[int]] = {name: [] for name in self.neurons}
        self.on_their_way: dict[int, dict[str, np.ndarray]] = {}
        """What will arrive: step -> population -> (channels, size)."""

    @property
    def learning(self) -> bool:
        return all(synapses.learning for synapses in self.synapses)

    @learning.setter
    def learning(self, learning: bool) -> None:
        for synapses in self.synapses:
            synapses.learning = learning

    @property
    def margin(self) -> float:
        """Smallest distance by which a spike was decided, over all populations."""
        return min(twin.margin for twin in self.neurons.values())

    def _inputs(self, step: int) -> dict[str, np.ndarray]:
        empty = {name: np.zeros((2, self.spec.populations[name].size)) for name in self.neurons}
        return self.on_their_way.setdefault(step, empty)

    def step(self, inputs: dict[str, list[int]], reward: dict[str, np.ndarray] | None) -> dict[str, list[int]]:
        """One step; ``reward`` is given in a window's first. Returns the neurons of each population that spiked."""
        spec, now = self.spec, self.step_number
        arriving = {**self.spiked, **inputs}
        for connection, synapses, delays in zip(spec.connections, self.synapses, self.delays, strict=True):
            synapses.begin(now, None if reward is None else reward[connection.post])
            for i in arriving.get(connection.pre, []):
                self._deliver(connection, delays[i], synapses.read(now, i))
            for i in arriving.get(connection.pre, []):
                synapses.arrive(now, i)
        came = self._inputs(now)
        self.spiked = {name: twin.advance(now, came[name]) for name, twin in self.neurons.items()}
        del self.on_their_way[now]
        for connection, synapses in zip(spec.connections, self.synapses, strict=True):
            synapses.learn(now, self.spiked[connection.post], self.spiked)
        self.step_number += 1
        return self.spiked

    def _deliver(self, connection, delays: np.ndarray, weights: np.ndarray) -> None:
        inhibitory = self.spec.populations[connection.pre].effect == "inhibitory"
        for j, weight in enumerate(weights):
            channels = self._inputs(self.step_number + delays[j] - 1)[connection.post]
            if not inhibitory:
                channels[0, j] += weight
            else:  # one channel that sees a negative weight, or a second that sees its magnitude
                channels[0, j] -= weight
                channels[1, j] += weight
