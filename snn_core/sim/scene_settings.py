"""Settings of the simulated scene, camera and robot, in one model."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from snn_core.files import WINDOW_MS, StrictModel
from snn_core.sim.camera import CameraSpec
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.gazebo_settings import GazeboSettings
from snn_core.sim.robot import RobotSpec
from snn_core.sim.sensor_faults import SensorFaultSpec


class SceneSettings(StrictModel):
    """What a simulated scene is made of; its defaults are the project's main job."""

    backend: Literal["embedded", "gz", "gazebo_classic"] = Field(
        default="embedded", description="simulator: embedded, Gazebo Sim (gz) or Gazebo Classic 11"
    )
    track: str = Field(
        default="meschede", min_length=1, description="name of a shipped track, generated:SEED, or path of a track file"
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="seed of thresholds and noise")
    window_ms: float = WINDOW_MS
    dark: bool = Field(default=False, description="lens cap on: noise events only")
    camera: CameraSpec = CameraSpec()
    pixel: EventPixelSpec = EventPixelSpec()
    sensor: SensorFaultSpec = SensorFaultSpec()
    robot: RobotSpec = RobotSpec()
    schedule: str = Field(
        default="", description="file of changes in mid-run (path of a .yaml file); empty: nothing changes"
    )
    schedule_from_s: float = Field(
        default=0.0, ge=0.0, le=1e7, description="the schedule's time at which the run begins (s)"
    )
    gazebo: GazeboSettings = GazeboSettings()

    @field_validator("window_ms")
    @classmethod
    def _is_whole_ms(cls, value: float) -> float:
        if not value.is_integer():
            raise ValueError("expected whole milliseconds, the tick of the simulated world")
        return value

    @model_validator(mode="after")
    def _dead_columns_are_there(self) -> "SceneSettings":
        first, width = self.sensor.dead_from_column, self.camera.width
        if self.sensor.dead_columns and first >= width:
            raise ValueError(f"sensor.dead_from_column: expected below the camera's width, {width}, found {first}")
        return self

    @property
    def window_us(self) -> int:
        """Length of a control window (us)."""
        return round(1000 * self.window_ms)
