"""Slow, obviously right twins of the kernels, in plain Python and float64: encoders, then events, then simulator.

Those of the network are in ``reference_network``, ``reference_models`` and ``reference_rules``.
"""

import cmath
import math
from collections.abc import Iterator

import numpy as np

from snn_core.sim.camera import CameraSpec
from snn_core.sim.track_spec import TrackSpec


def poisson_probability(count: int, max_rate_hz: float, saturation_count: float, dt_ms: float) -> float:
    """Probability of an input spike in a step (Bing et al. 2018)."""
    return max_rate_hz * min(count / saturation_count, 1.0) * dt_ms * 1e-3


def event_driven_spikes(
    times_us: list[int], pools: list[int], n_pools: int, k: int, begin_us: int, dt_us: int, steps: int, refractory: int
) -> list[list[int]]:
    """For each step the inputs that spike: those whose pool has collected k more events.

    refractory: steps after that of a spike in which no events are counted.
    """
    collected = [0] * n_pools
    spikes: list[list[int]] = [[] for _ in range(steps)]
    for time_us, pool in zip(times_us, pools, strict=True):
        step = (time_us - begin_us) // dt_us
        just_spiked = any(pool in spikes[before] for before in range(max(step - refractory, 0), step))
        if pool < 0 or (refractory and (just_spiked or pool in spikes[step])):
            continue
        collected[pool] += 1
        if collected[pool] % k == 0:
            spikes[step].append(pool)
    return spikes


Event = tuple[int, int, int, int]  # t us, x, y, polarity


def window(events: list[Event], start_us: int, end_us: int) -> list[Event]:
    """The events of a window."""
    return [event for event in events if start_us <= event[0] < end_us]


def pool(
    x: int, y: int, polarity: int, width: int, height: int, rows: int, columns: int, crop: dict, per_polarity: bool
) -> int:
    """The pool of one event: look through the borders of all pools for the one it lies between."""
    top, left = crop.get("crop_top", 0), crop.get("crop_left", 0)
    tall = height - top - crop.get("crop_bottom", 0)
    wide = width - left - crop.get("crop_right", 0)
    for row in range(rows):
        for column in range(columns):
            # Pool r holds the pixels p with p * rows // tall == r, that is from ceil(r tall / rows) on.
            first_y, next_y = top - -row * tall // rows, top - -(row + 1) * tall // rows
            first_x, next_x = left - -column * wide // columns, left - -(column + 1) * wide // columns
            if first_y <= y < next_y and first_x <= x < next_x:
                return (rows * columns if per_polarity and polarity else 0) + row * columns + column
    return -1


