"""What an encoder is to the rest: from pooled events to the spikes of an input population.

An encoder takes the events of a window as plain arrays, the time of each and the pool it fell into. It gives the input
spikes of the window's steps in the form that ``Network.advance`` takes: ``offsets`` (steps + 1,) int64 and ``inputs``
(spikes,) int32.
"""

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue

from snn_core.control.encoders.pooling_spec import PoolingSpec
from snn_core.files import StrictModel


class EncodingSpec(StrictModel):
    """What every encoder has. An encoder's own class adds ``code: Literal[...]`` and its parameters."""

    code: str
    population: str = Field(description="spike source that it drives, an input for each pool")
    pooling: PoolingSpec

    def check(self, dt_ms: float) -> None:
        """Raises ValueError, naming the key, where the parameters do not fit a step of ``dt_ms``."""


class Encoder(Protocol):
    """An encoder and what it carries over from window to window."""

    def encode(
        self, time_us: NDArray[np.int64], pool: NDArray[np.int32], begin_us: int, steps: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Input spikes of the ``steps`` from ``begin_us`` (us): offsets and inputs.

        time_us: (events,) int64, sorted, within the window. pool: (events,) int32, -1 where an event falls into none.
        """
        ...

    def rest(self) -> None:
        """Forget what was carried over."""
        ...

    def state(self) -> dict[str, JsonValue]:
        """What is carried over, as JSON can hold it."""
        ...

    def set_state(self, state: Mapping[str, JsonValue]) -> None:
        """Take over a state that ``state`` gave. Raises ValueError, KeyError or TypeError for any other."""
        ...


Description = TypeVar("Description", bound=EncodingSpec)


class EncoderKind(NamedTuple, Generic[Description]):
    """An encoder, as its file gives it by the name ``ENCODER``."""

    code: str
    spec: type[Description]
    """The class of its description."""
    make: Callable[[Description, int, int], Encoder]
    """(its description, dt_us, seed) -> the encoder."""
