"""Event pixels: log intensity in, ON and OFF events out, after ESIM and v2e.

ESIM: H. Rebecq, D. Gehrig, D. Scaramuzza, "ESIM: an Open Event Camera Simulator", CoRL 2018 (threshold crossings,
interpolated between renderings). v2e: Y. Hu, S.-C. Liu, T. Delbruck, "v2e: From Video Frames to Realistic DVS Events",
CVPRW 2021 (threshold mismatch, leak and shot noise).
"""

import math
from typing import NamedTuple

import numpy as np
from pydantic import Field

from snn_core.events.events import Events
from snn_core.files import StrictModel
from snn_core.sim import pixel_kernels as kernels

_LEAST_THRESHOLD = 0.01  # as in v2e: a pixel of a lower threshold would never be silent
_MOST_US = 2**31  # what a packed event holds
_COUNTED_US_PER_EVENT = 16  # up to here it is quicker to count the events of each microsecond than to sort them


class EventPixelSpec(StrictModel):
    """A pixel's parameters: thresholds, mismatch and leak as in v2e's emulator, shot noise as in bright light."""

    threshold_on: float = Field(
        default=0.2, ge=0.01, le=10.0, description="rise for an ON event (natural log of intensity)"
    )
    threshold_off: float = Field(
        default=0.2, ge=0.01, le=10.0, description="fall for an OFF event (natural log of intensity)"
    )
    threshold_mismatch: float = Field(
        default=0.03,
        ge=0.0,
        le=1.0,
        description="standard deviation of the thresholds over pixels (natural log of intensity)",
    )
    refractory_us: int = Field(default=500, ge=0, le=1_000_000, description="time in reset after each event (us)")
    leak_rate_hz: float = Field(
        default=0.1, ge=0.0, le=1000.0, description="rate of ON events by leakage, per pixel (Hz)"
    )
    shot_noise_rate_hz: float = Field(
        default=0.1, ge=0.0, le=1000.0, description="rate of ON and OFF shot noise, per pixel (Hz)"
    )


class NoiseEvents(NamedTuple):
    """Noise events of an interval by rows, in each row by time: row r has ``first[r]:first[r + 1]``."""

    t: np.ndarray
    x: np.ndarray
    on: np.ndarray
    first: np.ndarray


