"""Which run is next: trials by trials and seed by seed, given to an executor until all have ended."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import optuna
from optuna.trial import TrialState

from snn_core.errors import UserError
from snn_core.learning.sweep.base import with_values
from snn_core.learning.sweep.executors import Executor, Key, Outcome
from snn_core.learning.sweep.job import Job, Result
from snn_core.learning.sweep.objective import figure_of, over_seeds
from snn_core.learning.sweep.samplers import trial_count, values_of
from snn_core.learning.sweep.spec import SweepSpec
from snn_core.learning.sweep.storage import SweepStorage, record, results_of

_LOOK_EVERY_S = 0.5
"""Wall time between two looks at whether Ctrl-C was pressed."""


@dataclass
class OpenTrial:
    """A parameter set of which some seeds have not ended."""

    trial: optuna.Trial
    job: Job
    waiting: deque[int]
    results: dict[int, Result]
    running: set[int] = field(default_factory=set)
    reported: int = 0
    pruned: bool = False


@dataclass(frozen=True)
class SweepState:
    """How far a sweep is."""

    total: int
    """Runs of all trials."""
    ended: int
    """Of them, those that have ended, or need not be run: their trial was pruned, or its values are refused."""
    ran: int
    """Those that this process has seen end."""
    failed: int
    pruned: int
    """Trials."""
    best: float | None


OnProgress = Callable[[SweepState], None]


class Scheduler:
    """Runs a sweep. interrupted: asked twice a second; True ends it, and what was running is run again next time."""

    def __init__(
        self,
        spec: SweepSpec,
        base: Job,
        storage: SweepStorage,
        executor: Executor,
        on_progress: OnProgress = lambda state: None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._spec, self._base, self._storage, self._executor = spec, base, storage, executor
        self._on_progress, self._interrupted = on_progress, interrupted
        self._seeds = spec.seed_list
        self._trials = trial_count(spec)
        self._open: dict[int, OpenTrial] = {}
        self._deaths: Counter[Key] = Counter()
        self._begun = storage.count()
        self._ran = self.failed = 0
        self.busy_s = 0.0
        """Wall time of the runs that this process has seen end, over all workers (s)."""
        self._left_out = self._pruned = 0
        self._best: float | None = None
        self._take_stock()

    def _take_stock(self) -> None:
        """Count what an earlier process has left, and take up the trials that were under way."""
        self._done = 0
        for trial in self._storage.trials():
            results = results_of(trial)
            self._done += len(results)
            self.failed += sum("failed" in result for result in results.values())
            if trial.state.is_finished():
                self._left_out += len(self._seeds) - len(results)
                self._pruned += trial.state == TrialState.PRUNED
            if trial.state == TrialState.COMPLETE:
                self._note(trial.value)
        for trial in self._storage.under_way():
            self._take_up(trial)

    def run(self) -> bool:
        """Until all trials have ended. Returns whether it was interrupted. Raises UserError."""
        self._report()
        while not self._interrupted():
            self._fill()
            if not self._open:
                return False
            for outcome in self._executor.wait(_LOOK_EVERY_S):
                self._take(outcome)
            self._report()
        return True

    @property
    def _running(self) -> int:
        return sum(len(trial.running) for trial in self._open.values())

    def _fill(self) -> None:
        """Give the executor what it can take. A run waits behind each that is under way, so that no worker is idle,
        unless a result may change what is to be run next.
        """
        slots = self._executor.slots()
        seeds_ahead = slots if self._spec.pruner.name == "none" else 0
        trials_ahead = seeds_ahead if self._spec.sampler.name in ("grid", "random") else 0
        while self._running < slots + seeds_ahead:
            trial = next((trial for trial in self._open.values() if trial.waiting), None)
            if trial is None:
                if self._running >= slots + trials_ahead or self._begun >= self._trials:
                    return
                self._begun += 1
                self._take_up(self._storage.begin())
                continue
            seed = trial.waiting.popleft()
            trial.running.add(seed)
            self._executor.submit(Key(trial.trial.number, seed), {**trial.job, "seed": seed})

    def _take_up(self, trial: optuna.Trial) -> None:
        results = results_of(trial)
        try:
            job = with_values(self._base, values_of(trial.params, self._spec.vary))
        except UserError as error:
            trial.set_user_attr("failed", str(error))
            self._storage.finish(trial, None, TrialState.FAIL)
            self._left_out += len(self._seeds) - len(results)
            self.failed += len(self._seeds) - len(results)
            return
        waiting = deque(seed for seed in self._seeds if seed not in results)
        opened = OpenTrial(trial, job, waiting, results)
        self._open[trial.number] = opened
        self._judge(opened)

    def _take(self, outcome: Outcome) -> None:
        trial, seed = self._open[outcome.key.trial], outcome.key.seed
        trial.running.remove(seed)
        result = outcome.result or self._after_death(outcome)
        if result is None:
            if trial.pruned:
                self._left_out += 1
                self._judge(trial)
            else:
                trial.waiting.appendleft(seed)
            return
        self._ran += 1
        self._done += 1
        self.failed += "failed" in result
        self.busy_s += result["busy_s"]
        record(trial.trial, seed, result)
        trial.results[seed] = result
        self._judge(trial)

    def _after_death(self, outcome: Outcome) -> Result | None:
        """A failure; or None, while the run may be tried again."""
        self._deaths[outcome.key] += 1
        times = self._deaths[outcome.key]
        if times <= self._spec.retries:
            return None
        return {"failed": f"what ran it died {times} times, at last by {outcome.died}", "busy_s": 0.0}

    def _judge(self, trial: OpenTrial) -> None:
        """Tell the pruner of seeds that have ended, in their order; close the trial when all have."""
        values = self._values(trial)
        if isinstance(values, list):
            for count in range(trial.reported + 1, len(values) + 1):
                trial.trial.report(over_seeds(values[:count], self._spec.objective), count)
                trial.reported = count
                if count < len(self._seeds) and trial.trial.should_prune():
                    trial.pruned = True
                    self._left_out += len(trial.waiting)
                    trial.waiting.clear()
                    break
        if trial.waiting or trial.running:
            return
        del self._open[trial.trial.number]
        if isinstance(values, str):
            trial.trial.set_user_attr("failed", values)
            self._storage.finish(trial.trial, None, TrialState.FAIL)
        elif trial.pruned:
            self._pruned += 1
            self._storage.finish(trial.trial, None, TrialState.PRUNED)
        else:
            value = over_seeds(values, self._spec.objective)
            self._storage.finish(trial.trial, value, TrialState.COMPLETE)
            self._note(value)

    def _note(self, value: float | None) -> None:
        better = min if self._spec.objective.direction == "minimize" else max
        if value is not None:
            self._best = value if self._best is None else better(self._best, value)

    def _values(self, trial: OpenTrial) -> list[float] | str:
        """The objective's figure of the first seeds, as far as all have ended; or the line of one that has none."""
        values: list[float] = []
        for seed in self._seeds:
            if seed not in trial.results:
                break
            result = trial.results[seed]
            value = figure_of(result["figures"], self._spec.objective.figure) if "figures" in result else None
            if not isinstance(value, float):
                return f"seed {seed}: {value or result.get('failed', '')}"
            values.append(value)
        return values

    def _report(self) -> None:
        self._on_progress(
            SweepState(
                total=self._trials * len(self._seeds),
                ended=self._done + self._left_out,
                ran=self._ran,
                failed=self.failed,
                pruned=self._pruned,
                best=self._best,
            )
        )
