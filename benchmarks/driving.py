"""The lane task as `spikedrive train` runs it: the simulator alone, the whole loop, and the loop over ROS 2."""

import statistics
import tempfile
import time
from pathlib import Path

from snn_core.control.command import Command
from snn_core.control.controller import Controller
from snn_core.learning.drive import columns_of, steps
from snn_core.learning.parameters import DriveParameters, load_parameters, with_task
from snn_core.learning.train import compile_kernels, network_for, train
from snn_core.tasks.lane.task import LaneTask, LaneWindow
from snn_core.tasks.log import DriveLog
from spikedrive_nodes.processes.shared_files import parameter_file

SECONDS, DDS_SECONDS, ROUNDS = 30.0, 30.0, 5


class _TimedSimulator(LaneTask):
    """Adds up the CPU time of its steps."""

    cpu_s = 0.0

    def step(self, command: Command) -> LaneWindow:
        begin = time.process_time()
        window = super().step(command)
        self.cpu_s += time.process_time() - begin
        return window


def _begin(seconds: float) -> tuple[DriveParameters, Controller]:
    parameters = with_task(load_parameters(parameter_file("lane"), seed=0), mode="train", duration_s=seconds)
    controller = Controller(network_for(parameters), parameters.controller.limits, seed=0)
    compile_kernels(parameters, controller)
    return parameters, controller


def driving() -> dict[str, float]:
    """Simulated seconds a second of CPU time: of the whole loop while it learns, and of its parts."""
    parts: dict[str, list[float]] = {"whole loop": [], "simulator": [], "reward, controller": [], "log": []}
    for _ in range(ROUNDS):
        parameters, controller = _begin(SECONDS)
        simulator = _TimedSimulator(parameters.simulator, parameters.reward)
        log, logged = DriveLog(columns_of(LaneTask)), 0.0
        begin = time.process_time()
        for step in steps(simulator, controller):
            paused = time.process_time()
            log.add(step.row(), step.answer.spikes, step.window.events)
            logged += time.process_time() - paused
        whole = time.process_time() - begin
        taken = (whole, simulator.cpu_s, whole - simulator.cpu_s - logged, logged)
        for values, seconds in zip(parts.values(), taken, strict=True):
            values.append(seconds)
    return {name: SECONDS / statistics.median(values) for name, values in parts.items()}


def driving_over_dds() -> float:
    """Simulated seconds a second of wall time with simulator, reward and controller as processes. Raises UserError
    where ROS 2 is not there.
    """
    from spikedrive_nodes.processes.environment import ensure_ros_environment

    ensure_ros_environment()
    from spikedrive_nodes.processes.over_dds import OverDds

    parameters, controller = _begin(DDS_SECONDS)
    with tempfile.TemporaryDirectory(prefix="spikedrive-") as folder:
        result = train(parameters, controller, driver=OverDds(Path(folder)))
    return result.simulated_s / result.wall_s
