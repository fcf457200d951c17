"""How a node's process runs and how it ends: every end is a stop first."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import rclpy
import rclpy.utilities
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException
from rclpy.signals import SignalHandlerOptions

from snn_core.errors import UserError

try:
    from rclpy.experimental.events_executor import EventsExecutor as Executor
except ImportError:  # a Jazzy release older than rclpy 7.1.5
    from rclpy.executors import SingleThreadedExecutor as Executor


_PR_SET_PDEATHSIG = 1
"""See prctl(2)."""
_ending = threading.Event()


def leave_if_ending() -> None:
    """For a node that waits in a callback: raises SystemExit when SIGINT or SIGTERM has come."""
    if _ending.is_set():
        raise SystemExit(0)


class Stoppable(Protocol):
    """A node that leaves the robot standing. One that has an attribute ``failure`` ends when it is a UserError."""

    def stop(self) -> None:
        """Send what must be sent before the node goes, and wait for it to be taken."""
        ...

    def destroy_node(self) -> None:
        """Destroy the ROS node."""
        ...


def _end_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the process that started this one ends, however it ends."""
    parent = os.environ.get("SPIKEDRIVE_PARENT")
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        os.kill(os.getpid(), signal.SIGTERM)


def run_node(make_node: Callable[[], Stoppable], arguments: Sequence[str] | None = None) -> int:
    """Run a node until SIGINT or SIGTERM; stop it, also when it fails. Returns the exit code: 2 for what the user
    can mend.
    """

    def end(*_: object) -> None:
        _ending.set()

    # rclpy's own handlers would shut the context down before a last zero velocity could be sent.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    _end_with_parent()
    try:
        rclpy.init(
            args=list(sys.argv if arguments is None else arguments), signal_handler_options=SignalHandlerOptions.NO
        )
    except Exception as error:  # rclpy raises RCLError and plain RuntimeErrors for malformed --ros-args
        print(f"--ros-args: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    try:
        node = make_node()
        executor = Executor()
        executor.add_node(node)  # type: ignore[arg-type]
        try:
            while not _ending.is_set():
                with suppress(InvalidHandle):  # an event of a subscription that was just destroyed
                    executor.spin_once(timeout_sec=0.1)
                if (failure := getattr(node, "failure", None)) is not None:
                    raise failure
        finally:
            node.stop()
            executor.shutdown()
            node.destroy_node()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except ExternalShutdownException:
        pass
    finally:
        rclpy.utilities.try_shutdown()
    return 0
