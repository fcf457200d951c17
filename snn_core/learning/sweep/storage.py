"""The database of a sweep: an Optuna study in one SQLite file.

A trial is a parameter set; what each of its seeds gave is an attribute of the trial, written in one transaction when
the run has ended. A trial that is under way when the sweep is killed stays so, and goes on with the seeds it lacks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from snn_core.errors import UserError
from snn_core.learning.sweep.job import Part, Result
from snn_core.learning.sweep.samplers import make_pruner, make_sampler, suggest
from snn_core.learning.sweep.spec import SweepSpec
from snn_core.version import VERSION

STUDY = "sweep"
_SEED = "seed "
_FREE = ("trials", "retries")
"""What may change when a sweep goes on."""


class SweepStorage:
    """The study of a sweep.

    path: of the SQLite file, which is made where it is missing. base: what the runs depend on besides the varied
    values. Raises UserError for a file that is no sweep's, or another sweep's.
    """

    def __init__(self, path: Path, spec: SweepSpec, base: Part) -> None:
        self._spec = spec
        self._study = _open(path, spec, create=True)
        now = _comparable(spec, base)
        before = self._study.user_attrs.get("sweep")
        if before is None:
            self._study.set_user_attr("sweep", now)
            self._study.set_user_attr("version", VERSION)
        elif difference := self._difference(before, now):
            raise UserError(
                f"{path}: was begun with another {difference}; put it back, or choose another folder by --out"
            )

    def _difference(self, before: dict[str, Any], now: dict[str, Any]) -> str:
        """Why the sweep cannot go on; empty: it can. A figure that no run had may be named better."""
        figure = now["spec"]["objective"]["figure"]
        if before["spec"]["objective"]["figure"] != figure and not any(t.state.is_finished() for t in self.trials()):
            before["spec"]["objective"]["figure"] = figure
            if not first_difference(before, now):
                self._study.set_user_attr("sweep", now)
        return first_difference(before, now)

    def count(self) -> int:
        """Trials that have been begun."""
        return len(self._study.get_trials(deepcopy=False))

    def trials(self) -> list[FrozenTrial]:
        """All trials that have been begun, by number."""
        return self._study.get_trials(deepcopy=False)

    def under_way(self) -> list[optuna.Trial]:
        """Trials that an earlier process has left."""
        left = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [self._chosen(trial.number, partial(optuna.Trial, self._study, trial._trial_id)) for trial in left]

    def begin(self) -> optuna.Trial:
        """A new trial, with its values. Raises UserError."""
        return self._chosen(self.count(), self._study.ask)

    def _chosen(self, number: int, make: Callable[[], optuna.Trial]) -> optuna.Trial:
        self._study.sampler = make_sampler(self._spec, number)
        trial = make()
        suggest(trial, self._spec.vary)
        return trial

    def finish(self, trial: optuna.Trial, value: float | None, state: TrialState) -> None:
        """Close a trial. value: of the objective; None where it is pruned or failed."""
        self._study.tell(trial, value, state=state)


def load_trials(path: Path) -> tuple[SweepSpec, list[FrozenTrial]]:
    """What a database holds: the sweep, and its trials. Raises UserError."""
    if not path.is_file():
        raise UserError(f"{path}: no such database; run the sweep first, or give its --out")
    study = _open(path, None, create=False)
    stored = study.user_attrs.get("sweep")
    if not isinstance(stored, dict):
        raise UserError(f"{path}: holds no sweep of spikedrive")
    return SweepSpec.model_validate({**stored["spec"], "trials": 1}), study.get_trials(deepcopy=False)


def _open(path: Path, spec: SweepSpec | None, create: bool) -> optuna.Study:
    url = URL.create("sqlite", database=str(path)).render_as_string()
    try:
        storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
        if not create or spec is None:
            return optuna.load_study(study_name=STUDY, storage=storage)
        return optuna.create_study(
            study_name=STUDY,
            storage=storage,
            direction=spec.objective.direction,
            pruner=make_pruner(spec),
            load_if_exists=True,
        )
    except KeyError as error:
        raise UserError(f"{path}: holds no sweep of spikedrive") from error
    except (SQLAlchemyError, RuntimeError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise UserError(f"{path}: cannot be used as a sweep's database: {reason}") from error


def _comparable(spec: SweepSpec, base: Part) -> dict[str, object]:
    """As JSON gives it back."""
    chosen = spec.model_dump(mode="json", exclude=set(_FREE))
    return cast(dict[str, object], json.loads(json.dumps({"spec": chosen, "base": base})))


def first_difference(before: object, now: object, path: str = "") -> str:
    """Dotted path of the first difference between two contents of JSON; empty: they are the same."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            if key not in before or key not in now:
                return f"{path}.{key}".removeprefix(".")
            if found := first_difference(before[key], now[key], f"{path}.{key}"):
                return found
        return ""
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return next((found for i, (a, b) in pairs if (found := first_difference(a, b, f"{path}.{i}"))), "")
    return "" if before == now else path.removeprefix(".")


def record(trial: optuna.Trial, seed: int, result: Result) -> None:
    """Keep what a run gave, in one transaction."""
    trial.set_user_attr(f"{_SEED}{seed}", dict(result))


def results_of(trial: optuna.Trial | FrozenTrial) -> dict[int, Result]:
    """What the runs of a trial gave, by seed."""
    return {
        int(key.removeprefix(_SEED)): cast(Result, value)
        for key, value in trial.user_attrs.items()
        if key.startswith(_SEED)
    }
