"""An estimate of the energy that what a network has computed takes on published hardware.

A count times an energy per operation, summed; nothing here is a measurement. ``docs/energy.md`` says what is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from snn_core.network.energy.operations import (
    KINDS,
    MEMORY_BYTE,
    WEIGHT_BYTES,
    NetworkSize,
    Operations,
    dense_operations,
)
from snn_core.network.energy.table import EnergyTable, MemoryLevel, Platform


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

    platform: Platform
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


def estimate(operations: Operations, size: NetworkSize, table: EnergyTable) -> Estimate:
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


def _price(platform: Platform, counts: Mapping[str, int], state_bytes: int) -> PlatformEstimate:
    level = platform.memory_for(state_bytes)
    parts = {
        kind: Energy(*(1e-12 * count * end for end in _pj(platform, kind, level)))
        for kind, count in counts.items()
        if kind in platform.operations
    }
    absent = tuple(kind for kind, count in counts.items() if count and kind in platform.absent)
    return PlatformEstimate(platform, parts, absent, level.name if level else None)


def _pj(platform: Platform, kind: str, level: MemoryLevel | None) -> tuple[float, float]:
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
