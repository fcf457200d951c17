"""Track: shipped files, closing, poses and positions in both lanes, refusals."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.sim.track import Track, TrackSpec, load_track, shipped_tracks
from tests.reference import ReferenceTrack

TRACKS = {name: load_track(name) for name in shipped_tracks()}
MESCHEDE = TRACKS["meschede"]
SQUARE = """\
name: square
lane_width: 0.5
lanes: 2
marking_width: 0.04
dash: [0.2, 0.2]
start: [0.0, 0.0, 30.0]
segments: [straight: 2.0, arc: [1.5, 90], straight: 2.0, arc: [1.5, 90], straight: 2.0, arc: [1.5, 90], straight: 2.0, arc: [1.5, 90]]
"""  # noqa: E501


def clockwise() -> Track:
    """Meschede's track seen in a mirror: its one turn is to the right, and the road outside of it."""
    spec = MESCHEDE.spec.model_dump(exclude_none=True)
    for segment in spec["segments"]:
        if "arc" in segment:
            segment["arc"] = (segment["arc"][0], -segment["arc"][1])
    spec["segments"][4]["arc"] = (2.5, 90.0)
    return Track(validate(TrackSpec, spec, "mirror"))


def with_splines() -> Track:
    """An oval whose ends are splines, one of them of two parts and a swerve between."""
    spec = MESCHEDE.spec.model_dump(exclude_none=True) | {"name": "splines", "start": (0.0, 0.0, 0.0)}
    spec["segments"] = [
        {"straight": 3.0},
        {"spline": [(6.3, 2.2, 100.0), (4.0, 5.0, 180.0)]},
        {"spline": [(2.0, 4.6, 180.0), (0.0, 5.0, 180.0)]},
        {"spline": [(-2.5, 2.5, 270.0)]},
        {"arc": (2.5, 90.0)},
    ]
    return Track(validate(TrackSpec, spec, "splines"))


SPLINES = with_splines()
ALL = [*TRACKS.values(), clockwise(), SPLINES]


def test_the_shipped_tracks_are_there():
    assert shipped_tracks() == ["meschede", "s_bend", "tight"]
    assert all(track.name == name for name, track in TRACKS.items())


@pytest.mark.parametrize("track", ALL, ids=lambda track: track.name)
def test_the_road_does_not_overlap_itself(track: Track):
    """Points of the road's middle are a road's width apart, but for those on the same piece of it."""
    spacing = 0.05
    width = track.lanes * track.spec.lane_width
    middle = track.line(0.5 * width, spacing)[:-1]
    distance = np.hypot(*(middle[:, None] - middle[None]).transpose(2, 0, 1))
    steps = np.abs(np.arange(len(middle))[:, None] - np.arange(len(middle)))
    apart = np.minimum(steps, len(middle) - steps) * spacing > math.pi * width
    assert distance[apart].min() > width + track.spec.marking_width


def test_lengths_of_meschede_in_closed_form():
    straights, left, right = 10.0, math.radians(450.0), math.radians(90.0)
    assert MESCHEDE.length_m == pytest.approx(straights + 2.5 * (left + right), abs=1e-12)
    for lane, inwards in ((0, 0.25), (1, 0.75)):
        expected = straights + (2.5 - inwards) * left + (2.5 + inwards) * right
        assert MESCHEDE.lane_length_m(lane) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("lane", "arc_length", "expected"),
    [
        (0, 0.0, (2.5, 0.25, 0.0)),
        (1, 0.0, (2.5, 0.75, math.pi)),
        (0, 5.0, (7.5, 0.25, 0.0)),
        (0, 5.0 + 2.25 * math.pi / 2, (9.75, 2.5, math.pi / 2)),
        (1, 1.75 * math.pi, (2.5, 4.25, 0.0)),
    ],
)
def test_poses_in_closed_form(lane: int, arc_length: float, expected: tuple[float, float, float]):
    pose = MESCHEDE.pose(lane, arc_length)
    assert pose[:2] == pytest.approx(expected[:2], abs=1e-9)
    assert math.remainder(pose.yaw - expected[2], 2 * math.pi) == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=200)
