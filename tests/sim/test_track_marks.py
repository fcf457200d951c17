"""Worn and missing paint, paint that crosses the road, shadows: as the camera sees them, and as files have them."""

import math
from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.sim import camera_kernels as kernels
from snn_core.sim.camera import CameraSpec, Renderer
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.robot import RobotSpec
from snn_core.sim.track import Track, load_track
from snn_core.sim.track_spec import TrackSpec
from snn_core.sim.world import World
from tests.reference import ReferenceTrack
from tests.reference_marks import ReferenceMarks, reference_intensity

SPEC = CameraSpec()
SMALL = CameraSpec(width=48, height=40)
MARKS = {
    "contrast": 0.8,
    "worn": [
        {"stretch": [0.7, 1.3], "contrast": 0.5},
        {"stretch": [1.1, 2.2], "lines": [1, 2], "contrast": 0.4},
        {"stretch": [5.5, 7.4], "lines": [0], "contrast": 0.3},
        {"stretch": [32.5, 33.4], "contrast": 0.6},
    ],
    "missing": [{"stretch": [2.6, 3.1], "lines": [0]}, {"stretch": [13.3, 14.6]}, {"stretch": [16.0, 17.0]}],
    "crossings": [
        {"at": 1.8, "angle": 75.0, "width": 0.08},
        {"at": 3.6, "width": 0.6, "dash": [0.15, 0.1], "contrast": 0.7},
        {"at": 14.2, "angle": 130.0, "width": 0.1, "length": 2.0},
    ],
    "shadows": [
        {"at": 1.5, "angle": 60.0, "width": 0.5, "intensity": 0.5},
        {"at": 1.9, "angle": 110.0, "width": 0.3, "intensity": 0.7},
        {"at": 15.1, "width": 0.8, "length": 1.2, "intensity": 0.4},
    ],
}
VIEWS = [(0, 0.3, 0.05, 0.1), (0, 2.4, -0.1, -0.2), (0, 31.7, 0.0, 0.2), (0, 13.0, 0.05, 0.0), (1, 0.6, 0.0, -0.1)]


def marked(name: str = "meschede", **keys: object) -> Track:
    spec = load_track(name).spec.model_dump(exclude_none=True)
    return Track(validate(TrackSpec, spec | (keys or MARKS), name))


def one_lane() -> Track:
    marks = {**MARKS, "worn": [MARKS["worn"][0], MARKS["worn"][2]], "lanes": 1}  # type: ignore[index]
    return marked("tight", **marks)


def mirrored() -> Track:
    """Driven clockwise: its lines to the left of the reference line are longer."""
    spec = load_track("meschede").spec.model_dump(exclude_none=True)
    for segment, degrees in zip(spec["segments"], (0, -90, 0, -180, 90, -180), strict=True):
        if degrees:
            segment["arc"] = (2.5, degrees)
    return Track(validate(TrackSpec, spec | MARKS, "mirrored"))


TRACKS = {"meschede": marked(), "tight": one_lane(), "mirrored": mirrored()}


def ground_boxes(renderer: Renderer, pose: tuple[float, float, float]) -> tuple[np.ndarray, ...]:
    """x, y, size across and along (m) of all pixels that see the ground."""
    rows = renderer.rows[renderer.rows[:, kernels.ACROSS] > 0.0]
    x, y, yaw = pose
    across, along, ahead = (np.repeat(rows[:, k], 128) for k in (kernels.ACROSS, kernels.ALONG, kernels.AHEAD))
    left = across * np.tile(63.5 - np.arange(128), len(rows))
    return (
        x + ahead * math.cos(yaw) - left * math.sin(yaw),
        y + ahead * math.sin(yaw) + left * math.cos(yaw),
        across,
        along,
    )


@pytest.mark.parametrize("name", TRACKS)
@pytest.mark.parametrize("view", VIEWS)
def test_every_pixel_is_as_bright_as_its_slow_twin_says(name: str, view: tuple[int, float, float, float]):
    check_against_twin(TRACKS[name], view, SPEC)


