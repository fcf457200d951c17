"""Diagnostics of a node, once a second and whenever its state changes."""

import time
from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from spikedrive_nodes.ros import qos

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
PERIOD_S = 1.0


class Diagnostics:
    """Publishes level, message, the values that ``values()`` gives and their ``rates`` on ``/diagnostics``.

    rates: name of each rate (per s of wall time, over the last second), and which of the values it counts.
    """

    def __init__(
        self, node: Node, values: Callable[[], Mapping[str, object]], rates: Mapping[str, str] | None = None
    ) -> None:
        self._node = node
        self._values = values
        self._counters = rates or {}
        self._rates = dict.fromkeys(self._counters, 0.0)
        self._counts: dict[str, int] = {}
        self._counted_at = time.monotonic()
        self._level, self._message = OK, "starting"
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
        self._timer = node.create_timer(PERIOD_S, self.publish)

    def set(self, level: bytes, message: str) -> None:
        """Change the state; a change is published and logged at once."""
        if (level, message) == (self._level, self._message):
            return
        self._level, self._message = level, message
        self._log()
        self.publish()

    def _log(self) -> None:
        # rclpy binds a severity to the line that logs, so each needs its own.
        logger = self._node.get_logger()
        if self._level == ERROR:
            logger.error(self._message)
        elif self._level == WARN:
            logger.warning(self._message)
        else:
            logger.info(self._message)

    def _measure(self, values: Mapping[str, object]) -> None:
        """Take the rates again when the last ones are a period old."""
        elapsed_s = time.monotonic() - self._counted_at
        if elapsed_s < 0.9 * PERIOD_S:
            return
        for rate, counter in self._counters.items():
            count = int(str(values.get(counter, 0)))
            before = self._counts.get(counter, 0)
            self._rates[rate] = round((count - before if count >= before else count) / elapsed_s, 1)
            self._counts[counter] = count
        self._counted_at += elapsed_s

    def publish(self) -> None:
        """Publish the state as it is."""
        values = self._values()
        self._measure(values)
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        name = self._node.get_fully_qualified_name()
        pairs = [KeyValue(key=key, value=str(value)) for key, value in {**values, **self._rates}.items()]
        message.status = [
            DiagnosticStatus(level=self._level, name=name, message=self._message, hardware_id="", values=pairs)
        ]
        self._publisher.publish(message)