@given(
    track=st.sampled_from(ALL),
    lane=st.integers(0, 1),
    part=st.floats(0.0, 1.0, exclude_max=True),
    deviation=st.floats(-0.24, 0.24),
    error=st.floats(-3.1, 3.1),
)
def test_locate_inverts_pose(track: Track, lane: int, part: float, deviation: float, error: float):
    length = track.lane_length_m(lane)
    pose = track.pose(lane, part * length, deviation)
    position = track.locate(pose.x, pose.y, pose.yaw + error, lane)
    assert position.deviation_m == pytest.approx(deviation, abs=1e-9)
    assert position.heading_error_rad == pytest.approx(error, abs=1e-9)
    assert math.remainder(position.arc_length_m - part * length, length) == pytest.approx(0.0, abs=1e-6)
    assert 0.0 <= position.arc_length_m < length


@settings(max_examples=60)
@given(
    track=st.sampled_from([*TRACKS.values(), SPLINES]),
    lane=st.integers(0, 1),
    part=st.floats(0.0, 1.0),
    deviation=st.floats(-1.0, 1.0),
    yaw=st.floats(-3.0, 3.0),
)
def test_locate_agrees_with_the_nearest_of_many_samples(
    track: Track, lane: int, part: float, deviation: float, yaw: float
):
    x, y, _ = track.pose(lane, part * track.length_m, deviation)
    twin = REFERENCES[track.name]
    centre = (lane + 0.5) * track.spec.lane_width
    left, heading, own = twin.nearest(x, y, centre)
    position = track.locate(x, y, yaw, lane)
    sign, length = (1.0, track.lane_length_m(lane)) if lane == 0 else (-1.0, track.lane_length_m(lane))
    lane_heading = heading if lane == 0 else heading + math.pi
    # Two pieces of the road may be equally near; then only the distance is told.
    assert abs(position.deviation_m) == pytest.approx(abs(left - centre), abs=2e-3)
    if abs(left - centre) < 0.24:
        assert position.deviation_m == pytest.approx(sign * (left - centre), abs=1e-6)
        assert math.remainder(position.heading_error_rad - (yaw - lane_heading), 2 * math.pi) == pytest.approx(
            0, abs=1e-3
        )
        assert math.remainder(position.arc_length_m - sign * own, length) == pytest.approx(0.0, abs=1e-3)


REFERENCES = {track.name: ReferenceTrack(track.spec, 1e-3) for track in [*TRACKS.values(), SPLINES]}


@pytest.mark.parametrize("track", ALL, ids=lambda track: track.name)
@pytest.mark.parametrize("lane", [0, 1])
def test_curvature_is_the_turn_of_the_heading(track: Track, lane: int):
    step = 1e-4
    for part in np.linspace(0.01, 0.99, 37):
        s = part * track.lane_length_m(lane)
        before, after = track.pose(lane, s - step), track.pose(lane, s + step)
        turn = math.remainder(after.yaw - before.yaw, 2 * math.pi) / (2 * step)
        middle = track.pose(lane, s)
        assert track.locate(*middle, lane).curvature_1_m == pytest.approx(turn, abs=1e-6)
        assert track.curvature_ahead_1_m(lane, s - 1.0, 1.0) == pytest.approx(turn, abs=1e-6)
        assert math.hypot(after.x - before.x, after.y - before.y) == pytest.approx(2 * step, rel=1e-6)


def test_a_robot_driven_round_by_curvature_alone_stays_in_its_lane():
    for lane in (0, 1):
        x, y, yaw = MESCHEDE.pose(lane)
        for _ in range(2000):
            position = MESCHEDE.locate(x, y, yaw, lane)
            omega = position.curvature_1_m - 4.0 * position.heading_error_rad - 4.0 * position.deviation_m
            x, y, yaw = x + 0.02 * math.cos(yaw), y + 0.02 * math.sin(yaw), yaw + 0.02 * omega
            assert abs(position.deviation_m) < 0.03


