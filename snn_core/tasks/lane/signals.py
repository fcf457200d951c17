"""What teaches a robot on the lanes: a lateral error, and a reward of weighted terms."""

import math
from typing import Literal

from pydantic import Field

from snn_core.control.signals import ERROR, REWARD, weighted
from snn_core.files import StrictModel
from snn_core.sim.track import LanePosition, Track


class RewardTerms(StrictModel):
    """Weights of the reward's terms; a term of weight 0 is left out, and all of them mean that no reward is given."""

    centre: float = Field(
        default=0.0, ge=-1e6, le=1e6, description="of 1 in the lane's centre, falling to 0 at centre_width_m from it"
    )
    progress: float = Field(default=0.0, ge=-1e6, le=1e6, description="of the way along the lane in a window (1/m)")


class RewardSettings(StrictModel):
    """Which signals, and how strong."""

    track: str = Field(
        default="meschede", description="track that the robot drives on: a shipped name or the path of a .yaml file"
    )
    function: Literal["signed", "none"] = Field(
        default="signed", description="error: the signed lateral deviation, or none"
    )
    gain_per_m: float = Field(default=1.0, ge=-1e6, le=1e6, description="error per metre of lateral deviation (1/m)")
    terms: RewardTerms = RewardTerms()
    centre_width_m: float = Field(
        default=0.2, gt=0.0, le=10.0, description="deviation at which the term centre is 0 (m)"
    )
    window_ms: float = Field(default=50.0, gt=0, le=1000, description="window of the term progress (ms)")


class LaneSignals:
    """The signals of a place in the lane.

    error: the lateral deviation, positive left of the lane's centre, times ``gain_per_m``. reward: see RewardTerms.
    """

    def __init__(self, settings: RewardSettings, track: Track) -> None:
        self._settings = settings
        self._track = track

    def __call__(self, position: LanePosition, v_m_s: float) -> dict[str, float]:
        """Signals and their terms, for a robot that drives at ``v_m_s``."""
        settings, terms = self._settings, self._settings.terms
        signals: dict[str, float] = {}
        if settings.function == "signed":
            error = settings.gain_per_m * position.deviation_m
            signals = {ERROR: error, f"{ERROR}/deviation": error}
        centre = 1.0 - abs(position.deviation_m) / settings.centre_width_m
        progress_m = v_m_s * math.cos(position.heading_error_rad) * 1e-3 * settings.window_ms
        return signals | weighted(REWARD, {"centre": (terms.centre, centre), "progress": (terms.progress, progress_m)})

    def of_pose(self, x_m: float, y_m: float, yaw_rad: float, v_m_s: float, lane: int) -> dict[str, float]:
        """The same from odometry."""
        return self(self._track.locate(x_m, y_m, yaw_rad, lane), v_m_s)
