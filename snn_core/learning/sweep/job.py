"""One run of a sweep, as a process that knows nothing else can do it: a dictionary goes in, a dictionary comes out."""

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NotRequired, TypedDict

from snn_core.control.checkpoint import controller_from_checkpoint, restore_checkpoint
from snn_core.control.controller import Controller
from snn_core.control.spec import ControllerSpec
from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.learning.parameters import (
    ControllerParameters,
    DriveParameters,
    reward_parameters,
    simulator_parameters,
    with_option,
    with_seed,
    with_window,
)
from snn_core.learning.train import Control, evaluate, evaluation_figures, train, training_figures
from snn_core.tasks.registry import find_task

Part = dict[str, object]
"""A section of a parameter file, or a network file."""


class Job(TypedDict):
    """All that a run depends on, but for the files that it names (a track, a checkpoint)."""

    task: str
    simulator: Part
    reward: Part
    controller: Part
    network: Part | None
    """None: that of the checkpoint."""
    checkpoint: str | None
    evaluation_s: float
    evaluation_tracks: list[str]
    control: Control
    seed: int


class Result(TypedDict):
    """What a run gave."""

    figures: NotRequired[Part]
    """As the JSON of ``spikedrive train``, without what the report alone needs."""
    failed: NotRequired[str]
    """Why there are none, in one line."""
    traceback: NotRequired[str]
    """Of a failure that is a bug."""
    busy_s: float
    """Wall time of the run (s)."""


Work = Callable[[Job], Result]
"""What a worker does with a job. It can be imported by name, so that another process has it, too."""


def perform(job: Job) -> Result:
    """Train and evaluate. A failure is a result, too."""
    begin = time.perf_counter()
    try:
        figures = run_job(job)
    except UserError as error:
        return {"failed": str(error), "busy_s": time.perf_counter() - begin}
    except Exception as error:  # a bug in one run does not end a night of others
        line = f"{type(error).__name__}: {error}".replace("\n", " ")
        return {"failed": line, "traceback": traceback.format_exc(), "busy_s": time.perf_counter() - begin}
    return {"figures": figures, "busy_s": time.perf_counter() - begin}


def run_job(job: Job) -> Part:
    """The figures of a run. Raises UserError."""
    parameters = with_seed(parameters_of(job), job["seed"])
    controller = _controller(job, parameters)
    parameters = with_window(parameters, controller.spec.window_ms)
    figures: Part = {"task": job["task"], "seed": job["seed"], "control": job["control"]}
    figures |= training_figures(parameters.task, train(parameters, controller, job["control"]))
    if job["evaluation_s"]:
        result = evaluate(parameters, controller, job["evaluation_s"])
        figures |= evaluation_figures(parameters.task, result)
        if job["evaluation_tracks"]:
            figures["on"] = {track: _on(parameters, controller, job, track) for track in job["evaluation_tracks"]}
    return figures


def _on(parameters: DriveParameters, controller: Controller, job: Job, track: str) -> Part:
    """Figures of an evaluation on another track."""
    there = with_option(parameters, "track", track)
    return evaluation_figures(there.task, evaluate(there, controller, job["evaluation_s"]))


def parameters_of(job: Job) -> DriveParameters:
    """The parameters of a job, checked. Raises UserError that names section and key."""
    task = find_task(job["task"])
    parameters = DriveParameters(
        task,
        validate(simulator_parameters(task), job["simulator"], "simulator"),
        validate(reward_parameters(task), job["reward"], "reward"),
        validate(ControllerParameters, job["controller"], "controller"),
    )
    try:
        task.check_settings(parameters.simulator, parameters.reward)
    except ValueError as error:
        raise UserError(str(error)) from error
    return parameters


def network_of(job: Job) -> ControllerSpec | None:
    """The network of a job, checked; None: that of its checkpoint. Raises UserError that names the key."""
    return None if job["network"] is None else validate(ControllerSpec, job["network"], "network")


def _controller(job: Job, parameters: DriveParameters) -> Controller:
    limits, spec = parameters.controller.limits, network_of(job)
    if spec is None:
        return controller_from_checkpoint(Path(job["checkpoint"] or ""), limits)
    controller = Controller(spec, limits, job["seed"])
    if job["checkpoint"]:
        restore_checkpoint(Path(job["checkpoint"]), controller)
    return controller
