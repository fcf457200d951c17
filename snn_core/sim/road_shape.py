"""Shapes of closed roads, drawn at random: a polygon whose corners become arcs or splines.

Points and directions are complex numbers (m), in the frame of the start line: there the road runs along the real axis.
"""

import cmath
import math
from typing import Any, NamedTuple

import numpy as np

from snn_core.sim.biarcs import curve_between
from snn_core.sim.road_spec import RoadSpec

_SPARE_M = 0.02
"""Straight road that stays between two curves, so that rounding cannot eat it up."""
_SWERVES_FROM_M = 3.0
_OUTWARDS = (0.6, 1.0)
"""Distance of a corner from the polygon's middle, in that of the furthest."""
_INWARDS = (0.35, 0.85)
"""Distance of a corner that lies inwards, in that of the line between its neighbours."""
_NEAREST = 0.2
"""A corner is nowhere nearer to the polygon's middle, in the distance of the furthest."""

Segments = list[dict[str, Any]]
"""Segments of a track file."""


class RadiusBounds(NamedTuple):
    """Radii of the reference line: the smallest and the largest to draw, of left and of right curves (m)."""

    left: tuple[float, float]
    right: tuple[float, float]

    def allow(self, curvature_1_m: float) -> bool:
        """Whether no lane is too tight at a curvature of the reference line (1/m, positive to the left)."""
        smallest = self.left[0] if curvature_1_m > 0.0 else self.right[0]
        return abs(curvature_1_m) * smallest <= 1.0


def radius_bounds(spec: RoadSpec, lanes: int, lane_width_m: float, marking_width_m: float) -> RadiusBounds:
    """Bounds of the reference line's radii, from those of the lanes' centres."""
    near, far = 0.5 * lane_width_m, 1.5 * lane_width_m
    left = [spec.smallest_left_radius_m + near, lanes * lane_width_m + marking_width_m]
    right = [spec.smallest_right_radius_m - near, marking_width_m]
    if lanes == 2:  # driven against the reference line, it sees curves the other way
        left.append(spec.smallest_right_radius_m + far)
        right.append(spec.smallest_left_radius_m - far)
    return RadiusBounds(
        (max(left), max(*left, spec.largest_radius_m + near)),
        (max(right), max(*right, spec.largest_radius_m - near)),
    )


class _Corner(NamedTuple):
    """A corner of the polygon: where it is, unit directions before and behind it, lengths for its curve (m)."""

    at: complex
    ahead: complex
    leaving: complex
    before_m: float
    behind_m: float


def draw_shape(random: np.random.Generator, spec: RoadSpec, bounds: RadiusBounds) -> Segments | None:
    """Segments of a closed road that starts on a straight; None when the curves do not fit in what was drawn."""
    corners = _draw_corners(random, spec, bounds)
    if corners is None:
        return None
    curves = [_draw_curve(random, spec, bounds, corner) for corner in corners]
    # The start line is in the middle of the straight from the last corner to the first.
    first, last = curves[0][0], curves[-1][1]
    origin, ahead = 0.5 * (first + last), corners[0].ahead
    at, segments = origin, []
    for k, (corner, (begin, end, radius_m)) in enumerate(zip(corners, curves, strict=True)):
        segments += _draw_straight(random, spec, bounds, (at - origin) / ahead, (begin - origin) / ahead, k > 0)
        turn = cmath.phase(corner.leaving / corner.ahead)
        if radius_m is None:
            segments.append({"spline": [_waypoint((end - origin) / ahead, corner.leaving / ahead)]})
        else:
            segments.append({"arc": [radius_m, round(math.degrees(turn), 6)]})
        at = end
    return [*segments, {"straight": round(abs(origin - at), 6)}]


