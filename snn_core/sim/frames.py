"""From frames to events: images of a camera, with their times, seen by event pixels."""

import math
from typing import Literal

import numpy as np
from pydantic import Field

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.files import StrictModel
from snn_core.sim import pixel_kernels as kernels
from snn_core.sim.event_pixel import EventPixelArray, EventPixelSpec

_BRIGHTEST = 255.0
"""Intensities count from 0 to this, whatever the bits of an image: linear_below is said in them, as in v2e."""


class FrameResponse(StrictModel):
    """How an image's numbers become the log intensity that event pixels see."""

    response: Literal["linear", "srgb"] = Field(
        default="linear", description="an image's numbers are intensities (linear), or sRGB's code for them (srgb)"
    )
    linear_below: float = Field(
        default=20.0,
        ge=2.0,
        le=255.0,
        description="intensity, of 255, below which the response is linear and not logarithmic",
    )

    def table(self, bits: int) -> np.ndarray:
        """The response to each number of an image of 8 or 16 bits: float32 (2^bits), natural log of intensity.

        Linear from 0 to log(linear_below), above it the logarithm. This is v2e's lin_log (Hu, Liu, Delbruck, "v2e: From
        Video Frames to Realistic DVS Events", CVPRW 2021), which keeps a dark pixel's last bit from being many events.
        sRGB's transfer function is that of IEC 61966-2-1.
        """
        code = np.linspace(0.0, 1.0, 2**bits)
        if self.response == "srgb":
            code = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
        intensity = _BRIGHTEST * code
        slope = math.log(self.linear_below) / self.linear_below
        log = np.log(np.maximum(intensity, self.linear_below))
        return np.where(intensity < self.linear_below, slope * intensity, log).astype(np.float32)


class FrameEvents:
    """Event pixels that see a camera's images, uint8 or uint16 (height, width), one after the other.

    The same seed, images and times give the same bits. They are those of an EventPixelArray that is shown the
    response's log intensities; but pixels whose number stays the same are passed over, many at once.
    """

    def __init__(
        self,
        pixel: EventPixelSpec,
        width: int,
        height: int,
        seed: int | np.random.Generator,
        response: FrameResponse | None = None,
    ) -> None:
        self._pixels = EventPixelArray(pixel, width, height, np.random.default_rng(seed))
        self._response = response or FrameResponse()
        self._image = np.zeros((height, width), np.uint8)
        self._table = self._response.table(8)
        self._row = np.empty(width, np.float32)
        self._found = np.empty(kernels.FRAME_BLOCK, np.uint32)
        self._events = np.empty(0, np.int64)
        contrast = float(self._table[-1] - self._table[0])
        self._row_bound = width * self._pixels.most_events_per_pixel(contrast)

    def change(self, pixel: EventPixelSpec) -> None:
        """Have other noise and another refractory time from now on. Raises ValueError for other thresholds."""
        self._pixels.change(pixel)

    @property
    def now_us(self) -> int:
        """Time of the last image (us)."""
        return self._pixels.now_us

    @property
    def image(self) -> np.ndarray:
        """A copy of the last image."""
        return self._image.copy()

    def reset(self, image: np.ndarray, t_us: int) -> None:
        """Memorise an image without events; those to come are of its type, uint8 or uint16. Raises UserError."""
        kind = image.dtype if image.dtype in (np.uint8, np.uint16) else self._image.dtype
        self._check(image, kind)
        if kind != self._image.dtype:
            self._table = self._response.table(8 * kind.itemsize)
        self._image = image.copy()
        self._pixels.reset(self._table[image], t_us)

    def update(self, image: np.ndarray, t_us: int) -> Events:
        """The events from the last image to this one, at times in [last, t_us).

        Raises UserError when the image's size or type is another than that of ``reset``, and ValueError when time
        does not advance by 1 to 2^31 us.
        """
        self._check(image, self._image.dtype)
        image = np.require(image, requirements=("C", "W"))  # numba compiles again for what is laid out otherwise
        pixels, begin_us, end_us = self._pixels, self.now_us, int(t_us)
        pixels.check_time(end_us)
        noise = pixels.draw_noise(begin_us, end_us)
        bound = self._row_bound + 2 * noise.t.size
        row = count = 0
        while row < pixels.height:
            if self._events.size < count + bound:
                self._events = np.concatenate([self._events[:count], np.empty(count + 2 * bound, np.int64)])
            row, count = kernels.update_frame(
                row, count, bound, image, self._image, self._table, begin_us, end_us, pixels.pixels, noise,
                self._row, self._found, self._events,
            )  # fmt: skip
        pixels.now_us = end_us
        return pixels.unpack(self._events[:count], begin_us, end_us)

    def _check(self, image: np.ndarray, kind: np.dtype) -> None:
        expected = self._image.shape
        if image.shape != expected or image.dtype != kind:
            found = " x ".join(map(str, image.shape[::-1]))
            raise UserError(
                f"image: expected {kind} of {expected[1]} x {expected[0]} px, found {image.dtype} of {found}"
            )


def compile_frame_events() -> None:
    """Compile what FrameEvents needs for images of 8 bits, or load it from numba's cache."""
    image = np.zeros((4, 4), np.uint8)
    frames = FrameEvents(EventPixelSpec(), 4, 4, 0)
    frames.reset(image, 0)
    frames.update(image + np.uint8(100), 1000)
