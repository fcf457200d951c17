"""What the longer commands of ``spikedrive`` do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snn_core.control.checkpoint import controller_from_checkpoint, restore_checkpoint, save_checkpoint
from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.learning.drive import Driver, InProcess, connect
from snn_core.learning.experiment import Plan, compare, run_controls, run_experiment
from snn_core.learning.parameters import DriveParameters, read_drive_parameters
from snn_core.learning.record import RunRecord, make_folder
from snn_core.learning.report.page import write_report
from snn_core.learning.train import Control, network_for, with_seed, with_task
from snn_core.tasks.lane.simulator import LaneSimulator
from snn_core.tasks.lane.words import plural
from spikedrive_nodes.cli.progress import DriveProgress, Interruption, console

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
    parameters: Path
    network: str | None
    track: str | None
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
    out: Path
    parameters: Path
    track: str | None
    backend: str | None
    controls_s: float


def load_parameters(
    path: Path, seed: int, network: str | None = None, track: str | None = None, backend: str | None = None
) -> DriveParameters:
    """Parameters of a file with what the command line says instead. Raises UserError."""
    parameters = with_seed(read_drive_parameters(path), seed)
    if network is not None:
        parameters = parameters._replace(controller=parameters.controller.model_copy(update={"network": network}))
    if track is not None:
        parameters = parameters._replace(
            simulator=parameters.simulator.model_copy(update={"track": track}),
            reward=parameters.reward.model_copy(update={"track": track}),
        )
    if backend is not None:
        parameters = parameters._replace(simulator=parameters.simulator.model_copy(update={"backend": backend}))
    if parameters.reward.track != parameters.simulator.track:
        raise UserError(
            f"{path}: reward: track: expected that of the simulator, {parameters.simulator.track!r}, found "
            f"{parameters.reward.track!r}"
        )
    return parameters


def train(options: TrainOptions) -> tuple[dict[str, Any], bool]:
    """Train, evaluate, report. Returns the figures, and whether Ctrl-C ended it."""
    if options.dds and options.control == "shuffled-reward":
        raise UserError("--control shuffled-reward: not with --dds, where the reward is a node of its own")
    parameters = load_parameters(options.parameters, options.seed, options.network, options.track, options.backend)
    parameters = with_task(parameters, mode="train", duration_s=options.seconds)
    controller = _controller(options, parameters)
    plan = Plan(control=options.control, evaluation_s=options.evaluation_s)
    record, interrupted = _run(parameters, controller, plan, options.out, _driver(options.dds, options.out))
    print_result(record, options.out, interrupted)
    return record.figures, interrupted


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
    print_result(record, out, interrupted)
    return interrupted


def evaluate(options: EvaluateOptions) -> tuple[dict[str, Any], bool]:
    """Drive a checkpoint frozen, next to its network with initial weights. Returns figures and whether Ctrl-C ended
    it.
    """
    parameters = load_parameters(options.parameters, options.seed, track=options.track, backend=options.backend)
    trained = controller_from_checkpoint(options.checkpoint, parameters.controller.limits)
    connect(LaneSimulator(parameters.simulator), trained)
    make_folder(options.out)
    with Interruption() as interruption, DriveProgress(interruption) as progress:
        record = compare(parameters, trained, options.seconds, progress.watch)
        if options.controls_s and not interruption.asked:
            record.figures["controls"] = run_controls(parameters, trained, options.controls_s, progress.watch)
    record.save(options.out)
    write_report(record, options.out)
    print_result(record, options.out, interruption.asked)
    return record.figures, interruption.asked


def _driver(dds: bool, out: Path) -> Driver:
    if not dds:
        return InProcess()
    from spikedrive_nodes.processes.over_dds import OverDds

    return OverDds(out.resolve() / "nodes")


def _run(
    parameters: DriveParameters, controller: Controller, plan: Plan, out: Path, driver: Driver
) -> tuple[RunRecord, bool]:
    connect(LaneSimulator(parameters.simulator), controller)  # what does not fit is refused before anything is written
    make_folder(out)
    with Interruption() as interruption, DriveProgress(interruption, parameters.simulator.task.settled_s) as progress:
        record = run_experiment(parameters, controller, plan, driver, progress.watch, lambda: interruption.asked)
    save_checkpoint(out / "checkpoint.npz", controller)
    record.save(out)
    write_report(record, out)
    return record, interruption.asked


def print_result(record: RunRecord, out: Path, interrupted: bool) -> None:
    """In a few lines: what was learnt, where it is, what to try next."""
    figures = record.figures
    if interrupted:
        _say("interrupted", "what was learnt until then is kept")
    for name, prefix in (("before training", "before_"), ("after training", "")):
        if f"{prefix}evaluation_s" in figures:
            deviation_mm = figures[f"{prefix}mean_abs_deviation_m"] * 1000
            resets = plural(figures[f"{prefix}evaluation_resets"], "reset")
            laps = plural(figures[f"{prefix}evaluation_laps"], "lap")
            seconds = figures[f"{prefix}evaluation_s"]
            _say(name, f"{deviation_mm:.1f} mm off on average, {resets}, {laps} in {seconds:.0f} s, frozen")
    if "simulated_s" in figures:
        _say("training", _training_line(figures))
    for control in figures.get("controls", []):
        _say(control["control"], _training_line(control))
    _say("report", str(out / "report.html"))
    checkpoint = out / "checkpoint.npz"
    if checkpoint.is_file():
        _say("checkpoint", str(checkpoint))
        _say("try next", f"spikedrive evaluate {checkpoint} --track s_bend    a track it has never seen")
        _say("", "spikedrive train --control shuffled-reward    a reward that says nothing")


def _training_line(figures: dict[str, Any]) -> str:
    last = figures["last_reset_s"]
    resets = plural(figures["resets"], "reset") + ("" if last is None else f", the last after {last:.0f} s")
    laps = plural(figures["laps"], "lap")
    return f"{figures['simulated_s']:.0f} s simulated in {figures['wall_s']:.0f} s, {resets}, {laps}"


def _say(what: str, text: str) -> None:
    console.print(f"{what:>16}{':' if what else ' '} {text}", soft_wrap=True, highlight=False)
