"""What decoders with a part for each channel share: the parts' limits and low-pass, the errors and the state."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from snn_core.control.command import ChannelLimits, Command
from snn_core.control.decoders.base import DecodingSpec, LowPass, take_finite
from snn_core.control.signals import ERROR


class DecodedChannel(ChannelLimits):
    """A channel that is decoded by itself."""

    full_rate_hz: float = Field(default=100.0, gt=0, description="mean rate of a neuron that means full scale (Hz)")
    tau_ms: float = Field(default=100.0, ge=0, description="time constant of the low-pass (ms); 0: none")

    def limits(self) -> ChannelLimits:
        """The limits alone."""
        return ChannelLimits(**{name: getattr(self, name) for name in ChannelLimits.model_fields})

    def read_populations(self) -> dict[str, str]:
        """Populations that the channel is decoded from, by the key that names each."""
        raise NotImplementedError


class ChannelDecodingSpec(DecodingSpec):
    """A decoder with a part for each channel. Its own class says what ``command`` holds."""

    def parts(self) -> Mapping[str, DecodedChannel]:
        """The part of each channel, in order."""
        raise NotImplementedError

    def populations(self) -> dict[str, str]:
        return {
            f"command.{name}.{key}": population
            for name, part in self.parts().items()
            for key, population in part.read_populations().items()
        }

    def channels(self) -> dict[str, ChannelLimits | None]:
        return {name: part.limits() for name, part in self.parts().items()}


class ChannelDecoder:
    """The low-pass of each channel.

    Its errors are wanted minus actual value, ``error.CHANNEL`` for each channel; of a single channel just ``error``.
    """

    def __init__(self, parts: Mapping[str, DecodedChannel], sizes: Mapping[str, int], window_s: float) -> None:
        self.names = tuple(parts)
        self.errors = tuple(f"{ERROR}.{name}" for name in parts) if len(parts) > 1 else (ERROR,)
        self._sizes = sizes
        self._window_s = window_s
        self._low_passes = [LowPass(part.low, part.high, part.tau_ms, window_s) for part in parts.values()]

    def rest(self) -> Command:
        """0 on every channel, or what is nearest to it."""
        return Command(self.names, tuple(low_pass.rest() for low_pass in self._low_passes))

    def smoothed(self, wanted: Sequence[float]) -> Command:
        """The command after a window that asks for these values."""
        pairs = zip(self._low_passes, wanted, strict=True)
        return Command(self.names, tuple(low_pass.step(value) for low_pass, value in pairs))

    def rate_hz(self, counts: Any, population: str) -> float:
        """Mean rate of a population's neurons in the window (Hz)."""
        return float(counts[population].sum()) / (self._sizes[population] * self._window_s)

    def state(self) -> list[float]:
        """The smoothed value of each channel."""
        return [low_pass.value for low_pass in self._low_passes]

    def set_state(self, state: Sequence[float]) -> None:
        """Take over what ``state`` gave. Raises ValueError."""
        for low_pass, value in zip(self._low_passes, take_finite(state, len(self.names)), strict=True):
            low_pass.value = value
