"""The embedded camera as one that takes frames: a backend like Gazebo's, whose images are rendered here."""

import numpy as np

from snn_core.sim.camera import CameraSpec, Renderer
from snn_core.sim.gazebo.backend import Frame, Observation, RobotState
from snn_core.sim.robot import TICK_US, Robot, RobotSpec
from snn_core.sim.track import Pose, Track

WHITE = 255.0
"""The number of a pixel of reflectance 1; see the worlds made for Gazebo."""


class EmbeddedBackend:
    """Frames of 8 bits at a rate, in lockstep (see Backend); a frame between two ticks is at a pose between theirs."""

    def __init__(self, track: Track, camera: CameraSpec, robot: RobotSpec, frame_rate_hz: int) -> None:
        if 1_000_000 % frame_rate_hz:
            raise ValueError(f"frame_rate_hz: expected a divisor of 1000000, found {frame_rate_hz}")
        self._renderer = Renderer(track, camera)
        self._robot = Robot(robot)
        self._period_us = 1_000_000 // frame_rate_hz
        self._now_us = 0

    def start(self) -> None:
        """Nothing is to be started."""

    def place(self, pose: Pose) -> Observation:
        """See Backend."""
        self._robot.place(pose)
        return Observation([Frame(self._now_us, self._image(*pose))], self._state())

    def step(self, v: float, omega: float, duration_us: int) -> Observation:
        """See Backend."""
        begin_us, self._now_us = self._now_us, self._now_us + duration_us
        states = self._robot.advance(v, omega, duration_us // TICK_US)
        ticks = begin_us + TICK_US * np.arange(states.shape[0])
        yaw = np.unwrap(states[:, 2])
        frames = []
        for t_us in range(begin_us + self._period_us, self._now_us + 1, self._period_us):
            pose = (float(np.interp(t_us, ticks, values)) for values in (states[:, 0], states[:, 1], yaw))
            frames.append(Frame(t_us, self._image(*pose)))
        return Observation(frames, self._state())

    def stop(self) -> None:
        """Nothing is to be stopped."""

    def _image(self, x: float, y: float, yaw: float) -> np.ndarray:
        return np.rint(WHITE * np.exp(self._renderer.render(x, y, yaw))).astype(np.uint8)

    def _state(self) -> RobotState:
        return RobotState(self._now_us, self._robot.pose, *self._robot.twist)
