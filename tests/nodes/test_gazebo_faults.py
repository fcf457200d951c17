"""The node ``simulator`` with a real Gazebo behind it that fails: what the node says of it, and what it leaves.

They are apart from the tests of a robot that drives on: it would drive beside them, and take the cores from each start.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from diagnostic_msgs.msg import DiagnosticStatus

from snn_core.sim.gazebo.description.world_sdf import write_world
from snn_core.sim.track import load_track
from snn_core.tasks.lane.task import SimulatorSettings
from tests.nodes.gazebo_robots import ANSWER_S, GazeboRobot, gazebo_robot, mode_name, simulator_parameters
from tests.nodes.robots import own_domain
from tests.processes import descendants, gone

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

LEFT_S = 10.0
"""No process outlives its node by more."""


@pytest.fixture(params=[True, False], ids=mode_name)
def doomed(gazebo: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GazeboRobot]:
    """A robot that will not drive on."""
    with gazebo_robot(gazebo, tmp_path, lockstep=request.param) as robot:
        yield robot


def test_world_reset_by_another(doomed: GazeboRobot) -> None:
    """It goes on; or, where Gazebo Sim crashes in a reset, as 8.14 does now and then, it ends as any that crashes."""
    heard = len(doomed.robot.episodes)
    doomed.disturb("reset")

    def goes_on() -> bool:
        robot = doomed.robot
        return len(robot.episodes) > heard + 20 and robot.drives()

    doomed.wait(lambda: goes_on() or doomed.group.exit_code("simulator") is not None, "it goes on, or ends")
    if doomed.gazebo == "gz" and not goes_on():
        doomed.ends("was ended by signal ")
    else:
        assert goes_on()
        assert not doomed.robot.has_gap()


def test_server_killed(doomed: GazeboRobot) -> None:
    pids = doomed.pids()
    killed_at = time.monotonic()
    os.kill(doomed.server(), signal.SIGKILL)
    doomed.ends("was ended by signal 9; its log ")
    doomed.stops(killed_at)
    assert gone(pids, LEFT_S)


@pytest.mark.parametrize("doomed", [True], ids=mode_name, indirect=True)
def test_node_killed_leaves_nothing(doomed: GazeboRobot) -> None:
    pids = doomed.pids()
    assert len(pids) >= 2
    killed_at = doomed.group.send(signal.SIGKILL, "simulator")
    assert gone(pids, LEFT_S)
    doomed.stops(killed_at)


def test_node_ends_while_its_server_is_stopped(doomed: GazeboRobot) -> None:
    pids = doomed.pids()
    os.kill(doomed.server(), signal.SIGSTOP)
    doomed.wait(lambda: doomed.robot.level("simulator") != DiagnosticStatus.OK, "the simulator says that it waits")
    doomed.group.send(signal.SIGTERM, "simulator")
    doomed.wait(lambda: doomed.group.exit_code("simulator") is not None, "the simulator ends")
    assert doomed.group.exit_code("simulator") == 0
    assert gone(pids, LEFT_S)


def test_camera_silent(doomed: GazeboRobot) -> None:
    """Somebody takes the robot out of the world, and its camera with it."""
    removed_at = time.monotonic()
    doomed.tell_world("remove")
    doomed.stops(removed_at)
    if doomed.lockstep:
        doomed.ends(f"within {ANSWER_S:g} s")
    else:
        doomed.wait(lambda: doomed.robot.level("simulator") == DiagnosticStatus.ERROR, "an error in the diagnostics")
        assert "no image from Gazebo" in doomed.robot.status["simulator"].message


@pytest.mark.parametrize(
    ("backend", "key", "message"),
    [
        ("gazebo_classic", "classic_root", "{nowhere}: no Gazebo Classic there; expected a folder that"),
        ("gz", "gz_python", "gazebo.gz_python: no Python bindings of Gazebo Sim ("),
    ],
)
def test_gazebo_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, key: str, message: str
) -> None:
    nowhere = tmp_path / "nowhere"
    command = tmp_path / "gz"  # that there is one is found out first
    command.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    line, pids = failed_start(tmp_path, backend=backend, **{f"gazebo__{key}": str(nowhere)})
    assert line.startswith(message.format(nowhere=nowhere))
    assert gone(pids, LEFT_S)


def test_no_command_gz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line, _ = failed_start(tmp_path, backend="gz")
    assert line.startswith("gz: there is no command gz in PATH: install gz-harmonic")


def test_world_of_another_camera(gazebo: str, tmp_path: Path) -> None:
    settings = SimulatorSettings.model_validate({"camera": {"width": 64, "height": 64}})
    world = tmp_path / "lane.sdf"
    write_world(settings, load_track(settings.track), world, classic=gazebo == "gazebo_classic")
    line, pids = failed_start(tmp_path, gazebo__world=str(world), **simulator_parameters(gazebo))
    assert line.startswith(f"{gazebo}: ")
    assert re.search(r"camera.*: expected .*128.*128.* px, found .*64.*64", line)
    assert pids
    assert gone(pids, LEFT_S)


def failed_start(folder: Path, **parameters: Any) -> tuple[str, list[int]]:
    """The one line in which a simulator says why it cannot start, and all processes that it had started until then."""
    with own_domain(folder) as (observer, group):
        group.start("simulator", **parameters)
        started: set[int] = set()

        def ended() -> bool:
            started.update(descendants(group.pid("simulator")))
            return group.exit_code("simulator") is not None

        observer.wait(ended, "the simulator ends")
        lines = group.log("simulator").splitlines()
        assert group.exit_code("simulator") == 2, lines
        assert len([line for line in lines if not line.startswith("[")]) == 1, lines
        return lines[-1], sorted(started)
