"""Events as columns of numbers: which column is what, in which unit the times are, and how they become events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn_core.events.files.limits import OUTSIDE, UNTIMED

ROLES = ("t", "x", "y", "polarity")
NAMES = {
    "t": ("t", "ts", "time", "times", "timestamp", "timestamps"),
    "x": ("x", "xs", "col", "cols", "column", "columns"),
    "y": ("y", "ys", "row", "rows"),
    "polarity": ("p", "ps", "pol", "pols", "polarity", "polarities", "on", "sign"),
}
UNIT_US = {"s": 1e6, "sec": 1e6, "seconds": 1e6, "ms": 1e3, "us": 1.0, "usec": 1.0, "microseconds": 1.0, "ns": 1e-3}
"""Microseconds in a unit, by the names that columns give it."""
AFFIXES = ("pos", "position", "coord", "coordinate", "addr", "address", "px", "pixel", "pixels")
OTHER_DATA = {"trigger", "triggers", "frame", "frames", "image", "images", "imu"}
MAX_MISFIT_SHARE = 0.1
MIN_NANOSECONDS = 10**17
"""Whole numbers as large as this are Unix times in ns: in us it would be the year 5138."""

# The orders in which data sets have their columns, the commoner ones first.
ORDERS = (
    ("t", "x", "y", "polarity"),
    ("x", "y", "polarity", "t"),
    ("x", "y", "t", "polarity"),
    ("t", "polarity", "x", "y"),
    ("polarity", "t", "x", "y"),
)


@dataclass(frozen=True)
class Unit:
    """The unit of times: us in one of it, and its name."""

    us: float
    name: str

    def to_us(self, times: NDArray) -> NDArray[np.int64]:
        """Times in us, rounded; those that are no numbers, or too large, become UNTIMED."""
        if times.dtype.kind in "iub":
            if self.us >= 1:
                return _whole(times, int(self.us))
            whole = times.astype(np.int64)
            return whole // round(1 / self.us)
        scaled = times.astype(np.float64) * self.us
        is_time = np.abs(scaled) < 2**62
        return np.where(is_time, np.rint(np.where(is_time, scaled, 0)), UNTIMED).astype(np.int64)


MICROSECONDS = Unit(1.0, "us")


def role_of(name: str) -> str | None:
    """What a column of that name is, whatever its case, prefix and unit ("events_ts", "time [us]"); None for others."""
    parts = _parts(name)
    while len(parts) > 1 and (parts[-1] in UNIT_US or parts[-1] in AFFIXES):
        parts.pop()
    if not parts or OTHER_DATA.intersection(parts):
        return None
    return next((role for role, names in NAMES.items() if parts[-1] in names), None)


def unit_of(name: str, first_times: NDArray) -> Unit:
    """The unit of times: the one that the column's name ends in, or what their values look like.

    Whole numbers are us (ns where they are very large), numbers with a fraction s.
    """
    parts = _parts(name)
    if len(parts) > 1 and parts[-1] in UNIT_US:
        return Unit(UNIT_US[parts[-1]], parts[-1])
    if first_times.dtype.kind in "iub":
        is_large = len(first_times) and int(first_times.max()) >= MIN_NANOSECONDS
        return Unit(1e-3, "ns") if is_large else MICROSECONDS
    finite = first_times[np.isfinite(first_times)]
    return Unit(1e6, "s") if np.any(finite != np.rint(finite)) else MICROSECONDS


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[^a-z]+", name.lower()) if part]


def guess_order(sample: NDArray[np.float64]) -> tuple[str, ...] | None:
    """The roles of four columns by the values of their first rows, shape (n, 4); None where no order fits.

    Polarities are 0 and 1, or -1 and 1. Times hardly ever step back. Coordinates fit 16 bits.
    """
    sample = sample[np.all(np.isfinite(sample), axis=1)]
    if not len(sample):
        return None
    fitting = [order for order in ORDERS if all(_fits(sample[:, i], role) for i, role in enumerate(order))]

    def looks_like_time(order: tuple[str, ...]) -> tuple[bool, float]:
        times = sample[:, order.index("t")]
        return bool(np.any(times != np.rint(times))), float(np.ptp(times))

    return max(fitting, key=looks_like_time, default=None)


def _fits(column: NDArray[np.float64], role: str) -> bool:
    """Whether nearly all numbers fit: a few may be damaged."""
    if role == "polarity":
        share = max(np.mean(np.isin(column, values)) for values in ((0, 1), (-1, 1)))
    elif role == "t":
        share = 1.0 if len(column) < 2 else np.mean(np.diff(column) >= 0)
    else:
        share = np.mean((column >= 0) & (column < OUTSIDE))
    return bool(share > 1 - MAX_MISFIT_SHARE)


def coordinates(column: NDArray) -> NDArray[np.uint16]:
    """Coordinates as uint16, rounded; what does not fit becomes OUTSIDE."""
    if column.dtype == np.uint16:
        return np.ascontiguousarray(column)
    if column.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            column = np.rint(column)
    inside = (column >= 0) & (column < OUTSIDE)
    return np.where(inside, np.where(inside, column, 0), OUTSIDE).astype(np.uint16)


def polarities(column: NDArray) -> NDArray[np.uint8]:
    """Polarities as 0 and 1: what is above 0 is ON."""
    if column.dtype == np.bool_:
        return np.ascontiguousarray(column).view(np.uint8)
    return (column > 0).view(np.uint8)


def _whole(times: NDArray, factor: int) -> NDArray[np.int64]:
    """Whole numbers times a factor; those too large become UNTIMED."""
    limit = 2**62 // factor
    if times.dtype.itemsize < 8:
        return times.astype(np.int64) * factor
    is_time = (times < limit) if times.dtype.kind == "u" else (times < limit) & (times > -limit)
    return np.where(is_time, times.astype(np.int64) * factor, UNTIMED)


def find_roles(names: Iterable[str]) -> dict[str, str] | None:
    """The names of the columns t, x, y and polarity; None where one of them is missing."""
    found: dict[str, str] = {}
    for name in names:
        role = role_of(name)
        if role is not None:
            found.setdefault(role, name)
    return found if len(found) == len(ROLES) else None


def roles_by_position(names: Sequence[str]) -> tuple[str, ...] | None:
    """The roles of columns by their names, in order; None where one of the four is missing or there twice."""
    roles = tuple(role_of(name) or "" for name in names)
    return roles if all(roles.count(role) == 1 for role in ROLES) else None
