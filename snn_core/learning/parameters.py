"""The parameters of a drive: what launch/config holds, for nodes and for the in-process loop alike.

A parameter file has the form of ROS 2, a section for each node. Each section is checked against the models below. The
nodes declare their ROS parameters from these models, too.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import Field, create_model

from snn_core.control.safety import SafetyLimits
from snn_core.errors import UserError
from snn_core.files import WINDOW_MS, StrictModel, read_yaml, validate
from snn_core.tasks.base import Task
from snn_core.tasks.registry import find_task

LOCKSTEP = "time waits for the network (true), or runs by itself (false)"


class SourceParameters(StrictModel):
    """How a source of events (simulator or replay) keeps step."""

    lockstep: bool = Field(default=True, description=LOCKSTEP)
    lockstep_retry_s: float = Field(
        default=0.5, gt=0, le=60, description="no answer: publish the window again (s, wall time)"
    )
    lockstep_timeout_s: float = Field(
        default=2.0, gt=0, le=3600, description="no answer: say so in the diagnostics (s, wall time)"
    )
    packet_bytes: int = Field(default=65536, ge=8, le=4_194_304, description="largest event data of a packet (bytes)")
    twist_stamped: bool = Field(
        default=True, description="cmd_vel is TwistStamped (true) or Twist (false, free running only)"
    )
    observers: int = Field(
        default=0,
        ge=0,
        le=100,
        description="recorders that must hear episode, besides controller and reward, before the first window",
    )
    frame_id: str = Field(default="camera", description="frame of the events")


class SimulatorNodeParameters(SourceParameters):
    """What the node ``simulator`` has besides the settings of its task."""

    task_name: str = Field(default="lane", description="what is to be learnt: see `spikedrive tasks`")
    command_timeout_s: float = Field(default=0.5, gt=0, le=60, description="no command: the robot stops (s, wall time)")
    real_time_factor: float = Field(default=1.0, gt=0, le=1000, description="simulated per wall time when free running")
    odom_frame_id: str = Field(default="odom", description="frame of the odometry")
    base_frame_id: str = Field(default="base_link", description="frame of the robot")


@cache
def simulator_parameters(task: type[Task]) -> type[Any]:
    """The parameters of the node ``simulator`` for a task: the task's settings, and how it keeps step.

    The simulator of a task without a node ``reward`` also has the settings of the signals, as ``signals``.
    """
    fields: dict[str, Any] = {}
    if not task.has_reward_node:
        fields["signals"] = (task.signal_settings_type, task.signal_settings_type())
    return create_model("SimulatorParameters", __base__=(task.settings_type, SimulatorNodeParameters), **fields)


class RewardNodeParameters(StrictModel):
    """What the node ``reward`` has besides the settings of its task's signals."""

    task_name: str = Field(default="lane", description="whose signals: see `spikedrive tasks`")
    lane: int = Field(
        default=-1,
        ge=-1,
        le=1,
        description="take odometry alone, for this goal (lane); -1: with episodes, which say it",
    )


@cache
def reward_parameters(task: type[Task]) -> type[Any]:
    """The parameters of the node ``reward`` for a task."""
    return create_model("RewardParameters", __base__=(task.signal_settings_type, RewardNodeParameters))


class ReplayParameters(SourceParameters):
    """Parameters of the node ``replay``."""

    file: str = Field(default="", description="recording to replay: any format that docs/events.md lists, or a bag")
    topic: str = Field(default="", description="a bag's topic of events; empty: the one that there is")
    other_topics: bool = Field(default=True, description="publish a bag's other topics, too, in order")
    rate: float = Field(default=1.0, ge=0, description="event time per wall time; ignored in lockstep")
    start_s: float = Field(default=0.0, ge=0, description="where to begin (s after the first event)")
    loop: bool = Field(default=False, description="begin anew after the end; times then jump back")
    subscriber_timeout_s: float = Field(
        default=60.0, ge=0, description="wait so long for a subscriber, so that no event is lost (s; 0: for ever)"
    )
    camera_info_url: str = Field(
        default="", description="calibration to publish (path or file:// URL) where the recording has none"
    )
    window_ms: float = WINDOW_MS
    channels: str = Field(
        default="", description="lockstep: channels of the controller's commands (name,name); empty: a velocity"
    )
    packet_ms: float = Field(default=5.0, gt=0, le=1000, description="largest time span of a packet (ms)")


