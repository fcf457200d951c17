"""Train and evaluate by name, as the command line does: a task, a network, a seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from snn_core.control.checkpoint import save_checkpoint
from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.files import Model, StrictModel, validate
from snn_core.learning.drive import DriveResult, OnWindow
from snn_core.learning.experiment import Plan, run_experiment
from snn_core.learning.parameters import DriveParameters, load_parameters, with_task, with_window
from snn_core.learning.record import RunRecord
from snn_core.learning.report.page import write_report
from snn_core.learning.train import evaluate as evaluate_controller
from snn_core.learning.train import evaluation_figures, network_for
from snn_core.tasks.base import Task, TaskSettings


@dataclass(frozen=True)
class Run:
    """A training that has ended.

    controller: what has learnt. record: figures, rows of each drive, weights before and after (nA).
    """

    controller: Controller
    record: RunRecord

    @property
    def figures(self) -> dict[str, object]:
        """As the JSON of ``spikedrive train``: seconds, metres, counts."""
        return dict(self.record.figures)

    def rows(self, drive: str = "training") -> np.ndarray:
        """(windows,) structured array of a drive, ``training`` or ``after``: state, command, signals of each window."""
        return self.record.drives[drive]

    def save(self, folder: str | Path) -> Path:
        """Write checkpoint, record and report into a folder; return the report's path. Raises UserError."""
        path = Path(folder)
        self.record.save(path)
        save_checkpoint(path / "checkpoint.npz", self.controller)
        return write_report(self.record, path)


@dataclass(frozen=True)
class Evaluation:
    """A frozen drive that has ended. figures: as the JSON of ``spikedrive evaluate``. rows: as ``Run.rows``."""

    figures: dict[str, object]
    rows: np.ndarray


def train(
    task: str | type[Task] = "lane",
    *,
    network: str | Path | None = None,
    seed: int = 0,
    seconds: float = 1000.0,
    evaluation_seconds: float = 300.0,
    settings: Mapping[str, object] | None = None,
    signals: Mapping[str, object] | None = None,
    learning_rate_per_ms: float | None = None,
    on_window: OnWindow | None = None,
) -> Run:
    """Let a new controller learn a task in this process, and evaluate it frozen.

    Args:
        task: its name, or a class of one's own.
        network: a shipped name, or the path of a .yaml file; None: the task's.
        seed: of weights, encoder and scene.
        seconds: simulated time to train (s).
        evaluation_seconds: simulated time to evaluate (s); 0: not at all.
        settings: of the task's scene, nested as its parameter file has them.
        signals: settings of what teaches.
        learning_rate_per_ms: of all rules (nA per ms); None: the network's.
        on_window: called with the drive's log after every window of training; True ends it.

    Raises:
        UserError: one line that names the setting, and says what was expected.
    """
    parameters = _parameters(task, seed, network, settings, signals)
    parameters = with_task(parameters, mode="train", duration_s=seconds)
    controller = Controller(network_for(parameters, learning_rate_per_ms), parameters.controller.limits, seed)
    parameters = with_window(parameters, controller.spec.window_ms)

    def watch(name: str, seconds: float) -> OnWindow:
        return on_window if on_window is not None and name == "training" else lambda log: False

    record = run_experiment(parameters, controller, Plan(evaluation_s=evaluation_seconds), watch=watch)
    return Run(controller, record)


def evaluate(
    controller: Controller,
    task: str | type[Task] = "lane",
    *,
    seconds: float = 300.0,
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
) -> Evaluation:
    """Drive a frozen copy of ``controller`` for ``seconds`` of simulated time.

    Args:
        controller: it stays as it is.
        task: its name, or a class of one's own.
        seconds: simulated time (s).
        seed: of the scene.
        settings: of the task's scene, nested as its parameter file has them.

    Raises:
        UserError: one line that names the setting, and says what was expected.
    """
    parameters = with_window(_parameters(task, seed, None, settings, None), controller.spec.window_ms)
    result: DriveResult = evaluate_controller(parameters, controller, seconds)
    return Evaluation(dict(evaluation_figures(parameters.task, result)), result.log.rows())


def _parameters(
    task: str | type[Task],
    seed: int,
    network: str | Path | None,
    settings: Mapping[str, object] | None,
    signals: Mapping[str, object] | None,
) -> DriveParameters:
    parameters = load_parameters(None, seed, task, None if network is None else str(network))
    chosen = _merged(dict(parameters.task.recommended), settings or {})
    scene: TaskSettings = parameters.simulator
    simulator = _changed(scene, chosen, "settings")
    taught: StrictModel = parameters.reward
    reward = _changed(taught, signals or {}, "signals")
    shared = {"track"} & (settings or {}).keys() & type(reward).model_fields.keys() - (signals or {}).keys()
    reward = reward.model_copy(update={name: getattr(simulator, name) for name in shared})
    if not settings or "window_ms" not in settings:
        simulator.model_fields_set.discard("window_ms")
    try:
        parameters.task.check_settings(simulator, reward)
    except ValueError as error:
        raise UserError(str(error)) from error
    return parameters._replace(simulator=simulator, reward=reward)


def _changed(value: Model, changes: Mapping[str, object], name: str) -> Model:
    return validate(type(value), _merged(value.model_dump(), changes), name)


def _merged(values: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """``values`` with ``changes``, nested ones merged."""
    merged = dict(values)
    for key, change in changes.items():
        inner = merged.get(key)
        if isinstance(inner, Mapping) and isinstance(change, Mapping):
            merged[key] = _merged(cast("Mapping[str, object]", inner), cast("Mapping[str, object]", change))
        else:
            merged[key] = change
    return merged
