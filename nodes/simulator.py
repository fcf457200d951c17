"""The node ``simulator``: track, robot and event camera in one process, in lockstep with the controller or by
itself.
"""

import contextlib
import math
import time

from event_camera_msgs.msg import EventPacket
from geometry_msgs.msg import TransformStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from spikedrive_msgs.msg import Episode as EpisodeMessage
from tf2_msgs.msg import TFMessage

from snn_core.control.lockstep import Episode
from snn_core.control.safety import STOP, Velocity
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.learning.parameters import SimulatorParameters
from snn_core.tasks.lane.simulator import LaneSimulator, LaneWindow
from spikedrive_nodes.ros import diagnostics, messages, qos
from spikedrive_nodes.ros.lockstep_source import LockstepSource, PublishedWindow
from spikedrive_nodes.ros.parameters import about, declare_parameters
from spikedrive_nodes.ros.runtime import leave_if_ending, run_node

_WAIT_S = 1.0
_WAITS_APART_S = 0.25
_LOOK_S = 0.002
_SILENCE_S = 1.0


class SimulatorNode(Node):
    """Publishes ``events``, ``odom``, ``episode``, ``/clock`` and ``/tf``; drives by ``cmd_vel``."""

    def __init__(self) -> None:
        super().__init__("simulator")
        self._settings = parameters = declare_parameters(self, SimulatorParameters)
        if parameters.lockstep and not parameters.twist_stamped:
            raise UserError("simulator: twist_stamped: must be true in lockstep, which knows commands by their stamps")
        with about(self, "track"):
            self._simulator = LaneSimulator(parameters, self._on_wait)
        self._waited_at = self._waits_since = 0.0
        self._next_seq = 0
        self._events_published = self._windows = 0
        self._events = self.create_publisher(EventPacket, "events", qos.EVENTS)
        self._odom = self.create_publisher(Odometry, "odom", qos.STATE)
        self._episode = self.create_publisher(EpisodeMessage, "episode", qos.STATE)
        self._clock_publisher = self.create_publisher(Clock, "/clock", qos.CLOCK)
        self._tf = self.create_publisher(TFMessage, "/tf", qos.TF)
        self._diagnostics = diagnostics.Diagnostics(
            self, self._values, {"windows_per_s": "windows", "events_per_s": "events_published"}
        )
        self._lockstep: LockstepSource | None = None
        try:
            self._simulator.start()
            self._begin()
        except BaseException:
            self._simulator.close()
            raise

    def _begin(self) -> None:
        parameters = self._settings
        if parameters.lockstep:
            self._diagnostics.set(diagnostics.OK, "waiting for an active controller")
            self._lockstep = LockstepSource(self, parameters, self._advance, self._diagnostics, self._has_onlookers)
        else:
            self._run_freely()

    def _values(self) -> dict[str, object]:
        values: dict[str, object] = {
            "windows": self._windows,
            "events_published": self._events_published,
            "packets_published": self._next_seq,
        }
        if self._simulator.started:
            values |= self._simulator.counters
        if self._lockstep is not None:
            values |= {"retries": self._lockstep.retries, "commands_ignored": self._lockstep.ignored}
        return values

    def _has_onlookers(self) -> bool:
        """Whether all that want to see every window are there: controller, reward, and the onlookers of their state."""
        onlookers = self._settings.onlookers
        return not onlookers or (
            self._events.get_subscription_count() >= 1
            and self._odom.get_subscription_count() >= 1 + onlookers
            and self._episode.get_subscription_count() >= 2 + onlookers
        )

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
        self._command, self._commanded_at = STOP, -math.inf
        kind = TwistStamped if parameters.twist_stamped else Twist
        self.create_subscription(kind, "cmd_vel", self._on_command, qos.COMMAND)
        if self._simulator.runs_by_itself:
            self._simulator.run(parameters.real_time_factor)
            self._stands = False
            self._seen_at = time.monotonic()
            self._free_timer = self.create_timer(_LOOK_S, self._on_look)
        else:
            self._free_timer = self.create_timer(
                parameters.window_ms * 1e-3 / parameters.real_time_factor, self._on_timer
            )
        self._diagnostics.set(diagnostics.OK, "running freely")

    def _on_command(self, message: TwistStamped | Twist) -> None:
        command = messages.from_twist(message.twist if isinstance(message, TwistStamped) else message)
        self._command, self._commanded_at = command, time.monotonic()
        if self._simulator.runs_by_itself:
            self._stands = False
            self._simulator.send(*_finite(command))

    def _on_timer(self) -> None:
        """The embedded simulator's next window is due."""
        late = time.monotonic() - self._commanded_at > self._settings.command_timeout_s
        self._report_free(self._advance(STOP if late else self._command), late)

    def _on_look(self) -> None:
        """Publish what a Gazebo that runs by itself has sent, if it has."""
        now = time.monotonic()
        late = now - self._commanded_at > self._settings.command_timeout_s
        try:
            if late and not self._stands:
                self._stands = True
                self._simulator.send(*STOP)
            window = self._simulator.take(0.0)
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

    def _advance(self, command: Velocity) -> PublishedWindow:
        try:
            return self._published(self._simulator.step(*_finite(command)))
        except UserError as error:
            self._fail(error)
            raise

    def _published(self, window: LaneWindow) -> PublishedWindow:
        """A window as messages."""
        first_seq = self._next_seq
        parameters = self._settings
        packets = messages.encode_window(
            Events(window.t, window.x, window.y, window.polarity),
            (window.begin_us, window.end_us),
            (parameters.camera.width, parameters.camera.height),
            first_seq,
            parameters.packet_bytes,
        )
        self._next_seq += len(packets)
        self._windows += 1
        self._events_published += window.t.size
        episode = Episode(
            window=window.number,
            begin_us=window.begin_us,
            end_us=window.end_us,
            first_event_seq=first_seq,
            next_event_seq=self._next_seq,
            events=window.t.size,
            placed=window.placed,
            lane=window.lane,
            laps=window.laps,
            resets=window.resets,
            finished=window.finished,
        )
        odometry = self._odometry(window)
        published = [(self._events, messages.to_packet(packet, parameters.frame_id)) for packet in packets]
        published += [
            (self._odom, odometry),
            (self._episode, messages.to_episode(episode)),
            (self._clock_publisher, Clock(clock=messages.to_stamp(window.end_us))),
            (self._tf, self._transform(odometry)),
        ]
        return PublishedWindow(window.end_us, published, window.finished)

    def _odometry(self, window: LaneWindow) -> Odometry:
        message = Odometry()
        message.header.stamp = messages.to_stamp(window.end_us)
        message.header.frame_id = self._settings.odom_frame_id
        message.child_frame_id = self._settings.base_frame_id
        pose = message.pose.pose
        pose.position.x, pose.position.y = float(window.pose.x), float(window.pose.y)
        pose.orientation.z, pose.orientation.w = map(float, window.orientation)
        message.twist.twist.linear.x, message.twist.twist.angular.z = float(window.v), float(window.omega)
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

    def stop(self) -> None:
        """The robot lives in this node, or in the Gazebo that it has started, and goes with it."""
        if self._simulator.runs_by_itself and self._lockstep is None:
            with contextlib.suppress(UserError):
                self._simulator.send(*STOP)  # a Gazebo that it is attached to goes on
        self._simulator.close()


def _finite(command: Velocity) -> Velocity:
    return command if all(map(math.isfinite, command)) else STOP


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node simulator``."""
    return run_node(SimulatorNode)


if __name__ == "__main__":
    raise SystemExit(main())
