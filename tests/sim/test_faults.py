"""Faults of robot and sensor, and the schedule that brings them in mid-run."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.control.command import velocity
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.sim.camera import CameraSpec, Renderer
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.robot import Robot, RobotSpec
from snn_core.sim.schedule import CHANGEABLE, load_schedule, scene_at
from snn_core.sim.sensor_faults import SensorFaults, SensorFaultSpec
from snn_core.sim.track import Pose, load_track
from snn_core.tasks.lane.task import LaneTask, SimulatorSettings

TRACK = load_track("meschede")

# The robot


@given(
    v=st.floats(-1.5, 1.5),
    omega=st.floats(-2, 2),
    left=st.floats(0, 2),
    right=st.floats(0, 2),
    base=st.floats(0.1, 1.0),
    mirrored=st.booleans(),
)
def test_a_command_moves_the_body_as_its_wheels_do(v, omega, left, right, base, mirrored):
    """Wheel by wheel: what each is told, what it does, and what a body on two such wheels does."""
    spec = RobotSpec(left_gain=left, right_gain=right, true_wheel_base_m=base, mirrored_steering=mirrored)
    told = {"left": v - 0.165 * omega, "right": v + 0.165 * omega}
    if mirrored:
        told = {"left": told["right"], "right": told["left"]}
    speed, yaw_rate = spec.motion(v, omega)
    assert speed - 0.5 * base * yaw_rate == pytest.approx(left * told["left"], abs=1e-9)
    assert speed + 0.5 * base * yaw_rate == pytest.approx(right * told["right"], abs=1e-9)


def test_a_robot_without_faults_does_as_it_is_told_to_the_bit():
    assert RobotSpec().motion(1.2345678901, -0.9876543219) == (1.2345678901, -0.9876543219)
    assert RobotSpec(true_wheel_base_m=0.33).motion(1.1, 0.3) == (1.1, 0.3)


@settings(max_examples=50)
@given(delays=st.lists(st.integers(0, 130), min_size=1, max_size=12), ticks=st.integers(1, 60))
def test_commands_act_after_the_delay_of_the_moment_and_none_after_a_later_one(delays: list[int], ticks: int):
    robot = Robot(RobotSpec())
    seen, acting = [], [(-1, 0.0)]
    for number, delay in enumerate(delays):
        robot.spec = RobotSpec(command_delay_ms=delay)
        due = number * ticks + delay
        acting = [entry for entry in acting if entry[0] < due] + [(due, 0.1 * (number + 1))]
        for piece in robot.pieces(0.1 * (number + 1), 0.0, ticks):
            seen += [piece.speed_m_s] * piece.ticks
        expected = [[speed for at, speed in acting if at <= tick][-1] for tick in range(number * ticks, len(seen))]
        assert seen[number * ticks :] == expected


def test_a_placement_drops_commands_that_were_under_way():
    robot = Robot(RobotSpec(command_delay_ms=100))
    robot.advance(1.0, 2.0, 50)
    robot.place(Pose(0.0, 0.0, 0.0), 0.5)
    path = robot.advance(0.5, 0.0, 200)
    assert path[-1] == pytest.approx([0.1, 0.0, 0.0, 0.5, 0.0])


# The sensor


def some_events(seed: int = 0, count: int = 5000) -> Events:
    rng = np.random.default_rng(seed)
    return Events(
        np.sort(rng.integers(0, 50_000, count)),
        rng.integers(0, 128, count).astype(np.uint16),
        rng.integers(0, 96, count).astype(np.uint16),
        rng.integers(0, 2, count).astype(np.uint8),
    )


def test_a_sensor_without_faults_changes_nothing():
    events = some_events()
    assert SensorFaults(SensorFaultSpec(), 128, 96, 0).apply(events, 0, 50_000).equals(events)


def test_dead_pixels_are_silent_and_more_of_them_are_others_besides():
    events, alive = some_events(), []
    for fraction in (0.0, 0.3, 0.6, 1.0):
        faults = SensorFaults(SensorFaultSpec(dead_fraction=fraction), 128, 96, 3)
        left = faults.apply(events, 0, 50_000)
        assert len(left) == pytest.approx((1.0 - fraction) * len(events), abs=150)
        alive.append(set(zip(left.t.tolist(), left.x.tolist(), left.y.tolist(), strict=True)))
    assert alive[0] > alive[1] > alive[2] > alive[3] == set()


def test_dead_columns_are_those_that_are_named():
    spec = SensorFaultSpec(dead_from_column=64, dead_columns=64)
    events = some_events()
    left = SensorFaults(spec, 128, 96, 0).apply(events, 0, 50_000)
    assert left.x.max() == 63
    assert len(left) == np.count_nonzero(events.x < 64)


def test_dead_columns_beyond_the_sensor_are_refused(tmp_path: Path):
    message = r"sensor\.dead_from_column: expected below the camera's width, 128, found 128"
    with pytest.raises(ValueError, match=message):
        SimulatorSettings.model_validate({"sensor": {"dead_from_column": 128, "dead_columns": 1}})
    path = tmp_path / "changes.yaml"
    path.write_text("changes: [{at_s: 1.0, sensor: {dead_from_column: 128, dead_columns: 1}}]", encoding="utf-8")
    with pytest.raises(UserError, match=rf"changes\.yaml: changes\.0: .*{message}"):
        load_schedule(SimulatorSettings(schedule=str(path)))


def test_hot_pixels_send_at_their_rate_in_order_of_time():
    spec = SensorFaultSpec(hot_fraction=0.01, hot_rate_hz=200.0)
    faults = SensorFaults(spec, 128, 96, 1)
    events = some_events()
    parts = [faults.apply(events, 0, 50_000) for _ in range(20)]
    for part in parts:
        assert np.all(np.diff(part.t) >= 0)
        assert 0 <= part.t.min() <= part.t.max() < 50_000
    added = sum(len(part) - len(events) for part in parts)
    hot = np.bincount(np.concatenate([p.y.astype(int) * 128 + p.x for p in parts]), minlength=128 * 96) > 100
    assert np.count_nonzero(hot) == pytest.approx(123, abs=35)
    assert added == pytest.approx(200.0 * 1.0 * np.count_nonzero(hot), rel=0.1)
    again = SensorFaults(spec, 128, 96, 1)
    assert again.apply(events, 0, 50_000).equals(parts[0])


def test_a_mirrored_picture_has_its_columns_exchanged():
    events = some_events()
    seen = SensorFaults(SensorFaultSpec(mirrored=True), 128, 96, 0).apply(events, 0, 50_000)
    assert np.array_equal(seen.x, 127 - events.x)
    assert np.array_equal(seen.t, events.t)


# The camera's mount and the light


@pytest.mark.parametrize("yaw_deg", [-40.0, 5.0, 30.0])
def test_a_camera_that_looks_to_a_side_sees_what_is_there(yaw_deg: float):
    """Against rays through each pixel: those of the camera's own pose, from the robot's axle."""
    spec = CameraSpec(yaw_deg=yaw_deg, width=48, height=48)
    ahead = CameraSpec(width=48, height=48, forward_m=0.0)
    x, y, yaw = TRACK.pose(0, 6.0, 0.03)
    mount = yaw + math.radians(yaw_deg)
    there = (x + spec.forward_m * math.cos(yaw), y + spec.forward_m * math.sin(yaw), mount)
    seen, expected = Renderer(TRACK, spec).render(x, y, yaw), Renderer(TRACK, ahead).render(*there)
    assert np.abs(seen - expected).max() < 0.02
    assert np.ptp(seen) > 1.0


def test_light_shifts_all_alike_until_the_dark_current_hides_contrast():
    bright, dim = (Renderer(TRACK, CameraSpec(light=light)).render(*TRACK.pose(0)) for light in (1.0, 0.01))
    assert dim == pytest.approx(bright + math.log(0.01), abs=1e-5)
    murky = Renderer(TRACK, CameraSpec(light=0.01, dark_intensity=0.02)).render(*TRACK.pose(0))
    assert np.ptp(murky) < 0.3 * np.ptp(bright)


# The schedule


def write(folder: Path, text: str) -> SimulatorSettings:
    path = folder / "changes.yaml"
    path.write_text(text)
    return SimulatorSettings(schedule=str(path))


def test_stages_add_up_in_order_of_time(tmp_path: Path):
    settings = write(
        tmp_path,
        "changes:\n"
        "- {at_s: 1.0, robot: {left_gain: 0.7}}\n"
        "- {at_s: 2.5, camera: {yaw_deg: 5.0}, sensor: {mirrored: true}}\n"
        "- {at_s: 2.5, robot: {left_gain: 1.0}, pixel: {shot_noise_rate_hz: 2.0}}\n",
    )
    first, second, third = load_schedule(settings)
    assert [stage.begin_us for stage in (first, second, third)] == [1_000_000, 2_500_000, 2_500_000]
    assert (first.scene.robot.left_gain, first.scene.camera.yaw_deg) == (0.7, 0.0)
    assert (second.scene.robot.left_gain, second.scene.camera.yaw_deg, second.scene.sensor.mirrored) == (0.7, 5.0, True)
    assert (third.scene.robot.left_gain, third.scene.camera.yaw_deg) == (1.0, 5.0)
    assert third.scene.pixel.shot_noise_rate_hz == 2.0
    assert [stage.begin_us for stage in load_schedule(scene_at(settings, 2.0))] == [0, 500_000, 500_000]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("changes: []", r"changes\.yaml: changes"),
        ("changes: [{at_s: 1.0}]", r"changes\.yaml: changes\.0: nothing changes; expected one of robot, sensor"),
        ("changes: [{robot: {left_gain: 1}}]", r"changes\.0\.at_s: required key is missing"),
        ("changes: [{at_s: 1, robot: {left_gian: 1}}]", r"changes\.0: robot: left_gian: unknown key"),
        ("changes: [{at_s: 1, camera: {width: 64}}]", r"changes\.0: camera\.width: cannot change in mid-run"),
        (
            "changes: [{at_s: 1, robot: {left_gain: -1}}]",
            r"changes\.0: robot: left_gain: .* or equal to 0",
        ),
        ("changes: [{at_s: 1, track: tight}]", r"changes\.0\.track: unknown key"),
        ("changes: [{at_s: 2, robot: {left_gain: 1}}, {at_s: 1, robot: {left_gain: 1}}]", r"changes\.1: at_s: .* 2"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_in_one_line(tmp_path: Path, text: str, message: str):
    with pytest.raises(UserError, match=message) as error:
        LaneTask(write(tmp_path, text))
    assert "\n" not in str(error.value)


def test_all_that_may_change_are_settings():
    scene = SimulatorSettings()
    for section, keys in CHANGEABLE.items():
        assert set(keys) <= set(type(getattr(scene, section)).model_fields), section


def test_a_gazebo_refuses_to_change_its_camera(tmp_path: Path):
    settings = write(tmp_path, "changes: [{at_s: 1, camera: {yaw_deg: 5}}]")
    with pytest.raises(UserError, match=r"camera: a Gazebo cannot change it"):
        load_schedule(settings.model_copy(update={"backend": "gazebo_classic"}))


def test_a_run_changes_when_the_schedule_says_and_not_before(tmp_path: Path):
    settings = write(tmp_path, "changes: [{at_s: 0.5, robot: {right_gain: 0.5}, camera: {light: 0.5}}]")
    quiet = EventPixelSpec(leak_rate_hz=0.0, shot_noise_rate_hz=0.0)
    tasks = [LaneTask(each.model_copy(update={"pixel": quiet})) for each in (settings, SimulatorSettings())]
    changed, same = ([task.step(velocity(1.0, 0.0)) for _ in range(20)] for task in tasks)
    for a, b in zip(changed[:10], same[:10], strict=True):
        assert a.events.equals(b.events)
        assert a.state == b.state
    assert all(window.omega_rad_s == 0.0 for window in changed[:10])
    assert changed[-1].omega_rad_s == pytest.approx(-0.5 / 0.33)
    darker = changed[10].events
    assert np.count_nonzero(darker.polarity == 0) > 10 * len(same[10].events)  # all pixels see the light go down
    assert len(np.unique(darker.y)) == 128


def test_noise_rises_with_the_schedule(tmp_path: Path):
    settings = write(tmp_path, "changes: [{at_s: 0.25, pixel: {shot_noise_rate_hz: 50.0}}]")
    task = LaneTask(settings.model_copy(update={"dark": True}))
    counts = [len(task.step(velocity(1.0, 0.0)).events) for _ in range(10)]
    assert max(counts[:5]) < 400
    assert min(counts[5:]) > 30_000
