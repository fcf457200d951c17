"""The painted road as a mesh: what the embedded camera's painter paints, as triangles."""

import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from snn_core.sim import cover_kernels as bands
from snn_core.sim import track_kernels as kernels
from snn_core.sim.track import Track
from snn_core.sim.track_layout import point_on
from snn_core.sim.track_marks import contrast_changes, track_marks

HEIGHT_M = 1e-4
"""Height of the paint above the ground: enough for a depth buffer to tell them apart, too little to be seen."""
CROSSING_HEIGHT_M = 2e-4
"""Height of other paint that crosses the road: above the lines, whichever is stronger."""
_TOLERANCE_M = 2e-4
"""How far a polygon's side may be from the arc that it stands for."""


class Mesh(NamedTuple):
    """Corners (float64, n x 2, m) and triangles (int64, n x 3, indices of corners; counter-clockwise from above)."""

    corners: np.ndarray
    triangles: np.ndarray


class PaintLayer(NamedTuple):
    """Paint of one contrast (share of that of whole paint) at one height above the ground (m)."""

    contrast: float
    height_m: float
    mesh: Mesh


def paint_layers(track: Track) -> list[PaintLayer]:
    """The track's markings in the track's frame: strongest first, those of its lines, then what crosses them."""
    lines: dict[float, list[np.ndarray]] = defaultdict(list)
    stations, contrast = contrast_changes(track)
    for segment in track.segments:
        for line, offset in enumerate(track.lines):
            for begin, end, share in _stretches(segment, stations, contrast[line]):
                dashed = 0 < line < track.lines.size - 1
                whole = [(begin, end)]
                for low, high in _dashes(segment, offset, track.spec.dash, begin, end) if dashed else whole:
                    lines[share].append(_strip(segment, offset, 0.5 * track.spec.marking_width, low, high))
    crossings: dict[float, list[np.ndarray]] = defaultdict(list)
    marks = track_marks(track)
    for band in marks.crossings if marks is not None else ():
        crossings[float(band[bands.STRENGTH])] += _bars(band)
    return [
        PaintLayer(share, height, _mesh(strips))
        for height, found in ((HEIGHT_M, lines), (CROSSING_HEIGHT_M, crossings))
        for share, strips in sorted(found.items(), reverse=True)
    ]


def shadow_corners(track: Track) -> list[np.ndarray]:
    """The four corners (float64, 4 x 2, m) of each shadow."""
    marks = track_marks(track)
    return [] if marks is None else [_bars(band)[0][[0, 2, 3, 1]] for band in marks.shadows]


def wavefront(mesh: Mesh, height_m: float = HEIGHT_M) -> bytes:
    """A mesh as an OBJ file, ``height_m`` above the ground."""
    lines = ["# Painted markings, by spikedrive gazebo world", "vn 0 0 1"]
    lines += [f"v {x:.6f} {y:.6f} {height_m:.6f}" for x, y in (mesh.corners + 0.0).tolist()]
    lines += [f"f {a}//1 {b}//1 {c}//1" for a, b, c in (mesh.triangles + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def _mesh(strips: list[np.ndarray]) -> Mesh:
    """Strips (2 n x 2 each; corners to the right and left alternately) as one mesh."""
    triangles, count = [], 0
    for strip in strips:
        first = count + 2 * np.arange(len(strip) // 2 - 1)[:, None, None]
        triangles.append((first + np.array([[0, 2, 1], [1, 2, 3]])).reshape(-1, 3))
        count += len(strip)
    return Mesh(np.concatenate(strips), np.concatenate(triangles))


def _strip(segment: np.ndarray, offset: float, half: float, begin: float, end: float) -> np.ndarray:
    """The strip of a line of a segment, from ``begin`` to ``end`` (m of the reference line within it)."""
    along = _stations(segment, offset - half, offset + half, begin, end)
    sides = [[point_on(segment, s, offset + side)[:2] for s in along] for side in (-half, half)]
    return np.array(sides).transpose(1, 0, 2).reshape(-1, 2)


def _bars(band: np.ndarray) -> list[np.ndarray]:
    """The strips of a band (see cover_kernels.py): its bars, or the whole of it."""
    half, width = float(band[bands.HALF_LENGTH]), float(band[bands.HALF_WIDTH])
    ahead = np.array([band[bands.COS], band[bands.SIN]])
    left = np.array([-ahead[1], ahead[0]])
    intervals = [(-half, half)]
    if band[bands.PERIOD] > 0.0:
        begins = np.arange(-half, half, band[bands.PERIOD]).tolist()
        intervals = [(begin, min(begin + float(band[bands.PAINTED]), half)) for begin in begins]
    middle = band[[bands.MIDDLE_X, bands.MIDDLE_Y]]
    return [
        np.array([middle + s * ahead + side * left for s in interval for side in (-width, width)])
        for interval in intervals
    ]


def _stretches(segment: np.ndarray, stations: np.ndarray, contrast: np.ndarray) -> list[tuple[float, float, float]]:
    """Begin and end (m of the reference line within a segment) and contrast of a line's painted stretches."""
    start, length = segment[kernels.ARC_LENGTH], segment[kernels.LENGTH]
    stretches: list[tuple[float, float, float]] = []
    for begin, end, share in zip(stations[:-1], stations[1:], contrast.tolist(), strict=True):
        low, high = max(begin - start, 0.0), min(end - start, length)
        if high <= low or share == 0.0:
            continue
        if stretches and stretches[-1][1:] == (low, share):
            low = stretches.pop()[0]
        stretches.append((float(low), float(high), share))
    return stretches


def _dashes(
    segment: np.ndarray, offset: float, dash: tuple[float, float], begin: float, end: float
) -> list[tuple[float, float]]:
    """Intervals (m of the reference line within a segment) of a stretch where a dashed line is painted.

    Dashes are as long as they say along their own line, whose arc length is 1 - offset x curvature times that of the
    reference line.
    """
    painted, period = dash[0], sum(dash)
    stretch = 1.0 - offset * segment[kernels.CURVATURE]
    start = segment[kernels.ARC_LENGTH] - offset * segment[kernels.TURNED]
    first, last = start + stretch * begin, start + stretch * end
    intervals = []
    for turn in range(math.floor(first / period), math.ceil(last / period)):
        low, high = max(turn * period, first), min(turn * period + painted, last)
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