class ControllerParameters(StrictModel):
    """Parameters of the node ``controller``."""

    network: str = Field(
        default="lane", description="network: a shipped name or the path of a .yaml file; empty: that of the checkpoint"
    )
    checkpoint: str = Field(
        default="", description="checkpoint to start from (path); empty: initial weights drawn by seed"
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="seed of initial weights and Poisson encoder")
    learning: bool = Field(default=True, description="weights change (true) or are frozen (false)")
    autostart: bool = Field(default=True, description="configure and activate at start")
    lockstep: bool = Field(default=True, description=LOCKSTEP)
    event_timeout_s: float = Field(
        default=0.2, ge=0, le=3600, description="free running, no events: stop (s, wall time; 0: never)"
    )
    lockstep_timeout_s: float = Field(
        default=2.0, gt=0, le=3600, description="lockstep, no window: stop (s, wall time)"
    )
    twist_stamped: bool = Field(default=True, description="cmd_vel is TwistStamped (true) or Twist (false)")
    command_type: Literal["auto", "twist", "float64_multi_array", "joint_trajectory"] = Field(
        default="auto",
        description="how commands are sent; auto: a velocity as twist, others as array, in lockstep as trajectory",
    )
    reward_topic: str = Field(
        default="", description="topic of a scalar reward (std_msgs/Float64), besides reward; empty: none"
    )
    reward_signal: str = Field(default="reward", min_length=1, description="signal that reward_topic gives")
    events_reliability: Literal["auto", "reliable", "best_effort"] = Field(
        default="auto", description="QoS asked of events; auto: reliable, and best effort where no more is offered"
    )
    on_restart: Literal["reset", "keep"] = Field(
        default="reset",
        description="free running, event time jumps back by more than 1 s: neurons and traces rest (reset) or go on "
        "(keep); weights stay",
    )
    base_frame_id: str = Field(default="base_link", description="frame of the velocity commands")
    state_folder: str = Field(
        default="",
        description="folder of checkpoints saved by service; empty: ~/.ros/spikedrive/ and the node's full name",
    )
    limits: SafetyLimits = Field(default_factory=SafetyLimits)


Parameters = TypeVar("Parameters", bound=StrictModel)


class DriveParameters(NamedTuple):
    """What a drive needs."""

    task: type[Task]
    simulator: Any
    """Of ``simulator_parameters(task)``."""
    reward: Any
    """Of ``reward_parameters(task)``."""
    controller: ControllerParameters

    def make_task(self) -> Task:
        """A run of the task. Raises UserError."""
        return self.task(self.simulator, self.reward)

    def sections(self) -> dict[str, StrictModel]:
        """The parameters of each node."""
        return {"simulator": self.simulator, "reward": self.reward, "controller": self.controller}

    def with_signals(self) -> "DriveParameters":
        """The same, where the simulator, too, has the settings of the signals, if it is the one to send them."""
        if self.task.has_reward_node:
            return self
        names = self.task.signal_settings_type.model_fields
        signals = self.task.signal_settings_type(**{name: getattr(self.reward, name) for name in names})
        return self._replace(simulator=self.simulator.model_copy(update={"signals": signals}))


