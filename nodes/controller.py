"""The node ``controller``: events in, velocity commands out, learning as it drives. A managed lifecycle node.

It drives only while it is active. Whatever ends that (deactivate, shutdown, a signal, a failure) ends with a zero
velocity.
"""

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TypeVar

from event_camera_msgs.msg import EventPacket
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from spikedrive_msgs.msg import Episode, Reward
from spikedrive_msgs.msg import Spikes as SpikesMessage
from spikedrive_msgs.srv import LoadCheckpoint, SaveCheckpoint
from std_msgs.msg import Float64
from std_srvs.srv import SetBool, Trigger

from snn_core.control.checkpoint import controller_from_checkpoint, restore_checkpoint, save_checkpoint
from snn_core.control.command import Command
from snn_core.control.controller import Controller
from snn_core.control.spec import load_controller_spec
from snn_core.control.warm_up import compile_controller
from snn_core.errors import UserError
from snn_core.learning.parameters import ControllerParameters
from snn_core.network.network import Spikes
from snn_core.network.spec import SpikeSource
from spikedrive_nodes.ros import diagnostics, messages, qos
from spikedrive_nodes.ros.commands import CommandPublisher, command_format
from spikedrive_nodes.ros.drive_mode import REWARD_AGE_US, wall_us
from spikedrive_nodes.ros.event_subscription import EventSubscription
from spikedrive_nodes.ros.free_running_mode import FreeRunningMode
from spikedrive_nodes.ros.lockstep_mode import LockstepMode
from spikedrive_nodes.ros.parameters import about, declare_parameters
from spikedrive_nodes.ros.runtime import run_node

TIMER_S = 0.01
Message = TypeVar("Message")
Request = TypeVar("Request")
Response = TypeVar("Response", SaveCheckpoint.Response, LoadCheckpoint.Response, Trigger.Response)


def _guarded(callback: Callable[["ControllerNode", Message], None]) -> Callable[["ControllerNode", Message], None]:
    """A failure of the callback stops the robot and is reported; a bug goes on to end the process."""

    @wraps(callback)
    def guarded(node: "ControllerNode", message: Message) -> None:
        try:
            callback(node, message)
        except UserError as error:
            node.publish_stop()
            node.report(diagnostics.ERROR, str(error))
        except Exception as error:
            node.publish_stop()
            node.report(diagnostics.ERROR, f"internal error, stopped: {error!r}")
            raise

    return guarded


def _answering(
    callback: Callable[["ControllerNode", Request, Response], Response],
) -> Callable[["ControllerNode", Request, Response], Response]:
    """What a service cannot do it says in its answer, in one line, and the drive goes on.

    After a bug, too: a service works on a copy until all is well, so the controller that drives is as it was.
    """

    @wraps(callback)
    def answering(node: "ControllerNode", request: Request, response: Response) -> Response:
        try:
            return callback(node, request, response)
        except UserError as error:
            response.message = str(error)
        except Exception as error:
            node.get_logger().error(traceback.format_exc())
            response.message = f"internal error, nothing has changed: {error!r}"
        return response

    return answering


