"""Rate code: each channel from the mean rate of a population.

    value = low + min(rate / full_rate_hz, 1) (high - low), low-passed with tau_ms

where the rate is the mean over the population's neurons in the window. An error (wanted minus actual value) rewards all
of the channel's neurons by itself.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.control.command import Command
from snn_core.control.decoders.base import Counts, DecoderKind
from snn_core.control.decoders.channels import ChannelDecoder, ChannelDecodingSpec, DecodedChannel


class RateChannel(DecodedChannel):
    """A channel and its population."""

    population: str = Field(description="population whose rate the channel follows")

    def read_populations(self) -> dict[str, str]:
        return {"population": self.population}


class RateDecoding(ChannelDecodingSpec):
    """Rate code; see ``snn_core.control.decoders.rate``."""

    code: Literal["rate"]  # type: ignore[assignment]
    command: dict[str, RateChannel] = Field(min_length=1, description="by channel, in the order of the command")

    def parts(self) -> Mapping[str, RateChannel]:
        return self.command


class Rate(ChannelDecoder):
    """The decoder and its low-passed values."""

    def __init__(self, spec: RateDecoding, sizes: Mapping[str, int], window_s: float) -> None:
        super().__init__(spec.command, sizes, window_s)
        self._parts = spec.command

    def decode(self, counts: Counts) -> Command:
        """Take in a window's spike counts."""
        return self.smoothed([self._wanted(part, counts) for part in self._parts.values()])

    def _wanted(self, part: RateChannel, counts: Counts) -> float:
        share = min(self.rate_hz(counts, part.population) / part.full_rate_hz, 1.0)
        return part.low + share * (part.high - part.low)

    def credit(self, errors: Sequence[float]) -> dict[str, NDArray[np.float32]]:
        """Each channel's error to all of its neurons."""
        rewards: dict[str, NDArray[np.float32]] = {}
        for part, error in zip(self._parts.values(), errors, strict=True):
            reward = rewards.setdefault(part.population, np.zeros(self._sizes[part.population], np.float32))
            reward += np.float32(error)
        return rewards


DECODER = DecoderKind(code="rate", spec=RateDecoding, make=Rate)
