"""``spikedrive gazebo``: the files it writes, and what it says when it can't."""

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from snn_core.control.checkpoint import save_checkpoint
from snn_core.control.controller import Controller
from snn_core.control.safety import SafetyLimits
from snn_core.control.spec import load_controller_spec
from spikedrive_nodes.cli.app import app, main

ROOT = Path(__file__).resolve().parents[3]


def test_a_world_and_its_paint_are_written(tmp_path: Path):
    main_ok(["gazebo", "world", "tight", "-o", str(tmp_path / "tight.sdf")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tight.sdf", "tight_paint.obj"]
    assert ET.parse(tmp_path / "tight.sdf").getroot().get("version") == "1.9"
    main_ok(["gazebo", "world", "tight", "--classic", "-o", str(tmp_path / "tight.sdf")])
    assert ET.parse(tmp_path / "tight.sdf").getroot().get("version") == "1.6"


def test_a_robot_follows_the_parameter_file(tmp_path: Path):
    turtlebot = ["--parameters", str(ROOT / "launch/config/turtlebot4.yaml")]
    main_ok(["gazebo", "robot", "--urdf", "-o", str(tmp_path / "robot.urdf"), *turtlebot])
    wheel = ET.parse(tmp_path / "robot.urdf").getroot().find("link[@name='left_wheel']/visual/geometry/cylinder")
    assert wheel is not None
    assert wheel.get("radius") == "0.03575"


def test_a_robot_goes_to_standard_output():
    for options, tag in (([], "sdf"), (["--urdf"], "robot")):
        done = CliRunner().invoke(app, ["gazebo", "robot", *options])
        assert done.exit_code == 0
        assert ET.fromstring(done.stdout).tag == tag


def test_a_picture_of_a_drive_is_drawn(gazebo: str, tmp_path: Path):
    save_checkpoint(tmp_path / "c.npz", Controller(load_controller_spec("lane"), SafetyLimits(), 0))
    png = tmp_path / "drive.png"
    main_ok(["gazebo", "picture", str(tmp_path / "c.npz"), "-o", str(png), "--backend", gazebo, "--seconds", "2"])
    view, events = (imread(png)[60:300, begin : begin + 270, :3] for begin in (30, 355))
    assert len(np.unique(view)) > 2
    assert np.ptp(view, axis=2).max() == 0, "the camera's view is gray"
    assert np.ptp(events, axis=2).max() > 0.3, "its events are not"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["world", "nowhere", "-o", "{}/a.sdf"], "track 'nowhere': expected one of meschede"),
        (["world", "tight", "-o", "{}/a.world"], "a.world: expected a name that ends in .sdf"),
        (["world", "tight", "-o", "{}/no/a.sdf"], "no is not a folder; make it first"),
        (["world", "tight", "-o", "{}/a.sdf", "--parameters", "{}/b.yaml"], "b.yaml: cannot be read"),
        (["robot", "-o", "{}"], "is a folder; expected a file's name"),
        (["picture", "{}/c.npz", "-o", "{}/a.jpg"], "a.jpg: expected a name that ends in .png"),
        (["picture", "{}/c.npz", "-o", "{}/a.png"], "c.npz: no such file; expected a checkpoint"),
        (["robot", "--urdf", "--classic"], "--classic: expected with SDF"),
    ],
)
def test_mistakes_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
):
    with pytest.raises(SystemExit) as ended:
        main(["gazebo", *(argument.format(tmp_path) for argument in arguments)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def main_ok(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
