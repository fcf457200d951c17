"""Closed roads drawn at random: the same seed and bounds give the same road, bit for bit."""

import math
from typing import Any

import numpy as np

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.sim import track_kernels as kernels
from snn_core.sim.road_shape import Segments, draw_shape, radius_bounds
from snn_core.sim.road_spec import RoadSpec
from snn_core.sim.track_layout import lay_out, length_of, line_beside
from snn_core.sim.track_spec import TrackSpec

LARGEST_SEED = 2**31 - 1
_MOST_ATTEMPTS = 5000
_SPACING_M = 0.05


def generate_road(seed: int, spec: RoadSpec | None = None) -> TrackSpec:
    """The track file of a closed road that neither crosses itself nor comes too near, within ``spec``'s bounds.

    Raises UserError when no such road is found, and ValueError when the seed is not from 0 to LARGEST_SEED.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"seed: expected 0 to {LARGEST_SEED}, found {seed}")
    spec = spec or RoadSpec()
    random = np.random.default_rng(seed)
    road = _draw_road(random, spec)
    bounds = radius_bounds(spec, road["lanes"], road["lane_width"], road["marking_width"])
    for _ in range(_MOST_ATTEMPTS):
        segments = draw_shape(random, spec, bounds)
        if segments is None:
            continue
        track = _build(seed, road, segments)
        length_m = length_of(lay_out(track.start, track.pieces())[0])
        if spec.length_m[0] <= length_m <= spec.length_m[1] and keeps_apart(track, spec.clearance_m):
            return _build(seed, road | _draw_marks(random, spec, track.lanes + 1, length_m), segments)
    raise UserError(
        f"road of seed {seed}: no closed road of {spec.length_m[0]:g} to {spec.length_m[1]:g} m found, with "
        f"{road['lanes']} lanes of {road['lane_width']:g} m; allow a longer one (length_m) or tighter curves"
    )


def keeps_apart(track: TrackSpec, clearance_m: float) -> bool:
    """Whether no two parts of a road are nearer to each other than ``clearance_m``, measured between their paint.

    Points of the road's middle that are further along it than half a circle of its tightest curve must be a road's
    width and the clearance apart. Nearer ones are, by Schur's theorem, at least as far apart as on that circle.
    """
    width = track.lanes * track.lane_width
    table, _ = lay_out(track.start, track.pieces())
    middle = line_beside(table, 0.5 * width, _SPACING_M)[:-1]
    points = middle[:, 0] + 1j * middle[:, 1]
    curvature = table[:, kernels.CURVATURE]
    tightest = 1.0 / np.abs(curvature / (1.0 - 0.5 * width * curvature)).max()
    steps = np.abs(np.subtract.outer(np.arange(points.size), np.arange(points.size)))
    apart = np.minimum(steps, points.size - steps) * _SPACING_M > math.pi * tightest
    distance = np.abs(np.subtract.outer(points, points))[apart]
    # Between two samples the road may be nearer by as much as they are apart.
    needed = width + track.marking_width + clearance_m + _SPACING_M
    return 2.0 * tightest >= width + track.marking_width and bool((distance >= needed).all())


def _build(seed: int, road: dict[str, Any], segments: Segments) -> TrackSpec:
    content = {"name": f"road_{seed}", **road, "start": [0.0, 0.0, 0.0], "segments": segments}
    return validate(TrackSpec, content, f"road of seed {seed}")


def _draw_road(random: np.random.Generator, spec: RoadSpec) -> dict[str, Any]:
    """Lanes and the paint of lines."""
    two = random.random() < spec.two_lanes_probability
    road = {
        "lane_width": _within(random, spec.lane_width_m),
        "lanes": spec.lanes or (2 if two else 1),
        "marking_width": _within(random, spec.marking_width_m),
        "dash": [_within(random, spec.dash_m), _within(random, spec.gap_m)],
    }
    worn, contrast = random.random() < spec.wear_probability, _within(random, spec.wear)
    return road | ({"contrast": contrast} if worn else {})


def _draw_marks(random: np.random.Generator, spec: RoadSpec, line_count: int, length_m: float) -> dict[str, Any]:
    """Stretches of worn and of missing paint, paint that crosses the road, shadows."""
    marks: dict[str, Any] = {}
    if random.random() < spec.worn_probability:
        marks["worn"] = [
            {
                "stretch": _stretch(random, spec.worn_stretch_m, length_m),
                **({"lines": [int(random.integers(line_count))]} if random.random() < 0.5 else {}),
                "contrast": _within(random, spec.worn_contrast),
            }
            for _ in range(_count(random, spec.worn_stretches))
        ]
    if random.random() < spec.missing_probability:
        marks["missing"] = [
            {
                "stretch": _stretch(random, spec.missing_stretch_m, length_m),
                "lines": [int(random.integers(line_count))],
            }
            for _ in range(_count(random, spec.missing_stretches))
        ]
    if random.random() < spec.crossing_probability:
        marks["crossings"] = [_draw_crossing(random, spec, length_m) for _ in range(_count(random, spec.crossings))]
    if random.random() < spec.shadow_probability:
        marks["shadows"] = [
            {
                "at": _place(random, length_m),
                "angle": _within(random, spec.shadow_angle_deg),
                "width": _within(random, spec.shadow_width_m),
                "intensity": _within(random, spec.shadow_intensity),
            }
            for _ in range(_count(random, spec.shadows))
        ]
    return marks


def _draw_crossing(random: np.random.Generator, spec: RoadSpec, length_m: float) -> dict[str, Any]:
    crossing: dict[str, Any] = {
        "at": _place(random, length_m),
        "angle": _within(random, spec.crossing_angle_deg),
        "width": _within(random, spec.crossing_width_m),
    }
    bar = _within(random, spec.bar_m)
    return crossing | ({"dash": [bar, bar]} if random.random() < spec.bars_probability else {})


def _within(random: np.random.Generator, bounds: tuple[float, float]) -> float:
    """A number within bounds, of three digits behind the point."""
    return float(min(max(round(random.uniform(*bounds), 3), bounds[0]), bounds[1]))


def _count(random: np.random.Generator, bounds: tuple[int, int]) -> int:
    return int(random.integers(bounds[0], bounds[1] + 1))


def _place(random: np.random.Generator, length_m: float) -> float:
    return math.floor(1e3 * random.uniform(0.0, length_m)) / 1e3


def _stretch(random: np.random.Generator, bounds: tuple[float, float], length_m: float) -> list[float]:
    length = min(_within(random, bounds), length_m)
    begin = math.floor(1e3 * random.uniform(0.0, length_m - length)) / 1e3
    return [begin, min(round(begin + length, 3), length_m)]
