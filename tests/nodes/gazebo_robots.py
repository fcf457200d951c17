"""Robots in a Gazebo for the tests: node processes, the server that the simulator has started, and hands that meddle
with its world from outside.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from snn_core.sim.gazebo.classic.install import find_classic
from snn_core.sim.gazebo.classic.transport import Client, load_messages
from snn_core.sim.gazebo.names import ROBOT, WORLD
from tests import processes
from tests.gazebos import RENDER_ENGINE
from tests.nodes.robots import Group, Observer, Robot, own_domain

ANSWER_S = 6.0
"""For gazebo.answer_timeout_s: how long a server that is stopped is waited for."""
_CONNECT_S = 10.0
_SENT_S = 1.0
_NOTICED_S = 6.0
_TRIES = 5


class GazeboRobot(NamedTuple):
    """A robot that moves in a Gazebo, who observes it, and the simulator's processes."""

    observer: Observer
    group: Group
    robot: Robot
    gazebo: str
    lockstep: bool

    def wait(self, done: Callable[[], object], what: str) -> None:
        """Listen until ``done()``."""
        self.observer.wait(done, what, self.robot)

    def pids(self) -> list[int]:
        """Of all that the simulator has started."""
        return processes.descendants(self.group.pid("simulator"))

    def server(self) -> int:
        """Process id of Gazebo's server."""
        guard = next(pid for pid in self.pids() if any(part.endswith("guard.py") for part in processes.command(pid)))
        return next(pid for pid in processes.descendants(guard) if "Xvfb" not in " ".join(processes.command(pid)))

    def go_on(self, windows: int = 10) -> None:
        """Wait for more windows, and for the robot to drive in them."""
        robot = self.robot
        heard = len(robot.episodes)

        def drives_on() -> bool:
            assert self.group.exit_code("simulator") is None, self.group.log("simulator")
            return len(robot.episodes) >= heard + windows and robot.drives()

        self.wait(drives_on, "the robot drives on")

    def disturbances(self) -> int:
        return int(self.robot.values("simulator").get("disturbances", 0))

    def stops(self, moment: float) -> None:
        """Wait for the controller to stop the robot after a moment (s, monotonic), and to say so."""
        self.wait(lambda: self.robot.stop_since(moment), "zero velocity")
        self.wait(lambda: "stopped" in self.robot.status["controller"].message, "the controller says that it has")

    def ends(self, what: str) -> None:
        """Wait for the simulator to end with an error, and assert that its last line is all it says of it."""
        self.wait(lambda: self.group.exit_code("simulator") is not None, "the simulator ends")
        lines = self.group.log("simulator").splitlines()
        assert self.group.exit_code("simulator") == 2, lines
        assert lines[-1].startswith(f"{self.gazebo}: "), lines
        assert what in lines[-1]
        assert not any(line.startswith("Traceback") for line in lines)

    def disturb(self, request: str) -> None:
        """Tell the world something until the simulator has counted that, or has ended: on a busy machine the window's
        own request may come right after it, before the world has done a step.

        In lockstep a Gazebo Sim may be told of it while it carries out a window, whose requests then undo it: it is
        told once, and need not count it.
        """
        counted = self.disturbances()
        for _ in range(_TRIES):
            self.tell_world(request)
            if self.gazebo == "gz" and self.lockstep:
                return
            deadline = time.monotonic() + _NOTICED_S
            while time.monotonic() < deadline:
                self.observer.spin(0.1)
                if self.disturbances() > counted or self.group.exit_code("simulator") is not None:
                    return
        raise AssertionError(f"{request}: not noticed in {_TRIES} tries")

    def tell_world(self, request: str) -> None:
        """What somebody else does to the world: ``pause``, ``go``, ``reset`` or ``remove`` (the robot)."""
        environment = processes.environment(self.server())
        if self.gazebo == "gz":
            _tell_sim(request, environment)
        else:
            _tell_classic(request, urlsplit(environment["GAZEBO_MASTER_URI"]).port or 0)


def mode_name(lockstep: bool) -> str:
    """What a test of that mode is called."""
    return "lockstep" if lockstep else "free"


def simulator_parameters(gazebo: str) -> dict[str, Any]:
    return {
        "backend": gazebo,
        "gazebo__answer_timeout_s": ANSWER_S,
        **({"gazebo__render_engine": RENDER_ENGINE} if RENDER_ENGINE else {}),
    }


@contextmanager
def gazebo_robot(gazebo: str, folder: Path, lockstep: bool) -> Iterator[GazeboRobot]:
    """A robot that drives in a Gazebo. No process is left when the test is done with it, however it ends."""
    with own_domain(folder) as (observer, group):
        robot = GazeboRobot(observer, group, Robot(observer.node), gazebo, lockstep)
        if lockstep:
            group.start("controller")
            group.start("reward")
            group.start_watched_simulator(**simulator_parameters(gazebo))
        else:
            group.start("controller", lockstep=False, learning=False)
            group.start("simulator", lockstep=False, **simulator_parameters(gazebo))
        robot.go_on()
        yield robot


def _tell_sim(request: str, environment: dict[str, str]) -> None:
    service, kind, content = {
        "pause": ("control", "WorldControl", "pause: true"),
        "go": ("control", "WorldControl", "pause: false"),
        "reset": ("control", "WorldControl", "reset: {all: true}"),
        "remove": ("remove", "Entity", f'name: "{ROBOT}" type: MODEL'),
    }[request]
    command = ["gz", "service", "-s", f"/world/{WORLD}/{service}", "--reqtype", f"gz.msgs.{kind}"]
    command += ["--reptype", "gz.msgs.Boolean", "--timeout", "3000", "--req", content]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=30.0)


@cache
def _classic_messages() -> dict[str, Any]:
    return load_messages(find_classic().protos)


def _tell_classic(request: str, port: int) -> None:
    messages = _classic_messages()
    topic, message = "world_control", messages["WorldControl"]()
    if request == "remove":
        topic, message = "request", messages["Request"](id=1, request="entity_delete", data=ROBOT)
    elif request == "reset":
        message.reset.all = True
    else:
        message.pause = request == "pause"
    client = Client(messages, "127.0.0.1", port)
    try:
        topic = f"/gazebo/{WORLD}/{topic}"
        client.advertise(topic, type(message).__name__)
        deadline = time.monotonic() + _CONNECT_S
        while not client.has_subscriber(topic):
            assert time.monotonic() < deadline, f"no subscriber of {topic}"
            client.poll(0.1)
        client.publish(topic, message)
        sent_until = time.monotonic() + _SENT_S
        while time.monotonic() < sent_until:  # a server that is busy takes the connection's end before what came by it
            client.poll(0.1)
    finally:
        client.close()
