"""Robots for the tests: groups of real node processes in a domain of their own, and an observer that hears them."""

import array
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from event_camera_msgs.msg import EventPacket
from geometry_msgs.msg import TwistStamped
from lifecycle_msgs.srv import ChangeState
from nav_msgs.msg import Odometry
from rclpy.client import Client
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import QoSProfile
from spikedrive_msgs.msg import Episode, Spikes

from snn_core.control.command import STOP
from snn_core.control.command import Command as Velocity
from snn_core.events.codecs.packets import split_packets
from snn_core.events.events import Events
from spikedrive_nodes.processes.node_processes import NodeProcesses, free_domain_id
from spikedrive_nodes.processes.over_dds import ACQUAINTED_S
from spikedrive_nodes.ros import messages, qos
from spikedrive_nodes.ros.runtime import Executor
from tests.events.streams import random_events

PATIENCE_S = 180.0
"""Bounds how long a failing test waits; a passing one does not wait for it. Nodes have taken a minute to start."""
FREE_RUNNING_CONTROLLER = {"network": "any_camera", "lockstep": False, "learning": False}


class Command(NamedTuple):
    """A velocity command as it came."""

    at: float
    """s, monotonic."""
    stamp_us: int
    velocity: Velocity

    @property
    def stops(self) -> bool:
        return self.velocity == STOP


class Robot:
    """What is heard of the robot in one namespace."""

    def __init__(self, node: Node, namespace: str = "") -> None:
        self.namespace = namespace
        self.commands: list[Command] = []
        self.speeds: list[tuple[float, float]] = []
        """(s monotonic, m/s), from odometry."""
        self.episodes: list[Episode] = []
        self.spikes: list[Spikes] = []
        self.status: dict[str, DiagnosticStatus] = {}
        prefix = f"{namespace}/" if namespace else ""

        def hear(kind: type, topic: str, callback: Callable[[Any], None]) -> None:
            node.create_subscription(kind, topic, callback, qos.STATE)

        hear(TwistStamped, f"{prefix}cmd_vel", self._on_command)
        hear(Odometry, f"{prefix}odom", self._on_odometry)
        hear(Episode, f"{prefix}episode", self.episodes.append)
        hear(Spikes, f"{prefix}spikes", self.spikes.append)
        hear(DiagnosticArray, "/diagnostics", self._on_diagnostics)

    def _on_command(self, message: TwistStamped) -> None:
        stamp_us = messages.from_stamp(message.header.stamp)
        self.commands.append(Command(time.monotonic(), stamp_us, messages.from_twist(message.twist)))

    def _on_odometry(self, message: Odometry) -> None:
        self.speeds.append((time.monotonic(), message.twist.twist.linear.x))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            namespace, name = status.name.rsplit("/", 1)
            if namespace.strip("/") == self.namespace:
                self.status[name] = status

    def forget(self) -> None:
        """Forget all that was heard so far."""
        for heard in (self.commands, self.speeds, self.episodes, self.spikes, self.status):
            heard.clear()

    def values(self, node: str) -> dict[str, str]:
        """The values of a node's diagnostics."""
        return {value.key: value.value for value in self.status[node].values} if node in self.status else {}

    def level(self, node: str) -> bytes | None:
        """The level of a node's diagnostics."""
        return self.status[node].level if node in self.status else None

    def windows(self) -> list[int]:
        """The windows that were published, each once, sorted."""
        return sorted({episode.window for episode in self.episodes})

    def has_gap(self) -> bool:
        """Whether a window is missing between the first and the last that was heard."""
        windows = self.windows()
        return windows != list(range(windows[0], windows[-1] + 1))

    def answers(self, end_us: int) -> set[Velocity]:
        """The velocities of all commands stamped so."""
        return {command.velocity for command in self.commands if command.stamp_us == end_us}

    def drives(self) -> bool:
        """Whether command and odometry say that the robot moves now."""
        return bool(self.commands and self.speeds) and not self.commands[-1].stops and self.speeds[-1][1] > 0.1

    def stop_since(self, moment: float) -> Command | None:
        """The first zero velocity that came after a moment (s, monotonic)."""
        return next((command for command in self.commands if command.at >= moment and command.stops), None)


