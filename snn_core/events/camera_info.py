"""Calibrations of cameras, in the YAML files that ROS' camera_calibration writes.

Source: ROS, camera_calibration_parsers; the meaning of the matrices is that of sensor_msgs/CameraInfo.
"""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from snn_core.errors import UserError
from snn_core.files import load_yaml


class Matrix(BaseModel):
    """Numbers, row by row."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    rows: int = Field(ge=1, le=4)
    cols: int = Field(ge=0, le=32)
    data: tuple[float, ...]

    @model_validator(mode="after")
    def _is_full(self) -> Self:
        if len(self.data) != self.rows * self.cols:
            raise ValueError(f"expected {self.rows} x {self.cols} numbers, found {len(self.data)}")
        return self


class Calibration(BaseModel):
    """What a camera was calibrated to; keys beyond these are ignored, as ROS does.

    camera_matrix: K, 3 x 3, focal lengths and principal point, px. rectification_matrix: R, 3 x 3.
    projection_matrix: P, 3 x 4. distortion_coefficients: D, 1 x n, as the model has them.
    """

    model_config = ConfigDict(frozen=True)

    image_width: int = Field(ge=1, le=32768)
    image_height: int = Field(ge=1, le=32768)
    camera_name: str = ""
    distortion_model: Literal["plumb_bob", "rational_polynomial", "equidistant"]
    camera_matrix: Matrix
    distortion_coefficients: Matrix
    rectification_matrix: Matrix
    projection_matrix: Matrix

    @model_validator(mode="after")
    def _has_its_shapes(self) -> Self:
        for name, shape in (("camera_matrix", (3, 3)), ("rectification_matrix", (3, 3)), ("projection_matrix", (3, 4))):
            matrix: Matrix = getattr(self, name)
            if (matrix.rows, matrix.cols) != shape:
                raise ValueError(
                    f"{name}: expected {shape[0]} x {shape[1]} numbers, found {matrix.rows} x {matrix.cols}"
                )
        return self

    def check_size(self, url: str, width: int, height: int, whose: str) -> None:
        """Raise UserError unless it is for a sensor of this size (px).

        url: where it was read from. whose: what has the sensor, for the message.
        """
        if (self.image_width, self.image_height) != (width, height):
            raise UserError(
                f"{url}: calibrates {self.image_width} x {self.image_height} pixels, {whose} has {width} x {height}; "
                "give the file of this camera"
            )


def read_calibration(url: str) -> Calibration:
    """Read a calibration from a path or a ``file://`` URL. Raises UserError that names the file and the key."""
    parts = urlsplit(url)
    if parts.scheme not in ("", "file"):
        raise UserError(f"{url}: expected a path or a file:// URL")
    path = Path(unquote(parts.path) if parts.scheme else url)
    return load_yaml(path, Calibration)
