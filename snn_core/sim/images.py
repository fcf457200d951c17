"""Images as cameras' drivers send them: rows of bytes with an encoding, made gray."""

from __future__ import annotations

from array import array

import numpy as np

from snn_core.errors import UserError

_CHANNELS = {
    "mono8": 1, "8UC1": 1, "mono16": 1, "16UC1": 1, "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4,
}  # fmt: skip
"""Numbers of a pixel, by sensor_msgs/Image's name of the encoding."""


def gray_image(
    encoding: str, width: int, height: int, step: int, is_bigendian: bool, data: bytes | array[int]
) -> np.ndarray:
    """The intensities of an image, uint8 or, of 16 bits, uint16 (height, width), in the machine's byte order.

    The arguments are the fields of sensor_msgs/Image; step: bytes from one row to the next. Colours are weighted as
    ITU-R BT.601 has it (0.299 red, 0.587 green, 0.114 blue).

    Raises UserError for an encoding that is not known, an image without pixels, and rows or data that are too short.
    """
    channels = _CHANNELS.get(encoding)
    if channels is None:
        raise UserError(f"image: encoding: expected one of {', '.join(_CHANNELS)}, found {encoding!r}")
    if not (0 < width <= 2**15 and 0 < height <= 2**15):
        raise UserError(f"image: expected a width and height of 1 to {2**15} px, found {width} x {height}")
    number = np.dtype(">u2" if is_bigendian else "<u2") if "16" in encoding else np.dtype(np.uint8)
    row_bytes = width * channels * number.itemsize
    if step < row_bytes:
        raise UserError(f"image: step: expected at least {row_bytes} bytes of a row, found {step}")
    needed = step * (height - 1) + row_bytes  # the last row may come without its padding
    if len(data) < needed:
        raise UserError(f"image: expected {needed} bytes of data, found {len(data)}")
    shape, strides = (height, width, channels), (step, channels * number.itemsize, number.itemsize)
    image = np.ndarray(shape, number, data, strides=strides)
    if channels == 1:
        return np.ascontiguousarray(image[:, :, 0], number.newbyteorder("="))
    return _weighted(image, bgr=encoding.startswith("bgr"))


def _weighted(image: np.ndarray, bgr: bool) -> np.ndarray:
    import cv2  # takes half a second

    return cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), cv2.COLOR_BGR2GRAY if bgr else cv2.COLOR_RGB2GRAY)
