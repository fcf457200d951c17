"""A node that follows a replay: what the controller publishes, and when the recording has ended."""

import math
import time

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from spikedrive_msgs.msg import Episode, Spikes

from snn_core.errors import UserError
from snn_core.tasks.digests import DriveDigest
from spikedrive_nodes.ros import messages, qos


class ReplayMonitor(Node):
    """Counts what the controller publishes, and knows when the recording has ended."""

    def __init__(self) -> None:
        super().__init__("monitor")
        self.last_end_us: int | None = None
        self.finished = False
        self.answered_us = 0
        self.begun_at = self.answered_at = 0.0
        self.delays_us: list[int] = []
        self.digest = DriveDigest()
        """Of the spikes of all windows, in their order."""
        self.controller: dict[str, str] = {}
        self.controller_message = ""
        self.create_subscription(Episode, "episode", self._on_episode, qos.STATE)
        self.create_subscription(Spikes, "spikes", self._on_spikes, qos.STATE)
        self.create_subscription(TwistStamped, "cmd_vel", self._on_command, qos.STATE)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.STATE)

    def _on_episode(self, message: Episode) -> None:
        self.begun_at = self.begun_at or time.monotonic()
        self.last_end_us = messages.from_stamp(message.header.stamp)
        self.finished = self.finished or message.finished

    def _on_spikes(self, message: Spikes) -> None:
        end_us = messages.from_stamp(message.header.stamp)
        if end_us > self.answered_us:
            self.answered_us = end_us
            self.answered_at = time.monotonic()
            self.delays_us.append(message.delay)
            self.digest.add(end_us, (), (), messages.from_spikes(message))

    def _on_command(self, message: TwistStamped) -> None:
        if not all(map(math.isfinite, messages.from_twist(message.twist))):
            raise UserError("controller: published a velocity that is not finite")

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith("/controller"):
                self.controller = {value.key: value.value for value in status.values}
                self.controller_message = status.message
