"""Push and pull: for each channel one population that raises it and one that lowers it, like a pair of muscles.

    x = (rate of ``raises`` - rate of ``lowers``) / full_rate_hz, clipped to [-1, 1]
    value = (low + high) / 2 + x (high - low) / 2, low-passed with tau_ms

where the rate is the mean over the population's neurons in the window. An error (wanted minus actual value) rewards the
neurons that raise the channel by itself, and those that lower it by its negative.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from snn_core.control.command import Command
from snn_core.control.decoders.base import Counts, DecoderKind
from snn_core.control.decoders.channels import ChannelDecoder, ChannelDecodingSpec, DecodedChannel


class PushPullChannel(DecodedChannel):
    """A channel and its two populations."""

    raises: str = Field(description="population that raises the channel")
    lowers: str = Field(description="population that lowers it")

    @model_validator(mode="after")
    def _are_two(self) -> "PushPullChannel":
        if self.raises == self.lowers:
            raise ValueError(f"lowers: expected another population than raises, found {self.lowers!r} for both")
        return self

    def read_populations(self) -> dict[str, str]:
        return {"raises": self.raises, "lowers": self.lowers}


class PushPullDecoding(ChannelDecodingSpec):
    """Push and pull; see ``snn_core.control.decoders.push_pull``."""

    code: Literal["push_pull"]  # type: ignore[assignment]
    command: dict[str, PushPullChannel] = Field(min_length=1, description="by channel, in the order of the command")

    def parts(self) -> Mapping[str, PushPullChannel]:
        return self.command


class PushPull(ChannelDecoder):
    """The decoder and its low-passed values."""

    def __init__(self, spec: PushPullDecoding, sizes: Mapping[str, int], window_s: float) -> None:
        super().__init__(spec.command, sizes, window_s)
        self._parts = spec.command

    def decode(self, counts: Counts) -> Command:
        """Take in a window's spike counts."""
        return self.smoothed([self._wanted(part, counts) for part in self._parts.values()])

    def _wanted(self, part: PushPullChannel, counts: Counts) -> float:
        difference_hz = self.rate_hz(counts, part.raises) - self.rate_hz(counts, part.lowers)
        x = min(max(difference_hz / part.full_rate_hz, -1.0), 1.0)
        return 0.5 * (part.low + part.high) + 0.5 * x * (part.high - part.low)

    def credit(self, errors: Sequence[float]) -> dict[str, NDArray[np.float32]]:
        """Each channel's error to its neurons that raise, its negative to those that lower."""
        rewards: dict[str, NDArray[np.float32]] = {}
        for part, error in zip(self._parts.values(), errors, strict=True):
            for population, share in ((part.raises, error), (part.lowers, -error)):
                reward = rewards.setdefault(population, np.zeros(self._sizes[population], np.float32))
                reward += np.float32(share)
        return rewards


DECODER = DecoderKind(code="push_pull", spec=PushPullDecoding, make=PushPull)
