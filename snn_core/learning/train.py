"""Train and evaluate on the lane task: what is driven, with what taken away, and the figures of it."""

import time
from typing import Any, Literal

import numpy as np

from snn_core.control.controller import Controller
from snn_core.files import validate
from snn_core.learning.drive import Driver, DriveResult, InProcess, OnWindow, Reward
from snn_core.learning.parameters import DriveParameters, SimulatorParameters
from snn_core.learning.warm_up import compile_controller
from snn_core.network.spec import Connection, NetworkSpec, load_network_spec
from snn_core.tasks.lane.simulator import LaneSimulator
from snn_core.tasks.lane.task import LaneTaskSpec

Control = Literal["none", "no-learning", "shuffled-reward", "dark"]
"""What is taken away from a training run, to show that it is needed."""
CONTROLS: tuple[Control, ...] = ("no-learning", "shuffled-reward", "dark")


class ShuffledReward:
    """The rewards of a drive in a random order: each is that of a pose drawn from all seen so far."""

    def __init__(self, reward: Reward, seed: int) -> None:
        self._reward = reward
        self._rng = np.random.default_rng([seed, 2])
        self._seen: list[np.ndarray] = []

    def __call__(self, x_m: float, y_m: float, yaw_rad: float, lane: int) -> np.ndarray:
        """The reward of a pose that was seen earlier, or of this one."""
        self._seen.append(self._reward(x_m, y_m, yaw_rad, lane))
        return self._seen[self._rng.integers(len(self._seen))]


def network_for(parameters: DriveParameters, learning_rate_per_ms: float | None = None) -> NetworkSpec:
    """The network's description, with another learning rate (nA per ms) where one is given. Raises UserError."""
    spec = load_network_spec(parameters.controller.network)
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
    return validate(NetworkSpec, changed.model_dump(), f"network {spec.name!r}")


def with_task(parameters: DriveParameters, **task: object) -> DriveParameters:
    """The same parameters with some of the task's replaced. Raises UserError for a value out of range."""
    simulator = parameters.simulator
    spec = validate(LaneTaskSpec, {**simulator.task.model_dump(), **task}, "task")
    return parameters._replace(simulator=simulator.model_copy(update={"task": spec}))


def with_seed(parameters: DriveParameters, seed: int) -> DriveParameters:
    """The same parameters with another seed for simulator and controller."""
    return parameters._replace(
        simulator=parameters.simulator.model_copy(update={"seed": seed}),
        controller=parameters.controller.model_copy(update={"seed": seed}),
    )


def compile_kernels(simulator: SimulatorParameters, controller: Controller) -> float:
    """Compile all that a drive needs, or load it from numba's cache. Returns the seconds that it took."""
    begin = time.perf_counter()
    compile_controller(controller)
    if simulator.backend == "embedded":  # a Gazebo's world compiles its own before it starts one
        scratch = LaneSimulator(simulator)
        for _ in range(3):
            scratch.step(1.0, 0.1)
    return time.perf_counter() - begin


def train(
    parameters: DriveParameters,
    controller: Controller,
    control: Control = "none",
    driver: Driver | None = None,
    on_window: OnWindow | None = None,
) -> DriveResult:
    """Let ``controller`` learn on the task of ``parameters.simulator``, in this process unless another driver is given.

    Raises UserError.
    """
    if control == "dark":
        parameters = parameters._replace(simulator=parameters.simulator.model_copy(update={"dark": True}))
    if control == "shuffled-reward":
        driver = InProcess(lambda reward: ShuffledReward(reward, parameters.simulator.seed))
    controller.network.learning = control != "no-learning"
    return (driver or InProcess())(parameters, controller, on_window)


def evaluate(
    parameters: DriveParameters,
    controller: Controller,
    seconds: float,
    driver: Driver | None = None,
    on_window: OnWindow | None = None,
) -> DriveResult:
    """Drive a frozen copy of ``controller`` for ``seconds``, half on each lane. Raises UserError."""
    parameters = with_task(parameters, mode="evaluate", duration_s=seconds, settled_s=0.0, settled_laps=0)
    frozen = controller.copy()
    frozen.network.learning = False
    return (driver or InProcess())(parameters, frozen, on_window)


def training_figures(result: DriveResult) -> dict[str, Any]:
    """What the JSON of a run says of training."""
    last = result.log.last
    return {
        "simulated_s": round(result.simulated_s, 6),
        "wall_s": result.wall_s,
        "resets": last.resets if last else 0,
        "last_reset_s": result.log.last_reset_s,
        "laps": last.laps if last else 0,
        "spike_sha256": result.log.digest.spike_sha256,
        "trajectory_sha256": result.log.digest.trajectory_sha256,
    }


def evaluation_figures(result: DriveResult) -> dict[str, Any]:
    """What the JSON of a run says of the evaluation."""
    last = result.log.last
    return {
        "evaluation_s": round(result.simulated_s, 6),
        "mean_abs_deviation_m": result.log.mean_abs_deviation_m(),
        "max_abs_deviation_m": result.log.max_abs_deviation_m(),
        "evaluation_resets": last.resets if last else 0,
        "evaluation_laps": last.laps if last else 0,
    }
