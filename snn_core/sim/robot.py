"""A robot with differential drive: limits, exact arcs, odometry."""

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from numba import njit
from pydantic import Field

from snn_core.files import StrictModel
from snn_core.sim.track import Pose

TICK_US = 1000


class RobotSpec(StrictModel):
    """Limits and faults of a robot of the Pioneer P3-DX's size, with a faster drive: Meschede's commands reach 1.5 m/s.

    The accelerations are what wheels with a good grip reach (half of g, at each wheel when turning on the spot). By
    default there are no faults.
    """

    wheel_base_m: float = Field(default=0.33, ge=0.01, le=10.0, description="distance between the wheels (m)")
    max_speed_m_s: float = Field(default=2.0, ge=0.01, le=100.0, description="largest speed of a wheel (m/s)")
    max_acceleration_m_s2: float = Field(default=5.0, ge=0.01, le=1000.0, description="largest acceleration (m/s^2)")
    max_turn_rate_rad_s: float = Field(default=5.2, ge=0.01, le=100.0, description="largest turn rate (rad/s)")
    max_turn_acceleration_rad_s2: float = Field(
        default=30.0, ge=0.01, le=10000.0, description="turn acceleration (rad/s^2)"
    )
    left_gain: float = Field(
        default=1.0, ge=0.0, le=10.0, description="speed of the left wheel, as a part of what it is told"
    )
    right_gain: float = Field(
        default=1.0, ge=0.0, le=10.0, description="speed of the right wheel, as a part of what it is told"
    )
    true_wheel_base_m: float = Field(
        default=0.0,
        ge=0.0,
        le=10.0,
        description="distance at which the wheels really stand, unlike the driver believes (m); 0: wheel_base_m",
    )
    command_delay_ms: int = Field(default=0, ge=0, le=10_000, description="a command acts so much later (ms)")
    mirrored_steering: bool = Field(default=False, description="the wheels' cables are exchanged")

    def motion(self, v: float, omega: float) -> tuple[float, float]:
        """Speed (m/s) and yaw rate (rad/s) of the body that a command within the limits leads to.

        The driver computes each wheel's speed with ``wheel_base_m``, v -+ omega wheel_base / 2.
        """
        base = self.wheel_base_m
        true_base = self.true_wheel_base_m or base
        if (self.left_gain, self.right_gain, self.mirrored_steering, true_base) == (1.0, 1.0, False, base):
            return v, omega
        left, right = v - 0.5 * omega * base, v + 0.5 * omega * base
        if self.mirrored_steering:
            left, right = right, left
        left, right = self.left_gain * left, self.right_gain * right
        return 0.5 * (left + right), (right - left) / true_base


class Piece(NamedTuple):
    """Part of a window in which a robot is driven alike. speed_m_s, yaw_rate_rad_s: of the body, as asked for."""

    ticks: int
    speed_m_s: float
    yaw_rate_rad_s: float


