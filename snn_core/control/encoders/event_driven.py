"""A spike for every k-th event of a pool, at the time of that event."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numba import njit
from pydantic import Field

from snn_core.control.encoders.base import EncoderKind, EncodingSpec


class EventDrivenEncoding(EncodingSpec):
    """A spike for every k-th event; see ``snn_core.control.encoders.event_driven``."""

    code: Literal["event_driven"]  # type: ignore[assignment]
    events_per_spike: int = Field(ge=1)


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

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over a state that ``state`` gave. Raises ValueError, KeyError or TypeError for any other."""
        collected = np.asarray(state["collected"], np.int64)
        if collected.shape != self._collected.shape or collected.min() < 0 or collected.max() >= self._k:
            raise ValueError(f"collected must be {self._collected.size} counts below {self._k}")
        self._collected[:] = collected


def _make(spec: EventDrivenEncoding, dt_us: int, seed: int) -> EventDrivenEncoder:
    return EventDrivenEncoder(spec, dt_us)


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


ENCODER = EncoderKind(code="event_driven", spec=EventDrivenEncoding, make=_make)
