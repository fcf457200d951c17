"""Windows from a backend: their time, their events and placements, with a backend that renders in this process."""

import math
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from snn_core.control.command import velocity
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.sim.camera import Renderer
from snn_core.sim.frames import FrameEvents
from snn_core.sim.gazebo import gazebo_world
from snn_core.sim.gazebo.backend import Frame, Observation, OnWait, RobotState, WorldDisturbedError
from snn_core.sim.gazebo.gazebo_world import GazeboWorld
from snn_core.sim.robot import Robot
from snn_core.sim.track import Pose, load_track
from snn_core.tasks.lane.task import LaneTask, SimulatorSettings

BEGAN_US = 3_210_000
SETTLE_US = 70_000
WINDOW_US = 50_000
TRACK = load_track("meschede")
SETTINGS = SimulatorSettings(backend="gz")
FORWARD = velocity(0.5, 0.0)
QUIET = SETTINGS.model_copy(
    update={"pixel": SETTINGS.pixel.model_copy(update={"leak_rate_hz": 0.0, "shot_noise_rate_hz": 0.0})}
)
"""Without noise: what has not changed makes no event."""


class InProcess:
    """A ``Backend`` with the embedded robot and camera; its clock neither begins at 0 nor stands while it places."""

    def __init__(self, settings: SimulatorSettings, world: Path, on_wait: OnWait) -> None:
        assert world.exists()
        self.world = world
        self.period_us = 1_000_000 // settings.gazebo.frame_rate_hz
        self.renderer = Renderer(TRACK, settings.camera)
        self.robot = Robot(settings.robot)
        self.now_us = BEGAN_US
        self.command = (0.0, 0.0)
        self.disturbances: deque[None] = deque()
        self.disturbed_placements = 0
        self.placed: list[Pose] = []
        self.seen: list[Frame] = []
        self.stopped = False
        self.counters = {"frames_lost": 0}

    def start(self) -> None: ...

    def frame(self) -> Frame:
        image = np.rint(255.0 * np.exp(self.renderer.render(*self.robot.pose))).astype(np.uint8)
        self.seen.append(Frame(self.now_us, image))
        return self.seen[-1]

    def state(self) -> RobotState:
        return RobotState(self.now_us, self.robot.pose, *self.robot.twist)

    def step(self, v: float, omega: float, duration_us: int) -> Observation:
        if self.disturbances:
            self.disturbances.pop()
            self.now_us += 123_000
            raise WorldDisturbedError
        frames = []
        for _ in range(duration_us // self.period_us):
            self.robot.advance(v, omega, self.period_us // 1000)
            self.now_us += self.period_us
            frames.append(self.frame())
        return Observation(frames, self.state())

    def place(self, pose: Pose) -> Observation:
        if self.disturbed_placements:
            self.disturbed_placements -= 1
            raise WorldDisturbedError("the world was reset")
        self.robot.place(pose)
        self.placed.append(pose)
        self.now_us += SETTLE_US
        return Observation([self.frame()], self.state())

    def run(self, real_time_factor: float = 1.0) -> None: ...

    def send(self, v: float, omega: float) -> None:
        self.command = (v, omega)

    def take(self, timeout_s: float) -> Observation | None:
        return self.step(*self.command, 2 * self.period_us)

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture(autouse=True)
def backends(monkeypatch: pytest.MonkeyPatch) -> list[InProcess]:
    """Those that were made."""
    made: list[InProcess] = []

    def make(settings: SimulatorSettings, world: Path, on_wait: OnWait) -> InProcess:
        made.append(InProcess(settings, world, on_wait))
        return made[-1]

    monkeypatch.setattr(gazebo_world, "make_backend", make)
    return made


@pytest.fixture
def world() -> Iterator[GazeboWorld]:
    world = GazeboWorld(TRACK, SETTINGS)
    yield world
    world.close()


def test_lockstep_counts_windows_and_placing_takes_no_time(world: GazeboWorld, backends: list[InProcess]) -> None:
    world.place(0)
    ends = []
    for k in range(6):
        if k == 3:
            world.place(1)
        window = world.advance(1.0, 0.3)
        ends.append((window.begin_us, window.end_us))
        assert window.events.t.size > 0
        assert np.all((window.events.t >= window.begin_us) & (window.events.t < window.end_us))
        assert np.all(np.diff(window.events.t) >= 0)
    assert ends == [(k * WINDOW_US, (k + 1) * WINDOW_US) for k in range(6)]
    assert backends[0].placed == [TRACK.pose(0), TRACK.pose(1)]


def test_events_are_those_of_the_frames(world: GazeboWorld, backends: list[InProcess]) -> None:
    world.place(0)
    window = world.advance(1.0, 0.5)
    camera = SETTINGS.camera
    pixel = FrameEvents(SETTINGS.pixel, camera.width, camera.height, SETTINGS.seed)
    reference, *frames = backends[0].seen
    pixel.reset(reference.image, 0)
    parts = [pixel.update(frame.image, frame.t_us - reference.t_us) for frame in frames]
    assert window.events.equals(Events.concatenate(parts))


def test_a_placement_makes_no_events(backends: list[InProcess]) -> None:
    world = GazeboWorld(TRACK, QUIET)
    world.place(0)
    assert world.advance(1.0, 0.5).events.t.size > 0
    world.place(1)  # another view
    assert not np.array_equal(backends[0].seen[-1].image, backends[0].seen[-2].image)
    assert world.advance(0.0, 0.0).events.t.size == 0
    world.close()


def test_commands_are_limited(world: GazeboWorld) -> None:
    world.place(0)
    for _ in range(40):
        window = world.advance(100.0, 0.0)
    assert window.v == pytest.approx(SETTINGS.robot.max_speed_m_s)
    with pytest.raises(ValueError, match="finite"):
        world.advance(math.nan, 0.0)


def test_in_the_dark_nothing_is_seen() -> None:
    world = GazeboWorld(TRACK, QUIET.model_copy(update={"dark": True}))
    world.place(0)
    assert sum(world.advance(1.0, 0.5).events.t.size for _ in range(5)) == 0
    world.close()


def test_free_running_time_is_gazebos(world: GazeboWorld, backends: list[InProcess]) -> None:
    world.run(0, 0.0, 1.0)
    world.send(1.0, 0.5)
    window = world.take(0.0)
    assert window is not None
    assert (window.begin_us, window.end_us) == (BEGAN_US + SETTLE_US, backends[0].now_us)
    world.place_running(1, 0.0)
    window = world.take(0.0)
    assert window is not None
    assert window.begin_us == backends[0].now_us - 2 * backends[0].period_us


@pytest.mark.parametrize("light", [{"light": 2.0}, {"dark_intensity": 0.1}])
def test_light_that_a_gazebo_does_not_have_is_refused(light: dict[str, float]) -> None:
    (key,) = light
    settings = SimulatorSettings.model_validate({"backend": "gazebo_classic", "camera": light})
    with pytest.raises(UserError, match=rf"camera\.{key}: expected .*Gazebo lights its scene itself"):
        LaneTask(settings)


def test_a_freely_running_robot_whose_commands_will_come_late_is_refused(
    tmp_path: Path, backends: list[InProcess]
) -> None:
    path = tmp_path / "late.yaml"
    path.write_text("changes:\n  - at_s: 10.0\n    robot: {command_delay_ms: 50}\n", encoding="utf-8")
    task = LaneTask(QUIET.model_copy(update={"schedule": str(path)}))
    with pytest.raises(UserError, match=r"robot\.command_delay_ms: expected 0, in the schedule too.* found 50"):
        task.run(1.0)
    assert not backends


def test_close_ends_the_backend_and_takes_its_world_file_away(world: GazeboWorld, backends: list[InProcess]) -> None:
    assert not world.started
    world.place(0)
    assert world.started
    world.close()
    world.close()
    assert backends[0].stopped
    assert not backends[0].world.exists()
    assert not world.started


def test_a_disturbed_window_is_driven_again_from_the_start(backends: list[InProcess]) -> None:
    with LaneTask(SETTINGS) as simulator:
        windows = [simulator.step(FORWARD) for _ in range(3)]
        backends[0].disturbances.append(None)
        windows += [simulator.step(FORWARD) for _ in range(2)]
        assert [window.placed for window in windows] == [True, False, False, True, False]
        assert [window.number for window in windows] == list(range(5))
        assert [window.end_us for window in windows] == [(k + 1) * WINDOW_US for k in range(5)]
        assert simulator.counters == {"disturbances": 1, "frames_lost": 0}
        assert backends[0].placed == 2 * [TRACK.pose(simulator.rules.lane)]


def test_a_disturbed_placement_is_done_again_and_ends_in_one_line_when_it_always_is(backends: list[InProcess]) -> None:
    with LaneTask(SETTINGS) as simulator:
        simulator.start()
        backends[0].disturbed_placements = 2
        windows = [simulator.step(FORWARD) for _ in range(2)]
        assert [(window.placed, window.end_us) for window in windows] == [(True, WINDOW_US), (False, 2 * WINDOW_US)]
        assert simulator.disturbances == 2
        assert backends[0].placed == [TRACK.pose(0)]
        backends[0].disturbances.append(None)
        backends[0].disturbed_placements = 100
        with pytest.raises(UserError, match=r"^the world was reset, 5 times in a row: expected that nothing else"):
            simulator.step(FORWARD)


def test_a_placement_that_is_disturbed_while_it_runs_is_done_again(backends: list[InProcess]) -> None:
    with LaneTask(SETTINGS) as simulator:
        simulator.start()
        backends[0].disturbed_placements = 1
        simulator.run(1.0)
        backends[0].disturbances.append(None)
        assert simulator.take(0.0) is None
        backends[0].disturbed_placements = 1
        assert simulator.take(0.0) is None
        window = simulator.take(0.0)
        assert window is not None
        assert window.placed
        assert simulator.disturbances == 3
        assert backends[0].placed == 2 * [TRACK.pose(0)]


def test_free_running_goes_on_from_the_start_when_it_is_disturbed(backends: list[InProcess]) -> None:
    with LaneTask(SETTINGS) as simulator:
        simulator.start()
        simulator.run(1.0)
        simulator.send(FORWARD)
        assert simulator.take(0.0) is not None
        backends[0].disturbances.append(None)
        assert simulator.take(0.0) is None
        window = simulator.take(0.0)
        assert window is not None
        assert (window.placed, window.number) == (True, 1)
        assert simulator.disturbances == 1
        assert len(backends[0].placed) == 2
