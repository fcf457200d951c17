"""A road of lines and arcs: poses on its lanes, where on it a robot is, and tracks by their names."""

import math
from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snn_core.errors import UserError
from snn_core.files import load_yaml
from snn_core.sim import track_kernels as kernels
from snn_core.sim.road_generator import LARGEST_SEED, generate_road
from snn_core.sim.track_layout import lay_out, length_of, line_beside, point_on
from snn_core.sim.track_spec import TrackSpec

TRACKS = Path(__file__).parent / "tracks"
GENERATED = "generated:"
"""Begins the names of roads that are drawn from a seed."""


class Pose(NamedTuple):
    """Position (m) and heading (rad, counter-clockwise from the x axis) of the point midway between the wheels."""

    x: float
    y: float
    yaw: float


class LanePosition(NamedTuple):
    """Where a robot is in a lane, as its driver sees it.

    deviation_m: lateral distance from the lane's centre, positive when too far left. heading_error_rad: heading less
    the lane's, positive when turned left, in (-pi, pi]. arc_length_m: along the lane's centre in its driving direction,
    in [0, lane length). curvature_1_m: of the lane's centre, positive when it turns left.
    """

    deviation_m: float
    heading_error_rad: float
    arc_length_m: float
    curvature_1_m: float


class Track:
    """A closed road that a TrackSpec describes.

    ``segments`` (float64, n x 13; see track_kernels.py) and ``lines`` (float64, offsets of the painted lines to the
    left of the reference line, m) are what the renderer reads.
    """

    def __init__(self, spec: TrackSpec) -> None:
        self.spec = spec
        self.name = spec.name
        self.lanes: int = spec.lanes
        self.segments, (_, _, self._turned) = lay_out(spec.start, spec.pieces())
        self.length_m = length_of(self.segments)
        self.lines = spec.lane_width * np.arange(spec.lanes + 1, dtype=np.float64)
        starts, turned = self.segments[:, kernels.ARC_LENGTH], self.segments[:, kernels.TURNED]
        # Arc length at each segment's start along each lane's centre: parallel curves differ by offset x angle turned.
        self._lane_starts = [(starts - self._centre(lane) * turned).tolist() for lane in range(spec.lanes)]

    def lane_length_m(self, lane: int) -> float:
        """Length of a lane's centre line, m."""
        self._check(lane)
        return self.length_m - self._centre(lane) * self._turned

    def pose(self, lane: int, arc_length_m: float = 0.0, deviation_m: float = 0.0) -> Pose:
        """The pose in a lane's driving direction, ``arc_length_m`` along it and ``deviation_m`` left of its centre."""
        i, along = self._find(lane, arc_length_m)
        sign = 1.0 if lane == 0 else -1.0
        x, y, heading = point_on(self.segments[i], along, self._centre(lane) + sign * deviation_m)
        yaw = heading if lane == 0 else heading + math.pi
        return Pose(x, y, math.remainder(yaw, 2.0 * math.pi))

    def locate(self, x: float, y: float, yaw: float, lane: int) -> LanePosition:
        """Where a pose is in a lane; exact for lines and arcs, on the segment that is nearest by true distance."""
        self._check(lane)
        centre = self._centre(lane)
        i, offset, tx, ty = kernels.locate(self.segments, x, y, centre)
        curvature, turned = float(self.segments[i, kernels.CURVATURE]), float(self.segments[i, kernels.TURNED])
        along = kernels.along(self.segments[i], x, y)
        s = float(self.segments[i, kernels.ARC_LENGTH]) + along - centre * (turned + along * curvature)
        cosine, sine = math.cos(yaw), math.sin(yaw)
        error = math.atan2(tx * sine - ty * cosine, tx * cosine + ty * sine)
        curvature /= 1.0 - curvature * centre
        length = self.lane_length_m(lane)
        if lane == 0:
            return LanePosition(offset - centre, error, s % length, curvature)
        error = error - math.pi if error > 0.0 else error + math.pi
        return LanePosition(centre - offset, error, (length - s) % length, -curvature)

    def longest_straight(self, lane: int) -> tuple[float, float]:
        """Arc length (m) at which a lane's longest straight begins, as it is driven, and its length (m); 0 without.

        Of several, the one that begins first along the reference line.
        """
        length, ends = self.lane_length_m(lane), [*self._lane_starts[lane][1:], self.lane_length_m(lane)]
        straight = self.segments[:, kernels.CURVATURE] == 0.0
        if straight.all() or not straight.any():
            return 0.0, length if straight.any() else 0.0
        first = int(np.flatnonzero(~straight)[0])
        begin, run, best = 0.0, 0.0, (0.0, 0.0)
        for k in range(first, first + straight.size):
            i = k % straight.size
            if not straight[i]:
                run = 0.0
                continue
            begin = begin if run else self._lane_starts[lane][i]
            run += ends[i] - self._lane_starts[lane][i]
            best = max(best, (round(run, 9), -begin))
        longest, begin = best[0], -best[1]
        return (begin if lane == 0 else (length - begin - longest) % length), longest

    def curvature_ahead_1_m(self, lane: int, arc_length_m: float, distance_m: float = 0.0) -> float:
        """Curvature of a lane's centre ``distance_m`` further on, 1/m, positive when it turns left."""
        i, _ = self._find(lane, arc_length_m + distance_m)
        curvature = float(self.segments[i, kernels.CURVATURE])
        curvature /= 1.0 - curvature * self._centre(lane)
        return curvature if lane == 0 else -curvature

    def line(self, offset_m: float, spacing_m: float = 0.05) -> np.ndarray:
        """A closed polyline ``offset_m`` to the left of the reference line, float64 (n, 2), m; for plots."""
        if spacing_m <= 0.0:
            raise ValueError(f"spacing_m: expected above 0, found {spacing_m}")
        return line_beside(self.segments, offset_m, spacing_m)

    def _centre(self, lane: int) -> float:
        return (lane + 0.5) * self.spec.lane_width

    def _check(self, lane: int) -> None:
        if not 0 <= lane < self.lanes:
            raise ValueError(f"lane: expected 0 to {self.lanes - 1} on track {self.name}, found {lane}")

    def _find(self, lane: int, arc_length_m: float) -> tuple[int, float]:
        """(segment, arc length of the reference line within it) at an arc length of a lane."""
        length = self.lane_length_m(lane)
        s = arc_length_m % length
        if lane == 1:
            s = (length - s) % length
        starts = self._lane_starts[lane]
        i = bisect_right(starts, s) - 1
        return i, (s - starts[i]) / (1.0 - float(self.segments[i, kernels.CURVATURE]) * self._centre(lane))


def shipped_tracks() -> list[str]:
    """Names of the tracks that come with the program."""
    return sorted(path.stem for path in TRACKS.glob("*.yaml"))


def load_track(name_or_path: str | Path) -> Track:
    """A shipped track by its name, a generated one by ``generated:SEED``, any other by the path of its YAML file.

    Raises UserError.
    """
    name = str(name_or_path)
    if name in shipped_tracks():
        return Track(load_yaml(TRACKS / f"{name}.yaml", TrackSpec))
    if name.startswith(GENERATED):
        return Track(generate_road(_seed(name)))
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml") and not path.exists():
        raise UserError(
            f"track {name!r}: expected one of {', '.join(shipped_tracks())}, {GENERATED}SEED, or the path of a "
            "YAML file"
        )
    return Track(load_yaml(path, TrackSpec))


def _seed(name: str) -> int:
    digits = name.removeprefix(GENERATED)
    if not (digits.isascii() and digits.isdigit() and int(digits[:11]) <= LARGEST_SEED):
        raise UserError(f"track {name!r}: expected a seed from 0 to {LARGEST_SEED} after {GENERATED!r}")
    return int(digits)
