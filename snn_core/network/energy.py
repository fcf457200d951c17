"""What a network has computed, and an estimate of the energy that this takes on published hardware.

A count times an energy per operation, summed; nothing here is a measurement. ``docs/energy.md`` says what is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

if TYPE_CHECKING:
    from snn_core.network.energy_table import EnergyTable, MemoryLevel, Platform

WEIGHT_BYTES = 4
"""A float32."""
MEMORY_BYTE = "memory_byte"
"""In a table: the price of a byte in the memory that holds the state."""
_Count = Annotated[int, Field(ge=0)]


class Operations(NamedTuple):
    """Counts since the network was made, as a neuromorphic chip would count them."""

    steps: _Count
    """Steps of the network."""
    neuron_updates: _Count
    """Neurons times steps, without spike sources."""
    spikes: _Count
    """Of neurons and of inputs."""
    synaptic_events: _Count
    """Weights delivered to a postsynaptic neuron: one for each synapse of a row whose neuron spiked."""
    learning_updates: _Count
    """Synapses whose weight or eligibility the rule has read and written."""
    memory_bytes: _Count
    """Bytes of synapse memory that were read and written."""

    def since(self, earlier: "Operations") -> "Operations":
        """What has been computed since ``earlier``, counts of the same network."""
        return Operations(*(now - before for now, before in zip(self, earlier, strict=True)))


KINDS = Operations._fields[1:]
"""The kinds of operation that take energy."""


class NetworkSize(NamedTuple):
    """How large a network is."""

    synapses: _Count
    state_bytes: _Count
    """Memory that its arrays take: the sum of ``Network.memory()``."""


class DenseOperations(NamedTuple):
    """What a dense network computes."""

    multiply_accumulates: int
    memory_bytes: int
    """Bytes of weights that are read."""


class Energy(NamedTuple):
    """An energy (J), or a ratio of two, known to lie in a range; the ends are equal where the table has one value."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The mean of both ends."""
        return (self.low + self.high) / 2

    def times(self, factor: float) -> "Energy":
        """Both ends times a factor that is not negative."""
        return Energy(self.low * factor, self.high * factor)


@dataclass(frozen=True)
class PlatformEstimate:
    """The estimated energy of some counts on one platform."""

    platform: "Platform"
    parts: dict[str, Energy]
    """For each kind of operation that has a price of its own, J."""
    absent: tuple[str, ...]
    """Kinds that were counted and that the table has no price for: the total lacks them."""
    memory: str | None
    """The memory that the state is taken to lie in, where the platform's table tells memories apart."""

    @property
    def total(self) -> Energy:
        """J."""
        return Energy(sum(part.low for part in self.parts.values()), sum(part.high for part in self.parts.values()))

    def share(self, kind: str) -> float | None:
        """The part of the total that is a kind's, between 0 and 1; None for a kind without a price or a total of 0."""
        if kind not in self.parts or not self.total.middle:
            return None
        return self.parts[kind].middle / self.total.middle


@dataclass(frozen=True)
class Estimate:
    """The estimated energy on every platform, next to that of a dense network of the same shape."""

    platforms: list[PlatformEstimate]
    dense: PlatformEstimate

    def ratio(self, of: PlatformEstimate) -> Energy | None:
        """Energy as a multiple of the dense network's; None where that needs none.

        On the dense network's own platform low goes with low, since both have the same prices.
        """
        own, dense = of.total, self.dense.total
        if not dense.low:
            return None
        if of.platform is self.dense.platform:
            return Energy(*sorted((own.low / dense.low, own.high / dense.high)))
        return Energy(own.low / dense.high, own.high / dense.low)


def dense_operations(size: NetworkSize, steps: int) -> DenseOperations:
    """What a dense (not spiking, clock-driven) network with the same synapses needs in ``steps`` of the same length.

    In every step each synapse costs a multiply-accumulate in float32 and the fetch of its weight from memory, whatever
    the input. Nothing is counted for activation functions, activations' memory or learning, so the comparison leans
    towards the dense network in these; it leans the other way in that a dense network need not run in every step.
    """
    multiply_accumulates = size.synapses * steps
    return DenseOperations(multiply_accumulates, WEIGHT_BYTES * multiply_accumulates)


def estimate(operations: Operations, size: NetworkSize, table: "EnergyTable") -> Estimate:
    """Estimate the energy of ``operations`` on every platform of ``table``, and that of a dense network.

    Where a platform's table has several memories, all state lies in the smallest that holds it: ``size.state_bytes``
    for the spiking network, the weights for the dense one.
    """
    counts = {kind: getattr(operations, kind) for kind in KINDS}
    dense = dense_operations(size, operations.steps)._asdict()
    return Estimate(
        platforms=[_price(platform, counts, size.state_bytes) for platform in table.platforms],
        dense=_price(table.dense, dense, WEIGHT_BYTES * size.synapses),
    )


def _price(platform: "Platform", counts: Mapping[str, int], state_bytes: int) -> PlatformEstimate:
    level = platform.memory_for(state_bytes)
    parts = {
        kind: Energy(*(1e-12 * count * end for end in _pj(platform, kind, level)))
        for kind, count in counts.items()
        if kind in platform.operations
    }
    absent = tuple(kind for kind, count in counts.items() if count and kind in platform.absent)
    return PlatformEstimate(platform, parts, absent, level.name if level else None)


def _pj(platform: "Platform", kind: str, level: "MemoryLevel | None") -> tuple[float, float]:
    """Energy of one operation of a kind, low and high, pJ."""
    low = high = 0.0
    for name, count in platform.operations[kind].needs.items():
        if name == MEMORY_BYTE:
            assert level is not None  # the table was checked
            price = tuple(end / level.access_bytes for end in level.pj)
        else:
            price = platform.prices[name].pj
        low, high = low + count * price[0], high + count * price[1]
    return low, high
