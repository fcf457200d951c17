"""The driver over ROS 2: simulator, reward and controller as processes of their own, this one as an observer."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.client import Client
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from spikedrive_msgs.srv import SaveCheckpoint

from snn_core.control.checkpoint import restore_checkpoint, save_checkpoint
from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.files import write_atomically
from snn_core.learning.drive import DriveResult, OnWindow
from snn_core.learning.parameters import DriveParameters
from spikedrive_nodes.processes.node_processes import NodeProcesses, free_domain_id, write_parameters
from spikedrive_nodes.processes.recorder import Recorder
from spikedrive_nodes.ros.runtime import Executor

START_S = 120.0
"""A drive that has not begun after this long will not. Most kernels are in the cache by now; some the nodes compile."""
SILENCE_S = 30.0
"""No window for this long ends a drive."""
ACQUAINTED_S = 0.2
"""A client hears of a service before the service hears of the client; an answer that is sent before that is lost
(ros2/rmw_cyclonedds, issue 74).
"""


def domain_id() -> int:
    """The user's ROS_DOMAIN_ID, else a free one."""
    given = os.environ.get("ROS_DOMAIN_ID", "")
    if not given:
        return free_domain_id()
    if not given.isdecimal() or not 0 <= int(given) <= 232:
        raise UserError(f"ROS_DOMAIN_ID: expected 0 to 232, found {given!r}")
    return int(given)


def call(node: Node, executor: Any, client: Client, request: Any, timeout_s: float = 10.0) -> Any:
    """Call a service and return its answer. Raises UserError when none comes."""
    deadline = time.monotonic() + timeout_s
    while not client.service_is_ready():
        executor.spin_once(timeout_sec=0.05)
        if time.monotonic() > deadline:
            raise UserError(f"{client.srv_name}: no such service after {timeout_s:g} s; look at the nodes' logs")
    acquainted = time.monotonic() + ACQUAINTED_S
    while time.monotonic() < acquainted:
        executor.spin_once(timeout_sec=0.05)
    future = client.call_async(request)
    while not future.done():
        executor.spin_once(timeout_sec=0.05)
        if time.monotonic() > deadline:
            raise UserError(f"{client.srv_name}: no answer after {timeout_s:g} s; look at the nodes' logs")
    return future.result()


class Observer:
    """An rclpy context, a node and its executor for the duration of a ``with``."""

    def __init__(self, domain: int, make_node: Callable[[], Any]) -> None:
        rclpy.init(args=[], domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
        self.node = make_node()
        self.executor = Executor()
        self.executor.add_node(self.node)

    def spin_until(self, done: Callable[[], bool], check: Callable[[], None]) -> None:
        """Spin until ``done()``; ``check`` is called a few times a second and may raise."""
        checked = 0.0
        while not done():
            self.executor.spin_once(timeout_sec=0.05)
            if time.monotonic() - checked > 0.2:
                checked = time.monotonic()
                check()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown()


class OverDds:
    """The driver (see ``snn_core.learning.drive.Driver``) that starts the nodes and looks on.

    Everything that the nodes read and write, parameters, network, checkpoint and logs, is left in ``folder``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._domain = domain_id()
        self._drives = 0

    def __call__(
        self, parameters: DriveParameters, controller: Controller, on_window: OnWindow | None = None
    ) -> DriveResult:
        """See ``Driver``. Raises UserError when a node ends or falls silent."""
        self._drives += 1
        folder = self._folder / f"drive_{self._drives}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        parameters = self._write(folder, parameters, controller)
        task, window_us = parameters.task, parameters.simulator.window_us
        controller.check_channels(task.channels)
        with (
            Observer(self._domain, lambda: Recorder(task, window_us, on_window)) as observer,
            NodeProcesses(self._domain, folder) as processes,
        ):
            recorder: Recorder = observer.node
            watch = _Watch(recorder, processes)
            arguments = ["--params-file", str(folder / "parameters.yaml")]
            if task.has_reward_node:
                processes.start("reward", arguments)
            processes.start("controller", arguments)
            # No window may go by unseen: the controller's topics are connected once its first command is here, the
            # simulator sees to its own (``observers``).
            observer.spin_until(lambda: recorder.hears_controller, watch.check)
            processes.start("simulator", arguments)
            try:
                observer.spin_until(lambda: recorder.finished, watch.check)
            finally:
                # Also after Ctrl-C: what has been learnt so far is kept.
                if not processes.ended():
                    _save(observer)
                    restore_checkpoint(folder / "state" / "checkpoint.npz", controller)
            return DriveResult(recorder.log, recorder.wall_s(), recorder.delays())

    @staticmethod
    def _write(folder: Path, parameters: DriveParameters, controller: Controller) -> DriveParameters:
        """Write what the nodes read; return the parameters that say so."""
        network = folder / "network.yaml"
        write_atomically(network, lambda file: file.write(controller.spec.to_yaml().encode()))
        checkpoint = ""
        if controller.network.time_us:
            checkpoint = str(folder / "begin.npz")
            save_checkpoint(Path(checkpoint), controller)
        changes = {
            "network": str(network),
            "checkpoint": checkpoint,
            "seed": controller.seed,
            "learning": controller.network.learning,
            "lockstep": True,
            "autostart": True,
            "state_folder": str(folder / "state"),
        }
        parameters = parameters.with_signals()
        parameters = parameters._replace(
            simulator=parameters.simulator.model_copy(update={"lockstep": True, "observers": 1}),
            controller=parameters.controller.model_copy(update=changes),
        )
        write_parameters(folder / "parameters.yaml", parameters.sections())
        return parameters


def _save(observer: Observer) -> None:
    node = observer.node
    request = SaveCheckpoint.Request(path="checkpoint.npz")
    answer = call(node, observer.executor, node.create_client(SaveCheckpoint, "controller/save_checkpoint"), request)
    if not answer.success:
        raise UserError(f"controller: {answer.message}")


def deactivate_controller(observer: Observer) -> None:
    """Deactivate the controller, which sends a zero velocity. Raises UserError when it does not answer."""
    node = observer.node
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    client = node.create_client(ChangeState, "controller/change_state")
    if not call(node, observer.executor, client, request).success:
        raise UserError("controller: could not be deactivated; look at its log")


class _Watch:
    """Ends a drive whose nodes have ended or fallen silent."""

    def __init__(self, recorder: Recorder, processes: NodeProcesses) -> None:
        self._recorder = recorder
        self._processes = processes
        self._windows = 0
        self._since = time.monotonic()

    def check(self) -> None:
        self._processes.check()
        now = time.monotonic()
        if len(self._recorder.log) != self._windows:
            self._windows, self._since = len(self._recorder.log), now
        elif now - self._since > (SILENCE_S if self._windows else START_S):
            states = "; ".join(f"{name}: {status.message}" for name, status in self._recorder.diagnostics.items())
            raise UserError(f"no window for {now - self._since:.0f} s ({states or 'no node was heard'}); see the logs")
