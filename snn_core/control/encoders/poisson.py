"""Rate code of Bing et al. (2018): in each step an input spikes with probability rate dt.

Z. Bing et al. (2018), ICRA, "End to end learning of spiking neural network based on R-STDP for a lane keeping vehicle".
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from snn_core.control.encoders.base import EncoderKind, EncodingSpec


class PoissonEncoding(EncodingSpec):
    """Rate code; see ``snn_core.control.encoders.poisson``."""

    code: Literal["poisson"]  # type: ignore[assignment]
    max_rate_hz: float = Field(default=300.0, gt=0)
    saturation_count: float = Field(default=15.0, gt=0, description="events of a window at which the rate is reached")

    def check(self, dt_ms: float) -> None:
        if self.max_rate_hz * dt_ms > 1000:
            raise ValueError(f"max_rate_hz must be at most one spike a step ({1000 / dt_ms:g} Hz)")


class PoissonEncoder:
    """In each step an input spikes with probability rate dt.

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

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over a state that ``state`` gave. Raises ValueError, KeyError or TypeError for any other."""
        self._rng.bit_generator.state = state["rng"]


def _make(spec: PoissonEncoding, dt_us: int, seed: int) -> PoissonEncoder:
    return PoissonEncoder(spec, dt_us, np.random.default_rng([seed, 1]))


ENCODER = EncoderKind(code="poisson", spec=PoissonEncoding, make=_make)
