"""The painted road as a mesh: what the embedded camera's painter paints, as triangles."""

import math
from typing import NamedTuple

import numpy as np

from snn_core.sim import track_kernels as kernels
from snn_core.sim.track import Track
from snn_core.sim.track_layout import point_on

HEIGHT_M = 1e-4
"""Height of the paint above the ground: enough for a depth buffer to tell them apart, too little to be seen."""
_TOLERANCE_M = 2e-4
"""How far a polygon's side may be from the arc that it stands for."""


class Mesh(NamedTuple):
    """Corners (float64, n x 2, m) and triangles (int64, n x 3, indices of corners; counter-clockwise from above)."""

    corners: np.ndarray
    triangles: np.ndarray


def paint_mesh(track: Track) -> Mesh:
    """The track's markings, in the track's frame."""
    half = 0.5 * track.spec.marking_width
    corners: list[np.ndarray] = []
    triangles: list[np.ndarray] = []
    count = 0
    for segment in track.segments:
        for line, offset in enumerate(track.lines):
            dashed = 0 < line < track.lines.size - 1
            for begin, end in (
                _painted(segment, offset, track.spec.dash) if dashed else [(0.0, segment[kernels.LENGTH])]
            ):
                along = _stations(segment, offset - half, offset + half, begin, end)
                sides = [[point_on(segment, s, offset + side)[:2] for s in along] for side in (-half, half)]
                corners.append(np.array(sides).transpose(1, 0, 2).reshape(-1, 2))  # right and left alternately
                first = count + 2 * np.arange(len(along) - 1)[:, None, None]
                triangles.append((first + np.array([[0, 2, 1], [1, 2, 3]])).reshape(-1, 3))
                count += 2 * len(along)
    return Mesh(np.concatenate(corners), np.concatenate(triangles))


def wavefront(mesh: Mesh) -> bytes:
    """A mesh as an OBJ file, HEIGHT_M above the ground."""
    lines = ["# Painted markings, by spikedrive gazebo world", "vn 0 0 1"]
    lines += [f"v {x:.6f} {y:.6f} {HEIGHT_M:.6f}" for x, y in (mesh.corners + 0.0).tolist()]
    lines += [f"f {a}//1 {b}//1 {c}//1" for a, b, c in (mesh.triangles + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def _painted(segment: np.ndarray, offset: float, dash: tuple[float, float]) -> list[tuple[float, float]]:
    """Intervals (m of the reference line within a segment) where a dashed line is painted.

    Dashes are as long as they say along their own line, whose arc length is 1 - offset x curvature times that of the
    reference line.
    """
    painted, period = dash[0], sum(dash)
    stretch = 1.0 - offset * segment[kernels.CURVATURE]
    start = segment[kernels.ARC_LENGTH] - offset * segment[kernels.TURNED]
    end = start + stretch * segment[kernels.LENGTH]
    intervals = []
    for turn in range(math.floor(start / period), math.ceil(end / period)):
        low, high = max(turn * period, start), min(turn * period + painted, end)
        if high > low:
            intervals.append(((low - start) / stretch, (high - start) / stretch))
    return intervals


def _stations(segment: np.ndarray, right: float, left: float, begin: float, end: float) -> list[float]:
    """Where to cut a strip (m of the reference line within a segment) so that its sides are near enough to arcs."""
    curvature = segment[kernels.CURVATURE]
    if curvature == 0.0:
        return [begin, end]
    radius = max(abs(1.0 / curvature - right), abs(1.0 / curvature - left))
    step = 2.0 * math.acos(1.0 - _TOLERANCE_M / radius) if radius > _TOLERANCE_M else math.pi
    return np.linspace(begin, end, 1 + math.ceil((end - begin) * abs(curvature) / step)).tolist()
