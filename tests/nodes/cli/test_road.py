"""``spikedrive road``: the file and the picture that it writes, and what it refuses."""

import json
from pathlib import Path

import pytest

from snn_core.control.checkpoint import save_checkpoint
from snn_core.control.controller import Controller
from snn_core.control.safety import SafetyLimits
from snn_core.control.spec import load_controller_spec
from snn_core.sim.road_generator import generate_road
from snn_core.sim.road_spec import RoadSpec
from snn_core.sim.track import load_track
from tests.nodes.cli.spikedrive_command import Say


def test_a_road_and_its_picture_are_written(say: Say, tmp_path: Path):
    road, picture = tmp_path / "road.yaml", tmp_path / "road.svg"
    assert say("road", "--seed", "7", str(road), "--picture", str(picture)) == (0, "", "")
    assert road.read_text().startswith("# Made by spikedrive road --seed 7\nname: road_7\n")
    assert load_track(road).spec == load_track("generated:7").spec
    assert b"<svg" in picture.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["road.svg", "road.yaml"]


def test_what_is_set_goes_before_the_file_and_the_file_before_the_defaults(say: Say, tmp_path: Path):
    bounds, road = tmp_path / "bounds.yaml", tmp_path / "road.yaml"
    bounds.write_text("lanes: 2\nlane_width_m: [0.5, 0.5]\n")
    assert say("road", str(road), "--spec", str(bounds), "--set", "lanes=1", "--set", "length_m=[30, 60]")[0] == 0
    spec = RoadSpec(lanes=1, lane_width_m=(0.5, 0.5), length_m=(30.0, 60.0))
    assert load_track(road).spec == generate_road(0, spec)
    assert "--set 'length_m=[30, 60]'" in road.read_text().splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}/road.txt"], "road.txt: expected a name that ends in .yaml"),
        (["{}/no/road.yaml"], "no is not a folder; make it first"),
        (["{}/road.yaml", "--picture", "{}/road.pdf"], "road.pdf: expected a name that ends in .svg or .png"),
        (["{}/road.yaml", "--spec", "{}/none.yaml"], "none.yaml: cannot be read"),
        (["{}/road.yaml", "--spec", "{}/list.yaml"], "list.yaml: expected keys and values, found list"),
        (["{}/road.yaml", "--spec", "{}/wrong.yaml"], "wrong.yaml: lane: unknown key"),
        (["{}/road.yaml", "--set", "lanes"], "--set lanes: expected KEY=VALUE"),
        (["{}/road.yaml", "--set", "lanes=["], "--set lanes=[: expected a value as YAML has it"),
        (["{}/road.yaml", "--set", "lanes=3"], "--set: lanes: "),
        (["{}/road.yaml", "--set", "length_m=[3, 4]"], "no closed road of 3 to 4 m found"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(say: Say, tmp_path: Path, arguments: list[str], message: str):
    (tmp_path / "list.yaml").write_text("[1]")
    (tmp_path / "wrong.yaml").write_text("lane: 1")
    code, out, err = say("road", *(argument.replace("{}", str(tmp_path)) for argument in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.yaml", "wrong.yaml"]


def test_a_generated_road_is_driven_by_its_name(say: Say, tmp_path: Path):
    save_checkpoint(tmp_path / "c.npz", Controller(load_controller_spec("lane"), SafetyLimits(), 0))
    options = ["--track", "generated:9", "--seconds", "1", "--out", str(tmp_path / "out"), "--json", "-"]
    code, out, err = say("evaluate", str(tmp_path / "c.npz"), *options)
    assert code == 0, err
    assert json.loads(out)["evaluation_s"] == pytest.approx(1.0)
    assert "road_9" in (tmp_path / "out" / "report.html").read_text()