def test_in_little_light_shadows_leave_the_dark_current():
    check_against_twin(TRACKS["meschede"], VIEWS[0], CameraSpec(light=0.3, dark_intensity=0.05))


def check_against_twin(track: Track, view: tuple[int, float, float, float], spec: CameraSpec) -> None:
    lane, place, deviation, turned = view
    x, y, yaw = track.pose(lane % track.lanes, place, deviation)
    yaw += turned
    renderer = Renderer(track, spec)
    ground_x, ground_y, across, along = ground_boxes(renderer, (x, y, yaw))
    twin = ReferenceMarks(ReferenceTrack(track.spec))
    level = twin.box_level(ground_x, ground_y, yaw, across, along)
    light = twin.box_light(ground_x, ground_y, yaw, across, along)
    intensity = light * (spec.ground_intensity + level * (spec.marking_intensity - spec.ground_intensity))
    expected = np.log(spec.light * intensity + spec.dark_intensity)
    seen = renderer.render(x, y, yaw)[renderer.rows[:, kernels.ACROSS] > 0.0].ravel()
    assert np.ptp(expected) > 0.3
    assert seen == pytest.approx(expected, abs=2e-5)
    assert renderer.lowest <= seen.min()


@pytest.mark.parametrize("name", TRACKS)
def test_marks_are_where_many_rays_for_each_pixel_find_them(name: str):
    track = TRACKS[name]
    renderer, twin = Renderer(track, SMALL), ReferenceMarks(ReferenceTrack(track.spec))
    rows = np.flatnonzero((renderer.rows[:, kernels.ACROSS] > 0.0) & (renderer.rows[:, kernels.AHEAD] < 2.0))
    for lane, place, deviation, turned in VIEWS:
        x, y, yaw = track.pose(lane % track.lanes, place, deviation)
        seen = np.exp(renderer.render(x, y, yaw + turned))[rows]
        expected = reference_intensity(twin, SMALL, (x, y, yaw + turned), rows)
        error = np.abs(seen - expected) / SPEC.marking_intensity
        assert seen.mean() == pytest.approx(expected.mean(), rel=0.02)
        assert error.mean() < 0.01
        assert np.quantile(error, 0.99) < 0.2


def test_keys_that_say_what_is_said_anyway_change_no_bit():
    plain, pose = Renderer(load_track("meschede"), SPEC), load_track("meschede").pose(1, 3.0, 0.05)
    defaults = Renderer(marked(contrast=1.0, worn=[], missing=[], crossings=[], shadows=[]), SPEC)
    assert np.array_equal(plain.render(*pose), defaults.render(*pose))
    fresh = Renderer(marked(worn=[{"stretch": [0.0, 20.0], "contrast": 1.0}]), SPEC)
    assert fresh.render(*pose) == pytest.approx(plain.render(*pose), abs=1e-6)


def test_wear_keeps_its_share_of_the_contrast_and_missing_paint_leaves_the_ground():
    pose, ground = load_track("meschede").pose(0, 1.0), SPEC.ground_intensity
    whole = np.exp(Renderer(load_track("meschede"), SPEC).render(*pose))
    rows = Renderer(load_track("meschede"), SPEC).rows[:, kernels.ACROSS] > 0.0
    worn = np.exp(Renderer(marked(contrast=0.25), SPEC).render(*pose))
    assert (worn - ground)[rows] == pytest.approx(0.25 * (whole - ground)[rows], abs=1e-5)
    bare = np.exp(Renderer(marked(missing=[{"stretch": [0.0, 33.0]}]), SPEC).render(*pose))
    assert bare[100:] == pytest.approx(ground)


def test_a_shadow_darkens_ground_and_paint_alike():
    pose = load_track("meschede").pose(0, 1.0)
    shade = Renderer(marked(shadows=[{"at": 2.0, "width": 30.0, "length": 30.0, "intensity": 0.5}]), SPEC)
    rows = shade.rows[:, kernels.ACROSS] > 0.0
    difference = shade.render(*pose) - Renderer(load_track("meschede"), SPEC).render(*pose)
    assert difference[rows] == pytest.approx(math.log(0.5), abs=1e-6)
    assert (difference[~rows] == 0.0).all()


