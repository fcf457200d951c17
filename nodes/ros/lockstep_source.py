"""A source of windows in lockstep: publish a window, wait for the command of its stamp, publish it again when none
comes.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.publisher import Publisher

from snn_core.control.command import Command
from snn_core.learning.parameters import SourceParameters
from spikedrive_nodes.ros import diagnostics
from spikedrive_nodes.ros.commands import CommandFormat, subscribe_commands


class PublishedWindow(NamedTuple):
    """A window as messages, kept to be sent again."""

    end_us: int
    messages: list[tuple[Publisher, Any]]
    finished: bool


class LockstepSource:
    """Stop and wait. ``advance`` moves the source on by a window with the command it is given."""

    def __init__(
        self,
        node: Node,
        parameters: SourceParameters,
        how: CommandFormat,
        advance: Callable[[Command], PublishedWindow],
        report: diagnostics.Diagnostics,
        may_begin: Callable[[], bool] = lambda: True,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._parameters = parameters
        self._advance = advance
        self._report = report
        self._may_begin = may_begin
        self._may_go_on = may_go_on
        self._awaited_us = 0
        self._window: PublishedWindow | None = None
        self._published_at = self._asked_at = time.monotonic()
        self.finished = False
        self.ignored = 0
        self.retries = 0
        self._subscription = subscribe_commands(node, how, self._on_command)
        self._timer = node.create_timer(min(0.05, parameters.lockstep_retry_s / 2), self._on_timer)

    def _on_command(self, command: Command, stamp_us: int) -> None:
        if self.finished or stamp_us != self._awaited_us:
            self.ignored += 1
            return
        if self._window is None and not self._may_begin():
            return  # the controller repeats its first command
        if not self._may_go_on():
            return  # it answers again when the window is published again
        if self._window is not None and self._window.finished:
            self.finished = True
            self._report.set(diagnostics.OK, "finished")
            return
        self._window = self._advance(command)
        self._awaited_us = self._window.end_us
        self._asked_at = time.monotonic()
        self._publish()
        self._report.set(diagnostics.OK, "running in lockstep")

    def _publish(self) -> None:
        assert self._window is not None
        for publisher, message in self._window.messages:
            publisher.publish(message)
        self._published_at = time.monotonic()

    def _on_timer(self) -> None:
        now = time.monotonic()
        if self.finished:
            return
        if not self._may_go_on():
            self._asked_at = now
            return
        if now - self._asked_at > self._parameters.lockstep_timeout_s:
            self._report.set(
                diagnostics.ERROR if self._window else diagnostics.WARN,
                "no command from the controller: waiting for it",
            )
        if self._window is not None and now - self._published_at > self._parameters.lockstep_retry_s:
            self.retries += 1
            self._publish()
