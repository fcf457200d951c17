"""The one array type for external triggers: edges at a camera's trigger inputs, on the clock of its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIELD_TYPES = {"t": np.dtype(np.int64), "channel": np.dtype(np.uint16), "edge": np.dtype(np.uint8)}


@dataclass(frozen=True, slots=True, eq=False)
class Triggers:
    """A run of external triggers, one entry of each array a trigger.

    t: shape (n,), int64, us.
    channel: shape (n,), uint16, the number of the input.
    edge: shape (n,), uint8, 1 is rising, 0 is falling.

    Raises ValueError for another type, another number of dimensions or unequal lengths.
    """

    t: NDArray[np.int64]
    channel: NDArray[np.uint16]
    edge: NDArray[np.uint8]

    def __post_init__(self) -> None:
        for name, expected in FIELD_TYPES.items():
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != expected or array.ndim != 1:
                found = f"{array.dtype}, {array.ndim}-d" if isinstance(array, np.ndarray) else type(array).__name__
                raise ValueError(f"triggers: {name} must be a 1-d array of {expected}, found {found}")
        if not len(self.t) == len(self.channel) == len(self.edge):
            raise ValueError(f"triggers: unequal lengths {len(self.t)}, {len(self.channel)}, {len(self.edge)}")

    @classmethod
    def uninitialised(cls, n: int) -> Triggers:
        """Arrays for n triggers, to be written to."""
        return cls(np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint8))

    @classmethod
    def concatenate(cls, parts: Sequence[Triggers]) -> Triggers:
        """The triggers of all ``parts``, one part after the other."""
        if not parts:
            return cls.uninitialised(0)
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELD_TYPES))

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, index: slice) -> Triggers:
        """The triggers of a slice (views)."""
        return Triggers(self.t[index], self.channel[index], self.edge[index])

    def equals(self, other: Triggers) -> bool:
        """Whether both hold the same triggers in the same order."""
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in FIELD_TYPES)
