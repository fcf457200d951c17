"""A robot is one file: a pan-tilt head of this test's own learns, by a controller node, to look at a bright spot.

The test is camera, body and teacher: it publishes event packets and the errors of both axes, hears commands, and moves.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from event_camera_msgs.msg import EventPacket
from rclpy.node import Node
from spikedrive_msgs.msg import Reward
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool

from snn_core.events.codecs.packets import split_packets
from snn_core.events.events import Events
from spikedrive_nodes.ros import messages, qos
from tests.nodes.robots import Observer, Robot, own_domain

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

SIDE = 32
"""px"""
VIEW_RAD = 0.4
"""From the middle of the view to its edge; a spot further out is seen at the edge."""
FURTHEST_RAD = 1.0
TICK_S, PERIOD_S = 0.01, 8.0
LESSON_S, MOST_LESSONS = 8.0, 6
EVENTS_PER_S = 1000
FASTEST_RAD_S = {"pan_rad_s": 0.45, "tilt_rad_s": 0.4}
NETWORK = """\
name: pan_tilt
populations:
  eye: {model: spike_source, size: 16}
  right: &motor
    model: lif
    size: 1
    parameters: {tau_membrane_ms: 20.0, tau_synapse_ms: 5.0, resistance_mohm: 10.0, rest_mv: -65.0, reset_mv: -65.0,
                 threshold_mv: -50.0, refractory_ms: 2.0}
  left: *motor
  up: *motor
  down: *motor
connections:
  - &learns
    pre: eye
    post: right
    weights: {distribution: uniform, low_na: 2.0, high_na: 4.0}
    rule: {name: r_stdp, signal: error, learning_rate_per_ms: 1.0e-3, w_max_na: 6.0, a_minus: 0.1,
           tau_eligibility_ms: 100.0}
  - {<<: *learns, post: left}
  - {<<: *learns, post: up}
  - {<<: *learns, post: down}
encoder:
  code: event_driven
  population: eye
  events_per_spike: 4
  pooling: {sensor: [32, 32], rows: 4, columns: 4}
decoder:
  code: push_pull
  command:
    pan_rad_s: {raises: right, lowers: left, low: -0.45, high: 0.45, full_rate_hz: 100.0, tau_ms: 50.0}
    tilt_rad_s: {raises: up, lowers: down, low: -0.4, high: 0.4, full_rate_hz: 100.0, tau_ms: 50.0}
