"""What a Gazebo is measured with: the parameters of a drive in it, and controllers that have learnt."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.learning.parameters import DriveParameters, load_parameters, with_task
from snn_core.learning.train import compile_kernels, network_for, train, training_figures
from snn_core.sim.gazebo.classic.install import find_classic
from snn_core.sim.gazebo.gz.process import INSTALL, find_python
from spikedrive_benchmarks.gazebo.driver import WatchedDriver
from spikedrive_nodes.processes.shared_files import parameter_file

Say = Callable[[str], None]
BACKENDS = ("gz", "gazebo_classic")
EMBEDDED = "embedded"
LEARN_S = 600.0


def missing(backend: str) -> str:
    """Why a Gazebo cannot be run here; empty when it can."""
    try:
        if backend == "gazebo_classic":
            find_classic()
        elif shutil.which("gz") is None:
            return f"gz: there is no command gz in PATH: {INSTALL}"
        else:
            find_python("")
    except UserError as error:
        return str(error)
    return ""


@dataclass
class Setting:
    """A Gazebo to measure.

    render_engine: of Gazebo Sim; empty: its default. most_s: no drive is longer (s, simulated).
    """

    backend: str
    render_engine: str
    most_s: float
    say: Say
    _learnt: dict[tuple[str, int], tuple[Controller, dict[str, Any]]] = field(default_factory=dict)

    def parameters(self, seconds: float, seed: int = 0, backend: str = "", track: str | None = None) -> DriveParameters:
        """Those of launch/config/lane.yaml for a training drive in this Gazebo, unless another backend is named."""
        parameters = load_parameters(
            parameter_file("lane"), seed, options={"track": track, "backend": backend or self.backend}
        )
        simulator = parameters.simulator
        gazebo = simulator.gazebo.model_copy(update={"render_engine": self.render_engine})
        parameters = parameters._replace(simulator=simulator.model_copy(update={"gazebo": gazebo}))
        return with_task(parameters, mode="train", duration_s=min(seconds, self.most_s))

    def evaluation(self, seconds: float) -> DriveParameters:
        """Those of a drive in this Gazebo, half of it on each lane."""
        return with_task(self.parameters(seconds), mode="evaluate")

    def learnt(self, backend: str, seed: int) -> tuple[Controller, dict[str, Any]]:
        """A controller that has learnt from scratch for LEARN_S, and the figures of that; learns once."""
        if (backend, seed) not in self._learnt:
            parameters = self.parameters(LEARN_S, seed, backend)
            controller = new_controller(parameters)
            self.say(f"{backend}: seed {seed} learns for {parameters.simulator.task.duration_s:g} s")
            driver = WatchedDriver()
            figures = training_figures(parameters.task, train(parameters, controller, driver=driver))
            last_s = figures["last_reset_s"]
            self.say(f"  {figures['resets']} resets" + ("" if last_s is None else f", the last at {last_s:g} s"))
            self._learnt[backend, seed] = controller, figures | {"counters": driver.counters}
        return self._learnt[backend, seed]


def new_controller(parameters: DriveParameters) -> Controller:
    """With initial weights; all that a drive needs is compiled."""
    controller = Controller(network_for(parameters), parameters.controller.limits, parameters.controller.seed)
    compile_kernels(parameters, controller)
    return controller
