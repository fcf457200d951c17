"""What a drive over DDS looks like from outside: a node that puts the messages of each window together to a row."""

import time
from collections import deque
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from event_camera_msgs.msg import EventPacket
from rclpy.node import Node
from spikedrive_msgs.msg import Episode, Reward, Spikes

from snn_core.control.command import Command
from snn_core.errors import UserError
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from snn_core.learning.drive import KEEP_S, OnWindow, empty_log
from snn_core.tasks.base import Task
from snn_core.tasks.log import WindowRow
from spikedrive_nodes.ros import messages, qos
from spikedrive_nodes.ros.commands import command_format, subscribe_commands
from spikedrive_nodes.ros.packet_decoder import PacketDecoder

_MOST_WAITING = 900
"""Windows; below the depth of the subscriptions, so that a gap is found before it grows."""
_PARTS = {"command", "episode", "reward", "spikes"}
"""What makes up a window."""


class Recorder(Node):
    """Logs a drive in lockstep, window after window, whatever the order in which its messages come."""

    def __init__(self, task: type[Task], window_us: int, on_window: OnWindow | None = None) -> None:
        super().__init__("recorder")
        self.log = empty_log(task, window_us)
        self.finished = False
        self.hears_controller = False
        self.begun_at: float | None = None
        self.ended_at: float | None = None
        """Wall time (s, monotonic) of the first message of a window and of the last window's end."""
        self.delays_us: list[int] = []
        self.diagnostics: dict[str, DiagnosticStatus] = {}
        self._on_window = on_window
        self._decoder = PacketDecoder()
        self._packets: deque[tuple[int, Events]] = deque(maxlen=round(20 * KEEP_S * 1e6 / window_us))
        self._parts: dict[int, dict[str, Any]] = {}
        self._next_end_us = window_us
        self._window_us = window_us
        how = command_format("recorder", task.channels, lockstep=True, twist_stamped=True)
        self._commands = subscribe_commands(self, how, self._on_command, qos.STATE)
        self._subscribe(Episode, "episode", messages.from_episode)
        self._subscribe(Reward, "reward", messages.from_reward)
        self._subscribe(Spikes, "spikes", lambda message: message)
        make_decoder("mono", 1, 1).decode(b"")  # compiles when first called, which must not count as driving
        self.create_subscription(EventPacket, "events", self._on_packet, qos.EVENTS)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)

    def _on_packet(self, message: EventPacket) -> None:
        self.begun_at = self.begun_at or time.monotonic()
        if not self._packets or message.seq > self._packets[-1][0]:
            self._packets.append((message.seq, self._decoder.decode(message)))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.diagnostics[status.name.rsplit("/", 1)[-1]] = status

    def _subscribe(self, kind: type[Any], topic: str, read: Any) -> None:
        def on_message(message: Any) -> None:
            self._on_part(topic, messages.from_stamp(message.header.stamp), read(message))

        self.create_subscription(kind, topic, on_message, qos.STATE)

    def _on_command(self, command: Command, stamp_us: int) -> None:
        self.hears_controller = True
        self._on_part("command", stamp_us, command)

    def _on_part(self, name: str, end_us: int, part: Any) -> None:
        if self.finished:
            return  # the source may drive on while the controller's state is saved
        if end_us < self._next_end_us:
            return  # sent again, or the first command, which is stamped 0
        self.begun_at = self.begun_at or time.monotonic()
        self._parts.setdefault(end_us, {})[name] = part
        while self._parts.get(self._next_end_us, {}).keys() == _PARTS and not self.finished:
            self._add(self._parts.pop(self._next_end_us))
            self._next_end_us += self._window_us
        if len(self._parts) > _MOST_WAITING:
            raise UserError(
                f"recorder: messages of the window that ends at {self._next_end_us} us were lost; run again"
            )

    def _add(self, parts: dict[str, Any]) -> None:
        episode, spikes, command = parts["episode"], parts["spikes"], parts["command"]
        row = WindowRow(
            end_us=episode.end_us,
            goal=episode.goal,
            placed=episode.placed,
            completed=episode.completed,
            failed=episode.failed,
            events=episode.events,
            state=episode.state,
            command=command.values,
            signals=parts["reward"],
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