class Robot:
    """The robot's state (pose m, m, rad; speed m/s; yaw rate rad/s; all float64) and how commands move it.

    The wheels' limit comes first: a command that asks a wheel for more is scaled down, and the curve stays the same.
    A command acts after the delay, and through the wheels as they are. Speed and yaw rate then approach what it asks
    for within the limits of acceleration, tick by tick (1 ms).
    """

    def __init__(self, spec: RobotSpec) -> None:
        self.spec = spec
        self._state = np.zeros(5)
        self._now = 0  # ticks
        self._waiting: deque[tuple[int, float, float]] = deque()  # when it acts, speed, yaw rate
        self._acting = (0.0, 0.0)

    @property
    def pose(self) -> Pose:
        x, y, yaw = self._state[:3].tolist()
        return Pose(x, y, yaw)

    @property
    def twist(self) -> tuple[float, float]:
        """Actual speed (m/s) and yaw rate (rad/s)."""
        v, omega = self._state[3:].tolist()
        return v, omega

    def limit(self, v: float, omega: float) -> tuple[float, float]:
        """The command that the wheels can follow. Raises ValueError when it is not finite."""
        if not (math.isfinite(v) and math.isfinite(omega)):
            raise ValueError(f"expected a finite command, found v = {v} m/s, omega = {omega} rad/s")
        omega = min(max(omega, -self.spec.max_turn_rate_rad_s), self.spec.max_turn_rate_rad_s)
        wheel = abs(v) + 0.5 * self.spec.wheel_base_m * abs(omega)
        scale = min(1.0, self.spec.max_speed_m_s / wheel) if wheel > 0.0 else 1.0
        return v * scale, omega * scale

    def place(self, pose: Pose, v: float = 0.0, omega: float = 0.0) -> None:
        """Put the robot down at a pose, already moving (within the limits); commands that were under way are lost."""
        self._state[:3] = pose.x, pose.y, math.remainder(pose.yaw, 2.0 * math.pi)
        self._state[3:] = self._acting = self.spec.motion(*self.limit(v, omega))
        self._waiting.clear()

    def pieces(self, v: float, omega: float, ticks: int) -> list[Piece]:
        """What the body is driven by in the next ``ticks`` ms, from the command (m/s, rad/s) that is given now.

        Time moves on by as much. Raises ValueError when the command is not finite.
        """
        command = self.limit(v, omega)
        acts = self._now + self.spec.command_delay_ms * 1000 // TICK_US
        while self._waiting and self._waiting[-1][0] >= acts:  # overtaken, where the delay has become shorter
            self._waiting.pop()
        self._waiting.append((acts, *command))
        end, found = self._now + ticks, []
        while self._now < end:
            while self._waiting and self._waiting[0][0] <= self._now:
                self._acting = self._waiting.popleft()[1:]
            until = min(end, self._waiting[0][0]) if self._waiting else end
            found.append(Piece(until - self._now, *self.spec.motion(*self._acting)))
            self._now = until
        return found

    def advance(self, v: float, omega: float, ticks: int) -> np.ndarray:
        """Hold a command (m/s, rad/s) for ``ticks`` ms; x, y, yaw, v, omega at each tick, float64 (ticks + 1, 5).

        Yaw is kept within (-pi, pi]. Raises ValueError when the command is not finite.
        """
        if ticks < 1:
            raise ValueError(f"ticks: expected at least 1, found {ticks}")
        path = np.empty((ticks + 1, 5))
        tick_s = 1e-6 * TICK_US
        dv, domega = self.spec.max_acceleration_m_s2 * tick_s, self.spec.max_turn_acceleration_rad_s2 * tick_s
        first = 0
        for piece in self.pieces(v, omega, ticks):
            part = path[first : first + piece.ticks + 1]
            _drive(self._state, piece.speed_m_s, piece.yaw_rate_rad_s, tick_s, dv, domega, part)
            first += piece.ticks
        return path


@njit(cache=True, nogil=True, error_model="numpy")
def _drive(state, v, omega, tick_s, max_dv, max_domega, path):
    """Fill ``path`` (ticks + 1, 5: x, y, yaw, v, omega) from ``state`` (5) under a fixed command; ``state`` moves on.

    In a tick the speeds are constant, so the robot moves on an exact arc: a chord of v t sin(a)/a, a = omega t / 2.
    """
    path[0] = state
    x, y, yaw, speed, turn = state[0], state[1], state[2], state[3], state[4]
    for tick in range(1, path.shape[0]):
        speed += min(max(v - speed, -max_dv), max_dv)
        turn += min(max(omega - turn, -max_domega), max_domega)
        a = 0.5 * turn * tick_s
        chord = speed * tick_s * (math.sin(a) / a if abs(a) > 1e-8 else 1.0)
        x += chord * math.cos(yaw + a)
        y += chord * math.sin(yaw + a)
        yaw += 2.0 * a
        if yaw > math.pi:
            yaw -= 2.0 * math.pi
        elif yaw <= -math.pi:
            yaw += 2.0 * math.pi
        path[tick, 0], path[tick, 1], path[tick, 2], path[tick, 3], path[tick, 4] = x, y, yaw, speed, turn
    state[:] = path[path.shape[0] - 1]


def quaternion_from_yaw(yaw: float) -> tuple[float, float]:
    """z and w of the quaternion of a rotation about the vertical axis, as a ROS message holds them (x = y = 0)."""
    return math.sin(0.5 * yaw), math.cos(0.5 * yaw)


def yaw_from_quaternion(z: float, w: float) -> float:
    """The angle (rad) of a rotation about the vertical axis."""
    return 2.0 * math.atan2(z, w)


def pose_through_quaternion(yaw: float) -> float:
    """What is left of an angle (rad) when it has travelled as a quaternion: the same but for the last digits."""
    return yaw_from_quaternion(*quaternion_from_yaw(yaw))
