"""Free running at real time over ROS 2: simulator, reward and controller, each a process; nothing waits for another."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from rclpy.node import Node
from spikedrive_msgs.msg import Episode

from snn_core.control.checkpoint import save_checkpoint
from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.learning.parameters import DriveParameters
from snn_core.sim.robot import yaw_from_quaternion
from snn_core.sim.track import Track, load_track
from spikedrive_nodes.processes.node_processes import NodeProcesses, write_parameters
from spikedrive_nodes.processes.over_dds import Observer, domain_id
from spikedrive_nodes.ros import qos

START_S = 120.0
SETTLE_S = 10.0
COUNTERS = ("disturbances", "frames_forced", "frames_lost", "poses_lost", "commands_late")


class _Monitor(Node):
    """Sees where the robot drives, and what the nodes say of themselves."""

    def __init__(self, track: Track) -> None:
        super().__init__("monitor")
        self._track = track
        self.deviations_m: list[float] = []
        self.episode: Episode | None = None
        self.said: dict[str, dict[str, str]] = {}
        self.create_subscription(Episode, "episode", self._on_episode, qos.STATE)
        self.create_subscription(Odometry, "odom", self._on_odometry, qos.STATE)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)

    def _on_episode(self, message: Episode) -> None:
        self.episode = message

    def _on_odometry(self, message: Odometry) -> None:
        if self.episode is None:
            return
        position, orientation = message.pose.pose.position, message.pose.pose.orientation
        yaw = yaw_from_quaternion(orientation.z, orientation.w)
        self.deviations_m.append(self._track.locate(position.x, position.y, yaw, self.episode.goal).deviation_m)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            self.said[status.name.rsplit("/", 1)[-1]] = values | {"message": status.message}


def drive_freely(parameters: DriveParameters, controller: Controller) -> dict[str, Any]:
    """Half of the task's duration on each lane, learning on; what came of it. Raises UserError.

    ``delay_p50_us``, ``delay_p99_us``: wall time from the arrival of the last events of a window to its command, as the
    controller's diagnostics say.
    """
    duration_s = parameters.simulator.task.duration_s
    track = load_track(parameters.simulator.track)
    domain = domain_id()
    with tempfile.TemporaryDirectory(prefix="spikedrive-bench-") as name:
        folder = Path(name)
        save_checkpoint(folder / "begin.npz", controller)
        write_parameters(folder / "parameters.yaml", _free(parameters, folder).sections())
        arguments = ["--params-file", str(folder / "parameters.yaml")]
        with (
            Observer(domain, lambda: _Monitor(track)) as observer,
            NodeProcesses(domain, folder / "logs") as processes,
        ):
            monitor: _Monitor = observer.node

            def wait(done: Any, what: str, timeout_s: float) -> None:
                deadline = time.monotonic() + timeout_s

                def check() -> None:
                    processes.check()
                    if time.monotonic() > deadline:
                        raise UserError(f"free running: {what}: not within {timeout_s:g} s; nodes: {monitor.said}")

                observer.spin_until(done, check)

            processes.start("reward", arguments)
            processes.start("controller", arguments)
            wait(lambda: monitor.said.get("controller", {}).get("state") == "active", "controller active", START_S)
            processes.start("simulator", arguments)
            wait(lambda: monitor.episode is not None, "a window", START_S)
            begin = time.monotonic()
            wait(lambda: monitor.episode.finished, "the end", 3.0 * duration_s + SETTLE_S)  # type: ignore[union-attr]
            wall_s = time.monotonic() - begin
            monitor.said.clear()
            wait(lambda: {"simulator", "controller"} <= monitor.said.keys(), "diagnostics", SETTLE_S)
            return _figures(monitor, duration_s, wall_s)


def _free(parameters: DriveParameters, folder: Path) -> DriveParameters:
    """The parameters with ``lockstep: false``, and the checkpoint to start from."""
    changes = {"lockstep": False, "checkpoint": str(folder / "begin.npz"), "network": "", "state_folder": str(folder)}
    return parameters._replace(
        simulator=parameters.simulator.model_copy(update={"lockstep": False}),
        controller=parameters.controller.model_copy(update=changes),
    )


def _figures(monitor: _Monitor, duration_s: float, wall_s: float) -> dict[str, Any]:
    assert monitor.episode is not None
    simulator, controller = monitor.said["simulator"], monitor.said["controller"]
    return {
        "seconds": duration_s,
        "x_real_time": duration_s / wall_s,
        "resets": monitor.episode.failed,
        "laps": monitor.episode.completed,
        "mean_abs_deviation_m": float(np.abs(monitor.deviations_m).mean()),
        **{name: int(controller[name]) for name in ("windows", "windows_skipped", "delay_p50_us", "delay_p99_us")},
        "counters": {name: int(simulator[name]) for name in COUNTERS if name in simulator},
    }
