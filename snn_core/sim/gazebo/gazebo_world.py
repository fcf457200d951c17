"""A Gazebo world in windows, as ``World`` is the embedded one: the robot on the track and the events of its camera."""

import math
import tempfile
from itertools import groupby
from pathlib import Path

import numpy as np

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.sim.camera import CameraSpec
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.frames import FrameEvents, compile_frame_events
from snn_core.sim.gazebo.backend import Backend, Frame, Observation, OnWait
from snn_core.sim.gazebo.description.world_sdf import write_world
from snn_core.sim.robot import TICK_US, Piece, Robot, RobotSpec
from snn_core.sim.scene_settings import SceneSettings
from snn_core.sim.sensor_faults import SensorFaults, SensorFaultSpec
from snn_core.sim.track import Track
from snn_core.sim.world import WorldWindow, make_window


def make_backend(settings: SceneSettings, world: Path, on_wait: OnWait = lambda what: None) -> Backend:
    """The backend that ``settings.backend`` names, for a world file. Its libraries are not loaded before."""
    if settings.backend == "gz":
        from snn_core.sim.gazebo.gz.backend import GzBackend

        return GzBackend(settings, world, on_wait)
    from snn_core.sim.gazebo.classic.backend import ClassicBackend

    return ClassicBackend(settings, world, on_wait)


def check_scene(settings: SceneSettings) -> None:
    """Raises UserError when the frames of a window, or the physics steps of a frame, are no whole number, and for light
    that a Gazebo does not have.
    """
    for key in ("light", "dark_intensity"):
        value, expected = getattr(settings.camera, key), CameraSpec.model_fields[key].default
        if value != expected:
            raise UserError(
                f"camera.{key}: expected {expected:g}, since a Gazebo lights its scene itself, found {value:g}; set "
                "backend: embedded"
            )
    gazebo, window_us = settings.gazebo, settings.window_us
    period_us, rest_us = divmod(1_000_000, gazebo.frame_rate_hz)
    if rest_us or window_us % period_us:
        raise UserError(
            f"gazebo.frame_rate_hz: expected whole frames in a window of {settings.window_ms:g} ms (at 100 Hz 5 in "
            f"50 ms), found {gazebo.frame_rate_hz} Hz"
        )
    if period_us % gazebo.physics_step_us:
        raise UserError(
            f"gazebo.physics_step_us: expected whole steps in a frame of {period_us} us, found {gazebo.physics_step_us}"
        )


