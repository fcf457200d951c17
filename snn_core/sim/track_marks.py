"""How a track's paint is worn, what other paint crosses it and what shadows lie on it, as tables for the renderer."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snn_core.sim import cover_kernels
from snn_core.sim import track_kernels as kernels
from snn_core.sim.track import Track
from snn_core.sim.track_layout import point_on
from snn_core.sim.track_spec import Band

SHADOW_BEYOND_M = 1.0
"""A shadow reaches this far beyond the road's borders, if its length is not said."""


class Marks(NamedTuple):
    """Tables of float64, see cover_kernels.py: contrast (lines, m, 3), crossings (n, 9), shadows (n, 9)."""

    contrast: np.ndarray
    crossings: np.ndarray
    shadows: np.ndarray


def track_marks(track: Track) -> Marks | None:
    """The tables of a track; None when its paint is whole, and neither crossed nor shaded."""
    spec = track.spec
    if spec.contrast == 1.0 and not (spec.worn or spec.missing or spec.crossings or spec.shadows):
        return None
    crossings = [
        _band(track, band, 0.0, band.dash or (0.0, 0.0), band.contrast) for band in spec.crossings
    ]  # fmt: skip
    shadows = [
        _band(track, band, SHADOW_BEYOND_M, (0.0, 0.0), 1.0 - band.intensity) for band in spec.shadows
    ]  # fmt: skip
    return Marks(_contrast_table(track), _table(crossings), _table(shadows))


def contrast_changes(track: Track) -> tuple[np.ndarray, np.ndarray]:
    """Where the contrast of some line changes, and each line's contrast from there on.

    Returns arc lengths of the reference line, float64 (m + 1), from 0 to its length, and float64 (lines, m).
    """
    spec = track.spec
    edges = {0.0, track.length_m}
    edges.update(edge for mark in (*spec.worn, *spec.missing) for edge in mark.stretch if edge < track.length_m)
    stations = np.array(sorted(edges))
    middle = 0.5 * (stations[1:] + stations[:-1])
    contrast = np.full((track.lines.size, middle.size), spec.contrast)
    for marks, share in [([mark], mark.contrast) for mark in spec.worn] + [(spec.missing, 0.0)]:
        for mark in marks:
            inside = (mark.stretch[0] < middle) & (middle < mark.stretch[1])
            lines = range(track.lines.size) if mark.lines is None else sorted(set(mark.lines))
            for line in lines:
                contrast[line, inside] *= share
    return stations, contrast


def least_light(shadows: np.ndarray) -> float:
    """A bound of how dark shadows (n, 9) may make a point: the share that is left of its light, at least.

    Shadows that lie on one point overlap each other, so each of them overlaps all others there.
    """
    if not len(shadows):
        return 1.0
    centre = shadows[:, cover_kernels.MIDDLE_X] + 1j * shadows[:, cover_kernels.MIDDLE_Y]
    reach = np.hypot(shadows[:, cover_kernels.HALF_LENGTH], shadows[:, cover_kernels.HALF_WIDTH])
    near = np.abs(centre[:, None] - centre) <= reach[:, None] + reach
    return float(np.exp((near @ np.log1p(-shadows[:, cover_kernels.STRENGTH])).min()))


def _contrast_table(track: Track) -> np.ndarray:
    """Contrast by the own arc length of each line."""
    stations, contrast = contrast_changes(track)
    starts = track.segments[:, kernels.ARC_LENGTH].tolist()
    turned = np.empty(stations.size)
    for k, station in enumerate(stations.tolist()):
        segment = track.segments[bisect_right(starts, station) - 1]
        turned[k] = segment[kernels.TURNED] + (station - segment[kernels.ARC_LENGTH]) * segment[kernels.CURVATURE]
    table = np.zeros((track.lines.size, stations.size, 3))
    for line, offset in enumerate(track.lines):
        own = stations - offset * turned
        table[line, :, cover_kernels.BEGIN] = own
        table[line, :-1, cover_kernels.LEVEL] = contrast[line]
        table[line, 1:, cover_kernels.INTEGRAL] = np.cumsum(contrast[line] * np.diff(own))
    return table


def _band(track: Track, band: Band, beyond_m: float, dash: tuple[float, float], strength: float) -> list[float]:
    starts = track.segments[:, kernels.ARC_LENGTH].tolist()
    i = bisect_right(starts, band.at) - 1
    width = float(track.lines[-1])
    x, y, heading = point_on(track.segments[i], band.at - starts[i], 0.5 * width)
    angle = math.radians(band.angle)
    length = band.length if band.length is not None else (width + 2.0 * beyond_m) / math.sin(angle)
    direction = heading + angle
    return [
        x, y, math.cos(direction), math.sin(direction), 0.5 * length, 0.5 * band.width, dash[0], sum(dash), strength
    ]  # fmt: skip


def _table(rows: Sequence[list[float]]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(len(rows), cover_kernels.BAND_COLUMNS)