class ReferenceTrack:
    """A track as dense samples of its reference line: position (complex, m), heading (rad), arc length (m)."""

    def __init__(self, spec: TrackSpec, spacing_m: float = 2e-4) -> None:
        self.spec = spec
        position, heading, s = complex(*spec.start[:2]), math.radians(spec.start[2]), 0.0
        points, headings, lengths = [], [], []
        for segment in spec.pieces():
            angle = 0.0 if segment.arc is None else math.radians(segment.arc[1])
            length = segment.straight if segment.arc is None else segment.arc[0] * abs(angle)
            assert length is not None
            along = (np.arange(math.ceil(length / spacing_m)) + 0.5) / math.ceil(length / spacing_m)
            if angle == 0.0:
                points.append(position + along * length * cmath.exp(1j * heading))
                position += length * cmath.exp(1j * heading)
            else:
                centre = position + 1j * math.copysign(length / abs(angle), angle) * cmath.exp(1j * heading)
                points.append(centre + (position - centre) * np.exp(1j * along * angle))
                position = centre + (position - centre) * cmath.exp(1j * angle)
            headings.append(heading + along * angle)
            lengths.append(s + along * length)
            heading, s = heading + angle, s + length
        self.points, self.headings = np.concatenate(points), np.concatenate(headings)
        self.arc_lengths, self.length_m = np.concatenate(lengths), s

    def nearest(self, x: float, y: float, offset: float) -> tuple[float, float, float]:
        """(offset from the reference line, heading, own arc length of the line ``offset`` m left) of a sample.

        Nearest to the line ``offset`` m to the left of the reference line.
        """
        line = self.points + 1j * offset * np.exp(1j * self.headings)
        i = int(np.argmin(np.abs(line - complex(x, y))))
        left = ((complex(x, y) - self.points[i]) * cmath.exp(-1j * self.headings[i])).imag
        own = self.arc_lengths[i] - offset * (self.headings[i] - math.radians(self.spec.start[2]))
        return left, float(self.headings[i]), float(own)

    def by_segments(self, x: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
        """For each segment: whether points (n) are beside it, offset to its left, heading, arc length, angle turned."""
        point = x + 1j * y
        position, heading, s = complex(*self.spec.start[:2]), math.radians(self.spec.start[2]), 0.0
        for segment in self.spec.pieces():
            ahead = cmath.exp(1j * heading)
            if segment.arc is None:
                assert segment.straight is not None
                length, turn, turned = segment.straight, 0.0, np.zeros(x.shape)
                along, left = ((point - position) / ahead).real, ((point - position) / ahead).imag
                position += length * ahead
            else:
                radius, turn = segment.arc[0], math.radians(segment.arc[1])
                side, length = math.copysign(1.0, turn), radius * abs(turn)
                centre = position + 1j * side * radius * ahead
                angle = side * np.angle((point - centre) / (position - centre)) % (2.0 * math.pi)
                along, left, turned = radius * angle, side * (radius - np.abs(point - centre)), side * angle
                position = centre + (position - centre) * cmath.exp(1j * turn)
            inside = (along >= 0.0) & (along <= length)
            yield inside, left, heading + turned, s + along, heading - math.radians(self.spec.start[2]) + turned
            heading, s = heading + turn, s + length

    def painted(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Whether each point (n) is painted."""
        spec = self.spec
        result = np.zeros(x.shape, bool)
        for inside, left, _, s, turned in self.by_segments(x, y):
            for line in range(spec.lanes + 1):
                own = s - line * spec.lane_width * turned
                dash = own % sum(spec.dash) < spec.dash[0] if 0 < line < spec.lanes else True
                result |= inside & dash & (np.abs(left - line * spec.lane_width) <= 0.5 * spec.marking_width)
        return result

    def box_cover(self, x: np.ndarray, y: np.ndarray, yaw: float, across: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Painted part of boxes (n) of a size across and along the direction yaw: part across a line times along it."""
        spec = self.spec
        half, period = 0.5 * spec.marking_width, sum(spec.dash)
        result = np.zeros(x.shape)
        for inside, left, heading, s, turned in self.by_segments(x, y):
            size_across = np.hypot(across * np.cos(heading - yaw), along * np.sin(heading - yaw))
            size_along = np.hypot(across * np.sin(heading - yaw), along * np.cos(heading - yaw))
            for line in range(spec.lanes + 1):
                offset = left - line * spec.lane_width
                low, high = np.clip([offset - 0.5 * size_across, offset + 0.5 * size_across], -half, half)
                cover = (high - low) / size_across
                if 0 < line < spec.lanes:
                    own = s - line * spec.lane_width * turned
                    ends = np.array([own - 0.5 * size_along, own + 0.5 * size_along])
                    paint = ends // period * spec.dash[0] + np.minimum(ends % period, spec.dash[0])
                    cover = cover * (paint[1] - paint[0]) / size_along
                result = np.maximum(result, np.where(inside, cover, 0.0))
        return result


def reference_rays(spec: CameraSpec, column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(forward, left) of the ground point that each image point (px) sees from the robot, m, and whether it sees any.

    By rotation matrices, from the pinhole model.
    """
    focal = 0.5 * spec.width / math.tan(math.radians(0.5 * spec.field_of_view_deg))
    in_camera = np.array([np.full(column.shape, focal), 0.5 * spec.width - column, 0.5 * spec.height - row])
    pitch = math.radians(spec.pitch_deg)
    turn = np.array([[math.cos(pitch), 0, math.sin(pitch)], [0, 1, 0], [-math.sin(pitch), 0, math.cos(pitch)]])
    forward, left, up = turn @ in_camera
    seen = up < 0.0
    scale = spec.height_m / np.where(seen, -up, np.inf)
    return spec.forward_m + forward * scale, left * scale, seen


def reference_cover(
    track: ReferenceTrack, spec: CameraSpec, pose: tuple[float, float, float], rows: np.ndarray, samples: int = 6
) -> np.ndarray:
    """Painted part of each pixel of some rows, float64 (rows, width), by samples x samples points in each."""
    sub = (np.arange(samples) + 0.5) / samples
    row, column, v, u = np.meshgrid(rows, np.arange(spec.width), sub, sub, indexing="ij")
    forward, left, _ = reference_rays(spec, (column + u).ravel(), (row + v).ravel())
    ground = complex(*pose[:2]) + (forward + 1j * left) * cmath.exp(1j * pose[2])
    painted = track.painted(ground.real, ground.imag)
    return painted.reshape(rows.size, spec.width, -1).mean(axis=2)


class ReferencePixel:
    """One event pixel that is asked at every step: an event is where a straight line crosses a level."""

    def __init__(self, on: float, off: float, refractory_us: int, level: float, t_us: int) -> None:
        self.on, self.off, self.refractory = on, off, refractory_us
        self.reference, self.level, self.t = level, level, t_us
        self.ready_us: int | None = None  # end of the hold in reset

    def run(self, level: float, t_us: int, noise: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """(time us, polarity) of the events until the pixel sees ``level`` at ``t_us``; noise likewise, by time."""
        start, first, events = self.t, self.level, []

        def at(t: float) -> float:
            return first + (level - first) * (t - start) / (t_us - start)

        for stop, spurious in [*noise, (t_us, -1)]:
            events += self._until(stop, float(np.float32(at(stop))))
            if spurious >= 0 and (self.ready_us is None or self.ready_us <= stop):
                events.append((stop, spurious))
                self._hold(stop, self.level)
        return events

    def _until(self, t_us: int, level: float) -> list[tuple[int, int]]:
        events = []
        begin, first, now = self.t, self.level, self.t
        self.t, self.level = t_us, level
        while now < t_us:
            if self.ready_us is not None:
                if self.ready_us >= t_us:
                    break
                now = max(now, self.ready_us)
                self.reference, self.ready_us = first + (level - first) * (now - begin) / (t_us - begin), None
            if level >= self.reference + self.on and level > first:
                polarity, crossing = 1, self.reference + self.on
            elif level <= self.reference - self.off and level < first:
                polarity, crossing = 0, self.reference - self.off
            else:
                break
            exact = begin + (crossing - first) / (level - first) * (t_us - begin)
            now = min(max(now, math.floor(exact)), t_us - 1)
            events.append((now, polarity))
            self._hold(now, crossing)
        return events

    def _hold(self, t_us: int, reference: float) -> None:
        if self.refractory > 0:
            self.ready_us = t_us + self.refractory
        else:
            self.reference, self.ready_us = reference, None


def reference_drive(
    state: tuple[float, float, float, float, float],
    command: tuple[float, float],
    limits: tuple[float, float],
    ticks: int,
    steps: int = 2000,
) -> np.ndarray:
    """x, y, yaw, v, omega after ``ticks`` ms of a held command: many small midpoint steps in each tick.

    limits: acceleration (m/s^2, rad/s^2). Yaw is not wrapped.
    """
    x, y, yaw, v, omega = state
    for _ in range(ticks):
        v += float(np.clip(command[0] - v, -1e-3 * limits[0], 1e-3 * limits[0]))
        omega += float(np.clip(command[1] - omega, -1e-3 * limits[1], 1e-3 * limits[1]))
        dt = 1e-3 / steps
        middle = yaw + omega * dt * (np.arange(steps) + 0.5)
        x += float(np.sum(np.cos(middle))) * v * dt
        y += float(np.sum(np.sin(middle))) * v * dt
        yaw += omega * 1e-3
    return np.array([x, y, yaw, v, omega])
