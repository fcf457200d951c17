"""A spike for every k-th event of a pool, at the time of that event.

With a refractory period, a pool counts no events for that long after a spike, nor in what is left of its step. So a
pool of many edges does not drown the others.
"""

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
    refractory_ms: float = Field(
        default=0.0,
        ge=0,
        le=1000,
        exclude_if=lambda refractory: refractory == 0,
        description="time after a spike in which an input counts no events; 0: it may spike again in the same step",
    )

    def check(self, dt_ms: float) -> None:
        if abs(self.refractory_ms / dt_ms - round(self.refractory_ms / dt_ms)) > 1e-9:
            raise ValueError(f"refractory_ms must be a multiple of dt_ms ({dt_ms}), found {self.refractory_ms}")


class EventDrivenEncoder:
    """An input spikes when its pool has collected k events, in the step that holds the k-th.

    The rest is carried over from window to window, and so are the steps for which it stays refractory.
    """

    def __init__(self, spec: EventDrivenEncoding, dt_us: int) -> None:
        self._k = spec.events_per_spike
        self._dt_us = dt_us
        refractory_steps = round(1000 * spec.refractory_ms / dt_us)
        self._pause = refractory_steps + 1 if refractory_steps else 0
        self._collected = np.zeros(spec.pooling.size, np.int64)
        self._ready = np.zeros(spec.pooling.size, np.int64)
        """First step at which an input counts again, from the next window's first."""

    def encode(self, time_us: np.ndarray, pool: np.ndarray, begin_us: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Input spikes of the ``steps`` from ``begin_us``; time_us: (events,) int64, sorted, within the window."""
        step = (np.asarray(time_us, np.int64) - begin_us) // self._dt_us
        if step.size and not 0 <= step[0] <= step[-1] < steps:
            raise ValueError(f"events must lie within the {steps} steps from {begin_us} us")
        inputs = np.empty(step.size // self._k + self._collected.size, np.int32)
        offsets = np.zeros(steps + 1, np.int64)
        n_spikes = _collect(
            step, np.asarray(pool, np.int32), self._k, self._pause, self._collected, self._ready, offsets, inputs
        )
        np.maximum(self._ready - steps, 0, out=self._ready)
        np.cumsum(offsets, out=offsets)
        return offsets, inputs[:n_spikes]

    def rest(self) -> None:
        """Forget the events that have not yet made a spike, and the spikes."""
        self._collected[:] = 0
        self._ready[:] = 0

    def state(self) -> dict[str, Any]:
        """Events that each pool has collected since its last spike, and the steps in which it counts none, for a
        checkpoint.
        """
        ready = {"ready": self._ready.tolist()} if self._pause else {}
        return {"collected": self._collected.tolist(), **ready}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over a state that ``state`` gave. Raises ValueError, KeyError or TypeError for any other."""
        collected = np.asarray(state["collected"], np.int64)
        if collected.shape != self._collected.shape or collected.min() < 0 or collected.max() >= self._k:
            raise ValueError(f"collected must be {self._collected.size} counts below {self._k}")
        ready = np.asarray(state["ready"] if self._pause else np.zeros_like(collected), np.int64)
        if ready.shape != collected.shape or ready.min() < 0 or ready.max() > self._pause:
            raise ValueError(f"ready must be {collected.size} counts of at most {self._pause} steps")
        self._collected[:] = collected
        self._ready[:] = ready


def _make(spec: EventDrivenEncoding, dt_us: int, seed: int) -> EventDrivenEncoder:
    return EventDrivenEncoder(spec, dt_us)


@njit(cache=True, nogil=True)
def _collect(step, pool, k, pause, collected, ready, spikes_per_step, inputs):
    """Count events into ``collected``; write the inputs that reach k and add them to spikes_per_step[step + 1].

    An input counts from its step in ``ready``, which a spike sets to ``pause`` steps later.
    """
    n_spikes = 0
    for event in range(step.size):
        p = pool[event]
        if p < 0 or step[event] < ready[p]:
            continue
        collected[p] += 1
        if collected[p] == k:
            collected[p] = 0
            ready[p] = step[event] + pause
            inputs[n_spikes] = p
            n_spikes += 1
            spikes_per_step[step[event] + 1] += 1
    return n_spikes


ENCODER = EncoderKind(code="event_driven", spec=EventDrivenEncoding, make=_make)
