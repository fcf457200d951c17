"""What teaches a robot on the lanes: a lateral error, and a reward of weighted terms."""

import math
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from snn_core.control.signals import ERROR, REWARD, weighted
from snn_core.files import StrictModel
from snn_core.sim.track import LanePosition, Track

_TINY_M = 1e-12


class RewardTerms(StrictModel):
    """Weights of the reward's terms; a term of weight 0 is left out, and all of them mean that no reward is given."""

    centre: float = Field(
        default=0.0, ge=-1e6, le=1e6, description="of 1 in the lane's centre, falling to 0 at centre_width_m from it"
    )
    progress: float = Field(default=0.0, ge=-1e6, le=1e6, description="of the way along the lane in a window (1/m)")
    approach: float = Field(
        default=0.0,
        ge=-1e6,
        le=1e6,
        description="of the speed at which a point look_ahead_m ahead comes nearer to the lane's centre (s/m)",
    )
    marking: float = Field(
        default=0.0, ge=-1e6, le=1e6, description="of -1 for each wheel on a line, as a rumble strip tells"
    )
    failure: float = Field(
        default=0.0, ge=-1e6, le=1e6, description="of -1 in a window that ends beyond failure_deviation_m"
    )


class RewardSettings(StrictModel):
    """Which signals, and how strong."""

    track: str = Field(
        default="meschede",
        description="track that the robot drives on: a shipped name, generated:SEED or the path of a .yaml file",
    )
    function: Literal["signed", "none"] = Field(
        default="signed", description="error: the signed lateral deviation, or none"
    )
    gain_per_m: float = Field(default=1.0, ge=-1e6, le=1e6, description="error per metre of lateral deviation (1/m)")
    terms: RewardTerms = RewardTerms()
    centre_width_m: float = Field(
        default=0.2, gt=0.0, le=10.0, description="deviation at which the term centre is 0 (m)"
    )
    approach_width_m: float = Field(
        default=0.05, ge=0.0, le=10.0, description="off the centre by less, the term approach is gentler (m)"
    )
    look_ahead_m: float = Field(
        default=1.0, ge=0.0, le=100.0, description="distance ahead of the point of the term approach (m)"
    )
    wheel_base_m: float = Field(
        default=0.33, gt=0.0, le=10.0, description="distance between the wheels of the term marking (m)"
    )
    failure_deviation_m: float = Field(
        default=0.2, gt=0.0, le=10.0, description="deviation of the term failure: the task's max_deviation_m (m)"
    )
    window_ms: float = Field(default=50.0, gt=0, le=1000, description="window of the term progress (ms)")


class Motion(NamedTuple):
    """Actual speed (m/s) and yaw rate (rad/s) of the robot at a window's end."""

    v_m_s: float
    omega_rad_s: float


def approach_m_s(position: LanePosition, motion: Motion, look_ahead_m: float, width_m: float) -> float:
    """Speed at which a point ahead of the robot comes nearer to the lane's centre, positive when nearer (m/s).

    The point lies x = deviation + look_ahead sin(error) off the centre, as if the lane went on straight; error is that
    of the heading. On a lane of curvature c, x changes by v sin(error) + look_ahead cos(error) (omega - v_lane c). The
    robot's foot on the centre moves at v_lane = v cos(error) / (1 - c deviation). What shrinks is
    sqrt(x^2 + width^2), the distance but near the centre, where its side matters little.
    """
    deviation_m, error_rad, _, curvature_1_m = position
    sine, cosine = math.sin(error_rad), math.cos(error_rad)
    foot_m_s = motion.v_m_s * cosine / (1.0 - curvature_1_m * deviation_m)
    change_m_s = motion.v_m_s * sine + look_ahead_m * cosine * (motion.omega_rad_s - foot_m_s * curvature_1_m)
    off_m = deviation_m + look_ahead_m * sine
    return -change_m_s * off_m / max(math.hypot(off_m, width_m), _TINY_M)


class LaneSignals:
    """The signals of a place in the lane.

    error: the lateral deviation, positive left of the lane's centre, times ``gain_per_m``. reward: see RewardTerms.
    All come from where the robot is and how it moves at the window's end alone, so that odometry is enough.
    """

    def __init__(self, settings: RewardSettings, track: Track) -> None:
        self._settings = settings
        self._track = track

    def __call__(self, position: LanePosition, motion: Motion, lane: int) -> dict[str, float]:
        """Signals and their terms, of a robot in a lane."""
        settings, weights = self._settings, self._settings.terms
        signals: dict[str, float] = {}
        if settings.function == "signed":
            error = settings.gain_per_m * position.deviation_m
            signals = {ERROR: error, f"{ERROR}/deviation": error}
        way_m = motion.v_m_s * math.cos(position.heading_error_rad) * 1e-3 * settings.window_ms
        values = {
            "centre": 1.0 - abs(position.deviation_m) / settings.centre_width_m,
            "progress": way_m,
            "approach": approach_m_s(position, motion, settings.look_ahead_m, settings.approach_width_m),
            "marking": -float(self._wheels_on_lines(position, lane)),
            "failure": -float(abs(position.deviation_m) > settings.failure_deviation_m),
        }
        return signals | weighted(REWARD, {name: (weight, values[name]) for name, weight in weights})

    def of_pose(
        self, x_m: float, y_m: float, yaw_rad: float, v_m_s: float, omega_rad_s: float, lane: int
    ) -> dict[str, float]:
        """The same from odometry."""
        return self(self._track.locate(x_m, y_m, yaw_rad, lane), Motion(v_m_s, omega_rad_s), lane)

    def _wheels_on_lines(self, position: LanePosition, lane: int) -> int:
        """How many of the two wheels stand on a line; a dashed one counts as a whole."""
        spec = self._track.spec
        reach_m = 0.5 * self._settings.wheel_base_m * math.cos(position.heading_error_rad)
        lines = self._track.lines - (lane + 0.5) * spec.lane_width
        wheels = position.deviation_m + np.array([[-reach_m], [reach_m]])
        # Lane 1 is driven against the reference line, from whose right the lines are counted.
        offsets = wheels if lane == 0 else -wheels
        return int(np.count_nonzero((np.abs(offsets - lines) <= 0.5 * spec.marking_width).any(axis=1)))
