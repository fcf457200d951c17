"""The one array type for events: a structure of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIELD_TYPES = {
    "t": np.dtype(np.int64),
    "x": np.dtype(np.uint16),
    "y": np.dtype(np.uint16),
    "polarity": np.dtype(np.uint8),
}


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """A run of events, one entry of each array an event.

    The arrays are kept as they are given: whoever makes or receives an ``Events`` shares them and does not write to
    them. Slices are views, masks and lists of indices copy, as in NumPy.

    t: shape (n,), int64, us.
    x: shape (n,), uint16, column of the pixel, 0 at the left.
    y: shape (n,), uint16, row of the pixel, 0 at the top.
    polarity: shape (n,), uint8, 1 is ON (brighter), 0 is OFF (darker).

    Raises ValueError for another type, another number of dimensions or unequal lengths.
    """

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    polarity: NDArray[np.uint8]

    def __post_init__(self) -> None:
        for name, expected in FIELD_TYPES.items():
            array: NDArray[np.generic] = getattr(self, name)  # or whatever the caller gave
            is_array = isinstance(array, np.ndarray)  # pyright: ignore[reportUnnecessaryIsInstance]
            if not is_array or array.dtype != expected or array.ndim != 1:
                found = f"{array.dtype}, {array.ndim}-d" if is_array else type(array).__name__
                raise ValueError(f"events: {name} must be a 1-d array of {expected}, found {found}")
        if not len(self.t) == len(self.x) == len(self.y) == len(self.polarity):
            lengths = ", ".join(f"{name} {len(getattr(self, name))}" for name in FIELD_TYPES)
            raise ValueError(f"events: arrays must be of equal length, found {lengths}")

    @classmethod
    def empty(cls) -> Events:
        """No events."""
        return cls(np.empty(0, np.int64), np.empty(0, np.uint16), np.empty(0, np.uint16), np.empty(0, np.uint8))

    @classmethod
    def concatenate(cls, parts: Sequence[Events]) -> Events:
        """The events of all ``parts``, one part after the other. A single part is returned as it is."""
        if not parts:
            return cls.empty()
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELD_TYPES))

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Events:
        """The events of a slice (views), of a mask or of an array of indices (copies)."""
        return Events(self.t[index], self.x[index], self.y[index], self.polarity[index])

    def equals(self, other: Events) -> bool:
        """Whether both hold the same events in the same order."""
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in FIELD_TYPES)
