"""What a sweep is: a run, seeds, parameters that vary, who chooses their values, and what is to be small or large."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from snn_core.files import StrictModel, load_yaml
from snn_core.learning.train import Control

Value = bool | int | float | str | None | list[object] | dict[str, object]
"""Of a parameter: whatever a YAML file can hold."""
Option = bool | int | float | str
LARGEST_SEED = 2**31 - 1
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
ROOTS = ("network", "task", "simulator", "reward", "controller")
"""Where the dotted path of a parameter begins."""


class RunSpec(StrictModel):
    """The run that is repeated: what ``spikedrive train`` takes."""

    task: str = Field(default="lane", description="what to learn: see `spikedrive tasks`")
    seconds: float = Field(default=1000.0, ge=0.05, le=1e7, description="simulated time to train (s)")
    evaluation_seconds: float = Field(
        default=300.0, ge=0, le=1e7, description="simulated time to evaluate frozen (s); 0: not at all"
    )
    evaluation_tracks: list[str] = Field(
        default_factory=list,
        description="tracks on which it is evaluated as long, besides its own; figures are on.TRACK.NAME",
    )
    parameters: Path | None = Field(
        default=None, description="parameter file: a shipped name or a path; null: the task's"
    )
    network: str | None = Field(default=None, description="a shipped name or a .yaml file; null: the task's")
    track: str | None = Field(default=None, description="a shipped name or a .yaml file; null: the parameter file's")
    schedule: str | None = Field(
        default=None, description="what changes in mid-run (.yaml); null: the parameter file's"
    )
    backend: str | None = Field(default=None, description="simulator; null: the parameter file's")
    checkpoint: Path | None = Field(default=None, description="go on from this checkpoint; null: new weights")
    learning_rate_per_ms: float | None = Field(
        default=None, ge=0, description="of all rules (nA/ms); null: the network's"
    )
    control: Control = Field(default="none", description="what to take away, to show that it is needed")


class SeedRange(StrictModel):
    """Seeds that follow each other."""

    first: Seed = Field(default=0, description="the first seed")
    count: int = Field(ge=1, le=100_000, description="how many")

    @model_validator(mode="after")
    def _in_range(self) -> "SeedRange":
        if self.first + self.count - 1 > LARGEST_SEED:
            raise ValueError(f"first + count: expected seeds of at most {LARGEST_SEED}")
        return self


class Values(StrictModel):
    """One of some values. ``grid`` and ``choice`` mean the same; the sampler ``grid`` tries every combination."""

    kind: Literal["grid", "choice"]
    values: list[Value] = Field(min_length=1, description="numbers, texts, or whole parts of the file")

    @field_validator("values")
    @classmethod
    def _distinct(cls, values: list[Value]) -> list[Value]:
        if any(a == b for i, a in enumerate(values) for b in values[:i]):
            raise ValueError("expected values that differ; remove what stands there twice")
        return values


class Uniform(StrictModel):
    """A number between two others, ends included."""

    kind: Literal["uniform", "log_uniform"]
    low: float = Field(description="smallest value; above 0 for log_uniform")
    high: float = Field(description="largest value")

    @model_validator(mode="after")
    def _ordered(self) -> "Uniform":
        if not self.low < self.high:
            raise ValueError(f"low: expected less than high ({self.high:g}), found {self.low:g}")
        if self.kind == "log_uniform" and self.low <= 0:
            raise ValueError(f"low: expected more than 0 for log_uniform, found {self.low:g}")
        return self


class Whole(StrictModel):
    """A whole number between two others, ends included."""

    kind: Literal["int"]
    low: int = Field(description="smallest value")
    high: int = Field(description="largest value")
    step: int = Field(default=1, ge=1, description="between two values")
    log: bool = Field(default=False, description="drawn by its logarithm; step must be 1 and low above 0")

    @model_validator(mode="after")
    def _ordered(self) -> "Whole":
        if not self.low < self.high:
            raise ValueError(f"low: expected less than high ({self.high}), found {self.low}")
        if (self.high - self.low) % self.step:
            raise ValueError(f"step: expected high - low ({self.high - self.low}) to be a multiple of it")
        if self.log and (self.low < 1 or self.step != 1):
            raise ValueError("log: expected low above 0 and no step")
        return self


def _seeds_kind(seeds: object) -> str:
    return "range" if isinstance(seeds, dict | SeedRange) else "list"


Seeds = Annotated[Annotated[list[Seed], Tag("list")] | Annotated[SeedRange, Tag("range")], Discriminator(_seeds_kind)]
Variation = Annotated[Values | Uniform | Whole, Field(discriminator="kind")]


class SamplerSpec(StrictModel):
    """Who chooses the values."""

    name: Literal["grid", "random", "tpe", "cmaes", "nsgaii"] = Field(
        default="tpe", description="grid: every combination; random; the others are Optuna's"
    )
    seed: Seed = Field(default=0, description="of the choices, not of the runs")
    options: dict[str, Option] = Field(
        default_factory=dict, description="arguments of Optuna's sampler, n_startup_trials for instance"
    )


class PrunerSpec(StrictModel):
    """Who gives up a parameter set after some of its seeds."""

    name: Literal["none", "median", "percentile", "successive_halving", "hyperband", "threshold"] = Field(
        default="none", description="Optuna's pruner; a step is one more seed that has been run"
    )
    options: dict[str, Option] = Field(
        default_factory=dict, description="arguments of Optuna's pruner, n_startup_trials for instance"
    )


class ObjectiveSpec(StrictModel):
    """What is to be small, or large."""

    figure: str = Field(description="a figure of the run's JSON; a dot leads into a nested one")
    over_seeds: Literal["median", "mean", "worst"] = Field(default="median", description="how seeds become one number")
    direction: Literal["minimize", "maximize"] = Field(default="minimize", description="what is better")


class SweepSpec(StrictModel):
    """A sweep: one YAML file."""

    run: RunSpec = Field(default_factory=RunSpec, description="what is run")
    seeds: Seeds = Field(default_factory=lambda: SeedRange(count=3), description="a list, or {first: 0, count: 10}")
    vary: dict[str, Variation] = Field(
        default_factory=dict,
        description="values by dotted path into network, task, simulator, reward or controller; none: seeds alone",
    )
    sampler: SamplerSpec = Field(default_factory=SamplerSpec, description="who chooses the values")
    pruner: PrunerSpec = Field(default_factory=PrunerSpec, description="who gives up a parameter set early")
    objective: ObjectiveSpec = Field(description="what is to be small, or large")
    trials: int | None = Field(
        default=None, ge=1, le=1_000_000, description="parameter sets to try; null, for grid alone: all of them"
    )
    retries: int = Field(default=2, ge=0, le=100, description="how often a run whose process died is run again")

    @field_validator("seeds")
    @classmethod
    def _distinct_seeds(cls, seeds: list[int] | SeedRange) -> list[int] | SeedRange:
        if isinstance(seeds, list) and (not seeds or len(set(seeds)) != len(seeds)):
            raise ValueError("expected at least one seed, and none twice")
        return seeds

    @field_validator("vary")
    @classmethod
    def _known_roots(cls, vary: dict[str, Variation]) -> dict[str, Variation]:
        for path in vary:
            root, _, rest = path.partition(".")
            if root not in ROOTS or not rest:
                raise ValueError(f"{path}: expected a path that begins with {', '.join(ROOTS)} and a dot")
        return vary

    @model_validator(mode="after")
    def _countable(self) -> "SweepSpec":
        if self.sampler.name == "grid":
            endless = next((path for path, kind in self.vary.items() if isinstance(kind, Uniform)), None)
            if endless is not None:
                raise ValueError(
                    f"sampler: grid: expected values or int for {endless}, found {self.vary[endless].kind}"
                )
        elif self.vary and self.trials is None:
            raise ValueError(f"trials: expected a number of parameter sets for sampler {self.sampler.name}")
        return self

    @property
    def seed_list(self) -> list[int]:
        """All seeds, in the order in which they are run."""
        if isinstance(self.seeds, SeedRange):
            return list(range(self.seeds.first, self.seeds.first + self.seeds.count))
        return list(self.seeds)


def load_sweep(path: Path) -> SweepSpec:
    """Read a sweep's file. Its paths are relative to the working directory. Raises UserError with file and key."""
    return load_yaml(path, SweepSpec)
