"""The world in windows: a robot on a track, and what its event camera sees of it."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from snn_core.events.events import Events
from snn_core.sim.camera import CameraSpec, Renderer
from snn_core.sim.camera_kernels import ACROSS, MOTION_PER_M, MOTION_PER_RAD, paint_row
from snn_core.sim.event_pixel import EventPixelArray, EventPixelSpec
from snn_core.sim.pixel_kernels import update_row
from snn_core.sim.robot import TICK_US, Robot, RobotSpec, quaternion_from_yaw, yaw_from_quaternion
from snn_core.sim.sensor_faults import SensorFaults, SensorFaultSpec
from snn_core.sim.track import LanePosition, Pose, Track

_SPARE_EVENTS = 1 << 16


@dataclass(frozen=True, slots=True)
class WorldWindow:
    """What happened in [begin_us, end_us), and where the robot is at end_us, as its odometry tells it.

    events: in order of time. orientation: z and w of the robot's quaternion, to be sent in a message. pose: m, m, and
    the yaw (rad) that a reader of that message computes. v (m/s), omega (rad/s): actual speeds. position: ``pose`` in
    the lane the robot is on.
    """

    begin_us: int
    end_us: int
    events: Events
    pose: Pose
    orientation: tuple[float, float]
    v: float
    omega: float
    position: LanePosition


def make_window(
    track: Track, lane: int, span_us: tuple[int, int], events: Events, pose: Pose, twist: tuple[float, float]
) -> WorldWindow:
    """A window from its events and from where the robot is at its end, with the yaw that a reader of its odometry
    computes.
    """
    z, w = quaternion_from_yaw(pose.yaw)
    pose = Pose(pose.x, pose.y, yaw_from_quaternion(z, w))
    return WorldWindow(*span_us, events, pose, (z, w), *twist, track.locate(*pose, lane))


class World:
    """A track, a robot and its event camera, moved on by windows.

    Each row of the camera is rendered as often as its own picture's motion asks for (camera.max_motion_px), at ticks of
    1 ms, and at each window's end. Rows near the robot are rendered some hundred times a second, those near the horizon
    seldom. The same seed and the same calls give the same bits. ``dark`` puts the lens cap on: only noise events
    remain.
    """

    def __init__(
        self,
        track: Track,
        camera: CameraSpec,
        pixel: EventPixelSpec,
        robot: RobotSpec,
        seed: int,
        window_us: int = 50_000,
        dark: bool = False,
        sensor: SensorFaultSpec | None = None,
    ) -> None:
        if window_us < TICK_US or window_us % TICK_US:
            raise ValueError(f"window_us: expected a multiple of {TICK_US}, found {window_us}")
        self.track = track
        self.renderer = Renderer(track, camera)
        self.robot = Robot(robot)
        self.pixels = EventPixelArray(pixel, camera.width, camera.height, np.random.default_rng(seed))
        self._faults = SensorFaults(sensor or SensorFaultSpec(), camera.width, camera.height, seed)
        self.window_us = window_us
        self.dark = dark
        self.lane = 0
        self.now_us = 0
        self.rows_rendered = 0
        self._row_bound = self._most_events_of_row()
        self._jump_bound = 0
        self._events = np.empty(0, np.int64)
        self._row = np.empty(camera.width, np.float32)
        self._view = np.empty((camera.height, camera.width), np.float32)
        self.place(0)

    def change(self, camera: CameraSpec, pixel: EventPixelSpec, robot: RobotSpec, sensor: SensorFaultSpec) -> None:
        """Be another scene from now on. What pixels see jump, they take to change until their row is rendered next.

        Raises ValueError for a camera of another size, or for pixels of other thresholds.
        """
        if (camera.width, camera.height) != (self.pixels.width, self.pixels.height):
            raise ValueError("camera: expected the same width and height")
        if camera != self.renderer.spec:
            before = self._range()
            self.renderer = Renderer(self.track, camera)
            self._row_bound = self._most_events_of_row()
            jump = max(*before, *self._range()) - min(*before, *self._range())
            self._jump_bound = camera.width * self.pixels.most_events_per_pixel(jump)
        self.pixels.change(pixel)
        self.robot.spec = robot
        self._faults.change(sensor)

    def _most_events_of_row(self) -> int:
        """No row sends more in a window, noise and a jump of the whole picture apart."""
        contrast = float(self.renderer.scene[3].max()) - self.renderer.lowest
        return self.window_us // TICK_US * self.pixels.width * self.pixels.most_events_per_pixel(contrast)

    def _range(self) -> tuple[float, float]:
        """Lowest and highest log intensity of any picture."""
        levels = np.concatenate([self.renderer.scene[3], self.renderer.background])
        return min(float(levels.min()), self.renderer.lowest), float(levels.max())

    def place(self, lane: int, arc_length_m: float = 0.0, deviation_m: float = 0.0, speed_m_s: float = 0.0) -> None:
        """Put the robot on a lane, looking along it and already driving straight on at ``speed_m_s``.

        The pixels memorise the new view, so that no burst of events tells of the jump. Time goes on.
        """
        self.robot.place(self.track.pose(lane, arc_length_m, deviation_m), speed_m_s)
        self.lane = lane
        if self.dark:
            self._view[:] = 0.0
        else:
            self.renderer.render(*self.robot.pose, self._view)
        self.pixels.reset(self._view, self.now_us)

    def advance(self, v: float, omega: float) -> WorldWindow:
        """Hold a command (m/s, rad/s) for a window. Raises ValueError when it is not finite."""
        begin, end = self.now_us, self.now_us + self.window_us
        events = self.film(self.robot.advance(v, omega, self.window_us // TICK_US))
        return make_window(self.track, self.lane, (begin, end), events, self.robot.pose, self.robot.twist)

    def close(self) -> None:
        """There is nothing to end."""

    def film(self, states: np.ndarray) -> Events:
        """The events of a window along a path, which time moves on by, whatever path the robot takes.

        states: float64 (ticks + 1, 5): x, y (m), yaw (rad), speed (m/s) and yaw rate (rad/s) at each tick of 1 ms.
        """
        path = np.empty((self.window_us // TICK_US + 1, 6))
        path[:, 0], path[:, 1], path[:, 2], path[:, 3] = self.renderer.view(*states[:, :3].T)
        np.abs(states[:, 3:], out=path[:, 4:])
        begin, end = self.now_us, self.now_us + self.window_us
        noise = self.pixels.draw_noise(begin, end)
        bound = self._row_bound + self._jump_bound + 2 * noise.t.size
        if self._events.size < bound + _SPARE_EVENTS:
            self._events = np.empty(bound + _SPARE_EVENTS, np.int64)
        row, parts = 0, []
        while row < self.pixels.height:
            row, count, painted = _film_rows(
                row, bound, path, begin, TICK_US, self.renderer.spec.max_motion_px, self.dark, self._row,
                self.renderer.rows, self.renderer.background, self.renderer.scene, self.pixels.pixels, noise,
                self._events,
            )  # fmt: skip
            self.rows_rendered += painted
            parts.append(self._events[:count].copy())
        self._jump_bound = 0
        self.now_us = self.pixels.now_us = end
        events = self.pixels.unpack(parts[0] if len(parts) == 1 else np.concatenate(parts), begin, end)
        return self._faults.apply(events, begin, end)


@njit(cache=True, nogil=True, error_model="numpy")
def _film_rows(
    first_row, row_bound, path, begin, tick_us, max_motion_px, dark, out, rows, background, scene, pixels, noise, events
):  # fmt: skip
    """Let rows ``first_row`` and below watch a window; return (rows done, events, rows painted).

    ``path`` (ticks + 1, 6): x, y, cosine and sine of yaw, |speed| m/s, |yaw rate| rad/s at each tick. A row is painted
    when its picture would have moved by more than ``max_motion_px`` at the next tick, and at the window's end. Returns
    early, before a row, when fewer than ``row_bound`` places are left in ``events``. ``out``: float32 (width).
    """
    ticks = path.shape[0] - 1
    tick_s = 1e-6 * tick_us
    end = begin + ticks * tick_us
    count, painted, width = 0, 0, out.shape[0]
    level, noise_t, noise_first = pixels[0], noise[0], noise[3]
    for row in range(first_row, rows.shape[0]):
        if events.shape[0] - count < row_bound:
            return row, count, painted
        k, noise_end = noise_first[row], noise_first[row + 1]
        if dark or rows[row, ACROSS] == 0.0:
            out[:] = level[row * width] if dark else background[row]
            count = update_row(row, out, begin, end, begin, pixels, noise, k, noise_end, events, count)
            continue
        per_s, per_rad = rows[row, MOTION_PER_M] * tick_s, rows[row, MOTION_PER_RAD] * tick_s
        last, motion = begin, 0.0
        for tick in range(1, ticks + 1):
            motion += path[tick, 4] * per_s + path[tick, 5] * per_rad
            if tick < ticks and motion + path[tick + 1, 4] * per_s + path[tick + 1, 5] * per_rad <= max_motion_px:
                continue
            now = begin + tick * tick_us
            paint_row(out, path[tick, 0], path[tick, 1], path[tick, 2], path[tick, 3], rows[row], scene)
            stop = k
            while stop < noise_end and noise_t[stop] < now:
                stop += 1
            count = update_row(row, out, last, now, begin, pixels, noise, k, stop, events, count)
            k, last, motion = stop, now, 0.0
            painted += 1
    return rows.shape[0], count, painted
