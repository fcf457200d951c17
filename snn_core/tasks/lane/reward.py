"""Reward functions of the lane task: from where the robot is to what its motor neurons are told."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import Field

from snn_core.files import StrictModel
from snn_core.sim.track import LanePosition, Track


class RewardSettings(StrictModel):
    """Which reward, and how strong."""

    track: str = Field(
        default="meschede", description="track that the robot drives on: a shipped name or the path of a .yaml file"
    )
    function: Literal["signed"] = Field(default="signed", description="reward function")
    gain_per_m: float = Field(default=1.0, ge=-1e6, le=1e6, description="reward per metre of lateral deviation (1/m)")


def signed(position: LanePosition, gain_per_m: float) -> np.ndarray:
    """+k d to the left motor neuron, -k d to the right one (Bing et al. 2018).

    d > 0 is too far left: the left wheel must learn to turn faster, the right one slower. Returns (2,) float64: left,
    right.
    """
    reward = gain_per_m * position.deviation_m
    return np.array([reward, -reward])


FUNCTIONS: dict[str, Callable[[LanePosition, float], np.ndarray]] = {"signed": signed}


class LaneReward:
    """The reward of a pose on a track; both the in-process loop and the ``reward`` node call it."""

    def __init__(self, settings: RewardSettings, track: Track) -> None:
        self._function = FUNCTIONS[settings.function]
        self._gain = settings.gain_per_m
        self._track = track

    def __call__(self, x_m: float, y_m: float, yaw_rad: float, lane: int) -> np.ndarray:
        """One value for all neurons, (1,), or one for the left and one for the right motor neuron, (2,); float64."""
        return self._function(self._track.locate(x_m, y_m, yaw_rad, lane), self._gain)
