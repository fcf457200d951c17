"""The table of a sweep: each parameter set, with median and quartiles of the objective over its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from snn_core.learning.sweep.objective import figure_of
from snn_core.learning.sweep.samplers import values_of
from snn_core.learning.sweep.spec import SweepSpec, Value
from snn_core.learning.sweep.storage import results_of

State = Literal["complete", "pruned", "failed", "unfinished"]
_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "unfinished",
    TrialState.WAITING: "unfinished",
}
_ORDER: tuple[State, ...] = ("complete", "unfinished", "pruned", "failed")


@dataclass(frozen=True)
class Row:
    """A parameter set. Quartiles and median are of the objective's figure; None: no seed has one."""

    trial: int
    state: State
    parameters: dict[str, Value]
    seeds: list[int]
    """Those that have ended with a figure."""
    values: list[float]
    """Of these seeds."""
    objective: float | None
    """What the sampler was told."""
    lower_quartile: float | None
    median: float | None
    upper_quartile: float | None
    failed: str | None
    """Why it failed, in one line."""
    figures: list[dict[str, object]]
    """All that the runs gave, by seed."""


def make_table(spec: SweepSpec, trials: Sequence[FrozenTrial]) -> list[Row]:
    """A row for each parameter set; the best first, what was pruned or failed last."""
    rows = [_row(spec, trial) for trial in trials]
    sign = 1.0 if spec.objective.direction == "minimize" else -1.0

    def order(row: Row) -> tuple[int, float, int]:
        value = row.objective if row.objective is not None else row.median
        return _ORDER.index(row.state), float("inf") if value is None else sign * value, row.trial

    return sorted(rows, key=order)


def _row(spec: SweepSpec, trial: FrozenTrial) -> Row:
    results = dict(sorted(results_of(trial).items()))
    figures = {seed: result["figures"] for seed, result in results.items() if "figures" in result}
    found = {seed: figure_of(figures[seed], spec.objective.figure) for seed in figures}
    values = {seed: value for seed, value in found.items() if isinstance(value, float)}
    lower, median, upper = np.percentile(list(values.values()), (25, 50, 75)).tolist() if values else (None,) * 3
    return Row(
        trial=trial.number,
        state=_STATES[trial.state],
        parameters=values_of(trial.params, spec.vary),
        seeds=list(values),
        values=list(values.values()),
        objective=trial.value if trial.state == TrialState.COMPLETE else None,
        lower_quartile=lower,
        median=median,
        upper_quartile=upper,
        failed=trial.user_attrs.get("failed"),
        figures=list(figures.values()),
    )


def table_figures(spec: SweepSpec, rows: Sequence[Row]) -> dict[str, object]:
    """The table as JSON holds it."""
    return {"objective": spec.objective.model_dump(), "trials": [asdict(row) for row in rows]}
