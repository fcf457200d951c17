"""Camera: geometry of the view, anti-aliased paint, rows and their motion."""

import math

import numpy as np
import pytest

from snn_core.sim import camera_kernels as kernels
from snn_core.sim.camera import CameraSpec, Renderer
from snn_core.sim.track import load_track
from tests.reference import ReferenceTrack, reference_cover, reference_rays

SPEC = CameraSpec()
TRACK = load_track("meschede")
RENDERER = Renderer(TRACK, SPEC)
SMALL = CameraSpec(width=48, height=40)


def cover_of(view: np.ndarray, spec: CameraSpec) -> np.ndarray:
    """Painted part of each pixel, from its log intensity."""
    return (np.exp(view) - spec.ground_intensity) / (spec.marking_intensity - spec.ground_intensity)


VIEWS = [(0, 0.03, 0.1, 0.1), (1, 0.3, -0.1, -0.2), (0, 0.55, 0.0, 0.3), (1, 0.8, 0.2, 0.0), (0, 0.31, -2.0, 1.5)]


@pytest.mark.parametrize("name", ["meschede", "tight", "s_bend"])
def test_paint_is_where_many_rays_for_each_pixel_find_it(name: str):
    track = load_track(name)
    renderer, twin = Renderer(track, SMALL), ReferenceTrack(track.spec)
    rows = np.flatnonzero((renderer.rows[:, kernels.ACROSS] > 0.0) & (renderer.rows[:, kernels.AHEAD] < 2.0))
    for lane, part, deviation, turned in VIEWS:
        x, y, yaw = track.pose(lane, part * track.lane_length_m(lane), deviation)
        cover = cover_of(renderer.render(x, y, yaw + turned), SMALL)[rows]
        expected = reference_cover(twin, SMALL, (x, y, yaw + turned), rows)
        assert cover.mean() == pytest.approx(expected.mean(), rel=0.05, abs=0.002)
        # A pixel's footprint is a trapezium in truth, and its edges are not parallel to the paint's.
        error = np.abs(cover - expected)
        assert error.mean() < 0.01
        assert np.quantile(error, 0.99) < 0.25


