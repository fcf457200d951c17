"""Driving in lockstep: time waits for the network."""

from event_camera_msgs.msg import EventPacket
from spikedrive_msgs.msg import Episode as EpisodeMessage
from spikedrive_msgs.msg import Reward

from snn_core.control.controller import Answer
from snn_core.control.lockstep import LockstepInbox
from spikedrive_nodes.ros import diagnostics, messages
from spikedrive_nodes.ros.drive_mode import FINISHED, FIRST_COMMAND_PERIOD_US, DriveMode, DrivingNode, wall_us


class LockstepMode(DriveMode):
    """Steps a window when all of it has come, answers it, and answers it again when asked again."""

    def __init__(self, node: DrivingNode) -> None:
        super().__init__(node)
        self._inbox: LockstepInbox | None = None
        self._waiting: list[EpisodeMessage | Reward] = []
        self._answer: tuple[Answer, int, int] | None = None
        self._first_command = node.controller.start(node.controller.network.time_us)
        self._last_window_us = self._last_sent_us = wall_us()
        self._stopped = self._finished = False
        node.publish_command(self._first_command, 0)

    def on_packet(self, message: EventPacket) -> None:
        """Decode the packet if it is the next one."""
        controller = self.node.controller
        if self._inbox is None or controller.sensor != (message.width, message.height):
            controller.connect_sensor(message.width, message.height)
            self._inbox = LockstepInbox(message.width, message.height)
            self.intake = self._inbox.intake
            for waiting in self._waiting:
                self._put(self._inbox, waiting)
            self._waiting.clear()
        if self._inbox.wants(message.seq):
            self._inbox.add_packet(message.seq, self.decoder.decode(message))
            self._step()

    def on_reward(self, message: Reward) -> None:
        """Take in a reward."""
        self._on_state(message)

    def on_episode(self, message: EpisodeMessage) -> None:
        """Take in an episode."""
        self._on_state(message)

    def _on_state(self, message: EpisodeMessage | Reward) -> None:
        if self._inbox is None:
            # The sensor's size comes with the first packet; until then keep the newest few.
            self._waiting = [*self._waiting, message][-4:]
        elif self._put(self._inbox, message):
            self._send_answer()
        else:
            self._step()

    def _put(self, inbox: LockstepInbox, message: EpisodeMessage | Reward) -> bool:
        """Returns True when the window has been answered already."""
        if isinstance(message, EpisodeMessage):
            streams = inbox.streams
            answered = inbox.add_episode(messages.from_episode(message))
            if inbox.streams != streams:
                self.decoder.reset()
            return answered
        inbox.add_signals(messages.from_stamp(message.header.stamp), messages.from_reward(message))
        return False

    def _step(self) -> None:
        assert self._inbox is not None
        controller = self.node.controller
        arrived_us = wall_us()
        needs = controller.network.learning and not self.node.parameters.reward_topic
        ready = self._inbox.take(needs_signals=needs)
        if ready is None:
            return
        episode = ready.episode
        controller.check_window(episode.end_us - episode.begin_us)
        if ready.joined:
            controller.move_to(episode.begin_us)
        scalars = self.node.scalar_signals if controller.network.learning else {}
        signals = {**scalars, **(ready.signals or {})} or None
        answer = controller.step(ready.events, signals, placed=episode.placed)
        self._last_window_us = wall_us()
        self._answer = answer, episode.window, self._last_window_us - arrived_us
        self._send_answer()
        self.node.count_spikes(answer.spikes)
        self.windows += 1
        self.delays_us.append(self._last_window_us - arrived_us)
        self._stopped, self._finished = False, episode.finished
        self.node.report(diagnostics.OK, "driving in lockstep")

    def _send_answer(self) -> None:
        if self._answer is not None:
            answer, window, delay_us = self._answer
            self.node.publish_command(answer.command, answer.end_us)
            self.node.publish_spikes(answer.spikes, answer.end_us, window, delay_us)

    def on_timer(self) -> None:
        """Ask for the first window; stop after the last one, and when none comes for too long."""
        now = wall_us()
        silent = now - self._last_window_us > self.node.parameters.lockstep_timeout_s * 1e6
        if not self._stopped and (silent or self._finished):
            self._stopped = True
            self._last_sent_us = 0
            if self._finished:
                self.node.report(diagnostics.OK, FINISHED)
            elif self.windows:
                self.node.report(diagnostics.ERROR, "no window from the source: stopped, waiting for one")
            else:
                self.node.report(diagnostics.WARN, "no window from the source yet")
        asking = self._answer is None or self._stopped
        if asking and now - self._last_sent_us > FIRST_COMMAND_PERIOD_US:
            # Stamp 0 is no window's end: a source in mid-run ignores it, one that restarts begins with it.
            stop = self.node.controller.limiter.stop
            self.node.publish_command(self._first_command if self._answer is None else stop, 0)
            self._last_sent_us = now

    def stop(self) -> None:
        """One zero velocity."""
        self.node.publish_command(self.node.controller.limiter.stop, 0)
