"""A window of the lane network against two peers that compute the same: dense NumPy arrays, plain Python objects."""

import numpy as np

from snn_core.control.spec import load_controller_spec
from snn_core.network.models.lif import LifPopulation, lif_propagators
from snn_core.network.network import Network
from snn_core.network.rules.r_stdp import RewardModulatedStdp, r_stdp_propagators
from snn_core.network.spec import NetworkSpec
from spikedrive_benchmarks.timing import cpu_seconds
from tests.reference_network import ReferenceNetwork

STEPS, INPUT_HZ, REWARD = 50, 100.0, 0.1


class DenseNetwork:
    """One plastic connection from spike sources to LIF neurons, float32, a few NumPy calls for each operation."""

    def __init__(self, spec: NetworkSpec, weights: np.ndarray) -> None:
        connection = spec.connections[0]
        population = spec.populations[connection.post]
        assert isinstance(population, LifPopulation)
        self.lif = lif_propagators(population.parameters, spec.dt_ms)
        assert isinstance(connection.rule, RewardModulatedStdp)
        self.stdp = r_stdp_propagators(connection.rule, spec.dt_ms)
        n_pre, n_post = weights.shape
        self.weights = weights.copy()
        self.v = np.full(n_post, self.lif.rest, np.float32)
        self.i, self.x_post, self.n = np.zeros((3, n_post), np.float32)
        self.left = np.zeros(n_post, np.int32)
        self.x_pre = np.zeros(n_pre, np.float32)
        self.c = np.zeros_like(weights)

    def step(self, spiking: np.ndarray) -> np.ndarray:
        """A step; which sources spike, (pre,) bool; returns which neurons do, (post,) bool."""
        lif, stdp = self.lif, self.stdp
        self.i *= lif.current_decay
        self.x_pre *= stdp.pre_decay
        self.x_post *= stdp.post_decay
        self.c *= stdp.eligibility_decay
        self.i += spiking.astype(np.float32) @ self.weights
        self.c -= stdp.a_minus * np.outer(spiking, self.x_post)
        self.x_pre += spiking
        free = self.left == 0
        v = lif.rest + (self.v - lif.rest) * lif.membrane_decay + self.i * lif.current_to_membrane
        spiked = free & (v >= lif.threshold)
        self.v = np.where(spiked, np.float32(lif.reset), np.where(free, v, self.v)).astype(np.float32)
        self.left = np.where(spiked, int(lif.refractory_steps), np.maximum(self.left - 1, 0))
        self.c += stdp.a_plus * np.outer(self.x_pre, spiked)
        self.x_post += spiked
        np.clip(self.weights + stdp.gain * self.c * self.n, 0, stdp.w_max, out=self.weights)
        self.n *= stdp.reward_decay
        return spiked


def network_window() -> dict[str, float]:
    """CPU time of a step, us, of each. Raises RuntimeError when they do not spike alike: then nothing is compared."""
    spec = load_controller_spec("lane")
    network = Network(spec, seed=0)
    source, motor = spec.connections[0].pre, spec.connections[0].post
    weights = network.connection_weights(0)
    dense, plain = DenseNetwork(spec, weights), ReferenceNetwork(network)
    spiking = np.random.default_rng(0).random((STEPS, weights.shape[0])) < INPUT_HZ * spec.dt_ms * 1e-3
    offsets = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
    inputs = (np.nonzero(spiking)[1] + network.span(source).start).astype(np.int32)
    listed = [np.flatnonzero(row).tolist() for row in spiking]
    reward = np.zeros(network.n_neurons, np.float32)
    reward[network.span(motor)] = REWARD
    rewards = {motor: reward[network.span(motor)]}

    def run_network() -> int:
        network.set_reward(reward)
        return network.advance(STEPS, offsets, inputs).time_us.size

    def run_dense() -> int:
        dense.n[:] = REWARD
        return sum(int(dense.step(row).sum()) for row in spiking)

    def run_plain() -> int:
        steps = [plain.step({source: row}, None if i else rewards) for i, row in enumerate(listed)]
        return sum(len(step[motor]) for step in steps)

    counts = {run_network(), run_dense(), run_plain()}
    if len(counts) != 1 or counts == {0}:
        raise RuntimeError(f"the three networks spike {counts} times")
    candidates = {"SpikeDrive": (run_network, 50), "dense NumPy": (run_dense, 3), "plain Python": (run_plain, 1)}
    return {name: seconds / STEPS * 1e6 for name, seconds in cpu_seconds(candidates).items()}
