"""Diagnostics of a node, once a second and whenever its state changes."""

from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from spikedrive_nodes import qos

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


class Diagnostics:
    """Publishes level, message and the values that ``values()`` gives on ``/diagnostics``."""

    def __init__(self, node: Node, values: Callable[[], Mapping[str, object]]) -> None:
        self._node = node
        self._values = values
        self._level, self._message = OK, "starting"
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
        self._timer = node.create_timer(1.0, self.publish)

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

    def publish(self) -> None:
        """Publish the state as it is."""
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        name = self._node.get_fully_qualified_name()
        values = [KeyValue(key=key, value=str(value)) for key, value in self._values().items()]
        message.status = [
            DiagnosticStatus(level=self._level, name=name, message=self._message, hardware_id="", values=values)
        ]
        self._publisher.publish(message)