class Observer:
    """A node in a context of its own, spun while a test waits."""

    def __init__(self, domain: int) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = Node("observer", context=self._context)
        self._executor = Executor(context=self._context)
        self._executor.add_node(self.node)
        self._clients: dict[str, Client] = {}

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def spin(self, seconds: float) -> None:
        """Listen for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)

    def wait(self, done: Callable[[], object], what: str, *robots: Robot) -> None:
        """Listen until ``done()``; a test that waits in vain fails and says what the robots said last."""
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            self._executor.spin_once(timeout_sec=0.02)
            if time.monotonic() > deadline:
                said = [f"{name}: {status.message}" for robot in robots for name, status in robot.status.items()]
                raise AssertionError(f"{what}: not within {PATIENCE_S:g} s; {said}")

    def call(self, kind: type, service: str, request: Any) -> Any:
        """Call a service and return its answer."""
        client = self._clients.get(service)
        if client is None or not client.service_is_ready():
            client = self._clients[service] = client or self.node.create_client(kind, service)
            self.wait(client.service_is_ready, f"service {service}")
            self.spin(ACQUAINTED_S)
        future = client.call_async(request)
        self.wait(future.done, f"answer of {service}")
        return future.result()

    def change_state(self, transition: int) -> bool:
        """Take the controller through a transition (lifecycle_msgs/Transition)."""
        request = ChangeState.Request()
        request.transition.id = transition
        return self.call(ChangeState, "controller/change_state", request).success


class Group:
    """Node processes, known by what they are; one that was ended can be started again."""

    def __init__(self, processes: NodeProcesses, log_folder: Path) -> None:
        self._processes = processes
        self._log_folder = log_folder
        self._names: dict[str, str] = {}
        self._started = 0

    def start(self, node: str, namespace: str = "", remaps: Mapping[str, str] | None = None, **parameters: Any) -> None:
        """Start a node; a parameter with a dot in its name is written with two underscores."""
        arguments = [] if not namespace else ["-r", f"__ns:=/{namespace}"]
        for topic, other in (remaps or {}).items():
            arguments += ["-r", f"{topic}:={other}"]
        for key, value in parameters.items():
            arguments += ["-p", f"{key.replace('__', '.')}:={json.dumps(value)}"]
        self._started += 1
        key = f"{namespace}/{node}" if namespace else node
        self._names[key] = f"{self._started}-{key.replace('/', '-')}"
        self._processes.start(node, arguments, self._names[key])

    def start_watched_simulator(self, **parameters: Any) -> None:
        """Start a simulator in lockstep that begins once controller, reward node and observer hear it."""
        self.start("simulator", observers=1, **parameters)

    def send(self, number: signal.Signals, key: str) -> float:
        """Send a signal to a node; returns the moment (s, monotonic) just before."""
        moment = time.monotonic()
        os.kill(self.pid(key), number)
        return moment

    def pid(self, key: str) -> int:
        """Process id of a node."""
        return self._processes.pid(self._names[key])

    def exit_code(self, key: str) -> int | None:
        """Exit code of a node that has ended."""
        return self._processes.ended().get(self._names[key])

    def log(self, key: str) -> str:
        """What a node has printed."""
        return (self._log_folder / f"{self._names[key]}.log").read_text(encoding="utf-8")

    @contextmanager
    def paused(self, key: str) -> Iterator[None]:
        """A node's process is stopped, and goes on afterwards."""
        self.send(signal.SIGSTOP, key)
        try:
            yield
        finally:
            self.send(signal.SIGCONT, key)


@contextmanager
def own_domain(log_folder: Path) -> Iterator[tuple[Observer, Group]]:
    """An observer, and a group to start nodes in, in a free domain; all processes are ended afterwards."""
    domain = free_domain_id()
    observer = Observer(domain)
    try:
        with NodeProcesses(domain, log_folder) as processes:
            yield observer, Group(processes, log_folder)
    finally:
        observer.close()


class LockstepRobot(NamedTuple):
    """A robot of three processes in lockstep, and who observes it."""

    observer: Observer
    group: Group
    robot: Robot

    def go_on(self, windows: int = 20) -> None:
        """Wait for some more windows, and for the answer to the last of them."""
        robot = self.robot
        self.observer.wait(lambda: robot.episodes, "a window", robot)
        wanted = robot.episodes[-1].window + windows
        self.observer.wait(lambda: robot.episodes[-1].window >= wanted, f"window {wanted}", robot)
        end_us = messages.from_stamp(robot.episodes[-1].header.stamp)
        self.observer.wait(
            lambda: robot.commands and robot.commands[-1].stamp_us >= end_us, f"the command of {end_us} us", robot
        )


@contextmanager
def lockstep_robot(folder: Path, **controller_parameters: Any) -> Iterator[LockstepRobot]:
    """A robot that drives in lockstep."""
    with own_domain(folder) as (observer, group):
        robot = LockstepRobot(observer, group, Robot(observer.node))
        group.start("controller", **controller_parameters)
        group.start("reward")
        group.start_watched_simulator()
        robot.go_on()
        yield robot


class Camera:
    """An event camera: publishes random events as packets, numbered on, in event time that goes on with them."""

    WIDTH, HEIGHT = 320, 240
    PERIOD_S = 0.01

    def __init__(self, node: Node, profile: QoSProfile = qos.EVENTS, seed: int = 0) -> None:
        self._node = node
        self._publisher = node.create_publisher(EventPacket, "events", profile)
        self._rng = np.random.default_rng(seed)
        self._timer = node.create_timer(self.PERIOD_S, self.publish, autostart=False)
        self.next_seq = 0
        self.next_us = 1_000_000
        self.sent = 0
        self.last_at = 0.0

    def is_heard(self) -> bool:
        return self._publisher.get_subscription_count() > 0

    def run(self) -> None:
        """Publish a packet every 10 ms while the observer spins."""
        self._timer.reset()

    def stop(self) -> None:
        """Publish no more."""
        self._timer.cancel()

    def events(self, n: int = 100) -> Events:
        """The next n events."""
        events = random_events(self._rng, n, self.WIDTH, self.HEIGHT, self.next_us, 1e6 * self.PERIOD_S / n)
        self.next_us = int(events.t[-1])
        return events

    def publish(self) -> None:
        """Publish a packet of `mono`."""
        events = self.events()
        (packet,) = split_packets(events, self.WIDTH, self.HEIGHT, self.next_seq, max_duration_us=1_000_000)
        self._send(messages.to_packet(packet, "camera"), len(events))

    def publish_evt3(self, data: bytes, events: int) -> None:
        """Publish a packet of `evt3` that holds so many events."""
        message = EventPacket(width=self.WIDTH, height=self.HEIGHT, seq=self.next_seq, encoding="evt3")
        message.events = array.array("B", data)
        self._send(message, events)

    def _send(self, message: EventPacket, events: int) -> None:
        self._publisher.publish(message)
        self.next_seq += 1
        self.sent += events
        self.last_at = time.monotonic()
