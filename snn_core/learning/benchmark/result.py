"""What a row came to: the figures of its seeds, and whether they reach what they must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snn_core.errors import UserError
from snn_core.learning.benchmark.row import Criterion, RowSpec
from snn_core.learning.sweep.objective import figure_of
from snn_core.learning.sweep.table import Row

COMMON = ("simulated_s", "wall_s")
"""Figures that every row tells, besides those that must reach something."""


@dataclass(frozen=True)
class Figure:
    """A figure over the seeds that have one; all None where no seed has."""

    name: str
    seeds: list[int]
    values: list[float]
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None
    mean: float | None
    worst: float | None
    """The largest."""
    at_most: float | None = None
    """What it must reach; None: nothing."""
    good: list[int] | None = None
    """Seeds that reach it; None: it need not."""
    needed: int | None = None
    """How many must."""

    @property
    def reached(self) -> bool | None:
        """None: it need not."""
        return None if self.good is None or self.needed is None else len(self.good) >= self.needed


@dataclass(frozen=True)
class RowResult:
    """A row with its figures."""

    name: str
    title: str
    seeds: list[int]
    """Those that have ended."""
    asked: int
    """How many were to be run."""
    figures: list[Figure]
    failed: str | None
    """Why a run failed, in one line."""

    @property
    def reached(self) -> bool | None:
        """Whether all has been reached; None: not all seeds have ended."""
        if self.failed is not None or len(self.seeds) < self.asked:
            return None
        return all(figure.reached for figure in self.figures if figure.good is not None)


def row_result(name: str, spec: RowSpec, asked: int, table: Sequence[Row]) -> RowResult:
    """What a row came to.

    asked: number of seeds that were to be run. table: of its sweep, which has one parameter set.
    """
    runs, failed = (table[0].figures, table[0].failed) if table else ([], None)
    by_seed = {_seed(figures): figures for figures in runs}
    figures = [_criterion(criterion, by_seed, asked) for criterion in spec.reach]
    named = {figure.name for figure in figures}
    figures += [_summary(name, _values(name, by_seed)) for name in COMMON if name not in named]
    return RowResult(name, spec.title, list(by_seed), asked, figures, failed)


def _criterion(criterion: Criterion, by_seed: Mapping[int, Mapping[str, object]], asked: int) -> Figure:
    values = _values(criterion.figure, by_seed)
    good = [seed for seed in by_seed if values.get(seed, -np.inf) <= criterion.at_most]
    needed = min(criterion.seeds or asked, asked)
    return _summary(criterion.figure, values, criterion.at_most, good, needed)


def _summary(
    name: str,
    values: Mapping[int, float],
    at_most: float | None = None,
    good: list[int] | None = None,
    needed: int | None = None,
) -> Figure:
    found = list(values.values())
    lower, median, upper = np.percentile(found, (25, 50, 75)).tolist() if found else (None,) * 3
    mean, worst = (float(np.mean(found)), max(found)) if found else (None, None)
    return Figure(name, list(values), found, lower, median, upper, mean, worst, at_most, good, needed)


def _values(name: str, by_seed: Mapping[int, Mapping[str, object]]) -> dict[int, float]:
    """The figure of each seed that has one. Raises UserError where runs have none of this name."""
    found = {seed: figure_of(figures, name) for seed, figures in by_seed.items()}
    return {seed: value for seed, value in found.items() if isinstance(value, float)}


def _seed(figures: Mapping[str, object]) -> int:
    seed = figures["seed"]
    if not isinstance(seed, int):
        raise UserError(f"seed: expected a whole number, found {seed!r}")
    return seed
