"""What a decoder is to the rest: from a window's spike counts to a command, and from errors to each neuron's reward."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from snn_core.control.command import ChannelLimits, Command
from snn_core.files import StrictModel

Counts = Mapping[str, NDArray[np.int64]]
"""Spikes of each neuron in a window, (size,), by population."""


class DecodingSpec(StrictModel):
    """What every decoder has. A decoder's own class adds ``code: Literal[...]`` and its parameters."""

    code: str

    def populations(self) -> dict[str, str]:
        """Populations that the decoder reads, by the key that names each."""
        raise NotImplementedError

    def check(self, sizes: Mapping[str, int]) -> None:
        """Raises ValueError, naming the key, where the parameters do not fit populations of these sizes."""

    def channels(self) -> dict[str, ChannelLimits | None]:
        """The channels of its commands, in order, with their limits; None: those that the robot's parameters give."""
        raise NotImplementedError


class Decoder(Protocol):
    """A decoder and its low-passed state."""

    @property
    def errors(self) -> tuple[str, ...]:
        """Names of the signals that ``credit`` takes, in order."""
        ...

    def rest(self) -> Command:
        """Forget the past, as when the robot is placed at a start; return the command to begin with."""
        ...

    def decode(self, counts: Counts) -> Command:
        """Take in a window's spike counts; return the command that they ask for."""
        ...

    def credit(self, errors: Sequence[float]) -> dict[str, NDArray[np.float32]]:
        """The reward of each output neuron, (size,) by population, for errors in the order of ``errors``."""
        ...

    def state(self) -> list[float]:
        """The low-passed state, for a checkpoint."""
        ...

    def set_state(self, state: Sequence[float]) -> None:
        """Take over finite numbers that ``state`` gave. Raises ValueError for another number of them."""
        ...


Description = TypeVar("Description", bound=DecodingSpec)


class DecoderKind(NamedTuple, Generic[Description]):
    """A decoder, as its file gives it by the name ``DECODER``."""

    code: str
    spec: type[Description]
    """The class of its description."""
    make: Callable[[Description, Mapping[str, int], float], Decoder]
    """(its description, sizes of its populations, window in s) -> the decoder, at rest."""


class LowPass:
    """A first-order low-pass of a value in [low, high], stepped a window at a time.

    tau_ms: time constant, ms; 0: none.
    """

    def __init__(self, low: float, high: float, tau_ms: float, window_s: float) -> None:
        self._weight = 1.0 if tau_ms == 0 else 1.0 - float(np.exp(-1000.0 * window_s / tau_ms))
        self._at_rest = min(max(0.0, low), high)
        self.value = self._at_rest

    def rest(self) -> float:
        """Back to 0, or to what is nearest to it."""
        self.value = self._at_rest
        return self.value

    def step(self, wanted: float) -> float:
        """Take in the wanted value of a window."""
        self.value += self._weight * (wanted - self.value)
        return self.value


def take_finite(state: Sequence[float], size: int) -> list[float]:
    """``size`` finite numbers. Raises ValueError for anything else."""
    numbers = [float(value) for value in state]
    if len(numbers) != size or not np.isfinite(numbers).all():
        raise ValueError(f"the decoder's state must be {size} finite numbers, found {list(state)}")
    return numbers
