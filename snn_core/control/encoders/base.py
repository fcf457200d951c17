"""From pooled events to the spikes of an input population.

An encoder takes the events of a window as plain arrays, the time of each and the pool it fell into, and gives the input
spikes of the window's steps in the form that ``Network.advance`` takes: ``offsets`` (steps + 1,) int64 and ``inputs``
(spikes,) int32.
"""

from typing import Any

import numpy as np
from numba import njit

from snn_core.network.spec import EventDrivenEncoding, NetworkSpec, PoissonEncoding


class PoissonEncoder:
    """Rate code of Bing et al. (2018): in each step an input spikes with probability rate dt.

    rate = max_rate_hz min(count / saturation_count, 1), where count is the events of its pool in the window.
    """

    def __init__(self, spec: PoissonEncoding, dt_us: int, rng: np.random.Generator) -> None:
        self._pools = spec.pooling.size
        self._saturation = spec.saturation_count
        self._full_probability = spec.max_rate_hz * dt_us * 1e-6
        self._rng = rng

    def encode(self, time_us: np.ndarray, pool: np.ndarray, begin_us: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Input spikes of the ``steps`` from ``begin_us``; pool: (events,) int32, -1 where an event falls into none."""
        counts = np.bincount(pool[pool >= 0], minlength=self._pools)
        probability = (self._full_probability * np.minimum(counts / self._saturation, 1.0)).astype(np.float32)
        spiking = self._rng.random((steps, self._pools), dtype=np.float32) < probability
        offsets = np.zeros(steps + 1, np.int64)
        np.cumsum(spiking.sum(axis=1), out=offsets[1:])
        return offsets, np.nonzero(spiking)[1].astype(np.int32)

    def rest(self) -> None:
        """Nothing is carried over from window to window."""

    def state(self) -> dict[str, Any]:
        """State of the random generator, for a checkpoint."""
        return {"rng": self._rng.bit_generator.state}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over a state that ``state`` gave. Raises ValueError, KeyError or TypeError for any other."""
        self._rng.bit_generator.state = state["rng"]


class EventDrivenEncoder:
    """An input spikes when its pool has collected k events, in the step that holds the k-th; the rest is carried
    over.
    """

    def __init__(self, spec: EventDrivenEncoding, dt_us: int) -> None:
        self._k = spec.events_per_spike
        self._dt_us = dt_us
        self._collected = np.zeros(spec.pooling.size, np.int64)

    def encode(self, time_us: np.ndarray, pool: np.ndarray, begin_us: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Input spikes of the ``steps`` from ``begin_us``; time_us: (events,) int64, sorted, within the window."""
        step = (np.asarray(time_us, np.int64) - begin_us) // self._dt_us
        if step.size and not 0 <= step[0] <= step[-1] < steps:
            raise ValueError(f"events must lie within the {steps} steps from {begin_us} us")
        inputs = np.empty(step.size // self._k + self._collected.size, np.int32)
        offsets = np.zeros(steps + 1, np.int64)
        n_spikes = _collect(step, np.asarray(pool, np.int32), self._k, self._collected, offsets, inputs)
        np.cumsum(offsets, out=offsets)
        return offsets, inputs[:n_spikes]

    def rest(self) -> None:
        """Forget the events that have not yet made a spike."""
        self._collected[:] = 0

    def state(self) -> dict[str, Any]:
        """Events that each pool has collected since its last spike, for a checkpoint."""
        return {"collected": self._collected.tolist()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over a state that ``state`` gave. Raises ValueError, KeyError or TypeError for any other."""
        collected = np.asarray(state["collected"], np.int64)
        if collected.shape != self._collected.shape or collected.min() < 0 or collected.max() >= self._k:
            raise ValueError(f"collected must be {self._collected.size} counts below {self._k}")
        self._collected[:] = collected


Encoder = PoissonEncoder | EventDrivenEncoder


def make_encoder(spec: NetworkSpec, seed: int) -> Encoder:
    """The encoder of a network's description; ``seed`` matters to the Poisson one. Raises UserError without one."""
    encoding, _ = spec.driving_parts()
    if isinstance(encoding, PoissonEncoding):
        return PoissonEncoder(encoding, spec.dt_us, np.random.default_rng([seed, 1]))
    return EventDrivenEncoder(encoding, spec.dt_us)


@njit(cache=True, nogil=True)
def _collect(step, pool, k, collected, spikes_per_step, inputs):
    """Count events into ``collected``; write the inputs that reach k and add them to spikes_per_step[step + 1]."""
    n_spikes = 0
    for event in range(step.size):
        p = pool[event]
        if p < 0:
            continue
        collected[p] += 1
        if collected[p] == k:
            collected[p] = 0
            inputs[n_spikes] = p
            n_spikes += 1
            spikes_per_step[step[event] + 1] += 1
    return n_spikes
