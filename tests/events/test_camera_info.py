"""Calibration files of ROS."""

from pathlib import Path

import pytest

from snn_core.errors import UserError
from snn_core.events.camera_info import read_calibration

FILE = """\
image_width: 640
image_height: 480
camera_name: davis
camera_matrix:
  rows: 3
  cols: 3
  data: [500.5, 0, 320, 0, 501, 240.5, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.3, 0.1, 0.001, -0.002, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [450, 0, 322, 0, 0, 460, 238, 0, 0, 0, 1, 0]}
binning_x: 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a camera.yaml"
    path.write_text(FILE)
    return path


def test_a_calibration_is_read_by_path_and_by_url(path: Path) -> None:
    calibration = read_calibration(str(path))
    assert (calibration.image_width, calibration.image_height, calibration.camera_name) == (640, 480, "davis")
    assert calibration.distortion_model == "plumb_bob"
    assert calibration.camera_matrix.data == (500.5, 0, 320, 0, 501, 240.5, 0, 0, 1)
    assert calibration.distortion_coefficients.data == (-0.3, 0.1, 0.001, -0.002, 0)
    assert calibration.projection_matrix.data[:4] == (450, 0, 322, 0)
    assert read_calibration(path.as_uri()) == calibration


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image_width: 640", "image_width: 0", "image_width: Input should be greater than or equal to 1, found 0"),
        ("plumb_bob", "fov", "distortion_model: Input should be 'plumb_bob', .* found 'fov'"),
        ("240.5, 0, 0, 1]", "240.5, 0, 0]", "camera_matrix: expected 3 x 3 numbers, found 8"),
        ("cols: 4, data: [450, 0, 322, 0,", "cols: 3, data: [450,", "the whole: projection_matrix: expected 3 x 4 num"),
        ("-0.3, 0.1", ".nan, 0.1", "distortion_coefficients.data.0: Input should be a finite number"),
        ("image_height: 480", "", "image_height: required key is missing"),
    ],
)
def test_a_calibration_that_is_none_is_refused_in_one_line(path: Path, old: str, new: str, message: str) -> None:
    assert FILE.count(old) == 1
    path.write_text(FILE.replace(old, new))
    with pytest.raises(UserError, match=rf"a camera\.yaml: {message}") as refusal:
        read_calibration(str(path))
    assert "\n" not in str(refusal.value)


def test_a_calibration_of_another_sensor_is_refused_in_one_line(path: Path) -> None:
    calibration = read_calibration(str(path))
    calibration.check_size("a.yaml", 640, 480, "Made_7")
    with pytest.raises(UserError, match=r"^a\.yaml: calibrates 640 x 480 pixels, Made_7 has 480 x 640; give the file"):
        calibration.check_size("a.yaml", 480, 640, "Made_7")


def test_places_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^package://davis/a\.yaml: expected a path or a file:// URL"):
        read_calibration("package://davis/a.yaml")
    with pytest.raises(UserError, match=r"none\.yaml: cannot be read: No such file"):
        read_calibration((tmp_path / "none.yaml").as_uri())
