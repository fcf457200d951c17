"""World and lane task joined: what the in-process loop and the simulator node call, window by window."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self, TypeVar

from snn_core.errors import UserError
from snn_core.sim.gazebo.backend import OnWait, WorldDisturbedError
from snn_core.sim.gazebo.gazebo_world import GazeboWorld
from snn_core.sim.simulator_settings import SimulatorSettings
from snn_core.sim.track import load_track
from snn_core.sim.world import World, WorldWindow
from snn_core.tasks.lane.task import LaneTask, Placement

_MOST_TRIES = 5
"""A world that is disturbed so often in a row is not this program's alone."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class LaneWindow(WorldWindow):
    """A window of a run on the lanes (see WorldWindow for what happened in it).

    number: of the window, from 0. placed: whether the robot was placed anew at its start. lane: driven in it, and
    that of ``position``. laps, resets, last_reset_s (simulated s, or None): after it. finished: it was the run's last.
    """

    number: int
    placed: bool
    lane: int
    laps: int
    resets: int
    last_reset_s: float | None
    finished: bool


class LaneSimulator:
    """The simulator of the lane task, embedded or in a Gazebo, as settings.backend says.

    A reset (or lap, or change of lanes) found at the end of window k places the robot at the start of window k + 1:
    embedded, it is already driving at the speed of that window's command; in a Gazebo it starts from rest. Embedded,
    the same settings and commands give the same bits. Raises UserError when the track cannot be used; in any method,
    when Gazebo fails. A Gazebo starts at the first step, and ends by ``close``, or at the end of a ``with``.
    """

    def __init__(self, settings: SimulatorSettings, on_wait: OnWait = lambda what: None) -> None:
        self.settings = settings
        self.track = load_track(settings.track)
        if settings.task.first_lane >= self.track.lanes:
            raise UserError(f"task.first_lane: expected 0, as track {settings.track} has one lane, found 1")
        self._on_wait = on_wait
        self.task = LaneTask(settings.task, self.track)
        self.begin()

    def begin(self) -> None:
        """Start the run anew, from window 0 at time 0, with the same seed."""
        settings = self.settings
        self.world: World | GazeboWorld
        if settings.backend == "embedded":
            self.world = World(
                self.track,
                settings.camera,
                settings.pixel,
                settings.robot,
                settings.seed,
                1000 * settings.window_ms,
                settings.dark,
            )
        else:
            self.world = GazeboWorld(self.track, settings, self._on_wait)
        self._number = 0
        self._began_us: int | None = None
        self._placed = False
        self._placement: Placement | None = self.task.begin()
        self.disturbances = 0

    def step(self, v: float, omega: float) -> LaneWindow:
        """Lockstep: hold a command (m/s, rad/s) for the next window. Raises ValueError when it is not finite."""
        if self._placement is None:
            try:
                window = self.world.advance(v, omega)
                return self._judge(window, False, window.end_us)
            except WorldDisturbedError:
                self.disturbances += 1
                self._placement = Placement(self.world.lane)
        lane = self._placement.lane

        def drive_from_start() -> WorldWindow:
            self.world.place(lane, speed_m_s=v)
            return self.world.advance(v, omega)

        window = self._until_undisturbed(drive_from_start)
        return self._judge(window, True, window.end_us)

    @property
    def runs_by_itself(self) -> bool:
        """Whether the world is in a Gazebo, which can run without being stepped."""
        return isinstance(self.world, GazeboWorld)

    @property
    def started(self) -> bool:
        """Whether there is a world to ask."""
        return not isinstance(self.world, GazeboWorld) or self.world.started

    @property
    def counters(self) -> dict[str, int]:
        """What went other than it should and was mended, by name."""
        if not isinstance(self.world, GazeboWorld):
            return {}
        return {"disturbances": self.disturbances, **self.world.backend.counters}

    def start(self) -> None:
        """Start a Gazebo now and not at the first step."""
        world = self.world
        if isinstance(world, GazeboWorld):
            self._until_undisturbed(lambda: world.backend)

    def run(self, real_time_factor: float) -> None:
        """Free running, in a Gazebo: from now on it runs by itself."""
        world, placement = self.world, self._placement
        assert isinstance(world, GazeboWorld)
        assert placement is not None
        self._until_undisturbed(lambda: world.run(placement.lane, real_time_factor))
        self._placement, self._placed = None, True
        self._began_us = world.now_us

    def send(self, v: float, omega: float) -> None:
        """Free running, in a Gazebo: send a command (m/s, rad/s)."""
        assert isinstance(self.world, GazeboWorld)
        self.world.send(v, omega)

    def take(self, timeout_s: float) -> LaneWindow | None:
        """Free running, in a Gazebo: what has happened since the last call, waiting so long for it; None if nothing."""
        assert isinstance(self.world, GazeboWorld)
        assert self._began_us is not None
        try:
            if self._placement is not None:
                self.world.place_running(self._placement.lane)
                self._placement, self._placed = None, True
            window = self.world.take(timeout_s)
        except WorldDisturbedError:
            self.disturbances += 1
            self._placement = self._placement or Placement(self.world.lane)
            return None
        if window is None:
            return None
        placed, self._placed = self._placed, False
        return self._judge(window, placed, window.end_us - self._began_us)

    def close(self) -> None:
        """End what was started."""
        self.world.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _until_undisturbed(self, action: Callable[[], Result]) -> Result:
        """Do it, and again when something else moves the world meanwhile. Raises UserError when that does not end."""
        for _ in range(_MOST_TRIES):
            try:
                return action()
            except WorldDisturbedError as error:
                self.disturbances += 1
                last = error
        raise UserError(f"{last}, {_MOST_TRIES} times in a row: expected that nothing else pauses, steps or resets it")

    def _judge(self, window: WorldWindow, placed: bool, run_us: int) -> LaneWindow:
        """What a window means for the task, ``run_us`` after the run began."""
        step = self.task.update(run_us, window.position)
        self._placement = step.placement
        number, self._number = self._number, self._number + 1
        return LaneWindow(
            *(getattr(window, field.name) for field in fields(window)),
            number=number,
            placed=placed,
            lane=step.lane,
            laps=step.laps,
            resets=step.resets,
            last_reset_s=step.last_reset_s,
            finished=step.finished,
        )
