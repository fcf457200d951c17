"""``spikedrive replay``: a recording through the controller, as processes over ROS 2."""

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from spikedrive_msgs.msg import Episode, Spikes

from snn_core.control.checkpoint import read_checkpoint
from snn_core.errors import UserError
from snn_core.events.recordings import open_recording
from snn_core.learning.parameters import ControllerParameters, ReplayParameters, read_parameters
from snn_core.network.spec import NetworkSpec, SpikeSource, load_network_spec
from spikedrive_nodes.cli.progress import console
from spikedrive_nodes.processes.node_processes import NodeProcesses, write_parameters
from spikedrive_nodes.processes.over_dds import Onlooker, deactivate_controller, domain_id
from spikedrive_nodes.ros import messages, qos

ACTIVE_S = 60.0
SETTLE_S = 30.0


@dataclass(frozen=True)
class ReplayOptions:
    """Options of ``spikedrive replay``."""

    file: Path
    rate: str
    network: str | None
    checkpoint: Path | None
    seed: int
    parameters: Path


class ReplayMonitor(Node):
    """Counts what the controller publishes, and knows when the recording has ended."""

    def __init__(self) -> None:
        super().__init__("monitor")
        self.last_end_us: int | None = None
        self.finished = False
        self.answered_us = 0
        self.begun_at = self.answered_at = 0.0
        self.delays_us: list[int] = []
        self.controller: dict[str, str] = {}
        self.controller_message = ""
        self.create_subscription(Episode, "episode", self._on_episode, qos.STATE)
        self.create_subscription(Spikes, "spikes", self._on_spikes, qos.STATE)
        self.create_subscription(TwistStamped, "cmd_vel", self._on_command, qos.STATE)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.STATE)

    def _on_episode(self, message: Episode) -> None:
        self.begun_at = self.begun_at or time.monotonic()
        self.last_end_us = messages.from_stamp(message.header.stamp)
        self.finished = self.finished or message.finished

    def _on_spikes(self, message: Spikes) -> None:
        end_us = messages.from_stamp(message.header.stamp)
        if end_us > self.answered_us:
            self.answered_us = end_us
            self.answered_at = time.monotonic()
            self.delays_us.append(message.delay)

    def _on_command(self, message: TwistStamped) -> None:
        if not all(map(math.isfinite, messages.from_twist(message.twist))):
            raise UserError("controller: published a velocity that is not finite")

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith("/controller"):
                self.controller = {value.key: value.value for value in status.values}
                self.controller_message = status.message


def run_replay(options: ReplayOptions) -> dict[str, Any]:
    """Replay and return the figures. Raises UserError."""
    controller, replay = _parameters(options)
    spec = _check_sensor(options.file, controller)
    domain = domain_id()
    with tempfile.TemporaryDirectory(prefix="spikedrive-") as name, Onlooker(domain, ReplayMonitor) as onlooker:
        folder = Path(name)
        write_parameters(folder / "parameters.yaml", {"controller": controller, "replay": replay})
        with NodeProcesses(domain, folder) as processes:
            return _drive(onlooker, processes, folder / "parameters.yaml", spec)


def _parameters(options: ReplayOptions) -> tuple[ControllerParameters, ReplayParameters]:
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
    return controller, replay.model_copy(update={"file": file, "rate": rate, "lockstep": lockstep, "onlookers": 1})


def _check_sensor(file: Path, controller: ControllerParameters) -> NetworkSpec:
    """The network's description, once the recording is known to fit it."""
    spec = (
        read_checkpoint(Path(controller.checkpoint)).spec
        if controller.checkpoint
        else load_network_spec(controller.network)
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


def _drive(onlooker: Onlooker, processes: NodeProcesses, parameters: Path, spec: NetworkSpec) -> dict[str, Any]:
    monitor: ReplayMonitor = onlooker.node
    arguments = ["--params-file", str(parameters)]
    processes.start("controller", arguments)
    with console.status("starting the controller"):
        _spin(onlooker, processes, lambda: monitor.controller.get("state") == "active", ACTIVE_S, "become active")
    processes.start("replay", arguments)
    with console.status("replaying"):
        onlooker.spin_until(lambda: monitor.finished, processes.check)

    def answered() -> bool:
        return monitor.last_end_us is not None and monitor.answered_us >= monitor.last_end_us

    _spin(onlooker, processes, answered, SETTLE_S, "answer the last window")
    deactivate_controller(onlooker)
    _spin(onlooker, processes, lambda: monitor.controller.get("state") == "inactive", SETTLE_S, "be deactivated")
    return _figures(monitor, spec)


def _spin(onlooker: Onlooker, processes: NodeProcesses, done: Any, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s

    def check() -> None:
        processes.check()
        if time.monotonic() > deadline:
            raise UserError(f"controller: did not {what} within {timeout_s:g} s: {onlooker.node.controller_message}")

    onlooker.spin_until(done, check)


def _figures(monitor: ReplayMonitor, spec: NetworkSpec) -> dict[str, Any]:
    values, wall_s = monitor.controller, monitor.answered_at - monitor.begun_at
    p50, p99 = np.percentile(monitor.delays_us, [50, 99]) if monitor.delays_us else (0.0, 0.0)
    spikes = {
        name: int(values[f"spikes.{name}"])
        for name, population in spec.populations.items()
        if not isinstance(population, SpikeSource)
    }
    events = int(values["events_received"])
    return {
        "events_received": events,
        "events_per_s": events / wall_s,
        "events_late": int(values["events_late"]),
        "events_out_of_order": int(values["events_out_of_order"]),
        "events_outside": int(values["events_outside"]),
        "packets_received": int(values["packets_received"]),
        "packets_lost": int(values["packets_lost"]),
        "windows": int(values["windows"]),
        "spikes": spikes,
        "commands_published": int(values["commands_published"]),
        "delay_p50_us": round(float(p50)),
        "delay_p99_us": round(float(p99)),
        "wall_s": wall_s,
    }
