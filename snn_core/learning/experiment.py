"""An experiment: the same robot before training, training, and after, as a record that the report is made from."""

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np

from snn_core.control.controller import Controller
from snn_core.learning.drive import Driver, DriveResult, InProcess, OnWindow, columns_of
from snn_core.learning.parameters import DriveParameters, with_task
from snn_core.learning.record import RunRecord
from snn_core.learning.train import (
    CONTROLS,
    Control,
    compile_kernels,
    evaluate,
    evaluation_figures,
    train,
    training_figures,
)
from snn_core.network.energy.operations import Operations
from snn_core.version import VERSION

Watch = Callable[[str, float], OnWindow]
"""Called with a drive's name (``before``, ``training``, ``after``) and its event time (s) when it begins."""


@dataclass(frozen=True)
class Plan:
    """What an experiment does. 0 s leaves a drive out."""

    control: Control = "none"
    before_s: float = 0.0
    evaluation_s: float = 300.0


def _watch_nothing(name: str, seconds: float) -> OnWindow:
    return lambda log: False


def weights_of(controller: Controller) -> list[np.ndarray]:
    """A copy of the weights of each connection, (pre, post) float32, nA."""
    return [controller.network.connection_matrix(c, absent=np.nan) for c in range(len(controller.spec.connections))]


def run_experiment(
    parameters: DriveParameters,
    controller: Controller,
    plan: Plan,
    driver: Driver | None = None,
    watch: Watch | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> RunRecord:
    """Carry out ``plan``; the controller learns. What comes after an interruption is left out. Raises UserError."""
    drive: Driver = driver or InProcess()
    watch = watch or _watch_nothing
    compile_s = compile_kernels(parameters, controller)  # also for nodes, which then find them in the cache
    drives: dict[str, DriveResult] = {}
    weights_before = weights_of(controller)
    if plan.before_s:
        drives["before"] = evaluate(parameters, controller, plan.before_s, drive, watch("before", plan.before_s))
    task = parameters.simulator.task
    before = controller.network.operations()
    if not interrupted():
        drives["training"] = train(parameters, controller, plan.control, drive, watch("training", task.duration_s))
    counts = operation_figures(before, controller)
    if plan.evaluation_s and not interrupted():
        trained_s = drives["training"].simulated_s if "training" in drives else 0.0
        simulator = parameters.task.settings_after(parameters.simulator, trained_s)
        changed = parameters._replace(simulator=simulator)
        drives["after"] = evaluate(changed, controller, plan.evaluation_s, drive, watch("after", plan.evaluation_s))
    record = _record(parameters, controller, plan, drives, weights_before, compile_s)
    record.figures |= counts
    return record


def operation_figures(before: Operations, controller: Controller) -> dict[str, object]:
    """What a training has computed since ``before``, and the network's size; nothing where another process did it."""
    after = controller.network.operations()
    if after.steps == before.steps:
        return {}
    counts = Operations(*(b - a for a, b in zip(before, after, strict=True)))
    return {"operations": counts._asdict(), "network_size": controller.network.size()._asdict()}


def compare(parameters: DriveParameters, trained: Controller, seconds: float, watch: Watch | None = None) -> RunRecord:
    """Evaluate ``trained`` and a controller with the same description and its initial weights, in this process."""
    watch = watch or _watch_nothing
    compile_s = compile_kernels(parameters, trained)
    initial = Controller(trained.spec, trained.limits, trained.seed)
    drives = {
        "before": evaluate(parameters, initial, seconds, on_window=watch("before", seconds)),
        "after": evaluate(parameters, trained, seconds, on_window=watch("after", seconds)),
    }
    return _record(parameters, trained, Plan(evaluation_s=seconds), drives, weights_of(initial), compile_s)


def run_controls(
    parameters: DriveParameters, like: Controller, seconds: float, watch: Watch | None = None
) -> list[dict[str, object]]:
    """Train again without what learning needs, once for each control; figures of each training."""
    watch = watch or _watch_nothing
    parameters = with_task(parameters, mode="train", duration_s=seconds)
    figures = []
    for control in CONTROLS:
        controller = Controller(like.spec, like.limits, like.seed)
        result = train(parameters, controller, control, on_window=watch(control, seconds))
        figures.append({"control": control, **training_figures(parameters.task, result)})
    return figures


def taught_by(parameters: DriveParameters, controller: Controller) -> str:
    """What teaches: the function of an error, the reward that a critic predicts, or the signals that rules follow."""
    function = getattr(parameters.reward, "function", "none")
    if function != "none":
        return function
    critic = controller.spec.critic
    return ", ".join(controller.network.signals) if critic is None else critic.reward


def _record(
    parameters: DriveParameters,
    controller: Controller,
    plan: Plan,
    drives: dict[str, DriveResult],
    weights_before: list[np.ndarray],
    compile_s: float,
) -> RunRecord:
    figures: dict[str, object] = {
        "task": parameters.task.name,
        "seed": controller.seed,
        "reward": taught_by(parameters, controller),
        "control": plan.control,
        **parameters.task.conditions(parameters.simulator),
        "compile_s": compile_s,
    }
    if "training" in drives:
        figures |= training_figures(parameters.task, drives["training"])
    if "after" in drives:
        figures |= evaluation_figures(parameters.task, drives["after"])
    if "before" in drives:
        of_before = evaluation_figures(parameters.task, drives["before"])
        figures |= {f"before_{key}": value for key, value in of_before.items()}
    last = next((drives[name] for name in ("after", "training", "before") if name in drives), None)
    record = RunRecord(
        figures=figures,
        configuration=configuration(parameters, controller),
        drives={name: result.log.rows() for name, result in drives.items()},
        weights_before=weights_before,
        weights_after=weights_of(controller),
    )
    if last is not None:
        record.events, record.spikes = last.log.kept()
        record.delays_us = drives.get("training", last).delays_us
    return record


def configuration(parameters: DriveParameters, controller: Controller) -> dict[str, object]:
    """All that a run depends on, as JSON can hold it."""
    return {
        **{name: part.model_dump(mode="json") for name, part in parameters.sections().items()},
        "network": controller.spec.model_dump(mode="json"),
        "columns": {name: list(names) for name, names in columns_of(parameters.task)._asdict().items()},
        "versions": {
            "spikedrive": VERSION,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": numba.__version__,
            "processor": processor_name(),
        },
        "command": " ".join(["spikedrive", *sys.argv[1:]]),
    }


def processor_name() -> str:
    """The processor's name as Linux tells it, else the machine's architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
