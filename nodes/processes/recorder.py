"""What a drive over DDS looks like from outside: a node that puts the messages of each window together to a row."""

import time
from collections import deque
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from event_camera_msgs.msg import EventPacket
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from spikedrive_msgs.msg import Episode, Spikes

from snn_core.errors import UserError
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from snn_core.learning.drive import KEEP_S, OnWindow
from snn_core.learning.log import DriveLog, WindowRow
from snn_core.sim.robot import yaw_from_quaternion
from snn_core.sim.track import Track
from spikedrive_nodes.ros import messages, qos
from spikedrive_nodes.ros.packet_decoder import PacketDecoder

_MOST_WAITING = 900
"""Windows; below the depth of the subscriptions, so that a gap is found before it grows."""


class Recorder(Node):
    """Logs a drive in lockstep, window after window, whatever the order in which its messages come."""

    def __init__(self, track: Track, window_us: int, on_window: OnWindow | None = None) -> None:
        super().__init__("recorder")
        keep_windows = round(KEEP_S * 1e6 / window_us)
        self.log = DriveLog(track, keep_windows)
        self.finished = False
        self.hears_controller = False
        self.begun_at: float | None = None
        self.ended_at: float | None = None
        """Wall time (s, monotonic) of the first message of a window and of the last window's end."""
        self.delays_us: list[int] = []
        self.diagnostics: dict[str, DiagnosticStatus] = {}
        self._on_window = on_window
        self._decoder = PacketDecoder()
        self._packets: deque[tuple[int, Events]] = deque(maxlen=20 * keep_windows)
        self._parts: dict[int, dict[str, Any]] = {}
        self._next_end_us = window_us
        self._window_us = window_us
        for kind, topic, profile in (
            (Odometry, "odom", qos.STATE),
            (Episode, "episode", qos.STATE),
            (TwistStamped, "cmd_vel", qos.STATE),
            (Spikes, "spikes", qos.STATE),
        ):
            self.create_subscription(kind, topic, lambda message, topic=topic: self._on_part(topic, message), profile)
        # Both compile when first called, which must not count as driving.
        track.locate(*track.pose(0), 0)
        make_decoder("mono", 1, 1).decode(b"")
        self.create_subscription(EventPacket, "events", self._on_packet, qos.EVENTS)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)

    def _on_packet(self, message: EventPacket) -> None:
        self.begun_at = self.begun_at or time.monotonic()
        if not self._packets or message.seq > self._packets[-1][0]:
            self._packets.append((message.seq, self._decoder.decode(message)))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.diagnostics[status.name.rsplit("/", 1)[-1]] = status

    def _on_part(self, topic: str, message: Any) -> None:
        if self.finished:
            return  # the source may drive on while the controller's state is saved
        end_us = messages.from_stamp(message.header.stamp)
        if end_us < self._next_end_us:
            self.hears_controller = self.hears_controller or topic == "cmd_vel"
            return  # sent again, or the first command, which is stamped 0
        self.begun_at = self.begun_at or time.monotonic()
        self._parts.setdefault(end_us, {})[topic] = message
        while len(self._parts.get(self._next_end_us, {})) == 4 and not self.finished:
            self._add(self._parts.pop(self._next_end_us))
            self._next_end_us += self._window_us
        if len(self._parts) > _MOST_WAITING:
            raise UserError(
                f"recorder: messages of the window that ends at {self._next_end_us} us were lost; run again"
            )

    def _add(self, parts: dict[str, Any]) -> None:
        odometry, episode, spikes = parts["odom"], messages.from_episode(parts["episode"]), parts["spikes"]
        command = messages.from_twist(parts["cmd_vel"].twist)
        pose = odometry.pose.pose
        row = WindowRow(
            episode.end_us,
            pose.position.x,
            pose.position.y,
            yaw_from_quaternion(pose.orientation.z, pose.orientation.w),
            episode.lane,
            episode.placed,
            episode.laps,
            episode.resets,
            command.v_m_s,
            command.omega_rad_s,
            episode.events,
        )
        self.delays_us.append(spikes.delay)
        self.log.add(row, messages.from_spikes(spikes), self._take_events(episode.next_event_seq))
        ended = self._on_window is not None and self._on_window(self.log)
        self.finished = self.finished or episode.finished or ended
        self.ended_at = time.monotonic()

    def _take_events(self, next_seq: int) -> Events:
        taken = []
        while self._packets and self._packets[0][0] < next_seq:
            taken.append(self._packets.popleft()[1])
        return Events.concatenate(taken)

    def wall_s(self) -> float:
        """Wall time (s) of the drive so far, without what came before its first window."""
        return (self.ended_at or 0.0) - (self.begun_at or 0.0)

    def delays(self) -> np.ndarray:
        """Wall time (us) from the last message of each window to its command."""
        return np.array(self.delays_us, np.int64)
