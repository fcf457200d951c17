"""Generated roads: closed, apart, within their bounds, the same for the same seed, and the same when read back."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.sim import track_kernels as kernels
from snn_core.sim.camera import CameraSpec, Renderer
from snn_core.sim.road_generator import generate_road, keeps_apart
from snn_core.sim.road_picture import road_picture
from snn_core.sim.road_spec import RoadSpec
from snn_core.sim.track import LARGEST_SEED, Track, load_track, shipped_tracks
from snn_core.sim.track_spec import track_yaml

SPEC = RoadSpec()
CERTAIN = RoadSpec(
    wear_probability=1.0,
    worn_probability=1.0,
    missing_probability=1.0,
    crossing_probability=1.0,
    shadow_probability=1.0,
    bars_probability=0.5,
)
SEEDS = range(40)


@cache
def road(seed: int) -> Track:
    return Track(generate_road(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_road_closes(seed: int):
    line = road(seed).segments
    end = Track(road(seed).spec).pose(0, road(seed).lane_length_m(0) - 1e-9)
    assert end == pytest.approx(road(seed).pose(0), abs=1e-4)
    turned = line[-1, kernels.TURNED] + line[-1, kernels.LENGTH] * line[-1, kernels.CURVATURE]
    assert abs(turned) == pytest.approx(2.0 * math.pi, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_part_of_a_road_is_near_another(seed: int):
    """Points half of the clearance beside the paint are nowhere nearer to the road's middle than to their own part."""
    track = road(seed)
    width = track.lines[-1]
    middle = track.line(0.5 * width, 0.02) @ (1.0, 1j)
    beside = 0.5 * (track.spec.marking_width + SPEC.clearance_m)
    for offset in (-beside, width + beside):
        points = track.line(offset, 0.1) @ (1.0, 1j)
        assert np.abs(points[:, None] - middle).min() > 0.5 * width + beside - 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_lengths_widths_and_radii_are_within_bounds(seed: int):
    track, spec = road(seed), road(seed).spec
    for value, (low, high) in [
        (track.length_m, SPEC.length_m),
        (spec.lane_width, SPEC.lane_width_m),
        (spec.marking_width, SPEC.marking_width_m),
        (spec.dash[0], SPEC.dash_m),
        (spec.dash[1], SPEC.gap_m),
    ]:
        assert low <= value <= high
    for lane in range(track.lanes):
        stations = np.arange(0.0, track.lane_length_m(lane), 0.02)
        curvature = np.array([track.curvature_ahead_1_m(lane, s) for s in stations.tolist()])
        assert -curvature.min() <= 1.0 / SPEC.smallest_right_radius_m + 1e-6
        assert curvature.max() <= 1.0 / SPEC.smallest_left_radius_m + 1e-6
        straight = np.minimum(stations, track.lane_length_m(lane) - stations) < SPEC.start_straight_m
        assert (curvature[straight] == 0.0).all()


def test_seeds_give_roads_of_every_kind():
    roads = [road(seed) for seed in SEEDS]
    assert {track.lanes for track in roads} == {1, 2}
    kinds = {key for track in roads for segment in track.spec.segments for key in segment.model_fields_set}
    assert kinds == {"straight", "arc", "spline"}
    assert {np.sign(track.segments[:, kernels.TURNED].sum()) for track in roads} == {-1.0, 1.0}
    both_ways = [np.ptp(np.sign(track.segments[:, kernels.CURVATURE])) == 2.0 for track in roads]
    assert sum(both_ways) > len(roads) / 2
    for key in ("worn", "missing", "crossings", "shadows"):
        assert 0 < sum(bool(getattr(track.spec, key)) for track in roads) < len(roads)
    assert 0 < sum(track.spec.contrast < 1.0 for track in roads) < len(roads)


@settings(max_examples=25)
@given(seed=st.integers(0, LARGEST_SEED))
def test_the_same_seed_gives_the_same_bits_and_the_file_reads_back(tmp_path_factory: pytest.TempPathFactory, seed: int):
    first, again = Track(generate_road(seed, CERTAIN)), Track(generate_road(seed, CERTAIN))
    assert first.spec == again.spec
    assert np.array_equal(first.segments, again.segments)
    path = tmp_path_factory.mktemp("roads") / "road.yaml"
    path.write_text(track_yaml(first.spec, "one\nline"))
    assert path.read_text().startswith("# one line\n")
    back = load_track(path)
    assert back.spec == first.spec
    assert np.array_equal(back.segments, first.segments)
    pose = first.pose(0, 0.3 * first.length_m, 0.05)
    view, same = (Renderer(track, CameraSpec(width=32, height=32)).render(*pose) for track in (first, back))
    assert np.array_equal(view, same)