class ControllerNode(LifecycleNode):
    """Subscribes ``events``, ``reward``, ``episode``; publishes ``cmd_vel`` and ``spikes``."""

    controller: Controller

    def __init__(self) -> None:
        super().__init__("controller")
        self.parameters = declare_parameters(self, ControllerParameters)
        self._lifecycle_state = "unconfigured"
        self._starts = self.parameters.autostart
        self._failure: Exception = UserError("controller: could not be configured")
        self._mode: LockstepMode | FreeRunningMode | None = None
        self._commands = 0
        self._spikes: dict[str, int] = {}
        self._values_of_last_drive: dict[str, object] = {}
        self._command_publisher: CommandPublisher | None = None
        self._scalar: tuple[float, int] | None = None
        self._spikes_publisher = self.create_publisher(SpikesMessage, "spikes", qos.STATE)
        self._diagnostics = diagnostics.Diagnostics(
            self, self._values, {"windows_per_s": "windows", "events_per_s": "events_received"}
        )
        if self.parameters.autostart:
            if self.trigger_configure() != TransitionCallbackReturn.SUCCESS:
                raise self._failure
            self.trigger_activate()
        self._starts = False

    # Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the network (or read the checkpoint), compile, subscribe."""
        try:
            self._configure()
        except Exception as error:  # rclpy would drop it
            self._failure = error
            if not self._starts:  # else the process ends with it
                self.report(diagnostics.ERROR, str(error) if isinstance(error, UserError) else repr(error))
            return TransitionCallbackReturn.FAILURE
        self._lifecycle_state = "inactive"
        self.report(diagnostics.OK, "configured")
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> None:
        self.controller = self._make_controller()
        self._spikes = {
            name: 0
            for name, population in self.controller.spec.populations.items()
            if not isinstance(population, SpikeSource)
        }
        self._advertise()
        compile_controller(self.controller)
        self._event_subscription = EventSubscription(self, self.parameters.events_reliability, self._on_packet)
        self._own_subscriptions = [
            self.create_subscription(Reward, "reward", self._on_reward, qos.STATE),
            self.create_subscription(Episode, "episode", self._on_episode, qos.STATE),
        ]
        if self.parameters.reward_topic:
            topic = self.parameters.reward_topic
            self._own_subscriptions.append(self.create_subscription(Float64, topic, self._on_scalar, qos.STATE))
        self._own_services = [
            self.create_service(SaveCheckpoint, "~/save_checkpoint", self._on_save),
            self.create_service(LoadCheckpoint, "~/load_checkpoint", self._on_load),
            self.create_service(SetBool, "~/freeze", self._on_freeze),
            self.create_service(Trigger, "~/reset", self._on_reset),
        ]
        self._timer = self.create_timer(TIMER_S, self._on_timer)

    def _advertise(self) -> None:
        """Make the publisher of commands, unless there is one of the same kind."""
        parameters = self.parameters
        how = command_format(
            "controller",
            self.controller.channels,
            lockstep=parameters.lockstep,
            twist_stamped=parameters.twist_stamped,
            command_type=parameters.command_type,
        )
        if self._command_publisher is None or self._command_publisher.how != how:
            profile = qos.STATE if parameters.lockstep else qos.COMMAND
            window_us = self.controller.spec.window_us
            self._command_publisher = CommandPublisher(self, how, profile, parameters.base_frame_id, window_us)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to drive."""
        self._lifecycle_state = "active"
        self.report(diagnostics.OK, "active")
        self._mode = LockstepMode(self) if self.parameters.lockstep else FreeRunningMode(self)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the robot."""
        self._end_drive("inactive")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of what ``on_configure`` made."""
        self._event_subscription.destroy()
        for subscription in self._own_subscriptions:
            self.destroy_subscription(subscription)
        for service in self._own_services:
            self.destroy_service(service)
        self.destroy_timer(self._timer)
        self._lifecycle_state = "unconfigured"
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the robot, for good."""
        self._end_drive("finalized")
        return TransitionCallbackReturn.SUCCESS

    def stop(self) -> None:
        """Stop the robot before the process ends, and wait until that has been taken."""
        if self._lifecycle_state == "finalized":
            return
        self._end_drive("finalized")
        if self._command_publisher is not None:
            self._command_publisher.wait_for_all_acked(0.5)

    def _end_drive(self, lifecycle_state: str) -> None:
        if self._mode is not None:
            self._values_of_last_drive = self._mode.values()
            self._mode.stop()
            self._mode = None
        else:
            self.publish_stop()
        self._lifecycle_state = lifecycle_state
        self.report(diagnostics.OK, f"{lifecycle_state}: stopped")

    def _make_controller(self) -> Controller:
        parameters = self.parameters
        checkpoint = Path(parameters.checkpoint)
        with about(self, "network"):
            spec = load_controller_spec(parameters.network) if parameters.network or not parameters.checkpoint else None
        with about(self, "checkpoint"):
            if spec is None:
                controller = controller_from_checkpoint(checkpoint, parameters.limits)
            else:
                controller = Controller(spec, parameters.limits, parameters.seed)
                if parameters.checkpoint:
                    restore_checkpoint(checkpoint, controller)
        controller.network.learning = parameters.learning
        return controller

    def _go_on_with(self, controller: Controller) -> None:
        """Replace the controller; a drive goes on at its time and from its velocity, learning or frozen as it is."""
        old = self.controller
        if old.sensor is not None:
            controller.connect_sensor(*old.sensor)
        if self._mode is not None:
            controller.move_to(old.network.time_us)
            controller.limiter.set_last(old.limiter.last)
        controller.network.learning = old.network.learning
        self.controller = controller

    # What a mode calls

    def report(self, level: bytes, message: str) -> None:
        """Say in the diagnostics how it goes."""
        self._diagnostics.set(level, message)

    def publish_command(self, command: Command, stamp_us: int) -> None:
        """Send a command; the one place where commands are published."""
        assert self._command_publisher is not None, "not configured"
        self._command_publisher.publish(command, stamp_us)
        self._commands += 1

    def publish_stop(self) -> None:
        """Send 0 on every channel, if there is whom to tell: before it is configured, the node has sent nothing."""
        if self._command_publisher is not None:
            self.publish_command(Command.zero(self._command_publisher.how.channels), 0)

    @property
    def scalar_signals(self) -> dict[str, float]:
        """What came last on ``reward_topic``, while it is not old."""
        if self._scalar is None or wall_us() - self._scalar[1] > REWARD_AGE_US:
            return {}
        return {self.parameters.reward_signal: self._scalar[0]}

    def publish_spikes(self, spikes: Spikes, end_us: int, window: int, delay_us: int) -> None:
        """Send the spikes of a window."""
        populations = list(self.controller.spec.populations)
        self._spikes_publisher.publish(messages.to_spikes(spikes, end_us, window, delay_us, populations))

    def count_spikes(self, spikes: Spikes) -> None:
        """Add the spikes of a new window to the counters."""
        for place, name in enumerate(self.controller.spec.populations):
            if name in self._spikes:
                self._spikes[name] += int((spikes.population == place).sum())

    def now_us(self) -> int:
        """The node's clock (us)."""
        return self.get_clock().now().nanoseconds // 1000

    def _values(self) -> dict[str, object]:
        values: dict[str, object] = {"state": self._lifecycle_state, "commands_published": self._commands}
        if self._spikes:
            controller = self.controller
            values |= {
                "learning": controller.network.learning,
                "commands_limited": controller.limiter.limited,
                "commands_not_finite": controller.limiter.not_finite,
                **{f"spikes.{name}": count for name, count in self._spikes.items()},
            }
        return values | (self._mode.values() if self._mode else self._values_of_last_drive)

    # Topics

    @_guarded
    def _on_packet(self, message: EventPacket) -> None:
        if self._mode is not None:
            self._mode.on_packet(message)

    @_guarded
    def _on_reward(self, message: Reward) -> None:
        try:
            signals = messages.from_reward(message)
            if self.controller.network.learning:
                self.controller.check_signals(signals | self.scalar_signals)
        except UserError as error:
            self.report(diagnostics.WARN, f"reward ignored: {error}")
            return
        if self._mode is not None:
            self._mode.on_reward(message)

    @_guarded
    def _on_scalar(self, message: Float64) -> None:
        if messages.is_signal(message.data):
            self._scalar = message.data, wall_us()
        else:
            self.report(diagnostics.WARN, f"reward ignored: expected a finite value, found {message.data}")

    @_guarded
    def _on_episode(self, message: Episode) -> None:
        if self._mode is not None:
            self._mode.on_episode(message)

    def _on_timer(self) -> None:
        self._tick(None)

    @_guarded
    def _tick(self, _: None) -> None:
        if self._mode is not None:
            self._mode.on_timer()

    # Services

    def _state_folder(self) -> Path:
        given = self.parameters.state_folder
        name = self.get_fully_qualified_name().strip("/").replace("/", ".")
        return (Path(given) if given else Path.home() / ".ros" / "spikedrive" / name).resolve()

    def _state_path(self, given: str) -> Path:
        folder = self._state_folder()
        path = (folder / given).resolve()
        if not given or path == folder or not path.is_relative_to(folder):
            raise UserError(f"path {given!r}: expected a file inside the node's state folder {folder}")
        return path

    @_answering
    def _on_save(self, request: SaveCheckpoint.Request, response: SaveCheckpoint.Response) -> SaveCheckpoint.Response:
        path = self._state_path(request.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{error.filename}: {error.strerror}") from error
        save_checkpoint(path, self.controller)
        response.success, response.path = True, str(path)
        return response

    @_answering
    def _on_load(self, request: LoadCheckpoint.Request, response: LoadCheckpoint.Response) -> LoadCheckpoint.Response:
        loaded = self.controller.copy()
        restore_checkpoint(self._state_path(request.path), loaded)
        self._go_on_with(loaded)
        response.success = True
        return response

    def _on_freeze(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.controller.network.learning = not request.data
        response.success, response.message = True, "frozen" if request.data else "learning"
        return response

    @_answering
    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Back to what the node was configured with: initial weights, or the checkpoint."""
        self._go_on_with(self._make_controller())
        response.success, response.message = True, "as configured"
        return response


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node controller``."""
    return run_node(ControllerNode)


if __name__ == "__main__":
    raise SystemExit(main())