class EventPixelArray:
    """A sensor of event pixels.

    Between two views the log intensity of a pixel is taken to run straight. An event is sent when it has risen by the
    ON threshold (or fallen by the OFF threshold) from the memorised reference. The event's time is that moment, rounded
    down to a microsecond, and the reference moves by the threshold. With a refractory time the pixel is kept in reset
    so long, and then memorises what it sees. Leak and shot noise are Poisson processes; their events reset the pixel,
    too.

    All randomness comes from ``rng``, in a fixed order: thresholds now, then noise for each interval.
    """

    def __init__(self, spec: EventPixelSpec, width: int, height: int, rng: np.random.Generator) -> None:
        if not (0 < width <= 2**15 and 0 < height <= 2**15):
            raise ValueError(f"expected a width and height of 1 to {2**15} px, found {width} x {height}")
        self.spec = spec
        self.width, self.height = width, height
        self._rng = rng
        self.off, self.on = (
            np.maximum(rng.normal(mean, spec.threshold_mismatch, height * width), _LEAST_THRESHOLD).astype(np.float32)
            for mean in (spec.threshold_off, spec.threshold_on)
        )
        self._level = np.zeros(height * width, np.float32)
        self._reference = np.zeros(height * width)
        self._release = np.full(height * width, kernels.NOT_HELD)
        self._since = np.full(height * width, kernels.NOT_HELD)
        # What the kernels take; see pixel_kernels.py.
        self.pixels = (
            self._level, self._reference, self.off, self.on, self._release, self._since, spec.refractory_us
        )  # fmt: skip
        nothing = np.empty(0, np.int64)
        self._no_noise = NoiseEvents(nothing, nothing, nothing, np.zeros(height + 1, np.int64))
        self.now_us = 0

    def reset(self, log_intensity: np.ndarray, t_us: int) -> None:
        """Memorise a view (height, width) at a time, without events: what comes next is compared with it."""
        self._level[:] = self._view(log_intensity).ravel()
        self._reference[:] = self._level
        self._release[:] = kernels.NOT_HELD
        self._since[:] = kernels.NOT_HELD
        self.now_us = int(t_us)

    def update(self, log_intensity: np.ndarray, t_us: int) -> Events:
        """The events from the last view to this one (height, width), at times in [last, t_us).

        Raises ValueError when the shape is another, a number is not finite, or time does not advance by 1 to 2^31 us.
        """
        view = self._view(log_intensity)
        self.check_time(t_us)
        noise = self.draw_noise(self.now_us, t_us)
        change = np.maximum(np.abs(view.ravel() - self._reference), np.abs(view.ravel() - self._level))
        most = int(np.ceil(change / np.minimum(self.off, self.on) + 2.0).sum()) + 2 * noise.t.size
        packed = np.empty(most, np.int64)
        count = kernels.update_image(view, self.now_us, t_us, self.pixels, noise, packed)
        events = self.unpack(packed[:count], self.now_us, int(t_us))
        self.now_us = int(t_us)
        return events

    def change(self, spec: EventPixelSpec) -> None:
        """Have other noise and another refractory time from now on. Raises ValueError for other thresholds."""
        same = ("threshold_on", "threshold_off", "threshold_mismatch")
        if any(getattr(spec, name) != getattr(self.spec, name) for name in same):
            raise ValueError(f"expected the same {', '.join(same)}, by which the pixels were drawn")
        self.spec = spec
        self.pixels = (*self.pixels[:-1], spec.refractory_us)

    def check_time(self, t_us: int) -> None:
        """Raise ValueError when time does not advance by 1 to 2^31 us."""
        if not 0 < t_us - self.now_us < _MOST_US:
            raise ValueError(f"t_us: expected {self.now_us + 1} to {self.now_us + _MOST_US - 1}, found {t_us}")

    def draw_noise(self, begin_us: int, end_us: int) -> NoiseEvents:
        """The leak and shot noise events of all pixels within [begin_us, end_us); drawn once for each interval."""
        leak, shot = self.spec.leak_rate_hz, self.spec.shot_noise_rate_hz
        pixels = self.width * self.height
        count = int(self._rng.poisson(1e-6 * (end_us - begin_us) * pixels * (leak + shot)))
        if count == 0:
            return self._no_noise
        t = self._rng.integers(begin_us, end_us, count)
        pixel = self._rng.integers(0, pixels, count)
        # Leakage lifts the pixel's output, so its events are ON; shot noise is either with even odds.
        on = self._rng.random(count) * (leak + shot) < leak + 0.5 * shot
        # One number holds row, time, column and polarity, so that one sort brings the rows together, each in time.
        packed = np.sort(((pixel // self.width) << 48) | ((t - begin_us) << 16) | ((pixel % self.width) << 1) | on)
        first = np.searchsorted(packed, np.arange(self.height + 1) << 48)
        return NoiseEvents(begin_us + ((packed >> 16) & 0xFFFFFFFF), (packed >> 1) & 0x7FFF, packed & 1, first)

    def unpack(self, packed: np.ndarray, begin_us: int, end_us: int) -> Events:
        """Sort packed events (int64, n; see pixel_kernels.py) of [begin_us, end_us) and split them into columns."""
        interval_us, count = end_us - begin_us, packed.size
        if interval_us <= _COUNTED_US_PER_EVENT * count:
            ordered = np.empty_like(packed)
            kernels.sort_events(packed, np.zeros(interval_us, np.int32), ordered)
        else:
            ordered = np.sort(packed)
        events = Events(
            np.empty(count, np.int64), np.empty(count, np.uint16), np.empty(count, np.uint16), np.empty(count, np.uint8)
        )
        kernels.unpack_events(ordered, begin_us, events.t, events.x, events.y, events.polarity)
        return events

    def most_events_per_pixel(self, contrast: float) -> int:
        """No pixel has more events while its log intensity runs once over ``contrast``, noise apart."""
        return math.ceil(contrast / float(min(self.off.min(), self.on.min()))) + 2

    def _view(self, log_intensity: np.ndarray) -> np.ndarray:
        view = np.ascontiguousarray(log_intensity, np.float32)
        if view.shape != (self.height, self.width):
            raise ValueError(f"log_intensity: expected shape {(self.height, self.width)}, found {view.shape}")
        if not np.isfinite(view).all():
            raise ValueError("log_intensity: expected finite numbers")
        return view
