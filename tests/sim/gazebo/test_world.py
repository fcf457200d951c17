"""Worlds and robots for Gazebo: the paint against its slow twin, what the files say, and Gazebo's own check of them."""

import math
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.learning.parameters import read_parameters, simulator_parameters
from snn_core.sim.gazebo import names
from snn_core.sim.gazebo.classic.install import find_classic
from snn_core.sim.gazebo.description.rendering import render, text
from snn_core.sim.gazebo.description.robot_urdf import robot_urdf
from snn_core.sim.gazebo.description.surroundings import WALL_DISTANCE_M
from snn_core.sim.gazebo.description.world_sdf import robot_sdf, write_world
from snn_core.sim.road_mesh import CROSSING_HEIGHT_M, HEIGHT_M, Mesh, paint_layers, wavefront
from snn_core.sim.robot_body import RobotBodySpec, box_inertia, cylinder_inertia
from snn_core.sim.track import Track, load_track, shipped_tracks
from snn_core.sim.track_spec import TrackSpec
from snn_core.tasks.lane.task import LaneTask, SimulatorSettings
from tests.reference import ReferenceTrack
from tests.reference_marks import ReferenceMarks

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = read_parameters(ROOT / "launch/config/lane.yaml", "simulator", simulator_parameters(LaneTask))
TURTLEBOT = read_parameters(ROOT / "launch/config/turtlebot4.yaml", "simulator", simulator_parameters(LaneTask))
EDGE_M = 5e-4
"""A marking's edge must be within this; the issue of worlds asked for 5 mm."""
MESHES = {name: paint_layers(load_track(name))[0].mesh for name in shipped_tracks()}
TWINS = {name: ReferenceTrack(load_track(name).spec) for name in shipped_tracks()}


def changed(**gazebo: object) -> SimulatorSettings:
    return SETTINGS.model_copy(update={"gazebo": SETTINGS.gazebo.model_copy(update=gazebo)})


