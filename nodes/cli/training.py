"""What the longer commands of ``spikedrive`` do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snn_core.control.checkpoint import controller_from_checkpoint, restore_checkpoint, save_checkpoint
from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.learning.drive import Driver, InProcess, connect
from snn_core.learning.experiment import Plan, compare, run_controls, run_experiment
from snn_core.learning.parameters import DriveParameters, load_parameters, with_task, with_window
from snn_core.learning.record import RunRecord, make_folder
from snn_core.learning.report.page import write_report
from snn_core.learning.train import Control, network_for
from snn_core.tasks.base import Task
from snn_core.tasks.registry import find_task
from spikedrive_nodes.cli.progress import DriveProgress, Interruption, console
from spikedrive_nodes.processes.shared_files import parameter_file

DEMO_EVALUATION_S = 120.0
DEMO_LONGEST_S = 600.0
DEMO_SETTLED_S = 150.0
DEMO_SETTLED_LAPS = 2
"""The demo trains until this long and this many laps on each lane have passed without a reset."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of ``spikedrive train``."""

    task: str
    seconds: float
    seed: int
    evaluation_s: float
    out: Path
    parameters: Path | None
    network: str | None
    track: str | None
    schedule: Path | None
    backend: str | None
    checkpoint: Path | None
    learning_rate_per_ms: float | None
    control: Control
    dds: bool


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of ``spikedrive evaluate``."""

    checkpoint: Path
    seconds: float
    seed: int
    task: str
    out: Path
    parameters: Path | None
    track: str | None
    schedule: Path | None
    backend: str | None
    controls_s: float


def train(options: TrainOptions) -> tuple[dict[str, Any], bool]:
    """Train, evaluate, report. Returns the figures, and whether Ctrl-C ended it."""
    if options.dds and options.control == "shuffled-reward":
        raise UserError("--control shuffled-reward: not with --dds, where what teaches is sent by a node of its own")
    parameters = load_parameters(
        options.parameters or task_parameter_file(options.task),
        options.seed,
        options.task,
        options.network,
        _scene_options(options),
    )
    parameters = with_task(parameters, mode="train", duration_s=options.seconds)
    controller = _controller(options, parameters)
    plan = Plan(control=options.control, evaluation_s=options.evaluation_s)
    record, interrupted = _run(parameters, controller, plan, options.out, _driver(options.dds, options.out))
    print_result(parameters.task, record, options.out, interrupted)
    return record.figures, interrupted


def _scene_options(options: TrainOptions | EvaluateOptions) -> dict[str, str | None]:
    """Settings of the scene that the command line says."""
    schedule = None if options.schedule is None else str(options.schedule)
    return {"track": options.track, "schedule": schedule, "backend": options.backend}


def _controller(options: TrainOptions, parameters: DriveParameters) -> Controller:
    """A new one; or one from a checkpoint, with its network, which must be the one that was asked for, if one was."""
    limits = parameters.controller.limits
    checkpoint = options.checkpoint or parameters.controller.checkpoint
    if not checkpoint:
        return Controller(network_for(parameters, options.learning_rate_per_ms), limits, options.seed)
    if options.learning_rate_per_ms is not None:
        raise UserError(f"--learning-rate: not with checkpoint {checkpoint}, which goes on at the rate it has")
    if options.network is None:
        return controller_from_checkpoint(Path(checkpoint), limits)
    controller = Controller(network_for(parameters), limits, options.seed)
    restore_checkpoint(Path(checkpoint), controller)
    return controller


def demo(out: Path, seed: int, parameter_path: Path) -> bool:
    """The main job, over ROS 2. Returns whether Ctrl-C ended it."""
    parameters = with_task(
        load_parameters(parameter_path, seed),
        mode="train",
        duration_s=DEMO_LONGEST_S,
        settled_s=DEMO_SETTLED_S,
        settled_laps=DEMO_SETTLED_LAPS,
    )
    controller = Controller(network_for(parameters), parameters.controller.limits, seed)
    plan = Plan(before_s=DEMO_EVALUATION_S, evaluation_s=DEMO_EVALUATION_S)
    console.print("simulator, reward and controller are processes of their own and talk over ROS 2 (Fast DDS)")
    record, interrupted = _run(parameters, controller, plan, out, _driver(True, out))
    print_result(parameters.task, record, out, interrupted)
    return interrupted


def evaluate(options: EvaluateOptions) -> tuple[dict[str, Any], bool]:
    """Drive a checkpoint frozen, next to its network with initial weights. Returns figures and whether Ctrl-C ended
    it.
    """
    parameters = load_parameters(
        options.parameters or task_parameter_file(options.task),
        options.seed,
        options.task,
        options=_scene_options(options),
    )
    trained = controller_from_checkpoint(options.checkpoint, parameters.controller.limits)
    parameters = with_window(parameters, trained.spec.window_ms)
    with parameters.make_task() as task:
        connect(task, trained)
    make_folder(options.out)
    with Interruption() as interruption, DriveProgress(interruption, parameters.task) as progress:
        record = compare(parameters, trained, options.seconds, progress.watch)
        if options.controls_s and not interruption.asked:
            record.figures["controls"] = run_controls(parameters, trained, options.controls_s, progress.watch)
    record.save(options.out)
    write_report(record, options.out)
    print_result(parameters.task, record, options.out, interruption.asked)
    return record.figures, interruption.asked


def _driver(dds: bool, out: Path) -> Driver:
    if not dds:
        return InProcess()
    from spikedrive_nodes.processes.over_dds import OverDds

    return OverDds(out.resolve() / "nodes")


def _run(
    parameters: DriveParameters, controller: Controller, plan: Plan, out: Path, driver: Driver
) -> tuple[RunRecord, bool]:
    parameters = with_window(parameters, controller.spec.window_ms)
    with parameters.make_task() as task:
        connect(task, controller)  # what does not fit is refused before anything is written
    make_folder(out)
    with (
        Interruption() as interruption,
        DriveProgress(interruption, parameters.task, parameters.simulator.task.settled_s) as progress,
    ):
        record = run_experiment(parameters, controller, plan, driver, progress.watch, lambda: interruption.asked)
    save_checkpoint(out / "checkpoint.npz", controller)
    record.save(out)
    write_report(record, out)
    return record, interruption.asked


def print_result(task: type[Task], record: RunRecord, out: Path, interrupted: bool) -> None:
    """In a few lines: what was learnt, where it is, what to try next."""
    figures = record.figures
    if interrupted:
        _say("interrupted", "what was learnt until then is kept")
    for name, prefix in (("before training", "before_"), ("after training", "")):
        seconds = figures.get(f"{prefix}evaluation_s")
        if seconds is not None:
            own = {key.removeprefix(prefix): value for key, value in figures.items() if key.startswith(prefix)}
            _say(name, f"{task.evaluation_line(own)} in {seconds:.0f} s, frozen")
    if "simulated_s" in figures:
        _say("training", _training_line(task, figures))
    for control in figures.get("controls", []):
        _say(control["control"], _training_line(task, control))
    _say("report", str(out / "report.html"))
    checkpoint = out / "checkpoint.npz"
    if checkpoint.is_file():
        _say("checkpoint", str(checkpoint))
        for number, (command, why) in enumerate(task.try_next):
            _say("" if number else "try next", f"{command.format(checkpoint=checkpoint)}    {why}")


def _training_line(task: type[Task], figures: dict[str, Any]) -> str:
    return f"{figures['simulated_s']:.0f} s simulated in {figures['wall_s']:.0f} s, {task.training_line(figures)}"


def task_parameter_file(task: str) -> Path | None:
    """The parameter file of a task: a shipped one, the task's own, or none. Raises UserError."""
    named = find_task(task).parameter_file
    if not named:
        return None
    return Path(named) if named.endswith((".yaml", ".yml")) else parameter_file(named)


def _say(what: str, text: str) -> None:
    console.print(f"{what:>16}{':' if what else ' '} {text}", soft_wrap=True, highlight=False)
