"""How a body moved, from two of its poses."""

import math
from collections.abc import Collection
from typing import NamedTuple

from snn_core.sim.gazebo.backend import RobotState
from snn_core.sim.track import Pose


class BodyPose(NamedTuple):
    """A body's place (m) and orientation (unit quaternion w, x, y, z) in the track's frame at a time (us)."""

    t_us: int
    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float]

    @property
    def yaw(self) -> float:
        """Direction of the body's x axis, seen from above (rad)."""
        w, x, y, z = self.orientation
        return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


class Motion(NamedTuple):
    """A robot's state, and the magnitudes of its velocity (m/s) and angular velocity (rad/s) in any direction."""

    state: RobotState
    speed: float
    turn: float


def motion(before: BodyPose | None, now: BodyPose) -> Motion:
    """The state at ``now``; velocities are means since ``before``, zero when there is none or it is not earlier."""
    pose = Pose(*now.position[:2], now.yaw)
    if before is None or before.t_us >= now.t_us:
        return Motion(RobotState(now.t_us, pose, 0.0, 0.0), 0.0, 0.0)
    rate = 1e6 / (now.t_us - before.t_us)
    v, omega = _velocities(Pose(*before.position[:2], before.yaw), pose, rate)
    speed = rate * math.dist(before.position, now.position)
    return Motion(RobotState(now.t_us, pose, v, omega), speed, rate * _angle(before.orientation, now.orientation))


def state_among(samples: Collection[tuple[int, Pose]], now_us: int, before_us: int, after_us: int) -> RobotState:
    """The pose at a time, and the mean velocities between two times around it, all in us.

    ``samples``, one at least, are times and poses. For one that is missing the nearest is taken, and the pose is moved
    on from there; velocities are zero when there are no two.
    """

    def nearest(time_us: int, among: Collection[tuple[int, Pose]]) -> tuple[int, Pose]:
        return min(among, key=lambda sample: abs(sample[0] - time_us))

    found_us, pose = nearest(now_us, samples)
    end_us, end = nearest(after_us, samples)
    earlier = [sample for sample in samples if sample[0] < end_us]
    if not earlier:
        return RobotState(now_us, pose, 0.0, 0.0)
    begin_us, begin = nearest(before_us, earlier)
    v, omega = _velocities(begin, end, 1e6 / (end_us - begin_us))
    apart_s = 1e-6 * (now_us - found_us)
    x, y = pose.x + apart_s * v * math.cos(pose.yaw), pose.y + apart_s * v * math.sin(pose.yaw)
    return RobotState(now_us, Pose(x, y, pose.yaw + apart_s * omega), v, omega)


def _velocities(before: Pose, after: Pose, rate: float) -> tuple[float, float]:
    """Along the heading half-way (m/s), and of turning (rad/s), between two poses so many times a second (1/s)."""
    turned = math.remainder(after.yaw - before.yaw, 2.0 * math.pi)
    middle = before.yaw + 0.5 * turned
    v = rate * ((after.x - before.x) * math.cos(middle) + (after.y - before.y) * math.sin(middle))
    return v, rate * turned


def _angle(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Between two orientations (rad). A quaternion and its negative are one orientation."""
    nearer = b if sum(p * q for p, q in zip(a, b, strict=True)) >= 0.0 else tuple(-q for q in b)
    return 4.0 * math.asin(min(1.0, 0.5 * math.dist(a, nearer)))
