"""World and lane task joined: what the in-process loop and the simulator node call, window by window."""

from dataclasses import dataclass, fields

from snn_core.errors import UserError
from snn_core.sim.lane_task import LaneTask, Placement
from snn_core.sim.settings import SimulatorSettings
from snn_core.sim.track import load_track
from snn_core.sim.world import World, WorldWindow


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
    """The embedded simulator of the lane task. The same settings and commands give the same bits.

    A reset (or lap, or change of lanes) found at the end of window k places the robot at the start of window k + 1,
    already driving at the speed of that window's command. Raises UserError when the track cannot be used.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.track = load_track(settings.track)
        if settings.task.first_lane >= self.track.lanes:
            raise UserError(f"task.first_lane: expected 0, as track {settings.track} has one lane, found 1")
        self.task = LaneTask(settings.task, self.track)
        self.begin()

    def begin(self) -> None:
        """Start the run anew, from window 0 at time 0, with the same seed."""
        settings = self.settings
        self.world = World(
            self.track,
            settings.camera,
            settings.pixel,
            settings.robot,
            settings.seed,
            1000 * settings.window_ms,
            settings.dark,
        )
        self._number = 0
        self._placement: Placement | None = self.task.begin()

    def step(self, v: float, omega: float) -> LaneWindow:
        """Hold a command (m/s, rad/s) for the next window. Raises ValueError when it is not finite."""
        placed = self._placement is not None
        if self._placement is not None:
            self.world.place(self._placement.lane, speed_m_s=v)
        window = self.world.advance(v, omega)
        step = self.task.update(window.end_us, window.position)
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