def test_a_point_in_the_seam_of_a_track_that_closes_loosely_is_located():
    spec = MESCHEDE.spec.model_dump(exclude_none=True)
    spec["segments"][0]["straight"] = 5.0009
    track = Track(validate(TrackSpec, spec, "loose"))
    for x in np.linspace(2.499, 2.502, 61):
        assert track.locate(x, 0.3, 0.0, 0).deviation_m == pytest.approx(0.05, abs=1e-3)


def test_line_is_closed_and_keeps_its_distance():
    line = MESCHEDE.line(1.0, 0.1)
    assert np.array_equal(line[0], line[-1])
    assert np.hypot(*np.diff(line, axis=0).T).max() < 0.15
    deviations = [MESCHEDE.locate(x, y, 0.0, 0).deviation_m for x, y in line]
    assert deviations == pytest.approx([0.75] * len(line), abs=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("straight: 2.0,", "straight: 2.1,", ["segments", "closes", "1 mm", "100.0 mm"]),
        ("arc: [1.5, 90]]", "arc: [1.5, 90.2]]", ["segments", "0.1 degrees", "360.20"]),
        ("[1.5, 90]", "[1.0, 90]", ["segments", "arc", "1.02 m", "found 1 m"]),
        ("name: square", "name: square\ncolour: red", ["colour", "unknown key"]),
        ("lane_width: 0.5", "lane_width: wide", ["lane_width", "'wide'"]),
        ("lane_width: 0.5\n", "", ["lane_width", "missing"]),
        ("marking_width: 0.04", "marking_width: 0.6", ["marking_width", "lane_width"]),
        ("lanes: 2", "lanes: 3", ["lanes", "3"]),
        ("straight: 2.0,", "straight: -2.0,", ["segments", "straight", "-2.0"]),
        ("straight: 2.0,", "bend: 2.0,", ["segments", "unknown key"]),
        ("straight: 2.0,", "{straight: 2.0, arc: [1.5, 90]},", ["either straight"]),
        ("straight: 2.0,", "spline: [[4.0, 0.0, 30.0], [4.0, 0.0, 30.0]],", ["segments", "segment 0", "apart"]),
        ("straight: 2.0,", "spline: [[0.1, 0.1, -150.0]],", ["segments", "segment 0, spline"]),
        ("straight: 2.0,", "spline: [[1.0, 0.4, 120.0]],", ["segment 0, spline", "radius above 1.02 m"]),
        ("straight: 2.0,", "spline: [],", ["segments.0.spline"]),
        ("straight: 2.0,", "straight: .inf,", ["segments", "straight"]),
        ("segments: [", "segments: 5 #", ["segments"]),
        ("segments: [", "segments: [[", ["not valid YAML"]),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path: Path, old: str, new: str, words: list[str]):
    path = tmp_path / "mine.yaml"
    path.write_text(SQUARE)
    assert load_track(path).name == "square"
    path.write_text(SQUARE.replace(old, new, 1) if old != "[1.5, 90]" else SQUARE.replace(old, new))
    with pytest.raises(UserError) as raised:
        load_track(path)
    text = str(raised.value)
    assert "\n" not in text
    assert all(word in text for word in [str(path), *words]), text


def test_missing_files_and_names_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"gone\.yaml"):
        load_track(tmp_path / "gone.yaml")
    with pytest.raises(UserError, match="meschede, s_bend, tight"):
        load_track("silverstone")


def test_a_track_of_one_lane(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text(SQUARE.replace("lanes: 2", "lanes: 1"))
    track = load_track(path)
    assert track.lines.tolist() == [0.0, 0.5]
    with pytest.raises(ValueError, match="lane"):
        track.pose(1)
