"""All settings of the simulator, in one model."""

from typing import Literal

from pydantic import Field

from snn_core.files import StrictModel
from snn_core.sim.camera import CameraSpec
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.gazebo.gazebo_settings import GazeboSettings
from snn_core.sim.robot import RobotSpec
from snn_core.tasks.lane.task import LaneTaskSpec


class SimulatorSettings(StrictModel):
    """What the simulator is made of; its defaults are the project's main job."""

    backend: Literal["embedded", "gz", "gazebo_classic"] = Field(
        default="embedded", description="simulator: embedded, Gazebo Sim (gz) or Gazebo Classic 11"
    )
    track: str = Field(default="meschede", min_length=1, description="name of a shipped track, or path of a track file")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="seed of thresholds and noise")
    window_ms: int = Field(default=50, ge=1, le=1000, description="length of a control window (ms)")
    dark: bool = Field(default=False, description="lens cap on: noise events only")
    camera: CameraSpec = CameraSpec()
    pixel: EventPixelSpec = EventPixelSpec()
    robot: RobotSpec = RobotSpec()
    task: LaneTaskSpec = LaneTaskSpec()
    gazebo: GazeboSettings = GazeboSettings()
