"""The lane task: a robot with an event camera that is to keep a lane of a track, embedded or in a Gazebo."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from snn_core.control.command import VELOCITY, Command
from snn_core.control.signals import Signals
from snn_core.errors import UserError
from snn_core.files import StrictModel
from snn_core.sim.gazebo.backend import WorldDisturbedError
from snn_core.sim.gazebo.gazebo_world import GazeboWorld
from snn_core.sim.scene_settings import SceneSettings
from snn_core.sim.schedule import Schedule, load_schedule, scene_at
from snn_core.sim.track import LanePosition, load_track
from snn_core.sim.world import World, WorldWindow
from snn_core.tasks.base import Baseline, Odometry, OdometrySignals, OnWait, Task, TaskSettings, TaskWindow
from snn_core.tasks.lane.baselines import BASELINES
from snn_core.tasks.lane.figures_of_run import LaneFigures
from snn_core.tasks.lane.rules import LaneRules, LaneTaskSpec, Placement, Starts
from snn_core.tasks.lane.signals import LaneSignals, Motion, RewardSettings

if TYPE_CHECKING:
    from snn_core.tasks.lane.report import LaneReport

_MOST_TRIES = 5
"""A world that is disturbed so often in a row is not this program's alone."""
_ORIGIN = LanePosition(0.0, 0.0, 0.0, 0.0)
Result = TypeVar("Result")


class SimulatorSettings(SceneSettings, TaskSettings):
    """The scene and the rules of a run in it."""

    task: LaneTaskSpec = LaneTaskSpec()  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class LaneWindow(TaskWindow):
    """A window of a run on the lanes. Its goal is the lane, a lap completes it, a reset is a failure.

    position: in the lane, at the window's end. v_m_s, omega_rad_s: actual speeds.
    """

    position: LanePosition = _ORIGIN
    v_m_s: float = 0.0
    omega_rad_s: float = 0.0