def covered(mesh: Mesh, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether each point (n) is in a triangle: on the left of its three sides."""
    inside = np.ones((x.size, len(mesh.triangles)), bool)
    corners = mesh.corners[mesh.triangles]
    for k in range(3):
        (ax, ay), (bx, by) = corners[:, k].T, corners[:, (k + 1) % 3].T
        inside &= (bx - ax) * (y[:, None] - ay) - (by - ay) * (x[:, None] - ax) >= 0.0
    return np.any(inside, axis=1)


@pytest.mark.parametrize("name", shipped_tracks())
@given(seed=st.integers(0, 2**32 - 1))
def test_paint_is_where_the_track_is_painted(name: str, seed: int):
    track, mesh, twin = load_track(name), MESHES[name], TWINS[name]
    random = np.random.default_rng(seed)
    offset = random.choice(track.lines) + random.uniform(-2.0, 2.0) * track.spec.marking_width
    points = track.line(float(offset))[:-1]
    x, y = points[random.integers(len(points), size=40)].T + random.uniform(-0.05, 0.05, (2, 40))
    near = np.array([twin.painted(x + dx, y + dy) for dx in (-EDGE_M, 0.0, EDGE_M) for dy in (-EDGE_M, 0.0, EDGE_M)])
    sure = near.all(axis=0) | ~near.any(axis=0)  # no edge so near
    assert (covered(mesh, x, y) == near[4])[sure].all()


@pytest.mark.parametrize("name", shipped_tracks())
def test_the_paint_has_the_markings_area_and_faces_up(name: str):
    track, mesh = load_track(name), MESHES[name]
    a, b, c = mesh.corners[mesh.triangles].transpose(1, 0, 2)
    areas = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    assert areas.min() > 0.0
    lengths = [track.length_m - line * 2.0 * math.pi for line in track.lines]  # every track turns left, once
    painted = track.spec.dash[0] / sum(track.spec.dash)
    expected = lengths[0] + lengths[-1] + painted * sum(lengths[1:-1])
    assert areas.sum() == pytest.approx(track.spec.marking_width * expected, rel=2e-3)


MARKS: dict[str, object] = {
    "contrast": 0.8,
    "worn": [{"stretch": [1.0, 2.2], "lines": [1, 2], "contrast": 0.5}, {"stretch": [1.5, 14.0], "contrast": 0.5}],
    "missing": [{"stretch": [2.6, 5.1], "lines": [0]}, {"stretch": [13.3, 14.6]}],
    "crossings": [
        {"at": 3.6, "width": 0.6, "dash": [0.15, 0.1], "contrast": 0.7},
        {"at": 7.2, "angle": 130.0, "width": 0.1, "length": 2.0},
    ],
}


def marked(**marks: object) -> Track:
    return Track(validate(TrackSpec, load_track("meschede").spec.model_dump(exclude_none=True) | marks, "marked"))


@given(seed=st.integers(0, 2**32 - 1))
def test_worn_missing_and_crossing_paint_is_where_the_track_has_it(seed: int):
    layers, random = paint_layers(MARKED), np.random.default_rng(seed)
    points = MARKED.line(float(random.choice(MARKED.lines)) + random.uniform(-0.05, 0.05))[:-1]
    x, y = points[random.integers(len(points) // 2, size=60)].T + random.uniform(-0.05, 0.05, (2, 60))
    shifts = [(dx, dy) for dx in (-EDGE_M, 0.0, EDGE_M) for dy in (-EDGE_M, 0.0, EDGE_M)]
    near = np.array([MARKED_TWIN.level(x + dx, y + dy) for dx, dy in shifts])
    sure = np.ptp(near, axis=0) == 0.0
    level = np.zeros(x.size)
    for layer in layers:
        level = np.maximum(level, layer.contrast * covered(layer.mesh, x, y))
    assert level[sure] == pytest.approx(near[4][sure])


MARKED = marked(**MARKS)
MARKED_TWIN = ReferenceMarks(ReferenceTrack(MARKED.spec))


def test_each_contrast_is_a_mesh_of_its_own(tmp_path: Path):
    write_world(SETTINGS, MARKED, tmp_path / "lane.sdf", classic=False)
    world = ET.parse(tmp_path / "lane.sdf").getroot()
    expected = [(0.8, HEIGHT_M), (0.4, HEIGHT_M), (0.2, HEIGHT_M), (1.0, CROSSING_HEIGHT_M), (0.7, CROSSING_HEIGHT_M)]
    visuals = [visual for visual in world.iter("visual") if visual.get("name", "").startswith("paint")]
    assert len(visuals) == len(expected)
    ground, paint = SETTINGS.camera.ground_intensity, SETTINGS.camera.marking_intensity
    for visual, (contrast, height_m) in zip(visuals, expected, strict=True):
        shining = float(visual.findtext("material/emissive", "").split()[0])
        assert shining == pytest.approx(ground + contrast * (paint - ground))
        mesh = (tmp_path / visual.findtext(".//uri", "")).read_text()
        assert {line.split()[3] for line in mesh.splitlines() if line.startswith("v ")} == {f"{height_m:.6f}"}


def test_a_road_without_paint_is_a_world(tmp_path: Path):
    track = marked(missing=[{"stretch": [0.0, load_track("meschede").length_m]}])
    write_world(SETTINGS, track, tmp_path / "lane.sdf", classic=False)
    assert [path.name for path in tmp_path.iterdir()] == ["lane.sdf"]


@pytest.mark.parametrize("classic", [False, True])
def test_shadows_are_refused_and_named(tmp_path: Path, classic: bool):
    track = marked(shadows=[{"at": 1.0, "width": 0.5, "intensity": 0.5}])
    with pytest.raises(UserError, match="shadows: cannot be shown in Gazebo") as error:
        write_world(SETTINGS, track, tmp_path / "lane.sdf", classic)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_the_mesh_file_has_every_corner_and_triangle():
    mesh = MESHES["meschede"]
    lines = wavefront(mesh).decode().splitlines()
    corners = np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)
    triangles = [[int(word.split("//")[0]) for word in line.split()[1:]] for line in lines if line.startswith("f ")]
    assert np.abs(corners[:, :2] - mesh.corners).max() <= 0.5e-6
    assert (corners[:, 2] == HEIGHT_M).all()
    assert (np.array(triangles) - 1 == mesh.triangles).all()


@pytest.mark.parametrize("classic", [False, True])
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, classic: bool):
    world, paint = tmp_path / "lane.sdf", tmp_path / "lane_paint.obj"
    contents = []
    for settings in (SETTINGS, SETTINGS.model_copy(deep=True), TURTLEBOT):
        write_world(settings, load_track("tight"), world, classic)
        contents.append((world.read_bytes(), paint.read_bytes()))
    assert contents[0] == contents[1]
    assert contents[0][0] != contents[2][0]
    assert contents[0][1] == contents[2][1]  # the road is not the robot's matter


@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("settings", [SETTINGS, TURTLEBOT], ids=["default", "turtlebot4"])
def test_the_world_is_what_the_settings_say(tmp_path: Path, settings: SimulatorSettings, classic: bool):
    track = load_track("s_bend")
    write_world(settings, track, tmp_path / "lane.sdf", classic)
    sdf = ET.parse(tmp_path / "lane.sdf").getroot()
    assert sdf.get("version") == ("1.6" if classic else "1.9")
    world = sdf.find("world")
    assert world is not None
    assert world.get("name") == names.WORLD
    assert float(world.findtext("physics/max_step_size", "")) == 1e-6 * settings.gazebo.physics_step_us
    assert float(world.findtext("scene/background", "").split()[0]) == settings.camera.background_intensity
    robot = world.find(f"model[@name='{names.ROBOT}']")
    assert robot is not None
    pose = track.pose(0)
    expected = [pose.x, pose.y, 0, 0, 0, pose.yaw]
    assert [float(word) for word in robot.findtext("pose", "").split()] == pytest.approx(expected, abs=1e-8)
    camera = robot.find(f".//sensor[@name='{names.CAMERA}']")
    assert camera is not None
    assert camera.findtext("camera/image/width") == str(settings.camera.width)
    assert camera.findtext("camera/image/format") == "L8"
    assert camera.findtext("update_rate") == str(settings.gazebo.frame_rate_hz)
    assert float(camera.findtext("camera/horizontal_fov", "")) == pytest.approx(
        math.radians(settings.camera.field_of_view_deg)
    )
    assert sdf.find(".//render_engine") is None
    paint = sdf.findtext(".//uri", "")
    assert Path(paint.removeprefix("file://")).name == "lane_paint.obj"
    assert paint.startswith("file:///") == classic
    for parent in sdf.iter():  # names are unique among siblings of a kind
        found = [(child.tag, child.get("name")) for child in parent if child.get("name")]
        assert len(found) == len(set(found))


@pytest.mark.parametrize("settings", [SETTINGS, TURTLEBOT], ids=["default", "turtlebot4"])
def test_urdf_and_sdf_are_the_same_robot(settings: SimulatorSettings):
    sdf, urdf = ET.fromstring(robot_sdf(settings, classic=False)), ET.fromstring(robot_urdf(settings))
    for link in (names.BASE_LINK, names.LEFT_WHEEL, names.RIGHT_WHEEL, names.CAMERA_LINK):
        of_sdf, of_urdf = sdf.find(f"model/link[@name='{link}']"), urdf.find(f"link[@name='{link}']")
        assert of_sdf is not None
        assert of_urdf is not None
        mass, inertia = of_urdf.find("inertial/mass"), of_urdf.find("inertial/inertia")
        assert mass is not None
        assert inertia is not None
        assert of_sdf.findtext("inertial/mass") == mass.get("value")
        assert {part.tag: part.text for part in of_sdf.find("inertial/inertia") or ()} == inertia.attrib
        origin = urdf.find(f"joint[@name='{link}_joint']/origin")
        assert (origin is None) == (link == names.BASE_LINK)
        if origin is not None:
            assert of_sdf.findtext("pose") == f"{origin.get('xyz')} {origin.get('rpy')}"
    links = {link.get("name", "") for link in urdf.iter("link")}
    children = [child.get("link", "") for child in urdf.iter("child")]
    assert sorted(children) == sorted(links - {names.BASE_LINK})  # a tree that hangs on base_link


@given(st.tuples(*[st.floats(0.01, 2.0)] * 3), st.floats(0.1, 100.0))
def test_a_box_has_the_inertia_of_its_parts(size: tuple[float, float, float], mass: float):
    cells = 20
    x, y, z = np.meshgrid(*[side * ((np.arange(cells) + 0.5) / cells - 0.5) for side in size])
    inertia = box_inertia(mass, *size)
    assert inertia.ixx == pytest.approx(mass * np.mean(y**2 + z**2), rel=1e-2)
    assert inertia.iyy == pytest.approx(mass * np.mean(x**2 + z**2), rel=1e-2)
    assert inertia.izz == pytest.approx(mass * np.mean(x**2 + y**2), rel=1e-2)


def test_a_cylinder_has_the_inertia_of_its_parts():
    radius, height, cells = 0.3, 0.2, 400
    x, y = np.meshgrid(*[radius * (2.0 * (np.arange(cells) + 0.5) / cells - 1.0)] * 2)
    inside = x**2 + y**2 <= radius**2
    about, across = np.mean((x**2 + y**2)[inside]), np.mean((x**2)[inside]) + height**2 / 12.0
    assert cylinder_inertia(2.0, radius, height, "z") == pytest.approx(
        (2.0, 2 * across, 2 * across, 2 * about), rel=1e-3
    )
    assert cylinder_inertia(2.0, radius, height, "y") == pytest.approx(
        (2.0, 2 * across, 2 * about, 2 * across), rel=1e-3
    )


@pytest.mark.parametrize(
    "settings",
    [
        changed(body=RobotBodySpec(length_m=0.9)),
        SETTINGS.model_copy(update={"camera": SETTINGS.camera.model_copy(update={"forward_m": -0.1})}),
        TURTLEBOT.model_copy(update={"camera": TURTLEBOT.camera.model_copy(update={"pitch_deg": 60.0})}),
    ],
)
def test_a_camera_that_sees_its_robot_is_refused(tmp_path: Path, settings: SimulatorSettings):
    with pytest.raises(UserError, match="sees the robot's own body") as error:
        write_world(settings, load_track("tight"), tmp_path / "lane.sdf", classic=False)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_walls_stand_around_the_road_and_obstacles_where_they_were_put(tmp_path: Path):
    track = load_track("tight")
    write_world(changed(wall_height_m=0.5, obstacles="1,2 -3.5,0"), track, tmp_path / "lane.sdf", classic=False)
    world = ET.parse(tmp_path / "lane.sdf").getroot()
    places = {model.get("name"): model.findtext("pose", "").split()[:2] for model in world.iter("model")}
    assert places["obstacle_0"] == ["1", "2"]
    assert places["obstacle_1"] == ["-3.5", "0"]
    road = np.concatenate([track.line(offset) for offset in track.lines])
    walls = np.array([places[f"wall_{k}"] for k in range(4)], float)
    assert walls.min(axis=0) == pytest.approx(road.min(axis=0) - WALL_DISTANCE_M)
    assert walls.max(axis=0) == pytest.approx(road.max(axis=0) + WALL_DISTANCE_M)


@pytest.mark.parametrize("obstacles", ["1", "1,2,3", "a,b", "nan,0"])
def test_malformed_obstacles_are_refused(tmp_path: Path, obstacles: str):
    with pytest.raises(UserError, match=r"gazebo\.obstacles: expected"):
        write_world(changed(obstacles=obstacles), load_track("tight"), tmp_path / "lane.sdf", classic=False)


def test_any_name_of_a_track_makes_a_file(tmp_path: Path):
    track = load_track("tight")
    track.name = "a--b-<&é\n\x01\udcff"
    write_world(SETTINGS, track, tmp_path / "lane.sdf", classic=False)
    assert ET.parse(tmp_path / "lane.sdf").getroot().find("world") is not None


@pytest.mark.parametrize("classic", [False, True])
def test_any_printable_name_of_a_file_is_written_as_xml(tmp_path: Path, classic: bool):
    path = tmp_path / "a <b> & \"c\" 'é'.sdf"
    write_world(SETTINGS, load_track("tight"), path, classic)
    paint = tmp_path / "a <b> & \"c\" 'é'_paint.obj"
    assert ET.parse(path).getroot().findtext(".//uri") == (paint.resolve().as_uri() if classic else paint.name)
    assert paint.exists()


@pytest.mark.parametrize("name", ["a\x01.sdf", "a\n.sdf", "a\udcff.sdf"])
def test_a_file_name_that_xml_cannot_hold_is_refused(tmp_path: Path, name: str):
    with pytest.raises(UserError, match="expected a file name of printable characters") as error:
        write_world(SETTINGS, load_track("tight"), tmp_path / name, classic=False)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_a_template_names_and_nobody_gives_is_an_error():
    with pytest.raises(UndefinedError):
        render("robot.sdf.jinja", "", version="1.9")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-0.0, "0"), (1e-17, "0"), (0.1 + 0.2, "0.3"), (1e16, "1e+16"), ((1.0, 2.5), "1 2.5"), (1, "1"), ("a", "a")],
)
def test_numbers_are_written_alike(value: object, expected: str):
    assert text(value) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [SETTINGS, TURTLEBOT, changed(wall_height_m=1.0)])
def test_gazebo_finds_nothing_wrong(tmp_path: Path, settings: SimulatorSettings, gazebo: str):
    classic = gazebo == "gazebo_classic"
    command, environment = ["gz"], dict(os.environ)
    if classic:
        install = find_classic()
        command, environment = install.command("gz"), install.environment()
    write_world(settings, load_track("meschede"), tmp_path / "lane.sdf", classic)
    (tmp_path / "robot.sdf").write_bytes(robot_sdf(settings, classic))
    for name in ("lane.sdf", "robot.sdf"):
        done = subprocess.run(
            [*command, "sdf", "-k", str(tmp_path / name)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Error" not in done.stdout + done.stderr
        assert "Warning" not in done.stdout + done.stderr
