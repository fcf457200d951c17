"""Slow, obviously right twin of worn and missing paint, of paint that crosses a road, and of shadows."""

import cmath
import math

import numpy as np

from snn_core.sim.camera import CameraSpec
from snn_core.sim.track_spec import Crossing, Shadow
from tests.reference import ReferenceTrack, reference_rays


class ReferenceMarks:
    """What is on the ground of a track: ``level`` of paint (contrast of what is seen, 0: ground) and ``light``."""

    def __init__(self, track: ReferenceTrack) -> None:
        self.track, self.spec = track, track.spec

    def contrast(self, line: int, station: np.ndarray) -> np.ndarray:
        """Contrast of a line's paint at arc lengths of the reference line (n)."""
        result = np.full(station.shape, self.spec.contrast)
        for mark, share in [(mark, mark.contrast) for mark in self.spec.worn] + [(m, 0.0) for m in self.spec.missing]:
            if mark.lines is None or line in mark.lines:
                result[(station >= mark.stretch[0]) & (station < mark.stretch[1])] *= share
        return result

    def level(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Paint at points (n)."""
        spec, result = self.spec, np.zeros(x.shape)
        for inside, left, _, s, turned in self.track.by_segments(x, y):
            for line in range(spec.lanes + 1):
                own = s - line * spec.lane_width * turned
                dash = own % sum(spec.dash) < spec.dash[0] if 0 < line < spec.lanes else True
                on = inside & dash & (np.abs(left - line * spec.lane_width) <= 0.5 * spec.marking_width)
                result = np.maximum(result, on * self.contrast(line, s))
        for band in spec.crossings:
            along, aside, length = self._in_band(band, x, y)
            on = (np.abs(along) <= 0.5 * length) & (np.abs(aside) <= 0.5 * band.width)
            if band.dash:
                on &= (along + 0.5 * length) % sum(band.dash) < band.dash[0]
            result = np.maximum(result, on * band.contrast)
        return result

    def light(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Share of the light at points (n)."""
        result = np.ones(x.shape)
        for band in self.spec.shadows:
            along, aside, length = self._in_band(band, x, y)
            result[(np.abs(along) <= 0.5 * length) & (np.abs(aside) <= 0.5 * band.width)] *= band.intensity
        return result

    def box_level(self, x: np.ndarray, y: np.ndarray, yaw: float, across: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Paint of boxes (n) of a size across and along the direction yaw: shares across, along, of dashes, of wear."""
        spec, result = self.spec, np.zeros(x.shape)
        for inside, left, heading, s, turned in self.track.by_segments(x, y):
            size_across, size_along = _sizes(heading - yaw, across, along)
            for line in range(spec.lanes + 1):
                own = s - line * spec.lane_width * turned
                cover = _share(left - line * spec.lane_width, size_across, 0.5 * spec.marking_width)
                if 0 < line < spec.lanes:
                    cover = cover * _dash_share(own, size_along, *spec.dash)
                cover = cover * self._mean_contrast(line, own, size_along)
                result = np.maximum(result, np.where(inside, cover, 0.0))
        for band in spec.crossings:
            place, aside, length = self._in_band(band, x, y)
            size_across, size_along = _sizes(self._direction(band)[1] - yaw, across, along)
            cover = _share(aside, size_across, 0.5 * band.width) * _share(place, size_along, 0.5 * length)
            if band.dash:
                cover = cover * _dash_share(place + 0.5 * length, size_along, *band.dash)
            result = np.maximum(result, band.contrast * cover)
        return result

    def box_light(self, x: np.ndarray, y: np.ndarray, yaw: float, across: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Share of the light on boxes (n)."""
        result = np.ones(x.shape)
        for band in self.spec.shadows:
            place, aside, length = self._in_band(band, x, y)
            size_across, size_along = _sizes(self._direction(band)[1] - yaw, across, along)
            cover = _share(aside, size_across, 0.5 * band.width) * _share(place, size_along, 0.5 * length)
            result *= 1.0 - (1.0 - band.intensity) * cover
        return result

    def _mean_contrast(self, line: int, own: np.ndarray, width: np.ndarray) -> np.ndarray:
        """Mean contrast of intervals of a line, centred at own arc lengths of it; the line begins again after a lap."""
        edges = {0.0, self.track.length_m}
        edges.update(edge for mark in (*self.spec.worn, *self.spec.missing) for edge in mark.stretch)
        stations = np.array(sorted(edges))
        turned = np.interp(stations, self.track.arc_lengths, self.track.headings) - math.radians(self.spec.start[2])
        turned[0], turned[-1] = 0.0, round(turned[-1] / (2.0 * math.pi)) * 2.0 * math.pi
        places = stations - line * self.spec.lane_width * turned
        levels = self.contrast(line, 0.5 * (stations[1:] + stations[:-1]))
        total = np.zeros(own.shape)
        for lap in (-1, 0, 1):
            for begin, end, level in zip(places[:-1], places[1:], levels, strict=True):
                low, high = np.clip([own - 0.5 * width, own + 0.5 * width], *(lap * places[-1] + [begin, end]))
                total += level * (high - low)
        return total / width

    def _direction(self, band: Crossing | Shadow) -> tuple[complex, float]:
        """Where a band's middle is, and its direction (rad)."""
        i = int(np.argmin(np.abs(self.track.arc_lengths - band.at)))
        heading = float(np.interp(band.at, self.track.arc_lengths, self.track.headings))
        ahead = cmath.exp(1j * heading)
        middle = self.track.points[i] + (band.at - self.track.arc_lengths[i]) * ahead
        middle += 0.5j * self.spec.lanes * self.spec.lane_width * ahead
        return complex(middle), heading + math.radians(band.angle)

    def _in_band(self, band: Crossing | Shadow, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Points along and to the left of a band's middle, and its length."""
        middle, direction = self._direction(band)
        place = (x + 1j * y - middle) * cmath.exp(-1j * direction)
        beyond = 2.0 if isinstance(band, Shadow) else 0.0
        across = self.spec.lanes * self.spec.lane_width + beyond
        return place.real, place.imag, band.length or across / math.sin(math.radians(band.angle))


def _sizes(angle: float | np.ndarray, across: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Size of boxes across and along a direction that is ``angle`` to their own."""
    return (
        np.hypot(across * np.cos(angle), along * np.sin(angle)),
        np.hypot(across * np.sin(angle), along * np.cos(angle)),
    )


def _share(place: np.ndarray, width: np.ndarray, half: float) -> np.ndarray:
    low, high = np.clip([place - 0.5 * width, place + 0.5 * width], -half, half)
    return (high - low) / width


def _dash_share(place: np.ndarray, width: np.ndarray, painted: float, gap: float) -> np.ndarray:
    ends = np.array([place - 0.5 * width, place + 0.5 * width])
    paint = ends // (painted + gap) * painted + np.minimum(ends % (painted + gap), painted)
    return (paint[1] - paint[0]) / width


def reference_intensity(
    marks: ReferenceMarks, spec: CameraSpec, pose: tuple[float, float, float], rows: np.ndarray, samples: int = 6
) -> np.ndarray:
    """Mean intensity of each pixel of some rows, float64 (rows, width), by samples x samples points in each."""
    sub = (np.arange(samples) + 0.5) / samples
    row, column, v, u = np.meshgrid(rows, np.arange(spec.width), sub, sub, indexing="ij")
    forward, left, _ = reference_rays(spec, (column + u).ravel(), (row + v).ravel())
    ground = complex(*pose[:2]) + (forward + 1j * left) * cmath.exp(1j * pose[2])
    level, light = marks.level(ground.real, ground.imag), marks.light(ground.real, ground.imag)
    intensity = light * (spec.ground_intensity + level * (spec.marking_intensity - spec.ground_intensity))
    return intensity.reshape(rows.size, spec.width, -1).mean(axis=2)
