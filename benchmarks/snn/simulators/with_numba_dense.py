"""W1 and W2 with numba and float32 in the plain way: every synapse is touched once in every step.

It clips weights at the instants at which the rule says so (a read, and the row's periodic update), so that it computes
what SpikeDrive computes. The loops over a row have no branches; numba makes vector instructions of them.
"""

import math

import numba
import numpy as np
from numba import njit

from spikedrive_benchmarks.snn.workloads import (
    CALL_STEPS,
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

NOTE = ""
TURN = 100


def version() -> str:
    """Version of numba."""
    return numba.__version__


class Layer:
    """LIF neurons and the synapses onto them."""

    def __init__(self, weights: np.ndarray, w_max: float, learning_rate: float) -> None:
        n_pre, n_post = weights.shape
        self.w, self.c = weights.copy(), np.zeros_like(weights)
        self.x_pre, self.pre = np.zeros(n_pre, np.float32), np.zeros(n_pre, np.float32)
        self.x_post, self.post = np.zeros(n_post, np.float32), np.zeros(n_post, np.float32)
        self.v, self.i, self.left = np.zeros((3, n_post), np.float32)
        decay_c = math.exp(-DT_MS / TAU_ELIGIBILITY_MS)
        gain = learning_rate * TAU_ELIGIBILITY_MS * (1 - decay_c)
        decay_x = math.exp(-DT_MS / TAU_TRACE_MS)
        numbers = (*decays(), current_to_membrane(), decay_x, decay_c, gain, w_max, REFRACTORY_MS)
        self.p = np.array(numbers, np.float32)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """In the order in which the kernel takes them."""
        return self.p, self.w, self.c, self.x_pre, self.pre, self.x_post, self.post, self.v, self.i, self.left


class Simulator:
    """Two layers, float32."""

    def __init__(self, what: TwoLayers, stimulus: Stimulus | None = None) -> None:
        parts = zip(what.initial_weights(), what.w_max, what.learning_rate, strict=True)
        self.first, self.second = (Layer(*part) for part in parts)
        self._spiked = np.zeros((CALL_STEPS, what.n_counted), np.bool_)
        self.step = 0

    def run(self, call: Call) -> int:
        """Simulate the steps of a call; how many spikes the hidden neurons gave."""
        reward, layers = np.float32(call.reward), (self.first.arrays(), self.second.arrays())
        self._spiked[:] = False
        spikes = _run(self.step, reward, *call.spikes, *layers, self._spiked)
        self.step += call.steps
        return spikes

    def spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and hidden neurons of the last call's spikes."""
        steps, neurons = np.nonzero(self._spiked)
        return steps, neurons


@njit(cache=True)
def _clip(row, w_max):
    for j in range(row.size):
        row[j] = min(max(row[j], np.float32(0)), w_max)


@njit(cache=True)
def _layer(step, reward, layer):
    """One step of a layer whose inputs spike as ``pre`` says, 0 or 1 each; which neurons do is left in ``post``."""
    p, w, c, x_pre, pre, x_post, post, v, i, left = layer
    decay_m, decay_s, coupling, decay_x, decay_c, gain, w_max, refractory = p
    for k in range(step % TURN, pre.size, TURN):
        _clip(w[k], w_max)
    for j in range(v.size):
        i[j] *= decay_s
        x_post[j] *= decay_x
    for k in range(pre.size):
        x_pre[k] = x_pre[k] * decay_x + pre[k]
        if pre[k]:
            _clip(w[k], w_max)
            for j in range(v.size):
                i[j] += w[k, j]
    for j in range(v.size):
        post[j] = 0
        if left[j] > 0:
            left[j] -= 1
            continue
        v[j] = v[j] * decay_m + i[j] * coupling
        if v[j] >= np.float32(THRESHOLD_MV):
            v[j], post[j], left[j] = 0, 1, refractory
    change = gain * reward
    for k in range(pre.size):
        x, spiked, row_c, row_w = x_pre[k], pre[k], c[k], w[k]
        for j in range(v.size):
            row_c[j] = row_c[j] * decay_c + (x * post[j] - spiked * x_post[j])
            row_w[j] += change * row_c[j]
    for j in range(v.size):
        x_post[j] += post[j]


@njit(cache=True)
def _run(first_step, reward, offsets, inputs, first, second, spiked):
    hidden = 0
    pre, between, post = first[4], second[4], first[6]
    for s in range(offsets.size - 1):
        step = first_step + s
        for n in range(offsets[s], offsets[s + 1]):
            pre[inputs[n]] = 1
        between[:] = post  # of the step before
        _layer(step, reward, first)
        _layer(step, reward, second)
        for n in range(offsets[s], offsets[s + 1]):
            pre[inputs[n]] = 0
        for j in range(post.size):
            if post[j]:
                spiked[s, j] = True
                hidden += 1
    return hidden
