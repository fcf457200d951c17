"""From the figures of runs to the number that a sweep makes small, or large."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from snn_core.errors import UserError
from snn_core.learning.sweep.spec import ObjectiveSpec


def figure_of(figures: Mapping[str, object], name: str) -> float | str:
    """The figure of a run, or why it is none: a line. Raises UserError where runs have no figure of this name."""
    part: object = figures
    for key in name.split("."):
        if not isinstance(part, Mapping) or key not in part:
            known = part if isinstance(part, Mapping) else figures
            raise UserError(f"objective.figure: runs have no {name!r}; expected one of {', '.join(map(str, known))}")
        part = part[key]
    if isinstance(part, bool | int | float) and math.isfinite(part):
        return float(part)
    return f"{name}: expected a finite number, found {part!r}"


def over_seeds(values: Sequence[float], objective: ObjectiveSpec) -> float:
    """One number for several seeds."""
    if objective.over_seeds == "median":
        return float(np.median(values))
    if objective.over_seeds == "mean":
        return float(np.mean(values))
    return max(values) if objective.direction == "minimize" else min(values)