def read_parameters(path: Path, node: str, model: type[Parameters]) -> Parameters:
    """The section of ``node`` in a ROS 2 parameter file, under ``/**/node``, ``/node`` or ``node``.

    A section ``/**`` gives what all nodes share. Raises UserError that names file, section and key.
    """
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise UserError(f"{path}: expected a section for each node, found {type(data).__name__}")
    values: dict[str, object] = {}
    for section in ("/**", node, f"/{node}", f"/**/{node}"):
        content = data.get(section, {"ros__parameters": {}})
        parameters = content.get("ros__parameters") if isinstance(content, dict) else None
        if not isinstance(parameters, dict):
            raise UserError(f"{path}: {section}: expected the key ros__parameters with parameters below it")
        shared = section == "/**"
        values.update({key: value for key, value in parameters.items() if not shared or key in model.model_fields})
    return validate(model, values, f"{path}: {node}")


def read_drive_parameters(path: Path | None, task: type[Task]) -> DriveParameters:
    """The parameters of simulator, reward and controller of one file; None: all have their defaults.

    A section that does not name a network has that of the task. Raises UserError.
    """
    models = (simulator_parameters(task), reward_parameters(task), ControllerParameters)
    if path is None:
        simulator, reward, controller = (model() for model in models)
    else:
        sections = ("simulator", "reward", "controller")
        simulator, reward, controller = (
            read_parameters(path, section, model) for section, model in zip(sections, models, strict=True)
        )
    if "network" not in controller.model_fields_set and not controller.checkpoint:
        controller = controller.model_copy(update={"network": task.network})
    named = {"task_name": task.name}
    return DriveParameters(task, simulator.model_copy(update=named), reward.model_copy(update=named), controller)


def load_parameters(
    path: Path | None,
    seed: int,
    task: str | type[Task] = "lane",
    network: str | None = None,
    options: Mapping[str, str | None] | None = None,
) -> DriveParameters:
    """Parameters of a file with what the command line says instead.

    options: settings of the task's scene by name (``track``, ``backend``), for simulator and signals alike; None: as in
    the file. Raises UserError, also for an option that the task does not have.
    """
    kind = find_task(task) if isinstance(task, str) else task
    parameters = with_seed(read_drive_parameters(path, kind), seed)
    if network is not None:
        parameters = parameters._replace(controller=parameters.controller.model_copy(update={"network": network}))
    for name, value in (options or {}).items():
        if value is not None:
            parameters = with_option(parameters, name, value)
    try:
        kind.check_settings(parameters.simulator, parameters.reward)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    return parameters


def with_option(parameters: DriveParameters, name: str, value: str) -> DriveParameters:
    """The same parameters with another setting of the scene, for simulator and signals alike. Raises UserError."""
    if name not in type(parameters.simulator).model_fields:
        raise UserError(f"--{name}: the task {parameters.task.name!r} has no such setting; leave it out")
    simulator, reward = (
        part.model_copy(update={name: value}) if name in type(part).model_fields else part
        for part in (parameters.simulator, parameters.reward)
    )
    return parameters._replace(simulator=simulator, reward=reward)


def with_seed(parameters: DriveParameters, seed: int) -> DriveParameters:
    """The same parameters with another seed for simulator and controller."""
    return parameters._replace(
        simulator=parameters.simulator.model_copy(update={"seed": seed}),
        controller=parameters.controller.model_copy(update={"seed": seed}),
    )


def with_task(parameters: DriveParameters, **rules: object) -> DriveParameters:
    """The same parameters with some of the run's rules replaced. Raises UserError for a value out of range."""
    simulator = parameters.simulator
    spec = validate(type(simulator.task), {**simulator.task.model_dump(), **rules}, "task")
    return parameters._replace(simulator=simulator.model_copy(update={"task": spec}))


def with_window(parameters: DriveParameters, window_ms: float) -> DriveParameters:
    """The same parameters with the window (ms) of a controller, unless the parameter file says another."""
    if "window_ms" in parameters.simulator.model_fields_set:
        window_ms = parameters.simulator.window_ms
    simulator, reward = (
        part.model_copy(update={"window_ms": window_ms}) if "window_ms" in type(part).model_fields else part
        for part in (parameters.simulator, parameters.reward)
    )
    return parameters._replace(simulator=simulator, reward=reward)
