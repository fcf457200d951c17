"""What ``spikedrive replay`` is told, and the replay in this process; no ROS here."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snn_core.control.checkpoint import controller_from_checkpoint, read_checkpoint, restore_checkpoint
from snn_core.control.controller import Controller
from snn_core.control.spec import ControllerSpec, load_controller_spec
from snn_core.control.warm_up import compile_controller
from snn_core.errors import UserError
from snn_core.events.recordings import open_recording
from snn_core.learning.parameters import ControllerParameters, ReplayParameters, read_parameters
from snn_core.learning.replay import replay


@dataclass(frozen=True)
class ReplayOptions:
    """Options of ``spikedrive replay``."""

    file: Path
    rate: str
    network: str | None
    checkpoint: Path | None
    seed: int
    parameters: Path


def replay_in_process(options: ReplayOptions) -> dict[str, Any]:
    """Replay in this process, in lockstep, and return the figures. Raises UserError."""
    parameters, _ = replay_parameters(options)
    check_sensor(options.file, parameters)
    controller = _make_controller(parameters)
    controller.network.learning = False
    compile_controller(controller)
    result = replay(options.file, controller)
    return {
        "events_received": result.events,
        "events_per_s": result.events / result.wall_s,
        "windows": result.windows,
        "spikes": result.spikes,
        "spike_sha256": result.spike_sha256,
        "commands": result.windows,
        "wall_s": result.wall_s,
    }


def _make_controller(parameters: ControllerParameters) -> Controller:
    if not parameters.checkpoint:
        return Controller(load_controller_spec(parameters.network), parameters.limits, parameters.seed)
    if not parameters.network:
        return controller_from_checkpoint(parameters.checkpoint, parameters.limits)
    controller = Controller(load_controller_spec(parameters.network), parameters.limits, parameters.seed)
    restore_checkpoint(Path(parameters.checkpoint), controller)
    return controller


def replay_parameters(options: ReplayOptions) -> tuple[ControllerParameters, ReplayParameters]:
    controller = read_parameters(options.parameters, "controller", ControllerParameters)
    replay = read_parameters(options.parameters, "replay", ReplayParameters)
    lockstep = options.rate == "max"
    try:
        rate = replay.rate if lockstep else float(options.rate)
    except ValueError:
        raise UserError(f"--rate: expected a number above 0, or max, found {options.rate!r}") from None
    if not 0 < rate < math.inf:
        raise UserError(f"--rate: expected a number above 0, or max, found {options.rate}")
    changes: dict[str, object] = {"seed": options.seed, "learning": False, "lockstep": lockstep, "autostart": True}
    if options.network is not None:
        changes["network"] = options.network
    if options.checkpoint is not None:
        changes["checkpoint"] = str(options.checkpoint.resolve())
        if options.network is None:
            changes["network"] = ""
    controller = controller.model_copy(update=changes)
    file = str(options.file.resolve())
    return controller, replay.model_copy(update={"file": file, "rate": rate, "lockstep": lockstep, "observers": 1})


def check_sensor(file: Path, controller: ControllerParameters) -> ControllerSpec:
    """The network's description, once the recording is known to fit it."""
    spec = (
        read_checkpoint(Path(controller.checkpoint)).spec
        if controller.checkpoint
        else load_controller_spec(controller.network)
    )
    with open_recording(file) as recording:
        size = (recording.width, recording.height)
    sensor = spec.driving_parts()[0].pooling.sensor
    if sensor not in ("any", size):
        raise UserError(
            f"{file}: has a sensor of {size[0]} x {size[1]}, network {spec.name!r} is for {sensor[0]} x {sensor[1]}; "
            "choose another with --network"
        )
    return spec