@pytest.mark.parametrize("name", ["meschede", "tight", "s_bend"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_pixel_is_painted_as_its_slow_twin_says(name: str, view: tuple[int, float, float, float]):
    track, (lane, part, deviation, turned) = load_track(name), view
    x, y, yaw = track.pose(lane, part * track.lane_length_m(lane), deviation)
    yaw += turned
    renderer = Renderer(track, SPEC)
    rows = renderer.rows[renderer.rows[:, kernels.ACROSS] > 0.0]
    cover = cover_of(renderer.render(x, y, yaw), SPEC)[renderer.rows[:, kernels.ACROSS] > 0.0]
    across, along, ahead = (np.repeat(rows[:, k], 128) for k in (kernels.ACROSS, kernels.ALONG, kernels.AHEAD))
    left = across * np.tile(63.5 - np.arange(128), len(rows))
    ground_x, ground_y = (
        x + ahead * math.cos(yaw) - left * math.sin(yaw),
        y + ahead * math.sin(yaw) + left * math.cos(yaw),
    )
    expected = ReferenceTrack(track.spec).box_cover(ground_x, ground_y, yaw, across, along)
    assert expected.max() > 0.3
    assert cover.ravel() == pytest.approx(expected, abs=1e-5)


def test_rows_are_where_the_pinhole_model_puts_them():
    row = np.arange(SPEC.height) + 0.5
    ahead, left, seen = reference_rays(SPEC, np.full(SPEC.height, 0.0), row)
    visible = seen & (ahead - SPEC.forward_m <= SPEC.range_m)
    assert np.array_equal(RENDERER.rows[:, kernels.ACROSS] > 0.0, visible)
    assert RENDERER.rows[visible, kernels.AHEAD] == pytest.approx(ahead[visible], rel=1e-12)
    assert 64.0 * RENDERER.rows[visible, kernels.ACROSS] == pytest.approx(left[visible], rel=1e-12)
    step = 1e-4
    further = reference_rays(SPEC, np.full(SPEC.height, 0.0), row - step)[0]
    along = (further - ahead)[visible] / step
    assert RENDERER.rows[visible, kernels.ALONG] == pytest.approx(along, rel=1e-3)


@pytest.mark.parametrize(("driven", "turned"), [(1e-5, 0.0), (0.0, 1e-5)])
def test_motion_is_that_of_the_fastest_pixel_of_a_row(driven: float, turned: float):
    """Ground points seen by a row are moved as the robot moves, and projected again."""
    focal = 64.0 / math.tan(math.radians(35.0))
    pitch = math.radians(SPEC.pitch_deg)
    for row in np.flatnonzero(RENDERER.rows[:, kernels.ACROSS])[::9]:
        column = np.linspace(0.0, 128.0, 65)
        ahead, left, _ = reference_rays(SPEC, column, np.full(65, row + 0.5))
        ahead, left = ahead + left * turned - driven - SPEC.forward_m, left - ahead * turned
        depth = ahead * math.cos(pitch) + SPEC.height_m * math.sin(pitch)
        u = 64.0 - focal * left / depth
        v = 64.0 + focal * (SPEC.height_m * math.cos(pitch) - ahead * math.sin(pitch)) / depth
        fastest = np.hypot(u - column, v - (row + 0.5)).max() / (driven + turned)
        bound = RENDERER.rows[row, kernels.MOTION_PER_M if driven else kernels.MOTION_PER_RAD]
        assert fastest == pytest.approx(bound, rel=1e-3)


def test_sky_ground_and_paint_have_their_intensities():
    view = np.exp(RENDERER.render(*TRACK.pose(0, 0.5)))
    horizon = 64.0 - 64.0 / math.tan(math.radians(35.0)) * math.tan(math.radians(SPEC.pitch_deg))
    assert view[: int(horizon)] == pytest.approx(SPEC.background_intensity)
    ground = view[int(horizon) + 1 :]
    assert ground.min() == pytest.approx(SPEC.ground_intensity)
    assert ground.max() == pytest.approx(SPEC.marking_intensity)


def test_default_view_reaches_from_a_third_of_a_metre_to_some_metres():
    rows = RENDERER.rows
    ahead = rows[:, kernels.AHEAD] - SPEC.forward_m
    assert 0.25 < ahead[103] < 0.4
    assert 2.0 < ahead[40] < 5.0
    # Both borders of the robot's own lane are in sight in the crop's lowest row.
    assert 64.0 * rows[103, kernels.ACROSS] > 0.25


def test_seen_from_the_middle_of_a_straight_lane_the_solid_line_is_where_geometry_says():
    view = cover_of(RENDERER.render(*TRACK.pose(0, 1.0)), SPEC)
    row = 100
    expected = 63.5 + 0.25 / RENDERER.rows[row, kernels.ACROSS]
    right = view[row, 70:]
    assert np.sum(right * np.arange(70, 128)) / right.sum() == pytest.approx(expected, abs=0.05)
    assert right.sum() == pytest.approx(0.04 / RENDERER.rows[row, kernels.ACROSS], rel=0.01)


def test_dashes_have_their_length_and_gap_on_straights_and_curves():
    """Driving along, a pixel on the line between lanes is painted half of the time, at a rhythm of 0.4 m of it."""
    row, column = 110, int(63.5 - 0.25 / RENDERER.rows[110, kernels.ACROSS])
    for lane, start in ((0, 0.5), (1, 16.3)):
        poses = [TRACK.pose(lane, start + 0.01 * k) for k in range(280)]
        seen = np.array([cover_of(RENDERER.render(*pose), SPEC)[row, column] for pose in poses])
        assert seen.mean() == pytest.approx(0.5, abs=0.05)
        assert np.sum((seen[1:] > 0.5) & (seen[:-1] <= 0.5)) == 7
    curve = TRACK.pose(0, 15.0)
    radius = abs(1.0 / TRACK.locate(*curve, 0).curvature_1_m)
    steps = int(2.0 * radius / (radius - 0.25) / 0.01)
    poses = [TRACK.pose(0, 15.0 + 0.01 * k) for k in range(steps)]
    line = np.array([cover_of(RENDERER.render(x, y, yaw + 0.4), SPEC)[row, :100].max() for x, y, yaw in poses])
    assert line.mean() == pytest.approx(0.5, abs=0.05)
    assert np.sum((line[1:] > 0.5) & (line[:-1] <= 0.5)) == 5


def test_the_picture_moves_on_without_jumps():
    """Anti-aliasing: a small step changes every pixel a little, and a step forth and back nothing at all."""
    x, y, yaw = TRACK.pose(0, 7.3, 0.05)
    first = RENDERER.render(x, y, yaw)
    moved = RENDERER.render(x + 1e-5 * math.cos(yaw), y + 1e-5 * math.sin(yaw), yaw + 1e-6)
    assert 0.0 < np.abs(np.exp(moved) - np.exp(first)).max() < 0.02
    out = np.empty_like(first)
    assert RENDERER.render(x, y, yaw, out) is out
    assert np.array_equal(out, first)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="out"):
        RENDERER.render(0.0, 0.0, 0.0, np.empty((128, 128)))
    with pytest.raises(ValueError, match="finite"):
        RENDERER.render(math.nan, 0.0, 0.0)
