import math
import sys

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.camera_info import Calibration
from snn_core.events.filters.rectification import RectificationFilter, rectified_pixels
from tests.events.streams import as_tuples, make_events
from tests.reference_filters import distorted

WIDTH, HEIGHT = 64, 48
K = (50.0, 0.0, 31.0, 0.0, 51.0, 24.5, 0.0, 0.0, 1.0)
COS, SIN = math.cos(0.1), math.sin(0.1)
ROTATION = (COS, 0.0, SIN, 0.0, 1.0, 0.0, -SIN, 0.0, COS)
PROJECTION = (40.0, 0.0, 30.0, -4.0, 0.0, 40.0, 22.0, 0.0, 0.0, 0.0, 1.0, 0.0)
LENSES = {
    "plumb_bob": (-0.3, 0.09, 0.001, -0.002, -0.01),
    "rational_polynomial": (0.2, -0.05, 0.001, 0.0005, 0.01, 0.4, -0.02, 0.01),
    "equidistant": (-0.02, 0.01, -0.004, 0.001),
}


def calibration(
    model: str = "plumb_bob",
    coefficients: tuple[float, ...] = (),
    k: tuple[float, ...] = K,
    r: tuple[float, ...] = (0.0,) * 9,
    p: tuple[float, ...] = (0.0,) * 12,
) -> Calibration:
    return Calibration.model_validate(
        {
            "image_width": WIDTH,
            "image_height": HEIGHT,
            "camera_matrix": {"rows": 3, "cols": 3, "data": k},
            "distortion_model": model,
            "distortion_coefficients": {"rows": 1, "cols": len(coefficients), "data": coefficients},
            "rectification_matrix": {"rows": 3, "cols": 3, "data": r},
            "projection_matrix": {"rows": 3, "cols": 4, "data": p},
        }
    )


@pytest.mark.parametrize("model", LENSES)
@pytest.mark.parametrize("stereo", [False, True])
def test_the_lens_brings_rectified_pixels_back(model, stereo):
    more = {"r": ROTATION, "p": PROJECTION} if stereo else {}
    rectified = rectified_pixels(calibration(model, LENSES[model], **more))
    (fx, _, cx, _), (_, fy, cy, _), _ = np.reshape(PROJECTION if stereo else (*K[:3], 0, *K[3:6], 0, *K[6:], 0), (3, 4))
    rotation = np.reshape(ROTATION, (3, 3)) if stereo else np.eye(3)
    assert np.isfinite(rectified).all()
    for y in range(0, HEIGHT, 5):
        for x in range(0, WIDTH, 5):
            u, v = rectified[y, x]
            direction = rotation.T @ [(u - cx) / fx, (v - cy) / fy, 1.0]
            seen_x, seen_y = distorted(direction[0] / direction[2], direction[1] / direction[2], model, LENSES[model])
            assert (50.0 * seen_x + 31.0, 51.0 * seen_y + 24.5) == pytest.approx((x, y), abs=1e-3)


def test_events_go_to_the_nearest_pixel():
    info = calibration("plumb_bob", LENSES["plumb_bob"])
    rectified = rectified_pixels(info)
    rng = np.random.default_rng(0)
    rows = [(t, int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)), t % 2) for t in range(2000)]
    expected = []
    for t, x, y, polarity in rows:
        u, v = rectified[y, x]
        if -0.5 <= u < WIDTH - 0.5 and -0.5 <= v < HEIGHT - 0.5:
            expected.append((t, math.floor(u + 0.5), math.floor(v + 0.5), polarity))
    a_filter = RectificationFilter(WIDTH, HEIGHT, info)
    kept = as_tuples(a_filter(make_events(rows)))
    assert kept == expected
    assert 0 < a_filter.dropped == len(rows) - len(expected) < len(rows)


def test_an_undistorted_camera_moves_nothing():
    events = make_events([(0, x, y, 1) for y in range(HEIGHT) for x in range(WIDTH)])
    a_filter = RectificationFilter(WIDTH, HEIGHT, calibration())
    assert a_filter(events).equals(events)


def test_pixels_that_a_lens_cannot_explain_are_dropped():
    """With k1 = -1 no direction is seen further than 0.385 focal lengths from the centre: 19 px."""
    info = calibration("plumb_bob", (-1.0, 0.0, 0.0, 0.0))
    explained = np.isfinite(rectified_pixels(info)[..., 0])
    y, x = np.indices((HEIGHT, WIDTH))
    radius = np.hypot((x - 31.0) / 50.0, (y - 24.5) / 51.0)
    assert explained[radius < 0.35].all()
    assert not explained[radius > 0.41].any()


def test_what_lies_behind_the_rectified_camera_is_dropped():
    info = calibration(r=(-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    assert np.isnan(rectified_pixels(info)).all()


def test_a_calibration_for_another_sensor_is_refused():
    with pytest.raises(
        UserError, match="rectification: the calibration is for 64 x 48 pixels, the events are from 64 x 49"
    ):
        RectificationFilter(WIDTH, HEIGHT + 1, calibration())


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (
            calibration(k=(0.0,) * 9),
            "rectification: camera_matrix: focal lengths must be above 0; calibrate the camera",
        ),
        (calibration("equidistant", LENSES["plumb_bob"]), "equidistant has 4 distortion coefficients, found 5"),
    ],
)
def test_calibrations_that_are_none(info: Calibration, message: str):
    with pytest.raises(UserError, match=message):
        RectificationFilter(WIDTH, HEIGHT, info)


def test_opencv_that_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r"rectification: OpenCV cannot be loaded: .*; install libgl1"):
        RectificationFilter(WIDTH, HEIGHT, calibration())
