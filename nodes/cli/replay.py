"""``spikedrive replay``: a recording through the controller, as processes over ROS 2."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from snn_core.control.spec import ControllerSpec
from snn_core.errors import UserError
from snn_core.network.spec import SpikeSource
from spikedrive_nodes.cli.progress import console
from spikedrive_nodes.cli.replay_options import ReplayOptions, check_sensor, replay_parameters
from spikedrive_nodes.processes.node_processes import NodeProcesses, write_parameters
from spikedrive_nodes.processes.over_dds import Observer, deactivate_controller, domain_id
from spikedrive_nodes.processes.replay_monitor import ReplayMonitor

ACTIVE_S = 60.0
SETTLE_S = 30.0


def run_replay(options: ReplayOptions) -> dict[str, Any]:
    """Replay and return the figures. Raises UserError."""
    controller, replay = replay_parameters(options)
    spec = check_sensor(options.file, controller)
    changes = {"channels": ",".join(spec.driving_parts()[1].channels()), "window_ms": spec.window_ms}
    replay = replay.model_copy(update=changes)
    domain = domain_id()
    with tempfile.TemporaryDirectory(prefix="spikedrive-") as name, Observer(domain, ReplayMonitor) as observer:
        folder = Path(name)
        write_parameters(folder / "parameters.yaml", {"controller": controller, "replay": replay})
        with NodeProcesses(domain, folder) as processes:
            return _drive(observer, processes, folder / "parameters.yaml", spec)


def _drive(observer: Observer, processes: NodeProcesses, parameters: Path, spec: ControllerSpec) -> dict[str, Any]:
    monitor: ReplayMonitor = observer.node
    arguments = ["--params-file", str(parameters)]
    processes.start("controller", arguments)
    with console.status("starting the controller"):
        _spin(observer, processes, lambda: monitor.controller.get("state") == "active", ACTIVE_S, "become active")
    processes.start("replay", arguments)
    with console.status("replaying"):
        observer.spin_until(lambda: monitor.finished, processes.check)

    def answered() -> bool:
        return monitor.last_end_us is not None and monitor.answered_us >= monitor.last_end_us

    _spin(observer, processes, answered, SETTLE_S, "answer the last window")
    deactivate_controller(observer)
    _spin(observer, processes, lambda: monitor.controller.get("state") == "inactive", SETTLE_S, "be deactivated")
    return _figures(monitor, spec)


def _spin(observer: Observer, processes: NodeProcesses, done: Any, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s

    def check() -> None:
        processes.check()
        if time.monotonic() > deadline:
            raise UserError(f"controller: did not {what} within {timeout_s:g} s: {observer.node.controller_message}")

    observer.spin_until(done, check)


def _figures(monitor: ReplayMonitor, spec: ControllerSpec) -> dict[str, Any]:
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
        "spike_sha256": monitor.digest.spike_sha256,
        "commands_published": int(values["commands_published"]),
        "delay_p50_us": round(float(p50)),
        "delay_p99_us": round(float(p99)),
        "wall_s": wall_s,
    }
