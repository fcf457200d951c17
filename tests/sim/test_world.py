"""World: windows, rendering as often as needed, determinism, darkness."""

import math

import numpy as np
import pytest

from snn_core.events.events import Events
from snn_core.sim.camera import CameraSpec, Renderer
from snn_core.sim.event_pixel import EventPixelArray, EventPixelSpec
from snn_core.sim.robot import RobotSpec, pose_through_quaternion
from snn_core.sim.track import load_track
from snn_core.sim.world import World, WorldWindow

TRACK = load_track("meschede")
CAMERA = CameraSpec()
NOISELESS = EventPixelSpec(leak_rate_hz=0.0, shot_noise_rate_hz=0.0)
COMMANDS = [(1.3, 0.0), (1.3, 0.6), (1.0, -0.4), (1.5, 0.2), (0.0, 1.0), (-0.5, 0.0)]


def world(camera: CameraSpec = CAMERA, pixel: EventPixelSpec = NOISELESS, seed: int = 0, **changes) -> World:
    return World(TRACK, camera, pixel, RobotSpec(), seed, **changes)


def drive(place: World, commands: list[tuple[float, float]] = COMMANDS) -> list[WorldWindow]:
    place.place(0, 4.6, 0.05, 1.3)
    return [place.advance(*command) for command in commands]


def assert_same(first: list[WorldWindow], second: list[WorldWindow]) -> None:
    for a, b in zip(first, second, strict=True):
        assert a.events.equals(b.events)
        assert (a.pose, a.v, a.omega, a.position) == (b.pose, b.v, b.omega, b.position)


def test_rendered_at_every_tick_the_events_are_those_of_whole_images():
    """The path by rows against render() and update(), which know nothing of rows; to the last bit."""
    camera = CameraSpec(max_motion_px=0.01)
    here = world(camera)
    renderer, pixels = Renderer(TRACK, camera), EventPixelArray(NOISELESS, 128, 128, np.random.default_rng(0))
    here.place(0, 4.6, 0.05, 1.3)
    pixels.reset(renderer.render(*here.robot.pose), 0)
    for command in COMMANDS:
        window, path = drive_one(here, command)
        parts = [pixels.update(renderer.render(*pose), window.begin_us + 1000 * (k + 1)) for k, pose in enumerate(path)]
        assert window.events.equals(Events.concatenate(parts))


def drive_one(here: World, command: tuple[float, float]) -> tuple[WorldWindow, np.ndarray]:
    """A window of the world, and the robot's poses (50, 3) at its ticks."""
    pose, twist = here.robot.pose, here.robot.twist
    path = here.robot.advance(*command, 50)[1:, :3]
    here.robot.place(pose, *twist)
    return here.advance(*command), path


def test_rendering_when_the_picture_has_moved_loses_little():
    """Against every tick: nearly as many events, near in time, from a fraction of the work."""
    seldom, often = world(), world(CameraSpec(max_motion_px=0.01))
    few, many = drive(seldom), drive(often)
    assert seldom.rows_rendered < 0.4 * often.rows_rendered
    for a, b in zip(few, many, strict=True):
        assert len(a.events) == pytest.approx(len(b.events), rel=0.03, abs=10)
        where = [np.bincount(e.y.astype(int) // 16 * 8 + e.x // 16, minlength=64) for e in (a.events, b.events)]
        assert np.abs(where[0] - where[1]).sum() < 0.06 * len(b.events) + 10


def test_windows_follow_one_another_and_hold_their_events():
    noisy = EventPixelSpec(shot_noise_rate_hz=20.0)
    now = 0
    for window in drive(world(pixel=noisy)):
        assert (window.begin_us, window.end_us) == (now, now + 50_000)
        now = window.end_us
        assert window.events.t.size > 500
        assert window.events.t.min() >= window.begin_us
        assert window.events.t.max() < window.end_us
        assert np.all(np.diff(window.events.t) >= 0)
        assert set(np.unique(window.events.polarity)) == {0, 1}


def test_the_same_seed_and_commands_give_the_same_bits():
    noisy = EventPixelSpec()
    first, again, other = (drive(world(pixel=noisy, seed=seed)) for seed in (5, 5, 6))
    assert_same(first, again)
    assert not np.array_equal(first[0].events.t, other[0].events.t)


def test_a_small_buffer_for_events_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    noisy = EventPixelSpec(shot_noise_rate_hz=300.0)
    expected = drive(world(pixel=noisy))
    monkeypatch.setattr("snn_core.sim.world._SPARE_EVENTS", 0)
    tight = world(pixel=noisy)
    assert_same(drive(tight), expected)


def test_placing_makes_no_burst():
    here = world()
    for lane, at in ((0, 3.0), (1, 12.0), (0, 20.0)):
        here.place(lane, at)
        window = here.advance(0.0, 0.0)
        assert window.events.t.size == 0
        assert window.position.arc_length_m == pytest.approx(at)
        assert window.position[:2] == pytest.approx((0.0, 0.0), abs=1e-12)
    here.place(0, 3.0, speed_m_s=1.3)
    assert here.advance(1.3, 0.0).v == pytest.approx(1.3)
    assert here.robot.pose.x == pytest.approx(2.5 + 3.0 + 0.065)


def test_a_robot_at_rest_renders_once_a_window():
    here = world()
    here.place(0)
    here.advance(0.0, 0.0)
    assert here.rows_rendered == np.count_nonzero(here.renderer.rows[:, 1])


def test_odometry_is_what_a_message_carries():
    for window in drive(world()):
        assert window.pose.yaw == 2.0 * math.atan2(*window.orientation)
        assert window.position == TRACK.locate(*window.pose, 0)
        assert abs(pose_through_quaternion(window.pose.yaw) - window.pose.yaw) < 1e-15


def test_in_the_dark_only_noise_is_left():
    assert sum(len(w.events) for w in drive(world(dark=True))) == 0
    rate = EventPixelSpec(leak_rate_hz=1.0, shot_noise_rate_hz=1.0)
    count = sum(len(w.events) for w in drive(world(pixel=rate, dark=True)))
    expected = 6 * 0.05 * 128 * 128 * 2.0
    assert count == pytest.approx(expected, abs=5 * expected**0.5)


def test_driving_straight_on_only_the_dashes_to_the_left_are_seen():
    """In the middle of a straight lane, the borders' pictures stay where they are."""
    for lane, start in ((0, 0.2), (1, 16.2)):
        here = world()
        here.place(lane, start, speed_m_s=1.3)
        windows = [here.advance(1.3, 0.0) for _ in range(8)]
        near = np.concatenate([w.events.x[w.events.y > 64] for w in windows])
        assert near.size > 2000
        assert near.max() < 64


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="window_us"):
        world(window_us=1500)
    with pytest.raises(ValueError, match="finite"):
        world().advance(math.nan, 0.0)
