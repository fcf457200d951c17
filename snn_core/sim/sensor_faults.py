"""What is wrong with an event camera: dead and hot pixels, and a picture that comes out mirrored."""

import numpy as np
from pydantic import Field

from snn_core.events.events import Events
from snn_core.files import StrictModel

_ON = 1


class SensorFaultSpec(StrictModel):
    """Faults of the sensor; by default it has none."""

    dead_fraction: float = Field(default=0.0, ge=0.0, le=1.0, description="part of the pixels that send nothing")
    dead_from_column: int = Field(default=0, ge=0, le=4095, description="first of the columns that send nothing (px)")
    dead_columns: int = Field(default=0, ge=0, le=4096, description="how many columns send nothing (px)")
    hot_fraction: float = Field(default=0.0, ge=0.0, le=1.0, description="part of the pixels that send ON all the time")
    hot_rate_hz: float = Field(default=100.0, ge=0.0, le=10_000.0, description="mean rate of a hot pixel (Hz)")
    mirrored: bool = Field(default=False, description="left and right of the picture are exchanged")


class SensorFaults:
    """The faults of one sensor.

    Each pixel has two numbers in [0, 1), drawn once: it is dead below ``dead_fraction``, hot below ``hot_fraction``. So
    a greater fraction adds pixels to those that were dead or hot before. A hot pixel sends ON events as a Poisson
    process, also where it is dead to light. The picture is mirrored by the optics, before the pixels see it.

    width, height: of the sensor (px). seed: of which pixels, and of hot pixels' events. The same seed and calls give
    the same bits.
    """

    def __init__(self, spec: SensorFaultSpec, width: int, height: int, seed: int) -> None:
        self.width, self.height = width, height
        self._rng = np.random.default_rng([seed, 5])
        self._dead_below, self._hot_below = self._rng.random((2, height * width))
        self.change(spec)

    def change(self, spec: SensorFaultSpec) -> None:
        """Have other faults from now on."""
        self.spec = spec
        dead = (self._dead_below < spec.dead_fraction).reshape(self.height, self.width)
        dead[:, spec.dead_from_column : spec.dead_from_column + spec.dead_columns] = True
        self._dead = dead if dead.any() else None
        self._hot = np.flatnonzero(self._hot_below < spec.hot_fraction)

    def apply(self, events: Events, begin_us: int, end_us: int) -> Events:
        """What the faulty sensor sends in [begin_us, end_us), in order of time, of what a good one would send."""
        x, y, t, polarity = events.x, events.y, events.t, events.polarity
        if self.spec.mirrored:
            x = (self.width - 1 - x).astype(np.uint16)
        if self._dead is not None:
            alive = ~self._dead[y, x]
            x, y, t, polarity = x[alive], y[alive], t[alive], polarity[alive]
        good = Events(t, x, y, polarity)
        hot = self._hot_events(begin_us, end_us)
        if hot is None:
            return good
        both = Events.concatenate([good, hot])
        order = np.argsort(both.t, kind="stable")
        return Events(both.t[order], both.x[order], both.y[order], both.polarity[order])

    def _hot_events(self, begin_us: int, end_us: int) -> Events | None:
        expected = 1e-6 * (end_us - begin_us) * self.spec.hot_rate_hz * self._hot.size
        count = int(self._rng.poisson(expected)) if expected else 0
        if count == 0:
            return None
        t = self._rng.integers(begin_us, end_us, count)
        row, column = np.divmod(self._hot[self._rng.integers(0, self._hot.size, count)], self.width)
        return Events(t, column.astype(np.uint16), row.astype(np.uint16), np.full(count, _ON, np.uint8))
