"""The parameters of the node ``camera``."""

from typing import Literal

from pydantic import Field

from snn_core.files import StrictModel


class CameraParameters(StrictModel):
    """Which camera, how it is set, and how its events go out."""

    device: Literal["any", "inivation", "prophesee", "recording", "list"] = Field(
        default="any",
        description="maker of the camera; recording: a file in its place; list: say what is there and end",
    )
    serial: str = Field(default="", description="serial number of the camera; empty: the first that is found")
    file: str = Field(default="", description="AEDAT4 file that is played in a camera's place (device: recording)")
    biases: str = Field(
        default="",
        description="biases that differ from the camera's own, as in 'diff_on=20 diff_off=-10' or 'On=5,120'",
    )
    noise_filter_us: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="drop events that no neighbour supports for so long (us; 0: not)",
    )
    flip_horizontal: bool = Field(default=False, description="mirror x")
    flip_vertical: bool = Field(default=False, description="mirror y")
    packet_ms: float = Field(default=5.0, ge=1, le=1000, description="largest time span of a packet of events (ms)")
    packet_bytes: int = Field(default=262_144, ge=8, le=4_194_304, description="largest event data of a packet (bytes)")
    reconnect_s: float = Field(
        default=1.0, ge=0, le=3600, description="no camera: look for it again after so long (s; 0: end)"
    )
    camera_info_url: str = Field(
        default="", description="calibration file (YAML of camera_calibration; path or file://); empty: uncalibrated"
    )
    frame_id: str = Field(default="camera", description="frame of the events")
