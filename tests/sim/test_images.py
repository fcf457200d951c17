"""Images as drivers send them: padding, byte order, colours; and what is refused."""

from typing import Literal

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.sim.images import gray_image


def rows(image: np.ndarray, padding: int) -> tuple[int, bytes]:
    """Step and bytes of an image with so many bytes after each row."""
    step = image[0].nbytes + padding
    return step, b"".join(row.tobytes() + b"\xff" * padding for row in image)


@pytest.mark.parametrize("padding", [0, 1, 7])
@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_bytes_are_intensities(encoding: str, padding: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7), np.uint8)
    step, data = rows(image, padding)
    found = gray_image(encoding, 7, 5, step, True, data)
    assert found.dtype == np.uint8
    assert np.array_equal(found, image)
    assert np.array_equal(gray_image(encoding, 7, 5, step, False, data[: len(data) - padding]), image)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("encoding", ["mono16", "16UC1"])
def test_words_have_either_byte_order(encoding: str, order: Literal["<", ">"]) -> None:
    image = np.random.default_rng(0).integers(0, 2**16, (5, 7), np.uint16)
    step, data = rows(image.astype(f"{order}u2"), 3)
    found = gray_image(encoding, 7, 5, step, order == ">", data)
    assert found.dtype == np.dtype(np.uint16)
    assert found.dtype.isnative
    assert np.array_equal(found, image)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8"])
def test_colours_are_weighted(encoding: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 70, len(encoding) - 1), np.uint8)
    step, data = rows(image, 5)
    found = gray_image(encoding, 70, 50, step, False, data)
    weights = [0.299, 0.587, 0.114]
    expected = image[:, :, :3] @ (weights if encoding.startswith("rgb") else weights[::-1])
    assert found.dtype == np.uint8
    assert np.abs(found - expected).max() < 0.51


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("bayer_rggb8", 4, 2, 4, False, bytes(8)), "image: encoding: expected one of mono8, .*, found 'bayer_rggb8'"),
        (("mono8", 0, 2, 0, False, b""), "image: expected a width and height of 1 to 32768 px, found 0 x 2"),
        (("mono8", 4, 40_000, 4, False, bytes(160_000)), "found 4 x 40000"),
        (("rgb8", 4, 2, 4, False, bytes(100)), "image: step: expected at least 12 bytes of a row, found 4"),
        (("mono16", 4, 2, 9, False, bytes(16)), "image: expected 17 bytes of data, found 16"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(fields: tuple, message: str) -> None:
    with pytest.raises(UserError, match=f"{message}$"):
        gray_image(*fields)
