"""A row of the benchmark: a run, its seeds, and what its figures must reach. One YAML file each."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from snn_core.errors import UserError
from snn_core.files import StrictModel, load_yaml
from snn_core.learning.sweep.spec import ObjectiveSpec, RunSpec, SamplerSpec, SeedRange, SweepSpec

ROWS = Path(__file__).parent / "rows"
QUICK_SEEDS, QUICK_S, QUICK_EVALUATION_S = 2, 60.0, 20.0
"""What ``--quick`` runs of each row: enough to see that it runs, too little to reach anything."""


class Criterion(StrictModel):
    """What a figure must reach."""

    figure: str = Field(description="of the run's JSON; a dot leads into a nested one")
    at_most: float = Field(description="largest value that is good; a run without the figure is good, too")
    seeds: int | None = Field(default=None, ge=1, description="how many seeds must reach it; null: all")


class RowSpec(StrictModel):
    """A row."""

    title: str = Field(min_length=1, description="what is shown")
    run: RunSpec = Field(description="what is run, as in a sweep")
    seeds: SeedRange = Field(default_factory=lambda: SeedRange(count=10), description="seeds that are reported")
    reach: list[Criterion] = Field(min_length=1, description="what must hold; a seed is good where all does")

    @model_validator(mode="after")
    def _seeds_are_there(self) -> "RowSpec":
        for criterion in self.reach:
            if criterion.seeds is not None and criterion.seeds > self.seeds.count:
                raise ValueError(f"reach: seeds: expected at most {self.seeds.count}, found {criterion.seeds}")
        return self

    def sweep(self, quick: bool) -> SweepSpec:
        """The sweep that runs it."""
        run, seeds = self.run, self.seeds
        if quick:
            changes = {"seconds": QUICK_S, "evaluation_seconds": min(run.evaluation_seconds, QUICK_EVALUATION_S)}
            run = run.model_copy(update=changes)
            seeds = seeds.model_copy(update={"count": min(seeds.count, QUICK_SEEDS)})
        return SweepSpec(
            run=run,
            seeds=seeds,
            sampler=SamplerSpec(name="grid"),
            objective=ObjectiveSpec(figure="simulated_s"),
        )


def load_rows(names: Sequence[str] = ()) -> dict[str, RowSpec]:
    """Rows by name, all where none is named. Raises UserError for a name that is not known."""
    known = {path.stem: path for path in sorted(ROWS.glob("*.yaml"))}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError(f"row {unknown[0]!r}: expected one of {', '.join(known)}")
    return {name: load_yaml(known[name], RowSpec) for name in names or known}
