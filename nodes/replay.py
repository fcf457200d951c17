"""The node ``replay``: a recording as a source of events, in event time or as fast as the controller answers."""

import time
from collections.abc import Iterator
from pathlib import Path

from event_camera_msgs.msg import EventPacket
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from spikedrive_msgs.msg import Episode as EpisodeMessage

from snn_core.control.lockstep import Episode
from snn_core.control.safety import Velocity
from snn_core.errors import UserError
from snn_core.events.recordings import Recording, open_recording
from snn_core.events.windows import EventWindow, windows
from snn_core.learning.parameters import ReplayParameters

from . import diagnostics, messages, qos
from .parameters import about, declare_parameters
from .runtime import run_node
from .source import LockstepSource, PublishedWindow


class ReplayNode(Node):
    """Publishes ``events`` and ``/clock``, and ``episode``, of which only windows and the end mean something."""

    def __init__(self) -> None:
        super().__init__("replay")
        self._settings = settings = declare_parameters(self, ReplayParameters)
        if not settings.file:
            raise UserError("replay: file: expected the path of a recording; set the parameter file")
        if not settings.lockstep and settings.rate == 0:
            raise UserError("replay: rate: must be above 0 when not in lockstep")
        with about(self, "file"):
            self._recording: Recording = open_recording(Path(settings.file))
        period_ms = settings.window_ms if settings.lockstep else settings.packet_ms
        self._windows: Iterator[EventWindow] = windows(self._recording, round(period_ms * 1000))
        self._next: EventWindow | None = next(self._windows, None)
        self._number = self._next_seq = self._events_published = 0
        self._events_publisher = self.create_publisher(EventPacket, "events", qos.EVENTS)
        self._episode_publisher = self.create_publisher(EpisodeMessage, "episode", qos.STATE)
        self._clock_publisher = self.create_publisher(Clock, "/clock", qos.CLOCK)
        self._diagnostics = diagnostics.Diagnostics(
            self, self._values, {"windows_per_s": "windows", "events_per_s": "events_published"}
        )
        if self._next is None:
            raise UserError(f"{settings.file}: holds no events, nothing to replay")
        if settings.lockstep:
            self._diagnostics.set(diagnostics.OK, "waiting for an active controller")
            self._source = LockstepSource(self, settings, self._advance, self._diagnostics, self._is_heard)
        else:
            self._diagnostics.set(diagnostics.OK, "waiting for a subscriber of events")
            self._begun: tuple[float, int] | None = None
            self._pace_timer = self.create_timer(0.001, self._on_timer)

    def _values(self) -> dict[str, object]:
        return {
            "file": self._settings.file,
            "windows": self._number,
            "events_published": self._events_published,
            "packets_published": self._next_seq,
        }

    def _is_heard(self) -> bool:
        """Whether somebody takes the events, and the onlookers that want to see every window are there."""
        onlookers = self._settings.onlookers
        return self._events_publisher.get_subscription_count() > 0 and (
            not onlookers or self._episode_publisher.get_subscription_count() >= 1 + onlookers
        )

    def _on_timer(self) -> None:
        """Publish what event time has reached."""
        if self._begun is None:
            if not self._is_heard():
                return
            assert self._next is not None
            self._begun = time.monotonic(), self._next.begin_us
            self._diagnostics.set(diagnostics.OK, f"replaying at rate {self._settings.rate:g}")
        wall_s, first_us = self._begun
        now_us = first_us + (time.monotonic() - wall_s) * 1e6 * self._settings.rate
        while self._next is not None and self._next.end_us <= now_us:
            for publisher, message in self._advance().messages:
                publisher.publish(message)
        if self._next is None:
            self._pace_timer.cancel()
            self._diagnostics.set(diagnostics.OK, "finished")

    def _advance(self, _: Velocity | None = None) -> PublishedWindow:
        """The next window of the recording as messages; the command it is answered with moves nothing."""
        window = self._next
        assert window is not None
        self._next = next(self._windows, None)
        finished = self._next is None
        first_seq = self._next_seq
        sensor = (self._recording.width, self._recording.height)
        packets = messages.encode_window(
            window.events, (window.begin_us, window.end_us), sensor, first_seq, self._settings.packet_bytes
        )
        self._next_seq += len(packets)
        self._events_published += len(window.events)
        episode = Episode(
            window=self._number,
            begin_us=window.begin_us,
            end_us=window.end_us,
            first_event_seq=first_seq,
            next_event_seq=self._next_seq,
            events=len(window.events),
            placed=False,
            lane=0,
            laps=0,
            resets=0,
            finished=finished,
        )
        self._number += 1
        published = [
            (self._events_publisher, messages.to_packet(packet, self._settings.frame_id)) for packet in packets
        ]
        published += [
            (self._episode_publisher, messages.to_episode(episode)),
            (self._clock_publisher, Clock(clock=messages.to_stamp(window.end_us))),
        ]
        return PublishedWindow(window.end_us, published, finished)

    def stop(self) -> None:
        """Nothing moves by this node."""
        self._recording.close()


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node replay``."""
    return run_node(ReplayNode)


if __name__ == "__main__":
    raise SystemExit(main())
