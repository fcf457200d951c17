"""Train and evaluate a controller on a task: what is driven, with what taken away, and the figures of it."""

import time
from typing import Any, Literal

import numpy as np

from snn_core.control.controller import Controller
from snn_core.control.signals import Signals
from snn_core.control.spec import ControllerSpec, load_controller_spec
from snn_core.control.warm_up import compile_controller
from snn_core.files import validate
from snn_core.learning.drive import Driver, DriveResult, InProcess, OnWindow, connect
from snn_core.learning.parameters import DriveParameters, with_task
from snn_core.network.spec import Connection
from snn_core.tasks.base import Task

Control = Literal["none", "no-learning", "shuffled-reward", "dark"]
"""What is taken away from a training run, to show that it is needed."""
CONTROLS: tuple[Control, ...] = ("no-learning", "shuffled-reward", "dark")


class ShuffledSignals:
    """What taught in a drive, in a random order: each window is given what was seen in one drawn from all so far."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 2])
        self._seen: list[Signals] = []

    def __call__(self, signals: Signals) -> Signals:
        """The signals of an earlier window, or these."""
        self._seen.append(signals)
        return self._seen[self._rng.integers(len(self._seen))]


def network_for(parameters: DriveParameters, learning_rate_per_ms: float | None = None) -> ControllerSpec:
    """The controller's description, with another learning rate (nA per ms) where one is given. Raises UserError."""
    spec = load_controller_spec(parameters.controller.network)
    if learning_rate_per_ms is None:
        return spec
    connections: list[Connection] = [
        connection.model_copy(
            update={"rule": connection.rule.model_copy(update={"learning_rate_per_ms": learning_rate_per_ms})}
        )
        if connection.rule is not None
        else connection
        for connection in spec.connections
    ]
    changed = spec.model_copy(update={"connections": connections})
    return validate(ControllerSpec, changed.model_dump(), f"network {spec.name!r}")


def compile_kernels(parameters: DriveParameters, controller: Controller) -> float:
    """Compile all that a drive needs, or load it from numba's cache. Returns the seconds that it took."""
    begin = time.perf_counter()
    compile_controller(controller)
    with parameters.make_task() as scratch:
        if not scratch.runs_by_itself:  # a Gazebo's world compiles its own before it starts one
            connect(scratch, controller)
            command = controller.copy().start(0)
            for _ in range(3):
                scratch.step(command)
    return time.perf_counter() - begin


def train(
    parameters: DriveParameters,
    controller: Controller,
    control: Control = "none",
    driver: Driver | None = None,
    on_window: OnWindow | None = None,
) -> DriveResult:
    """Let ``controller`` learn on the task of ``parameters``, in this process unless another driver is given.

    Raises UserError.
    """
    if control == "dark":
        parameters = parameters._replace(simulator=parameters.simulator.model_copy(update={"dark": True}))
    if control == "shuffled-reward":
        driver = InProcess(ShuffledSignals(parameters.simulator.seed))
    controller.network.learning = control != "no-learning"
    return (driver or InProcess())(parameters, controller, on_window)


def evaluate(
    parameters: DriveParameters,
    controller: Controller,
    seconds: float,
    driver: Driver | None = None,
    on_window: OnWindow | None = None,
) -> DriveResult:
    """Drive a frozen copy of ``controller`` for ``seconds``. Raises UserError."""
    rules = parameters.simulator.task.for_evaluation(seconds)
    parameters = with_task(parameters, **rules.model_dump())
    frozen = controller.copy()
    frozen.network.learning = False
    return (driver or InProcess())(parameters, frozen, on_window)


def training_figures(task: type[Task], result: DriveResult) -> dict[str, Any]:
    """What the JSON of a run says of training."""
    return {
        "simulated_s": round(result.simulated_s, 6),
        "wall_s": result.wall_s,
        **task.training_figures(result.log),
        "spike_sha256": result.log.digest.spike_sha256,
        "trajectory_sha256": result.log.digest.trajectory_sha256,
    }


def evaluation_figures(task: type[Task], result: DriveResult) -> dict[str, Any]:
    """What the JSON of a run says of the evaluation."""
    return {"evaluation_s": round(result.simulated_s, 6), **task.evaluation_figures(result.log)}