def test_the_picture_moves_on_without_jumps():
    track = marked()
    x, y, yaw = track.pose(0, 1.2)
    renderer = Renderer(track, SPEC)
    first, moved = renderer.render(x, y, yaw), renderer.render(x + 1e-5, y, yaw + 1e-6)
    assert 0.0 < np.abs(np.exp(moved) - np.exp(first)).max() < 0.02


def test_a_world_of_strong_shadows_has_room_for_their_events():
    """A robot that drives fast and turns, through shadows of a twentieth that lie upon each other."""
    shadows = [{"at": 0.5 + 0.15 * k, "width": 0.2, "intensity": 0.05} for k in range(12)]
    pixel = EventPixelSpec(threshold_on=0.01, threshold_off=0.01, threshold_mismatch=0.0, refractory_us=0)
    camera = CameraSpec(width=32, height=32)
    world = World(marked(shadows=shadows), camera, pixel, RobotSpec(), 0)
    plain = World(load_track("meschede"), camera, pixel, RobotSpec(), 0)
    counts = [[w.advance(2.0, 1.0).events.t.size for _ in range(20)] for w in (world, plain)]
    assert sum(counts[0]) > 2 * sum(counts[1])
    assert plain.renderer.lowest - world.renderer.lowest > 2.0 * math.log(20.0)


SQUARE = """\
name: square
lane_width: 0.5
marking_width: 0.04
dash: [0.2, 0.2]
start: [0.0, 0.0, 30.0]
segments: [straight: 2, arc: [1.5, 90], straight: 2, arc: [1.5, 90], straight: 2, arc: [1.5, 90], straight: 2, arc: [1.5, 90]]
"""  # noqa: E501


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("contrast: 0.0", ["contrast", "greater than 0"]),
        ("contrast: 1.1", ["contrast", "1.1"]),
        ("worn: [{stretch: [0, 1]}]", ["worn.0.contrast", "missing"]),
        ("worn: [{stretch: [0, 18], contrast: 0.5}]", ["worn: stretch 0", "17.4248 m", "18 m"]),
        ("missing: [{stretch: [2, 1]}]", ["missing.0.stretch", "begin before the end", "[2, 1]"]),
        ("missing: [{stretch: [-1, 1]}]", ["missing.0.stretch", "-1"]),
        ("missing: [{stretch: [0, 1], lines: [3]}]", ["missing.0.lines", "3"]),
        ("missing: [{stretch: [0, 1], lines: [2]}]\nlanes: 1", ["missing: stretch 0", "lines from 0 to 1", "2"]),
        ("missing: [{stretch: [0, 1], line: 1}]", ["missing.0.line", "unknown key"]),
        ("crossings: [{at: 18, width: 0.1}]", ["crossings: band 0", "17.4248 m", "18 m"]),
        ("crossings: [{at: 1, width: 0.1, angle: 0}]", ["crossings.0.angle", "10"]),
        ("crossings: [{at: 1}]", ["crossings.0.width", "missing"]),
        ("shadows: [{at: 1, width: 0.5}]", ["shadows.0.intensity", "missing"]),
        ("shadows: [{at: 1, width: 0.5, intensity: 1}]", ["shadows.0.intensity", "less than 1"]),
        ("shadows: [{at: 20, width: 0.5, intensity: 0.5}]", ["shadows: band 0", "at below", "20 m"]),
    ],
)
def test_bad_marks_are_refused_in_one_line(tmp_path: Path, line: str, words: list[str]):
    path = tmp_path / "mine.yaml"
    path.write_text(SQUARE + line + "\n")
    with pytest.raises(UserError) as raised:
        load_track(path)
    text = str(raised.value)
    assert "\n" not in text
    assert all(word in text for word in [str(path), *words]), text
