"""Driving by itself, in real time."""

from event_camera_msgs.msg import EventPacket
from spikedrive_msgs.msg import Episode as EpisodeMessage
from spikedrive_msgs.msg import Reward

from snn_core.control.free_running import Course, WindowClock
from snn_core.control.signals import Signals
from snn_core.events.intake import EventIntake
from spikedrive_nodes.ros import diagnostics, messages
from spikedrive_nodes.ros.decoding_thread import DecodingThread
from spikedrive_nodes.ros.drive_mode import (
    FINISHED,
    FIRST_COMMAND_PERIOD_US,
    REWARD_AGE_US,
    DriveMode,
    DrivingNode,
    wall_us,
)
from spikedrive_nodes.ros.packet_decoder import Decoded

WARNING_HELD_US = 2_000_000
"""A warning of what is over stands so long, so that the diagnostics of each second show it."""
MAX_WINDOWS_BEHIND = 20
"""More than that behind the stream, windows are skipped: a robot must not act on the past."""


class FreeRunningMode(DriveMode):
    """Windows end by the stream or the wall clock; silence stops the robot."""

    def __init__(self, node: DrivingNode) -> None:
        super().__init__(node)
        controller = node.controller
        self._clock = WindowClock(controller.spec.window_us, round(node.parameters.event_timeout_s * 1e6))
        self._stamp_offset_us = 0
        self._signals: Signals = {}
        self._rewarded_us = 0
        self._placed = False
        self._placed_window = -1
        self._stopped, self._finished = True, False
        self._stop_sent_us = self._warned_us = 0
        self.windows_skipped = self.restarts = 0
        self._decoding = DecodingThread(node, self.decoder, self._take)
        node.report(diagnostics.WARN, "no events yet: the robot stands")

    def values(self) -> dict[str, object]:
        """Counters for the diagnostics."""
        return {**super().values(), "windows_skipped": self.windows_skipped, "restarts": self.restarts}

    def on_packet(self, message: EventPacket) -> None:
        """Let the packet be decoded."""
        self._decoding.submit(message, wall_us())

    def _take(self, packet: Decoded) -> None:
        """Step the windows that a packet ends."""
        controller = self.node.controller
        if self.intake is None or controller.sensor != packet.sensor:
            controller.connect_sensor(*packet.sensor)
            self.intake = EventIntake(*packet.sensor)
        if packet.span_us is None:
            self._clock.observe_empty(packet.arrived_us)
            return
        course = self._clock.observe(packet.arrived_us, packet.span_us[1])
        if course != Course.GOES_ON:
            self._begin(packet.span_us[0], packet.stamp_us, course)
        self.intake.push(packet.events)
        self._step_ended(packet.arrived_us)

    def _begin(self, first_us: int, stamp_us: int, course: Course) -> None:
        """A new sequence of windows begins with the event at ``first_us``."""
        assert self.intake is not None
        self._stamp_offset_us = stamp_us - first_us
        self._clock.begin_us = first_us
        self.intake.restart(first_us)
        back = course == Course.JUMPED_BACK
        keep = back and self.node.parameters.on_restart == "keep"
        self.node.controller.start(first_us, keep=keep)
        self._stopped = False
        if back:
            self.restarts += 1
            state = "kept" if keep else "reset"
            self._warn(f"event time jumped back: the stream began anew, state {state}")
        else:
            self.node.report(diagnostics.OK, "driving")

    def _warn(self, message: str) -> None:
        """Say what has happened, for a while; the robot drives."""
        self._warned_us = wall_us()
        self.node.report(diagnostics.WARN, message)

    def _step_ended(self, due_us: int) -> None:
        stepped = 0
        while self._clock.ended(wall_us()):
            assert self.intake is not None
            assert self._clock.begin_us is not None
            if stepped == MAX_WINDOWS_BEHIND and self.node.parameters.event_timeout_s:
                self._skip()
                continue
            controller = self.node.controller
            events = self.intake.take(self._clock.begin_us + controller.spec.window_us)
            if wall_us() - self._rewarded_us > REWARD_AGE_US:
                self._signals = {}
            signals = {**self.node.scalar_signals, **self._signals} or None
            answer = controller.step(events, signals, placed=self._placed)
            self._placed = False
            self._clock.advance()
            self.node.publish_command(answer.command, answer.end_us + self._stamp_offset_us)
            delay_us = wall_us() - due_us
            self.node.publish_spikes(answer.spikes, answer.end_us, self.windows, delay_us)
            self.node.count_spikes(answer.spikes)
            self.windows += 1
            stepped += 1
            self.delays_us.append(delay_us)

    def _skip(self) -> None:
        """Too far behind to be of use: drop the windows up to now, and say so."""
        assert self.intake is not None
        assert self._clock.begin_us is not None
        skipped_us = self._clock.begin_us
        while self._clock.ended(wall_us()):
            self._clock.advance()
            self.windows_skipped += 1
        self.intake.take(self._clock.begin_us)
        self.node.controller.move_to(self._clock.begin_us)
        self._warn(f"behind the stream: skipped {(self._clock.begin_us - skipped_us) / 1000:g} ms of events")

    def on_reward(self, message: Reward) -> None:
        """The newest reward counts from the next window on, until it is old."""
        self._signals, self._rewarded_us = messages.from_reward(message), wall_us()

    def on_episode(self, message: EpisodeMessage) -> None:
        """Only whether the robot was re-placed, and whether this is the end, matters."""
        self._finished = message.finished
        if message.placed and message.window != self._placed_window:
            self._placed, self._placed_window = True, message.window

    def on_timer(self) -> None:
        """Step windows that the wall clock ends; stop when the stream is silent."""
        self._decoding.hand_over()
        now = wall_us()
        if not self._clock.silent(now):
            self._step_ended(now)
            if self._warned_us and now - self._warned_us > WARNING_HELD_US:
                self._warned_us = 0
                self.node.report(diagnostics.OK, "driving")
            return
        if not self._stopped:
            self._stopped = True
            self._stop_sent_us = self._warned_us = 0
            self.node.controller.limiter.set_last(self.node.controller.limiter.stop)
            if self._finished:
                self.node.report(diagnostics.OK, FINISHED)
            else:
                self.node.report(diagnostics.ERROR, "no events: stopped until they come again")
        if now - self._stop_sent_us > FIRST_COMMAND_PERIOD_US:
            self.node.publish_command(self.node.controller.limiter.stop, self.node.now_us())
            self._stop_sent_us = now

    def stop(self) -> None:
        """One zero velocity."""
        self._decoding.stop()
        self.node.controller.limiter.set_last(self.node.controller.limiter.stop)
        self.node.publish_command(self.node.controller.limiter.stop, self.node.now_us())