class GazeboWorld:
    """A track, a robot and its event camera in a Gazebo, moved on by windows, or seen while it runs by itself.

    The server is started when it is first needed. In lockstep time counts the windows from 0, whatever Gazebo's own
    time is; free running it is Gazebo's. Methods raise UserError as those of ``Backend``.
    """

    def __init__(self, track: Track, settings: SceneSettings, on_wait: OnWait = lambda what: None) -> None:
        check_scene(settings)
        self.track = track
        self.settings = settings
        self.window_us = settings.window_us
        self.lane = 0
        self.now_us = 0
        camera = settings.camera
        self._frames = FrameEvents(settings.pixel, camera.width, camera.height, settings.seed)
        self._robot = Robot(settings.robot)  # its limits and faults; Gazebo's physics moves the body
        self._faults = SensorFaults(settings.sensor, camera.width, camera.height, settings.seed)
        self._on_wait = on_wait
        self._offset_us = 0
        self._backend: Backend | None = None
        self._folder: tempfile.TemporaryDirectory | None = None

    @property
    def backend(self) -> Backend:
        """The backend, started."""
        if self._backend is None:
            compile_frame_events()  # not while a world runs
            backend = make_backend(self.settings, self._world_file(), self._on_wait)
            try:
                backend.start()
            except BaseException:
                backend.stop()
                raise
            self._backend = backend
        return self._backend

    @property
    def started(self) -> bool:
        """Whether the backend has been started."""
        return self._backend is not None

    @property
    def image(self) -> np.ndarray:
        """The camera's last image, uint8 (height, width)."""
        return self._frames.image

    def change(self, camera: CameraSpec, pixel: EventPixelSpec, robot: RobotSpec, sensor: SensorFaultSpec) -> None:
        """Be another scene from now on. The camera stays: Gazebo has drawn it. Raises ValueError for pixels of other
        thresholds.
        """
        self._frames.change(pixel)
        self._robot.spec = robot
        self._faults.change(sensor)

    def place(self, lane: int, arc_length_m: float = 0.0, speed_m_s: float = 0.0) -> None:
        """Put the robot on a lane, at rest; the pixels memorise the view. Lockstep: no time passes.

        ``speed_m_s`` is what the embedded world takes: here a robot starts from rest.
        """
        pose = self.track.pose(lane, arc_length_m)
        self._memorise(self.backend.place(pose).frames[-1], self.now_us)
        self._robot.place(pose)
        self.lane = lane

    def advance(self, v: float, omega: float) -> WorldWindow:
        """Lockstep: hold a command (m/s, rad/s) for a window. Raises ValueError when it is not finite, and
        WorldDisturbedError when something else has moved the world.
        """
        begin_us = self.now_us
        pieces = self._robot.pieces(v, omega, self.window_us // TICK_US)
        parts = [
            self.backend.step(piece.speed_m_s, piece.yaw_rate_rad_s, piece.ticks * TICK_US)
            for piece in self._whole_frames(pieces)
        ]
        seen = Observation([frame for part in parts for frame in part.frames], parts[-1].state)
        return self._window(begin_us, begin_us + self.window_us, seen)

    def _whole_frames(self, pieces: list[Piece]) -> list[Piece]:
        """Pieces that end with frames: each frame is driven as its beginning says."""
        frame_ticks = 1_000_000 // self.settings.gazebo.frame_rate_hz // TICK_US
        by_tick = [piece for piece in pieces for _ in range(piece.ticks)]
        return [
            Piece(frame_ticks * len(list(same)), *motion)
            for motion, same in groupby(piece[1:] for piece in by_tick[::frame_ticks])
        ]

    def run(self, lane: int, arc_length_m: float, real_time_factor: float) -> None:
        """Free running from now on, from a place on a lane. Time is Gazebo's. ``robot.command_delay_ms`` must be 0 for
        the whole run, since it has no effect here.
        """
        self.place_running(lane, arc_length_m)
        self.backend.run(real_time_factor)

    def place_running(self, lane: int, arc_length_m: float) -> None:
        """Free running: put the robot on a lane, at rest."""
        frame = self.backend.place(self.track.pose(lane, arc_length_m)).frames[-1]
        self.now_us = frame.t_us
        self._memorise(frame, self.now_us)
        self.lane = lane

    def send(self, v: float, omega: float) -> None:
        """Free running: send a command (m/s, rad/s). Raises ValueError when it is not finite."""
        robot = self._robot
        self.backend.send(*robot.spec.motion(*robot.limit(v, omega)))

    def take(self, timeout_s: float) -> WorldWindow | None:
        """Free running: what happened from the last frame that was seen to the newest; None when none has come."""
        seen = self.backend.take(timeout_s)
        if seen is None or not seen.frames:
            return None
        return self._window(self.now_us, seen.frames[-1].t_us + self._offset_us, seen)

    def close(self) -> None:
        """End the server, if there is one."""
        if self._backend is not None:
            self._backend.stop()
            self._backend = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _world_file(self) -> Path:
        if self.settings.gazebo.world:
            return Path(self.settings.gazebo.world)
        self._folder = tempfile.TemporaryDirectory(prefix="spikedrive_world_")
        path = Path(self._folder.name) / "lane.sdf"
        write_world(self.settings, self.track, path, classic=self.settings.backend == "gazebo_classic")
        return path

    def _memorise(self, frame: Frame, now_us: int) -> None:
        self._offset_us = now_us - frame.t_us
        self._frames.reset(self._image(frame), now_us)

    def _image(self, frame: Frame) -> np.ndarray:
        return np.zeros_like(frame.image) if self.settings.dark else frame.image

    def _window(self, begin_us: int, end_us: int, seen: Observation) -> WorldWindow:
        parts = [self._frames.update(self._image(frame), frame.t_us + self._offset_us) for frame in seen.frames]
        events = self._faults.apply(Events.concatenate(parts), begin_us, end_us)
        self.now_us = end_us
        state = seen.state
        pose = state.pose._replace(yaw=math.remainder(state.pose.yaw, 2.0 * math.pi))
        return make_window(self.track, self.lane, (begin_us, end_us), events, pose, (state.v, state.omega))
