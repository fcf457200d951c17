"""The workloads, and that the dense competitor computes what SpikeDrive computes."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from snn_core.errors import UserError
from spikedrive_benchmarks.snn.networks import describe
from spikedrive_benchmarks.snn.simulators.with_numba_dense import Simulator as Dense
from spikedrive_benchmarks.snn.simulators.with_spikedrive import Simulator as SpikeDrive
from spikedrive_benchmarks.snn.workloads import Stimulus, TwoLayers, input_spikes, rewards, two_layers, workload


class ReferenceLayer:
    """LIF neurons and the synapses onto them in float64 NumPy, every synapse in every step."""

    def __init__(self, weights: np.ndarray, w_max: float, learning_rate: float) -> None:
        self.w, self.w_max, self.learning_rate = weights.astype(np.float64), w_max, learning_rate
        self.c = np.zeros_like(self.w)
        self.x_pre, self.x_post = np.zeros(len(weights)), np.zeros(weights.shape[1])
        self.v, self.i, self.left = np.zeros((3, weights.shape[1]))
        self.margin = np.inf
        """Smallest distance of a potential from the threshold: whether rounding could decide a spike."""

    def step(self, now: int, pre: np.ndarray, reward: float) -> np.ndarray:
        """Which neurons spike, (post,) bool, when the inputs (pre,) bool do."""
        clipped = pre | (np.arange(pre.size) % 100 == now % 100)
        self.w[clipped] = np.clip(self.w[clipped], 0, self.w_max)
        self.x_pre = self.x_pre * np.exp(-1 / 20) + pre
        self.x_post *= np.exp(-1 / 20)
        self.i = self.i * np.exp(-1 / 5) + pre @ self.w
        free = self.left == 0
        charged = self.v * np.exp(-1 / 20) + self.i * 1.104 * 5 / 15 * (np.exp(-1 / 20) - np.exp(-1 / 5))
        self.v = np.where(free, charged, self.v)
        self.margin = min(self.margin, np.abs(charged[free] - 1).min(initial=np.inf))
        post = free & (self.v >= 1)
        self.v[post] = 0
        self.left = np.where(post, 2, np.maximum(self.left - 1, 0))
        self.c = self.c * np.exp(-1 / 500) - np.outer(pre, self.x_post) + np.outer(self.x_pre, post)
        self.w += self.learning_rate * 500 * (1 - np.exp(-1 / 500)) * reward * self.c
        self.x_post += post
        return post


def reference(what: TwoLayers, stimulus: Stimulus) -> tuple[list[tuple[int, int]], tuple[ReferenceLayer, ...]]:
    """Step and hidden neuron of each spike, and the layers at the end."""
    parts = zip(what.initial_weights(), what.w_max, what.learning_rate, strict=True)
    first, second = (ReferenceLayer(*part) for part in parts)
    spikes, hidden = [], np.zeros(what.sizes[1], bool)
    for now in range(stimulus.steps):
        call = stimulus.take(1)
        pre = np.zeros(what.n_inputs, bool)
        pre[call.spikes.inputs] = True
        before, hidden = hidden, first.step(now, pre, call.reward)
        second.step(now, before, call.reward)
        spikes += [(now, int(neuron)) for neuron in np.flatnonzero(hidden)]
    return spikes, (first, second)


def simulated(simulator: Dense | SpikeDrive, stimulus: Stimulus) -> list[tuple[int, int]]:
    """Step and hidden neuron of each spike."""
    spikes = []
    for begin in range(0, stimulus.steps, 50):
        count = simulator.run(stimulus.take(50))
        steps, neurons = simulator.spikes()
        assert count == len(steps)
        spikes += zip((steps + begin).tolist(), neurons.tolist(), strict=True)
    return sorted(spikes)


@given(st.integers(1, 150), st.integers(1, 20), st.integers(1, 3), st.floats(5, 80))
@settings(max_examples=25)
def test_dense_competitor_and_spikedrive_compute_the_same(n_inputs, n_hidden, n_motor, hz):
    what = two_layers("small", (n_inputs, n_hidden, n_motor), hz)
    dense, ours = Dense(what), SpikeDrive(what)
    expected, layers = reference(what, Stimulus(what, 600))
    assume(min(layer.margin for layer in layers) > 1e-5)
    assert simulated(dense, Stimulus(what, 600)) == expected
    assert simulated(ours, Stimulus(what, 600)) == expected
    for c, (layer, right, limit) in enumerate(zip((dense.first, dense.second), layers, what.w_max, strict=True)):
        np.testing.assert_allclose(layer.w / limit, right.w / limit, atol=2e-5)
        np.testing.assert_allclose(
            ours.network.connection_weights(c) / limit, np.clip(right.w / limit, 0, 1), atol=2e-5
        )


@given(st.integers(1, 50), st.floats(0, 200), st.integers(1, 300), st.sampled_from([1, 2, 5, 10, 50, 100]))
def test_stimulus_is_handed_out_whole_and_in_order(n_inputs, hz, steps, length):
    what = two_layers("small", (n_inputs, 2, 1), hz)
    whole, reward, stimulus = input_spikes(n_inputs, hz, steps), rewards(steps), Stimulus(what, steps)
    calls = [stimulus.take(length) for _ in range(steps // length)]
    taken = [call.spikes.inputs[b:e] for call in calls for b, e in zip(*_bounds(call.spikes.offsets), strict=True)]
    expected = [whole.inputs[b:e] for b, e in zip(*_bounds(whole.offsets), strict=True)]
    assert [step.tolist() for step in taken] == [step.tolist() for step in expected[: len(taken)]]
    assert [call.reward for call in calls] == reward[: len(calls) * length : length].tolist()


def _bounds(offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return offsets[:-1], offsets[1:]


def test_an_input_spikes_once_a_step_at_most_and_as_often_as_asked():
    spikes = input_spikes(200, 20.0, 5000)
    steps = np.repeat(np.arange(5000), np.diff(spikes.offsets))
    assert len(set(zip(steps.tolist(), spikes.inputs.tolist(), strict=True))) == spikes.inputs.size
    per_input = np.bincount(spikes.inputs, minlength=200)
    assert per_input.size == 200
    assert abs(per_input.mean() - 100) < 5 * np.sqrt(100 / 200)


def test_no_call_goes_beyond_the_stimulus_or_a_change_of_the_reward():
    stimulus = Stimulus(workload("W1"), 150)
    stimulus.take(60)
    with pytest.raises(ValueError, match="within one reward"):
        stimulus.take(50)
    stimulus.take(40)
    with pytest.raises(ValueError, match="below 150"):
        stimulus.take(60)


@pytest.mark.parametrize(("name", "synapses"), [("W1", 2048 * 256 + 256 * 2), ("W2", 8192 * 1024 + 1024 * 2)])
def test_two_layers_are_plastic_throughout_unless_they_are_held(name, synapses):
    spec = describe(workload(name))
    sizes = [spec.populations[c.pre].size * spec.populations[c.post].size for c in spec.connections]
    assert sum(sizes) == synapses
    assert all(c.rule is not None for c in spec.connections)
    assert not any(c.rule for c in describe(workload(name, plastic=False)).connections)


def test_recurrent_network_fires_at_about_5_hz():
    what = workload("recurrent_1000")
    simulator, stimulus = SpikeDrive(what), Stimulus(what, 2000)
    rate_hz = sum(simulator.run(stimulus.take(50)) for _ in range(40)) / (1000 * 2)
    assert rate_hz == pytest.approx(5, abs=0.5)
    assert np.bincount(simulator.network.connection_pairs(1)[0]).tolist() == [100] * 1000
    delays = simulator.network.connection_delays(1)
    assert (delays.min(), delays.max()) == (1, 20)


@pytest.mark.parametrize(("name", "inputs"), [("lane", 32), ("lane_polarity", 64)])
def test_lane_networks_drive_their_motors(name, inputs):
    what = workload(name)
    simulator, stimulus = SpikeDrive(what), Stimulus(what, 500)
    assert what.n_inputs == simulator.network.span("motor").start == inputs
    assert sum(simulator.run(stimulus.take(50)) for _ in range(10)) > 0


@pytest.mark.parametrize("name", ["W3", "recurrent_", "recurrent_100", "recurrent_x", ""])
def test_unknown_workload_is_refused_by_name(name):
    with pytest.raises(UserError, match="expected W1, W2, lane"):
        workload(name)