def _draw_corners(random: np.random.Generator, spec: RoadSpec, bounds: RadiusBounds) -> list[_Corner] | None:
    """The corners of a polygon, from the end of its longest side on; None when its curves do not fit."""
    points = _draw_polygon(random, spec)
    count = points.size
    if random.random() < 0.5:
        points = points[::-1]
    sides = np.roll(points, -1) - points  # from a corner to the next
    # Curves cut corners: the road is some tenth shorter than the polygon.
    scale = 1.1 * random.uniform(*spec.length_m) / np.abs(sides).sum()
    order = (np.arange(count) + int(np.argmax(np.abs(sides))) + 1) % count
    points, sides = scale * points[order], scale * sides[order]
    lengths, directions = np.abs(sides), sides / np.abs(sides)
    before = np.roll(directions, 1)
    turns = np.angle(directions / before)
    smallest = np.where(turns > 0.0, bounds.left[0], bounds.right[0])
    least = smallest * np.tan(0.5 * np.abs(turns))  # from a corner to its curve's end
    spare = lengths - least - np.roll(least, -1) - _SPARE_M
    spare[-1] -= 2.0 * spec.start_straight_m
    if spare.min() < 0.0:
        return None
    space_behind = least + 0.5 * spare
    space_before = least + 0.5 * np.roll(spare, 1)
    columns = (points, before, directions, space_before, space_behind)
    return [_Corner(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _draw_polygon(random: np.random.Generator, spec: RoadSpec) -> np.ndarray:
    """Corners around the origin, counter-clockwise, some of them inwards of their neighbours."""
    count = int(random.integers(spec.corners[0], spec.corners[1] + 1))
    places = 2.0 * math.pi * (np.arange(count) + random.uniform(-0.3, 0.3, count)) / count
    points = random.uniform(*_OUTWARDS, count) * np.exp(1j * places)
    inwards = random.random(count) < spec.inward_probability
    shares = random.uniform(*_INWARDS, count)
    for k in range(count):
        if not inwards[k]:
            continue
        last, following = points[k - 1], points[(k + 1) % count]
        ahead = points[k] / abs(points[k])
        chord = (last.conjugate() * following).imag / (ahead.conjugate() * (following - last)).imag
        points[k] = ahead * min(abs(points[k]), max(_NEAREST, shares[k] * chord))
    return points


def _draw_curve(
    random: np.random.Generator, spec: RoadSpec, bounds: RadiusBounds, corner: _Corner
) -> tuple[complex, complex, float | None]:
    """Where a corner's curve begins and ends, and its radius (m) if it is an arc."""
    turn = cmath.phase(corner.leaving / corner.ahead)
    smallest, largest = bounds.left if turn > 0.0 else bounds.right
    slope = math.tan(0.5 * abs(turn))
    widest = min(largest, min(corner.before_m, corner.behind_m) / slope)
    # Evenly in its logarithm: as many tight curves as wide ones.
    radius = math.ceil(1e3 * smallest * (max(widest, smallest) / smallest) ** random.random()) / 1e3
    shares = random.random(2)
    if random.random() < spec.spline_probability:
        nearest = smallest * slope
        before, behind = (
            nearest + share * (min(space, 3.0 * nearest + 1.0) - nearest)
            for share, space in zip(shares.tolist(), (corner.before_m, corner.behind_m), strict=True)
        )
        begin, end = corner.at - before * corner.ahead, corner.at + behind * corner.leaving
        if _allowed(bounds, begin, corner.ahead, end, corner.leaving):
            return begin, end, None
    reach = radius * slope
    return corner.at - reach * corner.ahead, corner.at + reach * corner.leaving, radius


def _draw_straight(
    random: np.random.Generator, spec: RoadSpec, bounds: RadiusBounds, begin: complex, end: complex, may_swerve: bool
) -> Segments:
    """A straight, or one that swerves to a side and back."""
    length = abs(end - begin)
    ahead = (end - begin) / length
    swerves = random.random() < spec.swerve_probability
    aside = random.uniform(*spec.swerve_m) * (1.0 if random.random() < 0.5 else -1.0)
    if may_swerve and swerves and length >= _SWERVES_FROM_M:
        middle = 0.5 * (begin + end) + 1j * aside * ahead
        if _allowed(bounds, begin, ahead, middle, ahead) and _allowed(bounds, middle, ahead, end, ahead):
            return [{"spline": [_waypoint(middle, ahead), _waypoint(end, ahead)]}]
    return [{"straight": round(length, 6)}]


def _allowed(bounds: RadiusBounds, begin: complex, ahead: complex, end: complex, leaving: complex) -> bool:
    """Whether the smooth curve between two poses can be drawn and is nowhere too tight."""
    try:
        curve = curve_between(begin, ahead, end, leaving)
    except ValueError:
        return False
    # A thousandth for what rounding the poses in the file changes.
    return all(bounds.allow(1.001 * bend.curvature_1_m) for bend in curve)


def _waypoint(at: complex, ahead: complex) -> list[float]:
    return [round(at.real, 6), round(at.imag, 6), round(math.degrees(cmath.phase(ahead)), 6)]
