"""The controller node from outside: its services while it drives, and parameters that it refuses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy and the built message packages")

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from spikedrive_msgs.msg import Reward
from spikedrive_msgs.srv import LoadCheckpoint, SaveCheckpoint
from std_msgs.msg import Float64
from std_srvs.srv import SetBool, Trigger

from snn_core.control.checkpoint import Checkpoint, controller_from_checkpoint, read_checkpoint
from snn_core.control.controller import Controller
from snn_core.control.safety import SafetyLimits
from snn_core.control.spec import load_controller_spec, network_path
from spikedrive_nodes.ros import qos
from tests.damage import encrypted
from tests.nodes.robots import (
    FREE_RUNNING_CONTROLLER,
    Camera,
    LockstepRobot,
    Robot,
    lockstep_robot,
    own_domain,
)

pytestmark = [pytest.mark.ros, pytest.mark.processes, pytest.mark.slow]

SEED = 3


def weights_in(checkpoint: Path) -> np.ndarray:
    """The plastic weights that a checkpoint holds."""
    return controller_from_checkpoint(checkpoint, SafetyLimits()).network.connection_weights(0)


class Services:
    """The controller's services, and the folder that its checkpoints lie in."""

    def __init__(self, driving: LockstepRobot, folder: Path) -> None:
        self.driving = driving
        self.folder = folder

    def save(self, path: str) -> SaveCheckpoint.Response:
        return self._call(SaveCheckpoint, "save_checkpoint", SaveCheckpoint.Request(path=path))

    def load(self, path: str) -> LoadCheckpoint.Response:
        return self._call(LoadCheckpoint, "load_checkpoint", LoadCheckpoint.Request(path=path))

    def freeze(self, frozen: bool) -> None:
        assert self._call(SetBool, "freeze", SetBool.Request(data=frozen)).success

    def reset(self) -> None:
        assert self._call(Trigger, "reset", Trigger.Request()).success

    def saved(self, name: str) -> Checkpoint:
        """What the service saves now."""
        answer = self.save(name)
        assert answer.success, answer.message
        assert Path(answer.path) == self.folder / name
        return read_checkpoint(self.folder / name)

    def weights(self) -> np.ndarray:
        self.saved("weights.npz")
        return weights_in(self.folder / "weights.npz")

    def _call(self, kind: type, name: str, request: Any) -> Any:
        return self.driving.observer.call(kind, f"controller/{name}", request)


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The services of a robot that drives and learns."""
    folder = tmp_path_factory.mktemp("services")
    state = (folder / "node" / "state").resolve()
    with lockstep_robot(folder / "logs", seed=SEED, state_folder=str(state)) as robot:
        yield Services(robot, state)


@pytest.fixture
def services(driven: Services) -> Services:
    """The same, learning, whatever the test before left."""
    driven.freeze(False)
    driven.driving.robot.forget()
    driven.driving.go_on()
    return driven


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same(found: Checkpoint, expected: Checkpoint) -> None:
    assert (found.time_us, found.seed, found.control) == (expected.time_us, expected.seed, expected.control)
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, name)


def test_checkpoint_round_trip_while_the_robot_stands(services: Services) -> None:
    observer = services.driving.observer
    assert observer.change_state(Transition.TRANSITION_DEACTIVATE)
    before = services.saved("before.npz")
    (services.folder / "damaged.npz").write_bytes(encrypted((services.folder / "before.npz").read_bytes()))
    assert not services.load("damaged.npz").success
    assert_same(services.saved("after.npz"), before)
    assert services.load("before.npz").success
    assert_same(services.saved("after.npz"), before)
    assert before.seed == SEED
    assert observer.change_state(Transition.TRANSITION_ACTIVATE)
    services.driving.go_on()


def test_checkpoint_loaded_in_mid_run_goes_on_at_the_time_of_the_run(services: Services) -> None:
    services.freeze(True)
    old = services.saved("old.npz")
    services.freeze(False)
    services.driving.go_on(40)
    assert not np.array_equal(services.weights(), weights_in(services.folder / "old.npz"))
    services.freeze(True)
    assert services.load("old.npz").success
    services.driving.go_on()
    now = services.saved("now.npz")
    np.testing.assert_array_equal(weights_in(services.folder / "now.npz"), weights_in(services.folder / "old.npz"))
    assert now.time_us > old.time_us
    assert not services.driving.robot.has_gap()


@pytest.mark.parametrize("path", ["../outside.npz", "inside/../../outside.npz", "", ".", "{absolute}", "link/x.npz"])
def test_path_outside_the_state_folder_is_refused(path: str, services: Services) -> None:
    folder = services.folder
    folder.mkdir(parents=True, exist_ok=True)
    if path.startswith("link") and not (folder / "link").is_symlink():
        (folder / "link").symlink_to(folder.parent)
    path = path.replace("{absolute}", str(folder.parent / "outside.npz"))
    before = files_of(folder.parent)
    for answer in (services.save(path), services.load(path)):
        assert not answer.success
        assert str(folder) in answer.message
        assert "\n" not in answer.message
    assert files_of(folder.parent) == before
    services.driving.go_on()


def test_damaged_checkpoint_is_refused_and_the_robot_drives_on(services: Services) -> None:
    services.freeze(True)
    weights = services.weights()
    whole = (services.folder / "weights.npz").read_bytes()
    (services.folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (services.folder / "flag.npz").write_bytes(encrypted(whole))
    for name in ("cut.npz", "flag.npz", "missing.npz"):
        answer = services.load(name)
        assert not answer.success
        assert name in answer.message
        assert "\n" not in answer.message
        services.driving.go_on()
    assert not services.driving.robot.has_gap()
    np.testing.assert_array_equal(services.weights(), weights)


def test_frozen_weights_stay_and_no_reward_is_needed(services: Services) -> None:
    first = services.weights()
    services.driving.go_on(40)
    assert not np.array_equal(services.weights(), first)  # they do change while it learns
    services.freeze(True)
    frozen = services.weights()
    with services.driving.group.paused("reward"):
        services.driving.go_on(40)
        np.testing.assert_array_equal(services.weights(), frozen)
    driving = services.driving
    driving.observer.wait(lambda: driving.robot.values("controller").get("learning") == "False", "frozen is said")


def test_reset_brings_back_the_initial_weights(services: Services) -> None:
    services.freeze(True)
    initial = Controller(load_controller_spec("lane"), SafetyLimits(), SEED).network.connection_weights(0)
    assert not np.array_equal(services.weights(), initial)
    services.reset()
    services.driving.go_on()
    np.testing.assert_array_equal(services.weights(), initial)
    assert not services.driving.robot.has_gap()


def test_diagnostics_say_rates_delays_drops_and_state(services: Services) -> None:
    observer, _, robot = services.driving
    observer.wait(lambda: float(robot.values("controller").get("events_per_s", 0)) > 0, "a rate", robot)
    values = robot.values("controller")
    assert values["state"] == "active"
    assert float(values["windows_per_s"]) > 0
    assert int(values["delay_p99_us"]) >= int(values["delay_p50_us"]) > 0
    drops = ("packets_lost", "events_late", "events_out_of_order", "events_outside", "unknown_words", "steps_back")
    assert all(values[drop] == "0" for drop in drops)
    observer.wait(lambda: float(robot.values("simulator").get("windows_per_s", 0)) > 0, "the source's rate", robot)


NO_REWARDS: list[tuple[list[str], list[float], str]] = [
    (["reward"], [float("nan")], "reward: expected a finite value for each name"),
    (["reward"], [1e300], "reward: expected a finite value for each name"),
    (["reward"], [0.0, 0.0, 0.0], "reward: expected a finite value for each name, found 1 names and 3 values"),
    (["pleasure"], [1.0], "network 'any_camera': a rule follows the signal 'reward', given are pleasure"),
    ([], [], "network 'any_camera': a rule follows the signal 'reward', given are none"),
]


def test_reward_that_is_no_reward_is_ignored_and_said(tmp_path: Path) -> None:
    with own_domain(tmp_path) as (observer, group):
        robot, camera = Robot(observer.node), Camera(observer.node)
        publisher = observer.node.create_publisher(Reward, "reward", qos.STATE)
        group.start("controller", **{**FREE_RUNNING_CONTROLLER, "learning": True, "event_timeout_s": 10.0})
        observer.wait(lambda: camera.is_heard() and publisher.get_subscription_count(), "the controller subscribes")
        camera.run()
        observer.wait(lambda: len(robot.spikes) >= 3, "windows", robot)
        for names, values, expected in NO_REWARDS:
            robot.status.clear()
            publisher.publish(Reward(names=names, values=values))
            observer.wait(lambda: robot.level("controller") == DiagnosticStatus.WARN, f"a warning of {values}", robot)
            assert robot.status["controller"].message.startswith(f"reward ignored: {expected}")
        seen = len(robot.spikes)
        observer.wait(lambda: len(robot.spikes) >= seen + 3, "windows", robot)
        assert not robot.commands[-1].stops


@pytest.mark.parametrize("signal", ["reward", "error"])
def test_a_number_on_a_topic_of_its_own_teaches(signal: str, tmp_path: Path) -> None:
    network = tmp_path / "network.yaml"
    network.write_text(network_path("any_camera").read_text().replace("high_na: 1.0", "high_na: 4.0"))
    taught = {"reward_topic": "joy", "reward_signal": signal, "learning": True, "network": str(network)}
    with own_domain(tmp_path) as (observer, group):
        robot, camera = Robot(observer.node), Camera(observer.node)
        publisher = observer.node.create_publisher(Float64, "joy", qos.STATE)
        parameters = {**FREE_RUNNING_CONTROLLER, "event_timeout_s": 10.0, "state_folder": str(tmp_path / "state")}
        group.start("controller", **(parameters | taught))
        services = Services(LockstepRobot(observer, group, robot), tmp_path / "state")

        def drive() -> None:
            seen = len(robot.spikes)
            observer.wait(lambda: len(robot.spikes) >= seen + 10, "windows", robot)

        observer.wait(lambda: camera.is_heard() and publisher.get_subscription_count(), "the controller subscribes")
        camera.run()
        drive()
        untaught = services.weights()
        drive()
        np.testing.assert_array_equal(services.weights(), untaught)
        teaching = observer.node.create_timer(0.05, lambda: publisher.publish(Float64(data=1.0)))
        drive()
        change = services.weights() - untaught
        teaching.cancel()
        assert np.abs(change).max() > 0.0
        if signal == "error":  # more of the right motor, or less of the left, as its sign says
            assert change[:, 0].mean() * change[:, 1].mean() < 0.0
        publisher.publish(Float64(data=float("nan")))
        observer.wait(lambda: robot.level("controller") == DiagnosticStatus.WARN, "a warning", robot)
        assert robot.status["controller"].message == "reward ignored: expected a finite value, found nan"


def test_in_lockstep_a_number_of_its_own_stands_for_the_reward_of_a_window(tmp_path: Path) -> None:
    with lockstep_robot(tmp_path, reward_topic="joy") as driving:
        observer, group, robot = driving
        publisher = observer.node.create_publisher(Float64, "joy", qos.STATE)
        observer.wait(publisher.get_subscription_count, "the controller subscribes", robot)
        with group.paused("reward"):
            publisher.publish(Float64(data=0.5))
            driving.go_on(40)
        assert not robot.has_gap()
        observer.wait(lambda: robot.values("controller").get("learning") == "True", "it learns", robot)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown parameter": ("controller", {"sede": 1}, "sede: unknown parameter"),
    "out of range": ("controller", {"seed": -1}, "seed: expected a value from 0"),
    "nested, out of range": ("controller", {"limits__max_speed_m_s": 1000.0}, "limits.max_speed_m_s: expected"),
    "wrong type": ("controller", {"learning": "yes, please"}, "learning: expected bool, found 'yes, please'"),
    "not one of": ("controller", {"events_reliability": "sure"}, "events_reliability: "),
    "no such command type": ("controller", {"command_type": "smoke"}, "command_type: "),
    "no stamps in lockstep": (
        "controller",
        {"command_type": "float64_multi_array"},
        "command_type: must be joint_trajectory or twist in lockstep",
    ),
    "no such task": ("simulator", {"task_name": "flying"}, "task_name: task 'flying': expected one of lane"),
    "no such task, reward": ("reward", {"task_name": "flying"}, "task_name: task 'flying': expected one of lane"),
    "no such network": ("controller", {"network": "missing.yaml"}, "network: missing.yaml: "),
    "no such checkpoint": ("controller", {"checkpoint": "missing.npz"}, "checkpoint: missing.npz: "),
    "no such track": ("simulator", {"track": "missing.yaml"}, "track: missing.yaml: "),
    "no such track, reward": ("reward", {"track": "missing.yaml"}, "track: missing.yaml: "),
    "no such recording": ("replay", {"file": "missing.aedat4"}, "file: missing.aedat4: "),
}


AT_ONCE = 4
"""Processes."""


def test_bad_parameter_ends_the_node_with_one_line_and_code_2(tmp_path: Path) -> None:
    with own_domain(tmp_path) as (observer, group):
        for first in range(0, len(REFUSED), AT_ONCE):  # starting takes most of the time
            cases = dict(list(REFUSED.items())[first : first + AT_ONCE])
            for place, (node, parameters, _) in enumerate(cases.values(), first):
                group.start(node, f"n{place}", **parameters)
            for place, (case, (node, _, expected)) in enumerate(cases.items(), first):
                key = f"n{place}/{node}"
                observer.wait(lambda key=key: group.exit_code(key) is not None, f"{case}: the process ends")
                lines = group.log(key).splitlines()
                assert len(lines) == 1, (case, lines)
                assert lines[0].startswith(f"{node}: {expected}"), case
                assert group.exit_code(key) == 2, case
