"""Undistortion and rectification: each pixel's events go to where an ideal camera would see them."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.camera_info import Calibration
from snn_core.events.events import Events
from snn_core.events.filters.base import Filter, select

OFF = np.uint32(2**32 - 1)  # of a pixel whose events leave the sensor
ITERATIONS, EPSILON = 100, 1e-9
MAX_ERROR_PX = 0.5
COEFFICIENTS = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}
"""How many each distortion model may have; none at all is no distortion."""


class RectificationFilter(Filter):
    """Moves events from the pixel that saw them to the nearest pixel of the rectified image; the sensor keeps its size.

    Dropped are events that leave the sensor, and those of pixels that the distortion model cannot explain, since it
    folds over so far from the centre. Of the rectified image some pixels get the events of several, some of none.

    Raises UserError when the calibration is for another size of sensor, or is none.
    """

    name = "rectification"

    def __init__(self, width: int, height: int, calibration: Calibration) -> None:
        super().__init__(width, height)
        if (calibration.image_width, calibration.image_height) != (width, height):
            raise UserError(
                f"{self.name}: the calibration is for {calibration.image_width} x {calibration.image_height} pixels, "
                f"the events are from {width} x {height}; give the camera's own"
            )
        self._table = _table(rectified_pixels(calibration), width, height)

    def _filter(self, events: Events) -> Events:
        return select(_move, events, self.width, self._table)


def rectified_pixels(calibration: Calibration) -> NDArray[np.float64]:
    """Where each pixel's centre lies in the rectified image: shape (height, width, 2), (x, y) in px.

    Not a number where the distortion model cannot explain the pixel, and where it lies behind the rectified camera.
    A rectification or projection matrix that is all 0, as an uncalibrated driver has it, is taken for none.

    Raises UserError for focal lengths that are not above 0, and for a number of coefficients that the model has not.
    """
    matrix, coefficients = _checked(calibration)
    rectification = np.reshape(calibration.rectification_matrix.data, (3, 3))
    projection = np.reshape(calibration.projection_matrix.data, (3, 4))[:, :3]
    to_pixels = (projection if projection.any() else matrix) @ (rectification if rectification.any() else np.eye(3))

    rows, columns = np.indices((calibration.image_height, calibration.image_width))
    pixels = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2).astype(np.float64)
    undistorted, error_px = _undistort(pixels, matrix, coefficients, calibration.distortion_model == "equidistant")
    x, y, depth = to_pixels @ np.concatenate([undistorted, np.ones((len(pixels), 1))], axis=1).T
    explained = (depth > 0) & (error_px < MAX_ERROR_PX)
    rectified = np.full((len(pixels), 2), np.nan)
    rectified[explained] = np.stack([x, y], axis=-1)[explained] / depth[explained, None]
    return rectified.reshape(calibration.image_height, calibration.image_width, 2)


def _checked(calibration: Calibration) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The camera matrix and the distortion coefficients; zeros where there are none."""
    matrix = np.reshape(calibration.camera_matrix.data, (3, 3)).astype(np.float64)
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise UserError("rectification: camera_matrix: focal lengths must be above 0; calibrate the camera")
    coefficients = np.array(calibration.distortion_coefficients.data, np.float64)
    expected = COEFFICIENTS[calibration.distortion_model]
    if len(coefficients) not in (0, *expected):
        raise UserError(
            f"rectification: {calibration.distortion_model} has {' or '.join(map(str, expected))} "
            f"distortion coefficients, found {len(coefficients)}"
        )
    return matrix, coefficients if len(coefficients) else np.zeros(4)


def _undistort(
    pixels: NDArray[np.float64], matrix: NDArray[np.float64], coefficients: NDArray[np.float64], is_fisheye: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The directions (n, 2) of an ideal camera with focal length 1, and how far off the pixels lie that they would be
    seen at (n,), px.
    """
    try:
        import cv2
    except ImportError as error:  # the wheel has no libraries of a screen, which it wants all the same
        raise UserError(
            f"rectification: OpenCV cannot be loaded: {error}; install libgl1, libglib2.0-0, libxcb1"
        ) from error

    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ITERATIONS, EPSILON)
    if is_fisheye:
        undistorted = cv2.fisheye.undistortPoints(pixels, matrix, coefficients, criteria=stop)
        seen = cv2.fisheye.distortPoints(undistorted, matrix, coefficients)
    else:
        undistorted = cv2.undistortPoints(pixels, matrix, coefficients, criteria=stop)
        homogeneous = np.concatenate([undistorted, np.ones((len(pixels), 1, 1))], axis=2)
        seen, _ = cv2.projectPoints(homogeneous, np.zeros(3), np.zeros(3), matrix, coefficients)
    error_px = np.linalg.norm(seen - pixels, axis=2)
    return np.asarray(undistorted, np.float64).reshape(-1, 2), error_px.reshape(-1)


def _table(rectified: NDArray[np.float64], width: int, height: int) -> NDArray[np.uint32]:
    """Where the events of each pixel go, shape (height * width,): x in the low 16 bits, y above; or OFF."""
    x, y = np.moveaxis(np.floor(rectified + 0.5), -1, 0)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)  # false for what is not a number
    table = np.full((height, width), OFF)
    table[inside] = x[inside].astype(np.uint32) | y[inside].astype(np.uint32) << np.uint32(16)
    return table.reshape(-1)


@njit(cache=True, nogil=True)
def _move(t, x, y, polarity, width, table, t_kept, x_kept, y_kept, polarity_kept):
    kept = 0
    for i in range(len(t)):
        pixel = table[np.uint64(y[i]) * np.uint64(width) + np.uint64(x[i])]
        t_kept[kept] = t[i]
        x_kept[kept] = pixel & np.uint32(0xFFFF)
        y_kept[kept] = pixel >> np.uint32(16)
        polarity_kept[kept] = polarity[i]
        kept += pixel != OFF
    return kept
