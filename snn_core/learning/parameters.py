"""The parameters of a drive: what launch/config holds, for nodes and for the in-process loop alike.

A parameter file has the form of ROS 2, a section for each node; each section is checked against the models below, and
the nodes declare their ROS parameters from these models too.
"""

from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from pydantic import Field

from snn_core.control.safety import SafetyLimits
from snn_core.errors import UserError
from snn_core.files import StrictModel, read_yaml, validate
from snn_core.sim.simulator_settings import SimulatorSettings
from snn_core.tasks.lane.reward import RewardSettings

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
    onlookers: int = Field(
        default=0,
        ge=0,
        le=100,
        description="recorders that must hear odom and episode, besides controller and reward, before the first window",
    )
    frame_id: str = Field(default="camera", description="frame of the events")


class SimulatorParameters(SimulatorSettings, SourceParameters):
    """Parameters of the node ``simulator``."""

    command_timeout_s: float = Field(default=0.5, gt=0, le=60, description="no command: the robot stops (s, wall time)")
    real_time_factor: float = Field(default=1.0, gt=0, le=1000, description="simulated per wall time when free running")
    odom_frame_id: str = Field(default="odom", description="frame of the odometry")
    base_frame_id: str = Field(default="base_link", description="frame of the robot")


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
    window_ms: float = Field(default=50.0, gt=0, le=1000, description="window in lockstep (ms)")
    packet_ms: float = Field(default=5.0, gt=0, le=1000, description="largest time span of a packet (ms)")


class RewardParameters(RewardSettings):
    """Parameters of the node ``reward``."""

    lane: int = Field(
        default=-1,
        ge=-1,
        le=1,
        description="take odometry alone, on this lane; -1: with episodes, which say the lane",
    )


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
    """What the in-process loop needs."""

    simulator: SimulatorParameters
    reward: RewardParameters
    controller: ControllerParameters


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


def read_drive_parameters(path: Path) -> DriveParameters:
    """The parameters of simulator, reward and controller of one file. Raises UserError."""
    return DriveParameters(
        read_parameters(path, "simulator", SimulatorParameters),
        read_parameters(path, "reward", RewardParameters),
        read_parameters(path, "controller", ControllerParameters),
    )
