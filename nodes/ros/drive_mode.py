"""What the two ways of driving share, in lockstep with a source and by itself in real time."""

import time
from collections import deque
from typing import Protocol

import numpy as np
from rclpy.executors import Executor

from snn_core.control.command import Command
from snn_core.control.controller import Controller
from snn_core.events.intake import EventIntake
from snn_core.learning.parameters import ControllerParameters
from snn_core.network.network import Spikes
from spikedrive_nodes.ros.packet_decoder import PacketDecoder

FIRST_COMMAND_PERIOD_US = 100_000
FINISHED = "finished: stopped"
REWARD_AGE_US = 500_000
"""An older reward says nothing of what the robot does now: none is set, and learning fades out."""


def wall_us() -> int:
    """Monotonic wall time (us)."""
    return time.monotonic_ns() // 1000


class DrivingNode(Protocol):
    """The node that a mode drives for."""

    controller: Controller
    parameters: ControllerParameters

    @property
    def executor(self) -> Executor | None:
        """What runs its callbacks."""
        ...

    def report(self, level: bytes, message: str) -> None:
        """Say in the diagnostics how it goes."""
        ...

    def publish_command(self, command: Command, stamp_us: int) -> None:
        """Send a command."""
        ...

    def publish_spikes(self, spikes: Spikes, end_us: int, window: int, delay_us: int) -> None:
        """Send the spikes of a window."""
        ...

    def count_spikes(self, spikes: Spikes) -> None:
        """Add the spikes of a new window to the counters."""
        ...

    @property
    def scalar_signals(self) -> dict[str, float]:
        """What came as a single number on a topic of its own, while it is not old."""
        ...

    def now_us(self) -> int:
        """The node's clock (us)."""
        ...


class DriveMode:
    """What both ways share: decoding, counters, delays."""

    def __init__(self, node: DrivingNode) -> None:
        self.node = node
        self.decoder = PacketDecoder()
        self.intake: EventIntake | None = None
        self.windows = 0
        self.delays_us: deque[int] = deque(maxlen=10_000)

    def values(self) -> dict[str, object]:
        """Counters for the diagnostics."""
        intake = self.intake
        percentiles = np.percentile(self.delays_us, [50, 99]) if self.delays_us else (0, 0)
        return {
            **self.decoder.values(),
            "events_late": intake.late if intake else 0,
            "events_out_of_order": intake.out_of_order if intake else 0,
            "windows": self.windows,
            "delay_p50_us": round(float(percentiles[0])),
            "delay_p99_us": round(float(percentiles[1])),
        }
