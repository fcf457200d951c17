"""The node ``simulator``: a task's scene, body and event camera, in lockstep with the controller or by itself."""

import contextlib
import math
import time
from typing import Any

from event_camera_msgs.msg import EventPacket
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock
from spikedrive_msgs.msg import Episode as EpisodeMessage
from spikedrive_msgs.msg import Reward
from tf2_msgs.msg import TFMessage

from snn_core.control.command import Command
from snn_core.control.lockstep import Episode
from snn_core.errors import UserError
from snn_core.learning.parameters import simulator_parameters
from snn_core.tasks.base import Odometry as TaskOdometry
from snn_core.tasks.base import TaskWindow
from snn_core.tasks.registry import find_task
from spikedrive_nodes.ros import diagnostics, messages, qos
from spikedrive_nodes.ros.commands import command_format, subscribe_commands
from spikedrive_nodes.ros.lockstep_source import LockstepSource, PublishedWindow
from spikedrive_nodes.ros.parameters import about, declare_parameters, overridden
from spikedrive_nodes.ros.runtime import leave_if_ending, run_node

_WAIT_S = 1.0
_WAITS_APART_S = 0.25
_LOOK_S = 0.002
_SILENCE_S = 1.0


class SimulatorNode(Node):
    """Publishes ``events``, ``episode`` and ``/clock``; moves the body by commands.

    Also ``odom`` and ``/tf`` of a body that has odometry, and ``reward`` of a task without a node for it.
    """

    def __init__(self) -> None:
        super().__init__("simulator")
        with about(self, "task_name"):
            task = find_task(overridden(self, "task_name", "lane"))
        self._settings = parameters = declare_parameters(self, simulator_parameters(task))
        self._format = command_format(
            "simulator", task.channels, lockstep=parameters.lockstep, twist_stamped=parameters.twist_stamped
        )
        self._stop = Command.zero(task.channels)
        with about(self, "track" if "track" in type(parameters).model_fields else "task_name"):
            self._task = task(parameters, getattr(parameters, "signals", None), self._on_wait)
        self._waited_at = self._waits_since = 0.0
        self._next_seq = 0
        self._events_published = self._windows = 0
        self._events = self.create_publisher(EventPacket, "events", qos.EVENTS)
        self._odom = self.create_publisher(Odometry, "odom", qos.STATE)
        self._reward = None if task.has_reward_node else self.create_publisher(Reward, "reward", qos.STATE)
        self._episode = self.create_publisher(EpisodeMessage, "episode", qos.STATE)
        self._clock_publisher = self.create_publisher(Clock, "/clock", qos.CLOCK)
        self._tf = self.create_publisher(TFMessage, "/tf", qos.TF)
        self._diagnostics = diagnostics.Diagnostics(
            self, self._values, {"windows_per_s": "windows", "events_per_s": "events_published"}
        )
        self._lockstep: LockstepSource | None = None
        try:
            self._task.start()
            self._begin()
        except BaseException:
            self._task.close()
            raise

    def _begin(self) -> None:
        parameters = self._settings
        if parameters.lockstep:
            self._diagnostics.set(diagnostics.OK, "waiting for an active controller")
            self._lockstep = LockstepSource(
                self, parameters, self._format, self._advance, self._diagnostics, self._has_observers
            )
        else:
            self._run_freely()

    def _values(self) -> dict[str, object]:
        values: dict[str, object] = {
            "windows": self._windows,
            "events_published": self._events_published,
            "packets_published": self._next_seq,
        }
        if self._task.started:
            values |= self._task.counters
        if self._lockstep is not None:
            values |= {"retries": self._lockstep.retries, "commands_ignored": self._lockstep.ignored}
        return values

    def _has_observers(self) -> bool:
        """Whether all that want to see every window are there: controller, reward, and the recorders."""
        recorders = self._settings.observers
        if not recorders:
            return True
        heard = self._events.get_subscription_count() >= 1
        if self._reward is None:
            heard = heard and self._odom.get_subscription_count() >= 1
            return heard and self._episode.get_subscription_count() >= 2 + recorders
        heard = heard and self._reward.get_subscription_count() >= 1 + recorders
        return heard and self._episode.get_subscription_count() >= 1 + recorders

    def _on_wait(self, what: str) -> None:
        """Gazebo is slow, or does not answer: say so, and let the node be ended."""
        leave_if_ending()
        now = time.monotonic()
        if now - self._waited_at > 2 * _WAITS_APART_S:
            self._waits_since = now
        self._waited_at = now
        if now - self._waits_since > _WAIT_S:
            self._diagnostics.set(diagnostics.WARN, what)

    def _run_freely(self) -> None:
        parameters = self._settings
        self._command, self._commanded_at = self._stop, -math.inf
        self._commands = subscribe_commands(self, self._format, self._on_command)
        if self._task.runs_by_itself:
            self._task.run(parameters.real_time_factor)
            self._stands = False
            self._seen_at = time.monotonic()
            self._free_timer = self.create_timer(_LOOK_S, self._on_look)
        else:
            self._free_timer = self.create_timer(
                parameters.window_ms * 1e-3 / parameters.real_time_factor, self._on_timer
            )
        self._diagnostics.set(diagnostics.OK, "running freely")

    def _on_command(self, command: Command, _: int) -> None:
        self._command, self._commanded_at = command, time.monotonic()
        if self._task.runs_by_itself:
            self._stands = False
            self._task.send(self._finite(command))

    def _on_timer(self) -> None:
        """The embedded simulator's next window is due."""
        late = time.monotonic() - self._commanded_at > self._settings.command_timeout_s
        self._report_free(self._advance(self._stop if late else self._command), late)

    def _on_look(self) -> None:
        """Publish what a Gazebo that runs by itself has sent, if it has."""
        now = time.monotonic()
        late = now - self._commanded_at > self._settings.command_timeout_s
        try:
            if late and not self._stands:
                self._stands = True
                self._task.send(self._stop)
            window = self._task.take(0.0)
        except UserError as error:
            self._fail(error)
            raise
        if window is not None:
            self._seen_at = now
            self._report_free(self._published(window), late)
        elif now - self._seen_at > _SILENCE_S:
            self._diagnostics.set(diagnostics.ERROR, "no image from Gazebo: is its world paused, or its camera off?")

    def _report_free(self, window: PublishedWindow, late: bool) -> None:
        for publisher, message in window.messages:
            publisher.publish(message)
        if window.finished:
            self._free_timer.cancel()
            self._diagnostics.set(diagnostics.OK, "finished")
        elif late:
            self._diagnostics.set(diagnostics.WARN, "no command: the robot stands")
        else:
            self._diagnostics.set(diagnostics.OK, "running freely")

    def _fail(self, error: UserError) -> None:
        """The robot stands with its simulator; say why before the node goes."""
        self._diagnostics.set(diagnostics.ERROR, str(error))

    def _advance(self, command: Command) -> PublishedWindow:
        try:
            return self._published(self._task.step(self._finite(command)))
        except UserError as error:
            self._fail(error)
            raise

    def _published(self, window: TaskWindow) -> PublishedWindow:
        """A window as messages."""
        first_seq = self._next_seq
        parameters = self._settings
        packets = messages.encode_window(
            window.events,
            (window.begin_us, window.end_us),
            self._task.sensor,
            first_seq,
            parameters.packet_bytes,
        )
        self._next_seq += len(packets)
        self._windows += 1
        self._events_published += len(window.events)
        episode = Episode(
            window=window.number,
            begin_us=window.begin_us,
            end_us=window.end_us,
            first_event_seq=first_seq,
            next_event_seq=self._next_seq,
            events=len(window.events),
            placed=window.placed,
            finished=window.finished,
            goal=window.goal,
            completed=window.completed,
            failed=window.failed,
            state=window.state,
        )
        stamp = messages.to_stamp(window.end_us)
        published: list[tuple[Publisher, Any]] = [
            (self._events, messages.to_packet(packet, parameters.frame_id)) for packet in packets
        ]
        if window.odometry is not None:
            odometry = self._odometry(window.odometry, window.end_us)
            published += [(self._odom, odometry), (self._tf, self._transform(odometry))]
        published += [(self._episode, messages.to_episode(episode)), (self._clock_publisher, Clock(clock=stamp))]
        if self._reward is not None:
            published.append((self._reward, messages.to_reward(self._task.signals(window), stamp)))
        return PublishedWindow(window.end_us, published, window.finished)

    def _odometry(self, odometry: TaskOdometry, end_us: int) -> Odometry:
        message = Odometry()
        message.header.stamp = messages.to_stamp(end_us)
        message.header.frame_id = self._settings.odom_frame_id
        message.child_frame_id = self._settings.base_frame_id
        pose = message.pose.pose
        pose.position.x, pose.position.y = float(odometry.x_m), float(odometry.y_m)
        pose.orientation.z, pose.orientation.w = map(float, odometry.orientation)
        message.twist.twist.linear.x, message.twist.twist.angular.z = float(odometry.v_m_s), float(odometry.omega_rad_s)
        return message

    @staticmethod
    def _transform(odometry: Odometry) -> TFMessage:
        transform = TransformStamped()
        transform.header = odometry.header
        transform.child_frame_id = odometry.child_frame_id
        position = odometry.pose.pose.position
        translation = transform.transform.translation
        translation.x, translation.y, translation.z = position.x, position.y, position.z
        transform.transform.rotation = odometry.pose.pose.orientation
        return TFMessage(transforms=[transform])

    def _finite(self, command: Command) -> Command:
        return command if command.is_finite else self._stop

    def stop(self) -> None:
        """The robot lives in this node, or in the Gazebo that it has started, and goes with it."""
        if self._task.runs_by_itself and self._lockstep is None:
            with contextlib.suppress(UserError):
                self._task.send(self._stop)  # a Gazebo that it is attached to goes on
        self._task.close()


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node simulator``."""
    return run_node(SimulatorNode)


if __name__ == "__main__":
    raise SystemExit(main())