@pytest.mark.parametrize("name", shipped_tracks())
def test_a_shipped_track_reads_back_from_its_yaml(tmp_path: Path, name: str):
    (tmp_path / "copy.yaml").write_text(track_yaml(load_track(name).spec))
    assert load_track(tmp_path / "copy.yaml").spec == load_track(name).spec


def test_a_generated_road_is_a_track_by_its_name():
    assert load_track("generated:7").spec == generate_road(7)
    assert load_track("generated:8").spec != generate_road(7)


@pytest.mark.parametrize("name", ["generated:", "generated:-1", "generated:x", "generated:2147483648", "generated:1.0"])
def test_a_bad_seed_is_refused_in_one_line(name: str):
    with pytest.raises(UserError, match=r"expected a seed from 0 to 2147483647") as raised:
        load_track(name)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("lanes", "width"), [(1, 0.4), (2, 0.65)])
def test_a_spec_decides(lanes: int, width: float):
    kinds = ("spline", "swerve", "wear", "worn", "missing", "crossing", "shadow")
    keys = {
        "lanes": lanes,
        "lane_width_m": [width, width],
        "length_m": [25.0, 30.0],
        "smallest_right_radius_m": 1.3,
        "start_straight_m": 1.5,
        **{f"{kind}_probability": 0.0 for kind in kinds},
    }
    spec = validate(RoadSpec, keys, "spec")
    for seed in range(5):
        track = Track(generate_road(seed, spec))
        assert (track.lanes, track.spec.lane_width) == (lanes, width)
        assert 25.0 <= track.length_m <= 30.0
        assert not any(segment.spline for segment in track.spec.segments)
        assert not {"contrast", "worn", "missing", "crossings", "shadows"} & track.spec.model_fields_set
        assert track.segments[0, kernels.LENGTH] >= 1.5
        assert track.segments[-1, kernels.LENGTH] >= 1.5
        for lane in range(lanes):
            curvature = [
                track.curvature_ahead_1_m(lane, s) for s in np.arange(0.0, track.lane_length_m(lane), 0.05).tolist()
            ]
            assert min(curvature) >= -1.0 / 1.3 - 1e-9


def test_bounds_that_no_road_keeps_are_refused():
    with pytest.raises(UserError, match=r"road of seed 1: no closed road of 3 to 4 m found"):
        generate_road(1, RoadSpec(length_m=(3.0, 4.0)))
    with pytest.raises(ValueError, match="seed"):
        generate_road(-1)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"length_m": [40, 20]}, ["length_m", "lower bound first"]),
        ({"lanes": 3}, ["lanes"]),
        ({"corners": [2, 4]}, ["corners"]),
        ({"shadow_probability": 1.5}, ["shadow_probability"]),
        ({"marking_width_m": [0.03, 0.5]}, ["marking_width_m", "narrowest lane"]),
        ({"radius": 1}, ["radius", "unknown key"]),
    ],
)
def test_bad_specs_are_refused(keys: dict[str, object], words: list[str]):
    with pytest.raises(UserError) as raised:
        validate(RoadSpec, keys, "roads.yaml")
    assert all(word in str(raised.value) for word in ["roads.yaml", *words])


def test_shipped_tracks_keep_apart_and_one_that_does_not_is_told():
    assert all(keeps_apart(load_track(name).spec, 0.0) for name in shipped_tracks())
    assert not keeps_apart(load_track("meschede").spec, 5.0)


def test_a_picture_is_drawn_to_scale_and_always_alike():
    track = Track(generate_road(3, CERTAIN))
    picture = road_picture(track)
    assert picture == road_picture(track)
    assert picture.startswith(b"<?xml")
    assert picture != road_picture(Track(generate_road(4, CERTAIN)))
    assert road_picture(track, "png").startswith(b"\x89PNG")
