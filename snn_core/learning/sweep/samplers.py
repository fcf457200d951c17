"""Optuna's samplers and pruners, as a sweep's file names them."""

import json
import warnings
from collections.abc import Callable
from itertools import islice, product
from math import prod
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from snn_core.errors import UserError
from snn_core.learning.sweep.spec import Option, SweepSpec, Uniform, Value, Values, Variation, Whole

warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
optuna.logging.set_verbosity(optuna.logging.ERROR)

Label = bool | int | float | str | None
"""What Optuna can store: a whole part of a file is stored as its JSON."""

_SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "random": optuna.samplers.RandomSampler,
    "tpe": optuna.samplers.TPESampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "nsgaii": optuna.samplers.NSGAIISampler,
}
_SAMPLER_DEFAULTS: dict[str, dict[str, Option]] = {"cmaes": {"warn_independent_sampling": False}}
_PRUNERS: dict[str, Callable[..., BasePruner]] = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "percentile": optuna.pruners.PercentilePruner,
    "successive_halving": optuna.pruners.SuccessiveHalvingPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
    "threshold": optuna.pruners.ThresholdPruner,
}


def make_sampler(spec: SweepSpec, trial: int) -> BaseSampler:
    """The sampler for one trial: its random numbers depend on the trial's number, so that a sweep can go on.

    Raises UserError for an option that Optuna's sampler does not take.
    """
    seed = spec.sampler.seed * 1_000_003 + trial
    if spec.sampler.name == "grid":
        return optuna.samplers.PartialFixedSampler(_combination(spec, trial), optuna.samplers.RandomSampler(seed))
    options = {**_SAMPLER_DEFAULTS.get(spec.sampler.name, {}), **spec.sampler.options}
    return _make(_SAMPLERS[spec.sampler.name], "sampler", {"seed": seed % 2**32, **options})


def make_pruner(spec: SweepSpec) -> BasePruner:
    """The pruner. Raises UserError for an option that Optuna's pruner does not take."""
    seeds = len(spec.seed_list)
    defaults: dict[str, dict[str, Option]] = {
        "percentile": {"percentile": 25.0},
        "successive_halving": {"min_resource": 1},
        "hyperband": {"min_resource": 1, "max_resource": seeds},
    }
    options = {**defaults.get(spec.pruner.name, {}), **spec.pruner.options}
    return _make(_PRUNERS[spec.pruner.name], "pruner", options)


def _make(kind: Callable[..., Any], where: str, options: dict[str, Any]) -> Any:
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}.options: {error}; see Optuna's documentation") from error


def trial_count(spec: SweepSpec) -> int:
    """Parameter sets of a sweep."""
    if not spec.vary:
        return 1
    if spec.sampler.name != "grid":
        assert spec.trials is not None
        return spec.trials
    combinations = prod(len(_labels(kind)) for kind in spec.vary.values())
    return min(combinations, spec.trials or combinations)


def _combination(spec: SweepSpec, number: int) -> dict[str, Label]:
    combinations = product(*(_labels(kind) for kind in spec.vary.values()))
    return dict(zip(spec.vary, next(islice(combinations, number, None)), strict=True))


def _labels(kind: Variation) -> list[Label]:
    if isinstance(kind, Whole):
        return list(range(kind.low, kind.high + 1, kind.step))
    assert isinstance(kind, Values)
    return [label_of(value) for value in kind.values]


def label_of(value: Value) -> Label:
    """A value as Optuna stores it."""
    return json.dumps(value) if isinstance(value, list | dict) else value


def suggest(trial: optuna.Trial, vary: dict[str, Variation]) -> None:
    """Have the sampler choose all values of a trial; those that it has stay."""
    for path, kind in vary.items():
        if isinstance(kind, Values):
            trial.suggest_categorical(path, [label_of(value) for value in kind.values])
        elif isinstance(kind, Uniform):
            trial.suggest_float(path, kind.low, kind.high, log=kind.kind == "log_uniform")
        else:
            trial.suggest_int(path, kind.low, kind.high, step=kind.step, log=kind.log)


def values_of(labels: dict[str, Any], vary: dict[str, Variation]) -> dict[str, Value]:
    """The values that a file is to hold, from those that Optuna stores."""
    return {path: _value(labels[path], kind) for path, kind in vary.items() if path in labels}


def _value(label: Label, kind: Variation) -> Value:
    if isinstance(kind, Values):
        return next(value for value in kind.values if label_of(value) == label)
    return label
