"""The node ``replay``: a recording as a source of events, in event time or as fast as the controller answers."""

import importlib
import time
from pathlib import Path
from typing import Any

from event_camera_msgs.msg import EventPacket
from rclpy.node import Node
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo
from spikedrive_msgs.msg import Episode as EpisodeMessage
from spikedrive_msgs.srv import Seek
from std_srvs.srv import SetBool, Trigger

from snn_core.control.command import VELOCITY, Command
from snn_core.control.lockstep import Episode
from snn_core.errors import UserError
from snn_core.events.camera_info import read_calibration
from snn_core.events.player import PlayedWindow, Player
from snn_core.learning.parameters import ReplayParameters
from spikedrive_nodes.ros import diagnostics, messages, qos
from spikedrive_nodes.ros.commands import command_format
from spikedrive_nodes.ros.lockstep_source import LockstepSource, PublishedWindow
from spikedrive_nodes.ros.parameters import about, declare_parameters
from spikedrive_nodes.ros.runtime import run_node

PACE_S = 0.001


class ReplayNode(Node):
    """Publishes ``events``, ``/clock``, a bag's other topics, and ``episode``, of which only windows and the end mean
    something.
    """

    def __init__(self) -> None:
        super().__init__("replay")
        self._settings = settings = declare_parameters(self, ReplayParameters)
        if not settings.file:
            raise UserError("replay: file: expected the path of a recording; set the parameter file")
        if not settings.lockstep and settings.rate == 0:
            raise UserError("replay: rate: must be above 0 when not in lockstep")
        period_ms = settings.window_ms if settings.lockstep else settings.packet_ms
        with about(self, "file"):
            self._player = Player(
                Path(settings.file), round(period_ms * 1000), settings.topic, settings.loop, settings.other_topics
            )
            if settings.start_s:
                self._player.seek(settings.start_s)
        self.failure: UserError | None = None
        self._number = self._next_seq = self._events_published = self._steps = 0
        self._paused = self._has_begun = self._has_ended = False
        self._began_waiting = time.monotonic()
        self._pace: tuple[float, int] | None = None  # wall time (s) of an event time (us)
        self._events_publisher = self.create_publisher(EventPacket, "events", qos.EVENTS)
        self._episode_publisher = self.create_publisher(EpisodeMessage, "episode", qos.STATE)
        self._clock_publisher = self.create_publisher(Clock, "/clock", qos.CLOCK)
        self._other_publishers = self._make_other_publishers()
        self._publish_camera_info()
        self._diagnostics = diagnostics.Diagnostics(
            self, self._values, {"windows_per_s": "windows", "events_per_s": "events_published"}
        )
        self._own_services = [
            self.create_service(SetBool, "~/pause", self._on_pause),
            self.create_service(Trigger, "~/step", self._on_step),
            self.create_service(Seek, "~/seek", self._on_seek),
            self.create_service(SetBool, "~/loop", self._on_loop),
        ]
        self._wait_timer = self.create_timer(0.1, self._on_wait)
        if settings.lockstep:
            self._diagnostics.set(diagnostics.OK, "waiting for an active controller")
            channels = tuple(filter(None, settings.channels.split(","))) or VELOCITY
            how = command_format("replay", channels, lockstep=True, twist_stamped=True)
            self._source = LockstepSource(
                self, settings, how, self._advance, self._diagnostics, self._may_begin, self._may_go_on
            )
        else:
            self._diagnostics.set(diagnostics.OK, "waiting for a subscriber of events")
            self._pace_timer = self.create_timer(PACE_S, self._on_pace)

    def _make_other_publishers(self) -> dict[str, Publisher]:
        """Of a bag's other topics. A type that is not installed is said once, and left out."""
        publishers = {}
        for topic, (kind, is_latched) in self._player.other_topics.items():
            package, _, name = kind.split("/")
            try:
                message_type = getattr(importlib.import_module(f"{package}.msg"), name)
            except (ImportError, AttributeError):
                self.get_logger().warning(f"{topic}: {kind} is not installed here: not replayed")
                continue
            publishers[topic] = self.create_publisher(message_type, topic, qos.LATCHED if is_latched else qos.STATE)
        return publishers

    def _publish_camera_info(self) -> None:
        """The calibration that a parameter names; late subscribers get it, too."""
        settings, recording = self._settings, self._player.recording
        publisher = self.create_publisher(CameraInfo, "camera_info", qos.CAMERA_INFO)
        if not settings.camera_info_url:
            return
        with about(self, "camera_info_url"):
            calibration = read_calibration(settings.camera_info_url)
            calibration.check_size(settings.camera_info_url, recording.width, recording.height, "the recording")
        message = messages.to_camera_info(calibration, recording.width, recording.height)
        message.header.frame_id = settings.frame_id
        message.header.stamp = messages.to_stamp(self._player.first_us)
        publisher.publish(message)

    def _values(self) -> dict[str, object]:
        recording = self._player.recording
        return {
            "file": self._settings.file,
            "windows": self._number,
            "events_published": self._events_published,
            "packets_published": self._next_seq,
            "dropped_outside": recording.dropped_outside,
            "steps_back": recording.steps_back,
        }

    # Beginning

    def _is_heard(self) -> bool:
        """Whether somebody takes the events, and the observers that want to see every window are there."""
        observers = self._settings.observers
        return self._events_publisher.get_subscription_count() > 0 and (
            not observers or self._episode_publisher.get_subscription_count() >= 1 + observers
        )

    def _may_begin(self) -> bool:
        return self._may_go_on() and self._is_heard()

    def _on_wait(self) -> None:
        """End when nobody wants the events: what was published now would be lost."""
        limit_s = self._settings.subscriber_timeout_s
        if self._has_begun or self._is_heard():
            self._began_waiting = time.monotonic()
        elif limit_s and time.monotonic() - self._began_waiting > limit_s:
            self.failure = UserError(
                f"replay: no subscriber of {self._events_publisher.topic_name} within {limit_s:g} s "
                "(subscriber_timeout_s); start it first, or set subscriber_timeout_s to 0 to wait for ever"
            )

    # Services

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._paused, self._steps = request.data, 0
        self._pace = None
        self._say_state()
        response.success, response.message = True, "paused" if request.data else "goes on"
        return response

    def _on_step(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """One window more (in lockstep), or one packet's time."""
        if not self._paused or self._has_ended:
            response.message = "has ended" if self._has_ended else "not paused: call pause first"
            return response
        self._steps += 1
        response.success, response.message = True, f"{self._steps} to go"
        return response

    def _on_seek(self, request: Seek.Request, response: Seek.Response) -> Seek.Response:
        try:
            if not request.time >= 0:
                raise UserError(f"time: expected 0 or more (s after the first event), found {request.time:g}")
            if self._has_ended:
                raise UserError("has ended; set loop, or start it again")
            self._player.seek(request.time)
        except UserError as error:
            response.message = str(error)
            return response
        self._pace = None
        response.success, response.message = True, f"goes on at {request.time:g} s"
        return response

    def _on_loop(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._player.loop = request.data
        response.success, response.message = True, "loops" if request.data else "ends after the last event"
        return response

    # Going on

    def _may_go_on(self) -> bool:
        return not self._paused or self._steps > 0

    def _say_state(self) -> None:
        if self._has_begun:
            how = "in lockstep" if self._settings.lockstep else f"at rate {self._settings.rate:g}"
            self._diagnostics.set(diagnostics.OK, "paused" if self._paused else f"replaying {how}")

    def _on_pace(self) -> None:
        """Publish what event time has reached."""
        if not self._has_begun:
            if not self._is_heard():
                return
            self._has_begun = True
            self._say_state()
        while self._steps and self._player.next_end_us is not None:
            self._publish_next()
        if self._paused:
            return
        while (end_us := self._player.next_end_us) is not None and end_us <= self._event_time_us():
            self._publish_next()

    def _event_time_us(self) -> float:
        """Where event time is now; after a pause and wherever it jumps, at the beginning of the next window."""
        begin_us = self._player.next_begin_us
        assert begin_us is not None
        if self._pace is None:
            self._pace = time.monotonic(), begin_us
        wall_s, since_us = self._pace
        return since_us + (time.monotonic() - wall_s) * 1e6 * self._settings.rate

    def _publish_next(self) -> None:
        published = self._advance()
        for publisher, message in published.messages:
            publisher.publish(message)
        if self._player.next_begin_us != published.end_us:
            self._pace = None  # the end, or restarted
        if published.finished:
            self._pace_timer.cancel()
            self._diagnostics.set(diagnostics.OK, "finished")

    def _advance(self, _: Command | None = None) -> PublishedWindow:
        """The next window of the recording as messages; the command it is answered with moves nothing."""
        self._has_begun = True
        self._steps = max(self._steps - 1, 0)
        window = next(self._player)
        self._has_ended = window.is_last
        published = [*self._event_messages(window), *self._other_messages(window)]
        published.append((self._clock_publisher, Clock(clock=messages.to_stamp(window.end_us))))
        return PublishedWindow(window.end_us, published, window.is_last)

    def _event_messages(self, window: PlayedWindow) -> list[tuple[Publisher, Any]]:
        settings, recording = self._settings, self._player.recording
        first_seq = self._next_seq
        packets = messages.encode_window(
            window.events,
            (window.begin_us, window.end_us),
            (recording.width, recording.height),
            first_seq,
            settings.packet_bytes,
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
            finished=window.is_last,
        )
        self._number += 1
        published: list[tuple[Publisher, Any]] = [
            (self._events_publisher, messages.to_packet(packet, settings.frame_id)) for packet in packets
        ]
        return [*published, (self._episode_publisher, messages.to_episode(episode))]

    def _other_messages(self, window: PlayedWindow) -> list[tuple[Publisher, Any]]:
        """As bytes, as they were recorded."""
        publishers = self._other_publishers
        return [(publishers[other.topic], other.data) for other in window.messages if other.topic in publishers]

    def stop(self) -> None:
        """Nothing moves by this node."""
        self._player.close()


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node replay``."""
    return run_node(ReplayNode)


if __name__ == "__main__":
    raise SystemExit(main())
