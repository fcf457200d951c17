"""A reference line laid out: lines, arcs and splines one after the other become the table that kernels read."""

import cmath
import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from snn_core.sim import track_kernels as kernels
from snn_core.sim.biarcs import curve_between

Start = tuple[float, float, float]
"""x (m), y (m), heading (degrees)."""


class Piece(NamedTuple):
    """A line (``straight``, m) or an arc (``arc``: radius, m, and degrees, positive turns left)."""

    straight: float | None = None
    arc: tuple[float, float] | None = None


class AnySegment(Protocol):
    """What a segment of a track file has; one of the three is not None."""

    @property
    def straight(self) -> float | None: ...

    @property
    def arc(self) -> tuple[float, float] | None: ...

    @property
    def spline(self) -> Sequence[Start] | None: ...


def cut(start: Start, segments: Sequence[AnySegment]) -> list[list[Piece]]:
    """The lines and arcs that each segment consists of. Raises ValueError when a spline cannot be drawn."""
    parts: list[list[Piece]] = []
    x, y, turned = start[0], start[1], 0.0
    first_heading = math.radians(start[2])
    for i, segment in enumerate(segments):
        if segment.spline is None:
            pieces = [Piece(segment.straight, segment.arc)]
        else:
            try:
                pieces = _spline(complex(x, y), first_heading + turned, segment.spline)
            except ValueError as error:
                raise ValueError(f"segment {i}, spline: {error}") from None
        parts.append(pieces)
        _, (x, y, turned) = _lay(x, y, first_heading, turned, pieces)
    return parts


def lay_out(start: Start, pieces: Sequence[Piece]) -> tuple[np.ndarray, tuple[float, float, float]]:
    """The table of segments (n x 13; see track_kernels.py), and x, y (m) and angle turned (rad) at its end."""
    return _lay(start[0], start[1], math.radians(start[2]), 0.0, pieces)


def _lay(
    x: float, y: float, first_heading: float, turned: float, pieces: Sequence[Piece]
) -> tuple[np.ndarray, tuple[float, float, float]]:
    s = 0.0
    table = np.zeros((len(pieces), kernels.SEGMENT_COLUMNS))
    for row, piece in zip(table, pieces, strict=True):
        heading = first_heading + turned
        cosine, sine = math.cos(heading), math.sin(heading)
        row[: kernels.LENGTH] = 0.0, x, y, cosine, sine, s, turned
        if piece.arc is None:
            assert piece.straight is not None
            row[kernels.LENGTH] = piece.straight
            x, y = x + piece.straight * cosine, y + piece.straight * sine
        else:
            radius, angle = piece.arc[0], math.radians(piece.arc[1])
            signed = math.copysign(radius, angle)
            centre_x, centre_y = x - signed * sine, y + signed * cosine
            middle = heading + 0.5 * angle
            row[kernels.CURVATURE], row[kernels.LENGTH] = 1.0 / signed, radius * abs(angle)
            row[kernels.CENTRE_X], row[kernels.CENTRE_Y] = centre_x, centre_y
            row[kernels.MIDDLE_X] = math.copysign(1.0, angle) * math.sin(middle)
            row[kernels.MIDDLE_Y] = -math.copysign(1.0, angle) * math.cos(middle)
            row[kernels.COS_HALF] = math.cos(0.5 * angle)
            turned += angle
            x = centre_x + signed * math.sin(heading + angle)
            y = centre_y - signed * math.cos(heading + angle)
        s += row[kernels.LENGTH]
    return table, (x, y, turned)


def point_on(segment: np.ndarray, along: float, offset: float) -> tuple[float, float, float]:
    """x, y, heading of the reference line's direction: ``along`` a segment and ``offset`` to its left."""
    cosine, sine = float(segment[kernels.COS]), float(segment[kernels.SIN])
    heading = math.atan2(sine, cosine)
    curvature = float(segment[kernels.CURVATURE])
    if curvature == 0.0:
        return (
            float(segment[kernels.START_X]) + along * cosine - offset * sine,
            float(segment[kernels.START_Y]) + along * sine + offset * cosine,
            heading,
        )
    heading += along * curvature
    radius = 1.0 / curvature - offset
    return (
        float(segment[kernels.CENTRE_X]) + radius * math.sin(heading),
        float(segment[kernels.CENTRE_Y]) - radius * math.cos(heading),
        heading,
    )


def length_of(table: np.ndarray) -> float:
    """Length of the reference line that a table of segments describes (m)."""
    return float(table[-1, kernels.ARC_LENGTH] + table[-1, kernels.LENGTH])


def line_beside(table: np.ndarray, offset_m: float, spacing_m: float) -> np.ndarray:
    """A closed polyline ``offset_m`` to the left of the reference line, float64 (n, 2), m."""
    points = []
    for segment in table:
        count = max(1, math.ceil(segment[kernels.LENGTH] / spacing_m))
        points += [point_on(segment, segment[kernels.LENGTH] * k / count, offset_m)[:2] for k in range(count)]
    return np.array([*points, points[0]])


def _spline(at: complex, heading: float, poses: Sequence[Start]) -> list[Piece]:
    """Lines and arcs from a pose through poses (m, m, degrees)."""
    pieces = []
    ahead = cmath.exp(1j * heading)
    for x, y, degrees in poses:
        end, end_ahead = complex(x, y), cmath.exp(1j * math.radians(degrees))
        for length, curvature in curve_between(at, ahead, end, end_ahead):
            if curvature == 0.0:
                pieces.append(Piece(straight=length))
            else:
                pieces.append(Piece(arc=(1.0 / abs(curvature), math.degrees(length * curvature))))
        at, ahead = end, end_ahead
    return pieces