"""


class Moment(NamedTuple):
    """The head at a tick; angles in rad, positive right and up."""

    t_us: int
    error_rad: tuple[float, float]
    """Pan and tilt from the middle of the view to the spot."""
    command: tuple[float, ...]


class Head:
    """Moves by the commands that it hears while the observer spins, and tells what it sees."""

    def __init__(self, node: Node) -> None:
        self._events = node.create_publisher(EventPacket, "events", qos.EVENTS)
        self._errors = node.create_publisher(Reward, "reward", qos.STATE)
        node.create_subscription(Float64MultiArray, "commands", self._on_command, qos.COMMAND)
        self._clock = node.get_clock()
        self._timer = node.create_timer(TICK_S, self._tick, autostart=False)
        self._angles = np.zeros(2)
        self._since_us = 0
        self._seq = 0
        self.commands: list[Float64MultiArray] = []
        self.moments: list[Moment] = []

    def _now_us(self) -> int:
        return self._clock.now().nanoseconds // 1000

    def is_heard(self) -> bool:
        return min(publisher.get_subscription_count() for publisher in (self._events, self._errors)) > 0

    def run(self) -> None:
        self._since_us = self._now_us()
        self._timer.reset()

    def stop(self) -> None:
        self._timer.cancel()

    def _on_command(self, message: Float64MultiArray) -> None:
        self.commands.append(message)

    def _tick(self) -> None:
        """What has happened since the tick before; event time goes on as the clock does, however late a tick is."""
        begin_us, end_us = self._since_us, self._now_us()
        if end_us - begin_us < 1000 * 1000 // EVENTS_PER_S:
            return
        self._since_us = end_us
        rates = tuple(self.commands[-1].data) if self.commands else (0.0, 0.0)
        self._angles = np.clip(self._angles + np.array(rates) * 1e-6 * (end_us - begin_us), -FURTHEST_RAD, FURTHEST_RAD)
        turn = 2.0 * math.pi * 1e-6 * end_us / PERIOD_S
        spot = VIEW_RAD * np.array([math.sin(turn), 0.8 * math.cos(turn)])
        pan, tilt = np.clip(spot - self._angles, -VIEW_RAD, VIEW_RAD).tolist()
        self._publish_events(begin_us, end_us, pan, tilt)
        names = ["error.pan_rad_s", "error.tilt_rad_s"]
        self._errors.publish(Reward(names=names, values=[pan / VIEW_RAD, tilt / VIEW_RAD]))
        self.moments.append(Moment(end_us, (pan, tilt), rates))

    def _publish_events(self, begin_us: int, end_us: int, pan: float, tilt: float) -> None:
        t = np.arange(begin_us, end_us, 1_000_000 // EVENTS_PER_S, dtype=np.int64)
        column, row = (int(min((1.0 + angle / VIEW_RAD) * SIDE / 2, SIDE - 2)) for angle in (pan, -tilt))
        pixel = np.arange(t.size)  # of a spot of 2 x 2
        x, y = (column + pixel % 2).astype(np.uint16), (row + pixel // 2 % 2).astype(np.uint16)
        events = Events(t, x, y, np.ones(t.size, np.uint8))
        for packet in split_packets(events, SIDE, SIDE, self._seq, max_duration_us=1_000_000):
            self._events.publish(messages.to_packet(packet, "camera"))
            self._seq += 1


class Controlled(NamedTuple):
    """A head with its controller, which drives it, frozen at first."""

    observer: Observer
    robot: Robot
    head: Head

    def freeze(self, frozen: bool) -> None:
        assert self.observer.call(SetBool, "controller/freeze", SetBool.Request(data=frozen)).success

    def drive(self, seconds: float) -> list[Moment]:
        """The moments of so long from now on."""
        moments = self.head.moments
        first, since_us = len(moments), moments[-1].t_us
        self.observer.wait(lambda: moments[-1].t_us - since_us >= 1e6 * seconds, f"{seconds:g} s", self.robot)
        return moments[first:]


@pytest.fixture
def controlled(tmp_path: Path) -> Iterator[Controlled]:
    network = tmp_path / "pan_tilt.yaml"
    network.write_text(NETWORK)
    with own_domain(tmp_path) as (observer, group):
        robot, head = Robot(observer.node), Head(observer.node)
        # A long timeout: the head is the test's own process, which may be held up.
        group.start("controller", network=str(network), lockstep=False, learning=False, event_timeout_s=5.0)
        observer.wait(head.is_heard, "the controller subscribes", robot)
        head.run()
        observer.wait(lambda: len(robot.spikes) >= 5, "windows", robot)
        yield Controlled(observer, robot, head)


def mean_error_rad(moments: list[Moment]) -> float:
    return float(np.mean(np.abs([moment.error_rad for moment in moments])))


def test_a_head_of_ones_own_learns_to_look_and_stops_when_events_end(controlled: Controlled) -> None:
    observer, robot, head = controlled
    frozen = learnt = controlled.drive(PERIOD_S)
    for _ in range(MOST_LESSONS):  # on a busy machine commands come late, and a lesson teaches less
        controlled.freeze(False)
        controlled.drive(LESSON_S)
        controlled.freeze(True)
        learnt = controlled.drive(PERIOD_S)
        if mean_error_rad(learnt) < 0.6 * mean_error_rad(frozen):
            break

    assert mean_error_rad(learnt) < 0.6 * mean_error_rad(frozen)
    for axis in range(2):
        towards = [math.copysign(1.0, moment.error_rad[axis]) * moment.command[axis] for moment in learnt]
        assert np.mean(towards) > 0.0
    for command in head.commands:
        (dimension,) = command.layout.dim
        assert dimension.label == ",".join(FASTEST_RAD_S)
        for value, fastest in zip(command.data, FASTEST_RAD_S.values(), strict=True):
            assert abs(value) <= fastest

    head.stop()
    heard = len(head.commands)
    observer.wait(lambda: list(head.commands[-1].data) == [0.0, 0.0], "a zero command", robot)
    first = next(place for place in range(heard, len(head.commands)) if not any(head.commands[place].data))
    observer.wait(lambda: len(head.commands) >= first + 3, "those that follow", robot)
    assert not any(any(command.data) for command in head.commands[first:])
    observer.wait(lambda: "no events: stopped" in robot.status["controller"].message, "the reason is said", robot)
