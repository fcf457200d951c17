"""The world in windows: a robot on a track, and what its event camera sees of it."""

import math
from dataclasses import dataclass

import numpy as np

from snn_core.sim import kernels
from snn_core.sim.camera import CameraSpec, Renderer
from snn_core.sim.event_pixel import EventPixelArray, EventPixelSpec, Events
from snn_core.sim.robot import TICK_US, Robot, RobotSpec, quaternion_from_yaw, yaw_from_quaternion
from snn_core.sim.track import LanePosition, Pose, Track

_SPARE_EVENTS = 1 << 16


@dataclass(frozen=True, slots=True)
class WorldWindow:
    """What happened in [begin_us, end_us), and where the robot is at end_us, as its odometry tells it.

    t (int64, us), x, y (uint16, px), polarity (uint8, 1 ON): the events in order, each (n).
    orientation: z and w of the robot's quaternion, to be sent in a message. pose: m, m, and the yaw (rad) that a reader
    of that message computes. v (m/s), omega (rad/s): actual speeds. position: ``pose`` in the lane the robot is on.
    """

    begin_us: int
    end_us: int
    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    polarity: np.ndarray
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
    return WorldWindow(*span_us, *events, pose, (z, w), *twist, track.locate(*pose, lane))


class World:
    """A track, a robot and its event camera, moved on by windows.

    Each row of the camera is rendered as often as its own picture's motion asks for (camera.max_motion_px), at ticks of
    1 ms, and at each window's end: rows near the robot some hundred times a second, those near the horizon seldom. The
    same seed and the same calls give the same bits. ``dark`` puts the lens cap on: only noise events remain.
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
    ) -> None:
        if window_us < TICK_US or window_us % TICK_US:
            raise ValueError(f"window_us: expected a multiple of {TICK_US}, found {window_us}")
        self.track = track
        self.renderer = Renderer(track, camera)
        self.robot = Robot(robot)
        self.pixels = EventPixelArray(pixel, camera.width, camera.height, np.random.default_rng(seed))
        self.window_us = window_us
        self.dark = dark
        self.lane = 0
        self.now_us = 0
        self.rows_rendered = 0
        contrast = abs(math.log(camera.marking_intensity / camera.ground_intensity))
        renderings = window_us // TICK_US
        self._row_bound = renderings * camera.width * self.pixels.most_events_per_pixel(contrast)
        self._events = np.empty(0, np.int64)
        self._row = np.empty(camera.width, np.float32)
        self._view = np.empty((camera.height, camera.width), np.float32)
        self.place(0)

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

        states: float64 (ticks + 1, 5): x, y (m), yaw (rad), speed (m/s) and turn rate (rad/s) at each tick of 1 ms.
        """
        path = np.empty((self.window_us // TICK_US + 1, 6))
        path[:, :2] = states[:, :2]
        path[:, 2], path[:, 3] = np.cos(states[:, 2]), np.sin(states[:, 2])
        np.abs(states[:, 3:], out=path[:, 4:])
        begin, end = self.now_us, self.now_us + self.window_us
        noise = self.pixels.draw_noise(begin, end)
        bound = self._row_bound + 2 * noise.t.size
        if self._events.size < bound + _SPARE_EVENTS:
            self._events = np.empty(bound + _SPARE_EVENTS, np.int64)
        row, parts = 0, []
        while row < self.pixels.height:
            row, count, painted = kernels.film_rows(
                row, bound, path, begin, TICK_US, self.renderer.spec.max_motion_px, self.dark, self._row,
                self.renderer.rows, self.renderer.scene, self.pixels.pixels, noise, self._events,
            )  # fmt: skip
            self.rows_rendered += painted
            parts.append(self._events[:count].copy())
        self.now_us = self.pixels.now_us = end
        return self.pixels.unpack(parts[0] if len(parts) == 1 else np.concatenate(parts), begin, end)