class LaneTask(LaneFigures, Task[SimulatorSettings, RewardSettings]):
    """The lane task, embedded or in a Gazebo, as settings.backend says.

    A reset (or lap, or change of lanes) found at the end of window k places the robot at the start of window k + 1.
    Window k + 1 is driven straight on, at the speed of its command, which answers to what was seen before. Embedded,
    the robot is already driving at that speed; in a Gazebo it starts from rest. Embedded, the same settings and
    commands give the same bits. Raises UserError when the track cannot be used; in any method,
    when Gazebo fails. A Gazebo starts at the first step, and ends by ``close``, or at the end of a ``with``.

    settings: of scene and rules. signal_settings: of error and reward. None: the defaults. on_wait: called with what is
    waited for, when a Gazebo starts.
    """

    name = "lane"
    summary = "Keep a lane of a track, taught by the lateral deviation."
    channels = VELOCITY
    state_names = ("x_m", "y_m", "yaw_rad", "deviation_m")
    path_names = ("x_m", "y_m", "yaw_rad")
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"v_m_s": (1.0, 1.5), "omega_rad_s": (-3.0, 3.0)}
    parameter_file = "lane"
    recommended: ClassVar[Mapping[str, object]] = {
        "camera": {"field_of_view_deg": 90.0, "pitch_deg": 30.0, "max_motion_px": 1.5}
    }
    settings_type = SimulatorSettings
    signal_settings_type = RewardSettings
    has_reward_node = True
    try_next = (
        ("spikedrive evaluate {checkpoint} --track s_bend", "a track it has never seen"),
        ("spikedrive train --control shuffled-reward", "a reward that says nothing"),
    )
    baselines: ClassVar[Mapping[str, Callable[[Task], Baseline]]] = BASELINES

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        signal_settings: RewardSettings | None = None,
        on_wait: OnWait | None = None,
    ) -> None:
        settings = settings or SimulatorSettings()
        self.track = load_track(settings.track)
        if settings.task.first_lane >= self.track.lanes:
            raise UserError(f"task.first_lane: expected 0, as track {settings.track} has one lane, found 1")
        self.sensor = (settings.camera.width, settings.camera.height)
        self._on_wait: OnWait = on_wait or (lambda what: None)
        self.rules = LaneRules(settings.task, self.track, settings.seed)
        signal_settings = signal_settings or RewardSettings(track=settings.track)
        self._signals = LaneSignals(signal_settings.model_copy(update={"window_ms": settings.window_ms}), self.track)
        super().__init__(settings, signal_settings, on_wait)

    def begin(self) -> None:
        settings = self.settings
        self.world: World | GazeboWorld
        if settings.backend == "embedded":
            self.world = World(
                self.track,
                settings.camera,
                settings.pixel,
                settings.robot,
                settings.seed,
                settings.window_us,
                settings.dark,
                settings.sensor,
            )
        else:
            self.world = GazeboWorld(self.track, settings, self._on_wait)
        self._schedule = Schedule(settings)
        self._number = 0
        self._began_us: int | None = None
        self._placed = False
        self._placement: Placement | None = self.rules.begin()
        self.disturbances = 0

    def step(self, command: Command) -> LaneWindow:
        v, omega = command
        self._schedule.apply(self.world, self.world.now_us)
        if self._placement is None:
            try:
                window = self.world.advance(v, omega)
                return self._judge(window, False, window.end_us)
            except WorldDisturbedError:
                self.disturbances += 1
                self._placement = self.rules.place_again()
        lane, start_m = self._placement

        def drive_from_start() -> WorldWindow:
            self.world.place(lane, start_m, speed_m_s=v)
            return self.world.advance(v, 0.0)

        window = self._until_undisturbed(drive_from_start)
        return self._judge(window, True, window.end_us)

    @property
    def runs_by_itself(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the world is in a Gazebo, which can run without being stepped."""
        return isinstance(self.world, GazeboWorld)

    @property
    def started(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return not isinstance(self.world, GazeboWorld) or self.world.started

    @property
    def counters(self) -> dict[str, int]:
        if not isinstance(self.world, GazeboWorld):
            return {}
        return {"disturbances": self.disturbances, **self.world.backend.counters}

    def start(self) -> None:
        world = self.world
        if isinstance(world, GazeboWorld):
            self._until_undisturbed(lambda: world.backend)

    def run(self, real_time_factor: float) -> None:
        world, placement = self.world, self._placement
        assert isinstance(world, GazeboWorld)
        assert placement is not None
        scenes = [self.settings, *(stage.scene for stage in load_schedule(self.settings))]
        delay_ms = max(scene.robot.command_delay_ms for scene in scenes)
        if delay_ms:
            raise UserError(
                f"robot.command_delay_ms: expected 0, in the schedule too, where Gazebo runs freely, found {delay_ms}; "
                "set lockstep: true"
            )
        self._until_undisturbed(lambda: world.run(*placement, real_time_factor))
        self._placement, self._placed = None, True
        self._began_us = world.now_us

    def send(self, command: Command) -> None:
        assert isinstance(self.world, GazeboWorld)
        self.world.send(*command)

    def take(self, timeout_s: float) -> LaneWindow | None:
        assert isinstance(self.world, GazeboWorld)
        assert self._began_us is not None
        self._schedule.apply(self.world, self.world.now_us - self._began_us)
        try:
            if self._placement is not None:
                self.world.place_running(*self._placement)
                self._placement, self._placed = None, True
            window = self.world.take(timeout_s)
        except WorldDisturbedError:
            self.disturbances += 1
            self._placement = self._placement or self.rules.place_again()
            return None
        if window is None:
            return None
        placed, self._placed = self._placed, False
        return self._judge(window, placed, window.end_us - self._began_us)

    def close(self) -> None:
        self.world.close()

    def signals(self, window: TaskWindow) -> Signals:
        assert isinstance(window, LaneWindow)
        return self._signals(window.position, Motion(window.v_m_s, window.omega_rad_s), window.goal)

    def _until_undisturbed(self, action: Callable[[], Result]) -> Result:
        """Do it, and again when something else moves the world meanwhile. Raises UserError when that does not end."""
        said = ""
        for _ in range(_MOST_TRIES):
            try:
                return action()
            except WorldDisturbedError as error:
                self.disturbances += 1
                said = str(error)
        raise UserError(f"{said}, {_MOST_TRIES} times in a row: expected that nothing else pauses, steps or resets it")

    def _judge(self, window: WorldWindow, placed: bool, run_us: int) -> LaneWindow:
        """What a window means for the task, ``run_us`` after the run began."""
        step = self.rules.update(run_us, window.position)
        self._placement = step.placement
        number, self._number = self._number, self._number + 1
        pose = window.pose
        return LaneWindow(
            number=number,
            begin_us=window.begin_us,
            end_us=window.end_us,
            events=window.events,
            placed=placed,
            goal=step.lane,
            completed=step.laps,
            failed=step.resets,
            last_failed_s=step.last_reset_s,
            finished=step.finished,
            state=(*pose, window.position.deviation_m),
            odometry=Odometry(pose.x, pose.y, window.orientation, window.v, window.omega),
            position=window.position,
            v_m_s=window.v,
            omega_rad_s=window.omega,
        )

    @classmethod
    def report_type(cls) -> "type[LaneReport]":
        from snn_core.tasks.lane.report import LaneReport

        return LaneReport

    @classmethod
    def odometry_signals(cls, signal_settings: StrictModel, goal: int) -> OdometrySignals:
        assert isinstance(signal_settings, RewardSettings)
        track = load_track(signal_settings.track)
        if goal >= track.lanes:
            raise UserError(f"lane: track {track.name} has no lane {goal}")
        track.locate(0.0, 0.0, 0.0, 0)  # its kernels are loaded now, not while a first window waits for its signals
        return LaneSignals(signal_settings, track).of_pose

    @classmethod
    def conditions(cls, settings: TaskSettings) -> dict[str, str]:
        assert isinstance(settings, SimulatorSettings)
        track = load_track(settings.track)
        said = {"track": settings.track, "start": Starts(settings.task, track).kind}
        return said | ({"schedule": settings.schedule} if settings.schedule else {})

    @classmethod
    def check_settings(cls, settings: TaskSettings, signal_settings: StrictModel) -> None:
        assert isinstance(settings, SimulatorSettings)
        assert isinstance(signal_settings, RewardSettings)
        if signal_settings.track != settings.track:
            raise ValueError(
                f"reward: track: expected that of the simulator, {settings.track!r}, found {signal_settings.track!r}"
            )
        limit_m = settings.task.max_deviation_m
        if signal_settings.terms.failure and signal_settings.failure_deviation_m != limit_m:
            raise ValueError(
                f"reward: failure_deviation_m: expected the simulator's task.max_deviation_m, {limit_m:g}, found "
                f"{signal_settings.failure_deviation_m:g}"
            )

    @classmethod
    def settings_after(cls, settings: TaskSettings, seconds: float) -> TaskSettings:
        assert isinstance(settings, SimulatorSettings)
        return scene_at(settings, seconds)
