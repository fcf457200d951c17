"""``python -m spikedrive_benchmarks.controller_intake``: how many events a second the controller takes in over ROS 2.

One process publishes EventPackets, another is the node ``controller``. Random events of a 640 x 480 sensor, a steady
stream, then a burst; what the controller's diagnostics say of each.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from snn_core.errors import UserError
from snn_core.events.codecs.evt3_encoder import encode_evt3
from snn_core.events.codecs.mono import encode_mono
from snn_core.events.codecs.packets import EncodedPacket
from snn_core.events.events import Events
from snn_core.learning.parameters import ControllerParameters
from spikedrive_benchmarks.machine import machine
from spikedrive_nodes.processes.environment import ensure_ros_environment

WIDTH, HEIGHT = 640, 480
WAIT_S = 60.0
BYTES_OF_EVENT = {"evt3": 4.0, "mono": 8.0}
"""Of random events; EVT3 has a word for the row and one for the column of each, and some for the time."""


class Stream:
    """Random events in packets, each encoded when it is due: times go on from packet to packet."""

    def __init__(self, encoding: str, rate_hz: float, packet_bytes: int) -> None:
        n = int(packet_bytes / BYTES_OF_EVENT[encoding] / 1.05)
        rng = np.random.default_rng(0)
        self.period_us = max(round(1e6 * n / rate_hz), 1)
        self._t = np.sort(rng.integers(0, self.period_us, n)).astype(np.int64)
        self._x = rng.integers(0, WIDTH, n).astype(np.uint16)
        self._y = rng.integers(0, HEIGHT, n).astype(np.uint16)
        self._polarity = rng.integers(0, 2, n).astype(np.uint8)
        self._encoding = encoding
        self.next_seq, self.next_us, self.events = 0, 1_000_000, 0

    def packet(self) -> EncodedPacket:
        """The next one."""
        begin_us, seq = self.next_us, self.next_seq
        events = Events(self._t + begin_us, self._x, self._y, self._polarity)
        data = encode_evt3(events) if self._encoding == "evt3" else encode_mono(events, 1000 * begin_us)
        self.next_us, self.next_seq = begin_us + self.period_us, seq + 1
        self.events += len(events)
        return EncodedPacket(
            1000 * begin_us, WIDTH, HEIGHT, seq, begin_us, int(events.t[-1]), data, encoding=self._encoding
        )


def measure(encoding: str, rate_hz: float, seconds: float, packet_bytes: int, burst: int) -> dict[str, Any]:
    """Publish for some seconds, then ``burst`` events as fast as it goes; the controller's counters after each."""
    from event_camera_msgs.msg import EventPacket

    from spikedrive_nodes.processes.node_processes import NodeProcesses, write_parameters
    from spikedrive_nodes.processes.over_dds import Observer, domain_id
    from spikedrive_nodes.processes.replay_monitor import ReplayMonitor
    from spikedrive_nodes.ros import messages, qos

    settings = ControllerParameters(network="any_camera", lockstep=False, learning=False, event_timeout_s=2.0)
    domain = domain_id()
    with tempfile.TemporaryDirectory(prefix="spikedrive-") as name, Observer(domain, ReplayMonitor) as observer:
        folder = Path(name)
        write_parameters(folder / "parameters.yaml", {"controller": settings})
        publisher = observer.node.create_publisher(EventPacket, "events", qos.EVENTS)
        with NodeProcesses(domain, folder) as processes:
            processes.start("controller", ["--params-file", str(folder / "parameters.yaml")])
            values = observer.node
            _wait(observer, processes, lambda: values.controller.get("state") == "active", "become active")
            _wait(observer, processes, lambda: publisher.get_subscription_count() > 0, "subscribe")
            stream = Stream(encoding, rate_hz, packet_bytes)
            steady = _steady(stream, seconds, lambda packet: publisher.publish(messages.to_packet(packet, "camera")))
            steady |= _counters(observer, processes, stream)
            before, begin_us = stream.events, stream.next_us
            packets = []
            while stream.events < before + burst:
                packets.append(messages.to_packet(stream.packet(), "camera"))
            begin = time.perf_counter()
            for packet in packets:
                publisher.publish(packet)
            burst_s = time.perf_counter() - begin
            counters = _counters(observer, processes, stream)
    return {
        "encoding": encoding,
        "steady": steady,
        "burst": {
            "events": stream.events - before,
            "event_time_ms": (stream.next_us - begin_us) / 1000,
            "published_within_ms": burst_s * 1000,
            "packets_lost": counters["packets_lost"] - steady["packets_lost"],
        },
    }


def _steady(stream: Stream, seconds: float, publish: Callable[[EncodedPacket], None]) -> dict[str, Any]:
    """Publish each packet when it is due; how late the last one was."""
    begin, begin_us = time.perf_counter(), stream.next_us
    lateness_s = 0.0
    while (due_s := (stream.next_us + stream.period_us - begin_us) * 1e-6) <= seconds:
        packet = stream.packet()
        lateness_s = time.perf_counter() - begin - due_s
        if lateness_s < 0:
            time.sleep(-lateness_s)
        publish(packet)
    taken_s = time.perf_counter() - begin
    return {"events_per_s": stream.events / taken_s, "seconds": taken_s, "last_packet_late_ms": 1000 * lateness_s}


def _counters(observer: Any, processes: Any, stream: Stream) -> dict[str, int]:
    """What the controller says once it has all packets, or knows that some are lost."""
    monitor = observer.node

    def settled() -> bool:
        values = monitor.controller
        return int(values.get("packets_received", 0)) + int(values.get("packets_lost", 0)) >= stream.next_seq

    _wait(observer, processes, settled, "take in all packets")
    names = ("events_received", "packets_received", "packets_lost", "events_late", "windows_skipped")
    figures = {name: int(monitor.controller[name]) for name in names}
    return figures | {
        "delay_p50_us": int(monitor.controller["delay_p50_us"]),
        "delay_p99_us": int(monitor.controller["delay_p99_us"]),
    }


def _wait(observer: Any, processes: Any, done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S

    def check() -> None:
        processes.check()
        if time.monotonic() > deadline:
            raise UserError(f"controller: did not {what} within {WAIT_S:g} s: {observer.node.controller}")

    observer.spin_until(done, check)


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m spikedrive_benchmarks.controller_intake", description=__doc__)
    parser.add_argument("--encoding", choices=list(BYTES_OF_EVENT), default="evt3")
    parser.add_argument("--rate", type=float, default=20e6, help="events a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--packet-bytes", type=int, default=1 << 18)
    parser.add_argument("--burst", type=int, default=5_000_000, help="events")
    options = parser.parse_args()
    ensure_ros_environment()
    figures = measure(options.encoding, options.rate, options.seconds, options.packet_bytes, options.burst)
    print(json.dumps({"machine": machine()} | figures, indent=2))


if __name__ == "__main__":
    main()
