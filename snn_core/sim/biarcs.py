"""Smooth curves through poses, made of arcs: what knows lines and arcs alone then knows them exactly.

Between two poses runs the cubic of J. D. Hobby, "Smooth, easy to compute interpolating splines", Discrete &
Computational Geometry 1 (1986), as in D. E. Knuth, "METAFONT: The Program". It is cut in parts, and each is replaced by
a biarc of equal lengths of tangent: R. Juckett, "Biarc Interpolation" (2014), after K. M. Bolton, "Biarc curves",
Computer-Aided Design 7(2), 1975. Points and directions are complex numbers (m).
"""

import cmath
import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

TOLERANCE_M = 5e-4
"""How far the arcs may be from the cubic."""
_MOST_PARTS = 64
_LONGEST_ARM = 4.0
"""Bound of three times a control arm, in chords; Knuth's, too."""
_FLATTEST_1_M = 1e-6
"""Curvature below which an arc is a line: over 10 m it is 0.05 mm beside it."""


class Bend(NamedTuple):
    """A line or an arc: length (m) and curvature (1/m, positive when it turns left, 0 for a line)."""

    length_m: float
    curvature_1_m: float


def curve_between(start: complex, ahead: complex, end: complex, end_ahead: complex) -> list[Bend]:
    """Lines and arcs from a point and unit direction to another, each tangent to the next, near Hobby's cubic.

    Raises ValueError when the points are the same, or no number of arcs comes near enough.
    """
    if abs(end - start) < 1e-6:
        raise ValueError("expected points that are apart")
    controls = hobby_controls(start, ahead, end, end_ahead)
    for parts in range(1, _MOST_PARTS + 1):
        poses = [cubic_pose(controls, k / parts) for k in range(1, parts)]
        bends, off = _biarcs(controls, [(start, ahead), *poses, (end, end_ahead)])
        if off <= TOLERANCE_M:
            return bends
    raise ValueError(f"no smooth curve of at most {_MOST_PARTS} parts goes there; add a point between")


def hobby_controls(
    start: complex, ahead: complex, end: complex, end_ahead: complex
) -> tuple[complex, complex, complex, complex]:
    """The four control points of Hobby's cubic of tension 1."""
    chord = end - start
    theta, phi = cmath.phase(ahead / chord), cmath.phase(chord / end_ahead)
    first, last = (abs(chord) * _velocity(a, b) / 3.0 for a, b in ((theta, phi), (phi, theta)))
    return start, start + first * ahead, end - last * end_ahead, end


def cubic_pose(controls: tuple[complex, complex, complex, complex], t: float) -> tuple[complex, complex]:
    """Point and unit direction at a parameter from 0 to 1 of a Bezier cubic. Raises ValueError at a cusp."""
    a, b, c, d = controls
    u = 1.0 - t
    slope = u * u * (b - a) + 2.0 * u * t * (c - b) + t * t * (d - c)
    if abs(slope) < 1e-9:
        raise ValueError("expected a curve without a cusp; add a point between")
    return u**3 * a + 3.0 * u * u * t * b + 3.0 * u * t * t * c + t**3 * d, slope / abs(slope)


def _velocity(theta: float, phi: float) -> float:
    """Hobby's rho: three times the length of the first control arm, in chords."""
    a, b = math.sin(theta), math.sin(phi)
    c, d = math.cos(theta), math.cos(phi)
    above = 2.0 + math.sqrt(2.0) * (a - b / 16.0) * (b - a / 16.0) * (c - d)
    below = 1.0 + 0.5 * (math.sqrt(5.0) - 1.0) * c + 0.5 * (3.0 - math.sqrt(5.0)) * d
    return above / max(below, above / _LONGEST_ARM)


def _biarcs(
    controls: tuple[complex, complex, complex, complex], poses: list[tuple[complex, complex]]
) -> tuple[list[Bend], float]:
    """Biarcs through poses at even parameters of a cubic, and how far the cubic is from them at most (m)."""
    bends: list[Bend] = []
    off = 0.0
    for k, ((p, u), (q, v)) in enumerate(pairwise(poses)):
        middle = _joint(p, u, q, v)
        first, second = _arc(p, u, middle), _arc(q, -v, middle)
        second = Bend(second.length_m, -second.curvature_1_m)
        bends += [first, second]
        for t in np.linspace(k, k + 1, 9)[1:-1] / (len(poses) - 1):
            point, _ = cubic_pose(controls, float(t))
            sides = (_beside(first.curvature_1_m, (point - p) / u), _beside(-second.curvature_1_m, (point - q) / -v))
            off = max(off, min(map(abs, sides)))
    return bends, off


def _joint(p: complex, u: complex, q: complex, v: complex) -> complex:
    """Where the two arcs of a biarc of equal tangents meet."""
    chord, both = q - p, u + v
    along, squared = (chord.conjugate() * both).real, abs(chord) ** 2
    opposed = 2.0 * (1.0 - (u.conjugate() * v).real)
    root = math.sqrt(along * along + opposed * squared)
    if along + root < 1e-9:
        raise ValueError("expected a curve that need not turn back; add a point between")
    return 0.5 * (p + q + squared / (along + root) * (u - v))


def _arc(p: complex, u: complex, end: complex) -> Bend:
    """The arc from a point with a unit direction to another point."""
    chord = (end - p) / u
    half = cmath.phase(chord)
    curvature = 2.0 * math.sin(half) / abs(chord)
    if abs(curvature) < _FLATTEST_1_M:
        return Bend(abs(chord), 0.0)
    return Bend(2.0 * half / curvature, curvature)


def _beside(curvature: float, point: complex) -> float:
    """Distance of a point from the circle that leaves the origin along the real axis; positive to its left (m)."""
    x, y = point.real, point.imag
    middle = y - 0.5 * curvature * (x * x + y * y)
    return 2.0 * middle / (1.0 + math.sqrt(max(0.0, 1.0 - 2.0 * curvature * middle)))
