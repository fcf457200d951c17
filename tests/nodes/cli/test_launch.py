"""Launch files: what they name exists where colcon installs it; both ``launch`` verbs start the same."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.learning.parameters import read_parameters
from spikedrive_nodes.cli import launch as launch_command
from spikedrive_nodes.cli.launch import argument_help, launch_names, launch_plan, read_launch_file
from spikedrive_nodes.node_table import NODES
from spikedrive_nodes.processes import discovery
from spikedrive_nodes.processes.launch_file import ARGUMENTS, PlannedNode
from spikedrive_nodes.processes.node_processes import free_domain_id
from spikedrive_nodes.ros.parameter_fields import parameters_of
from tests.nodes.cli import launch_files

ROOT = Path(__file__).resolve().parents[3]
LAUNCH = ROOT / "launch"
NAMES = launch_names()
LAUNCH_FILES = {name: read_launch_file(name).starts for name in NAMES}
TEXTS = ["tight", "a b.yaml", "7", "true", "ü: '#\""]
NUMBERS = ["0", "1000", ""]
BOOLEANS = ["true", "False", "0", "1", ""]
VALUES = {
    **dict.fromkeys(("file", "track", "backend", "network", "checkpoint"), TEXTS),
    **dict.fromkeys(("device", "serial", "camera_info_url"), TEXTS),
    **dict.fromkeys(("learning", "lockstep", "autostart", "twist_stamped"), BOOLEANS),
    **dict.fromkeys(("hot_pixels", "camera_info", "region", "crop", "encoding"), TEXTS),
    **dict.fromkeys(("refractory_us", "background_us", "spatial_factor"), NUMBERS),
    "seed": ["0", "2147483647", ""],
    "rate": ["2", "0.5", "1e-7"],
    "params_file": [str(LAUNCH / "config" / "robot.yaml")],
    "events": ["/camera/events"],
    "image": ["/camera/image_raw"],
    "response": ["linear", "srgb", ""],
    "events_filtered": ["/camera/kept"],
    "cmd_vel": ["base/cmd_vel"],
    "namespace": ["robot1", "/robots/one", ""],
    "discovery": list(discovery.RANGES),
}


@pytest.fixture(scope="module")
def installed_launch(installed_package: Path) -> Iterator[Path]:
    """The installed launch folder, with its package in the ament index."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMENT_PREFIX_PATH", str(installed_package), prepend=os.pathsep)
        yield installed_package / "share" / "spikedrive" / "launch"


# The launch files


@pytest.mark.ros
@pytest.mark.processes
@pytest.mark.slow
def test_launch_files_need_nothing_but_python_and_the_installed_package(installed_launch: Path) -> None:
    """The Python of ``ros2 launch`` is the system's, without what snn_core needs; -I -S is one without anything."""
    (site,) = installed_launch.parents[2].glob("lib/python3*/site-packages")
    script = f"""
import json, runpy, sys
from pathlib import Path
sys.path.append({str(site)!r})
for path in sorted(Path({str(installed_launch)!r}).glob("*.launch.py")):
    content = runpy.run_path(str(path))
    assert callable(content["generate_launch_description"])
    values = dict.fromkeys(content["LAUNCH_FILE"].required, "x") | {{"params_file": __file__}}
    print(json.dumps([path.name, [node.name for node in content["LAUNCH_FILE"].plan(values)]]))
"""
    path = installed_launch.parent / "bare.py"
    path.write_text(script)
    done = subprocess.run([sys.executable, "-I", "-S", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = dict(json.loads(line) for line in done.stdout.splitlines())
    assert found == {f"{name}.launch.py": list(LAUNCH_FILES[name].nodes) for name in NAMES}


@pytest.mark.ros
@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_launch_file_and_command_describe_the_same_arguments(name: str, installed_launch: Path) -> None:
    arguments = launch_files.declared(installed_launch / f"{name}.launch.py")
    descriptions = argument_help(name)
    assert sorted(arguments) == sorted(descriptions)
    for key, argument in arguments.items():
        assert descriptions[key].startswith(argument.description.removesuffix("; empty: as in params_file"))
        assert argument.description.endswith("as in params_file") == descriptions[key].endswith("as in params_file)")
        assert argument.required == (key in LAUNCH_FILES[name].required)
        assert argument.choices == (discovery.RANGES if key == "discovery" else ())


@pytest.mark.ros
@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50)
@given(data=st.data())
def test_launch_file_and_command_start_the_same(name: str, installed_launch: Path, data: Any) -> None:
    launch_file = LAUNCH_FILES[name]
    values = {key: st.sampled_from(VALUES[key]) for key in launch_file.arguments()}
    required = {key: values.pop(key) for key in launch_file.required}
    arguments = data.draw(st.fixed_dictionaries(required, optional=values))
    plan = launch_plan(name, [f"{key}:={value}" for key, value in arguments.items()])
    with pytest.MonkeyPatch.context() as patch:
        for variable in discovery.VARIABLES:
            patch.setenv(variable, "")
        found = launch_files.started(installed_launch / f"{name}.launch.py", arguments)
        assert os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == (plan.discovery or "LOCALHOST")
    executables = installed_launch.parents[2] / "lib" / "spikedrive"
    expected = [
        launch_files.parse([str(executables / node.name), "--ros-args", *node.arguments()]) for node in plan.nodes
    ]
    if "params_file" not in arguments:
        config = installed_launch / "config" / f"{launch_file.config}.yaml"
        assert config.read_bytes() == Path(plan.nodes[0].params_file).read_bytes()
        expected = [replace(node, params_files=(config,)) for node in expected]
    assert found == expected
    assert [types(node) for node in found] == [types(node) for node in expected]  # 1 == True == 1.0
    assert all(os.access(node.executable, os.X_OK) for node in found)


def types(node: launch_files.Started) -> dict[str, type]:
    """The types of a node's parameters."""
    return {name: type(value) for name, value in node.parameters.items()}


@pytest.mark.ros
@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "LOCALHOST"),
        ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}, "OFF"),
        ({"ROS_STATIC_PEERS": "10.0.0.2"}, "SUBNET"),
        ({"ROS_LOCALHOST_ONLY": "0"}, "SUBNET"),
    ],
)
def test_a_launch_file_keeps_discovery_on_the_host_unless_the_environment_says_otherwise(
    environment: dict[str, str], expected: str, installed_launch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in discovery.VARIABLES:
        monkeypatch.setenv(variable, "")
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    launch_files.started(installed_launch / "demo.launch.py", {})
    # SUBNET is what ROS 2 takes without it.
    assert os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == expected


@pytest.mark.ros
@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("replay", {}, '[Rr]equired launch argument "file"'),
        ("replay", {"file": ""}, "file: required argument is missing"),
        (
            "robot",
            {"params_file": "/nowhere.yaml"},
            "params_file: /nowhere.yaml: expected a parameter file, found none",
        ),
        ("demo", {"seed": "a"}, "seed: expected a whole number, found 'a'"),
        ("demo", {"discovery": "far"}, "far"),
    ],
)
def test_a_launch_file_refuses_what_it_cannot_use(
    name: str, arguments: dict[str, str], message: str, installed_launch: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "")
        with pytest.raises(Exception, match=message):
            launch_files.started(installed_launch / f"{name}.launch.py", arguments)


# Parameter files


@pytest.mark.parametrize("path", sorted((LAUNCH / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_parameter_files_name_parameters_of_their_type(path: Path) -> None:
    sections = yaml.safe_load(path.read_text())
    assert sections
    for section, content in sections.items():
        node = section.removeprefix("/**/")
        read_parameters(path, node, NODES[node].model())
        known = {parameter.name: parameter.default for parameter in parameters_of(NODES[node].model())}
        for name, value in flat(content["ros__parameters"]):
            assert name in known, f"{section}: {name}"
            assert type(value) is type(known[name]), f"{section}: {name}: ROS 2 takes no {value!r} for {known[name]!r}"


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_parameters_of_their_type(name: str) -> None:
    sections = yaml.safe_load((LAUNCH / "config" / f"{LAUNCH_FILES[name].config}.yaml").read_text())
    assert {section.removeprefix("/**/") for section in sections} == set(LAUNCH_FILES[name].nodes)
    for node, arguments in LAUNCH_FILES[name].nodes.items():
        known = {parameter.name: type(parameter.default) for parameter in parameters_of(NODES[node].model())}
        assert {argument: known[argument] for argument in arguments} == {
            argument: ARGUMENTS[argument].kind for argument in arguments
        }


def flat(parameters: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Names, dotted, and values of nested parameters."""
    for name, value in parameters.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


# The command


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "rocket",
            [],
            "launch rocket: unknown; expected one of camera, demo, dvs_emulator, event_filter, replay, robot",
        ),
        ("demo", ["file:=x"], "demo: file: unknown argument; expected one of params_file, track, .*discovery"),
        ("demo", ["seed=3"], "demo: 'seed=3': expected NAME:=VALUE"),
        ("demo", ["seed:=1.5"], "demo: seed: expected a whole number, found '1.5'"),
        ("demo", ["lockstep:=maybe"], "demo: lockstep: expected true or false, found 'maybe'"),
        ("replay", ["file:=x", "rate:=max"], "replay: rate: expected a number, found 'max'"),
        ("replay", [], "replay: file: required argument is missing; add file:=VALUE"),
        ("replay", ["file:="], "replay: file: required argument is missing; add file:=VALUE"),
        (
            "robot",
            ["params_file:=/nowhere.yaml"],
            "robot: params_file: /nowhere.yaml: expected a parameter file, found none",
        ),
        ("robot", ["namespace:=a-b"], "robot: namespace: expected letters, .* found 'a-b'"),
        ("robot", ["discovery:=far"], "robot: discovery: expected one of LOCALHOST, .* found 'far'"),
    ],
)
def test_what_cannot_be_launched_is_refused_in_one_line(name: str, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        launch_plan(name, arguments)


def test_an_argument_that_is_not_given_leaves_the_parameter_file_alone() -> None:
    for name in NAMES:
        required = [f"{argument}:=x" for argument in LAUNCH_FILES[name].required]
        for node in launch_plan(name, required).nodes:
            assert set(node.parameters) <= set(LAUNCH_FILES[name].required)
            assert (node.remaps, node.namespace) == ({}, "")


def test_a_checkpoint_brings_its_network_unless_another_is_given() -> None:
    (controller,) = launch_plan("robot", ["checkpoint:=c.npz"]).nodes
    assert controller.parameters == {"checkpoint": "c.npz", "network": ""}
    (controller,) = launch_plan("robot", ["checkpoint:=c.npz", "network:=lane"]).nodes
    assert controller.parameters == {"checkpoint": "c.npz", "network": "lane"}


def test_every_argument_belongs_to_a_launch_file() -> None:
    assert {name for launch_file in LAUNCH_FILES.values() for name in launch_file.arguments()} == set(ARGUMENTS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("def generate_launch_description(): ...", "expected a LaunchFile named LAUNCH_FILE, found none"),
        ("from launch_of_another_robot import LaunchDescription", "No module named 'launch_of_another_robot'"),
    ],
)
def test_a_launch_file_for_ros2_launch_alone_is_refused_in_one_line(
    content: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.launch.py"
    path.write_text(content)
    monkeypatch.setattr(launch_command, "launch_folder", lambda: tmp_path)
    with pytest.raises(UserError, match=f"^{path}: {message}; start it by ros2 launch$"):
        launch_plan("mine")


@pytest.mark.ros
@pytest.mark.parametrize("value", [True, False, 7, 2.0, 1e-7, 1e16, "", "tight", *TEXTS])
def test_ros_reads_a_parameter_of_the_command_line_as_it_was_meant(value: bool | float | str) -> None:
    import rclpy
    from rclpy.context import Context
    from rclpy.node import Node

    planned = PlannedNode("controller", LAUNCH / "config" / "robot.yaml", {"network": value}, namespace="/robot1")
    context = Context()
    rclpy.init(args=["--ros-args", *planned.arguments()], context=context, domain_id=free_domain_id())
    try:
        node = Node("controller", context=context, automatically_declare_parameters_from_overrides=True)
        found = node.get_parameter("network").value
        others = node.get_parameter("lockstep").value
        node.destroy_node()
    finally:
        rclpy.shutdown(context=context)
    assert (type(found), found, others) == (type(value), value, False)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def launched(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """``spikedrive launch`` in a ROS domain of its own."""
    domain = free_domain_id()
    command = [sys.executable, "-m", "spikedrive_nodes.cli", "launch", *arguments]
    process = subprocess.Popen(
        command,
        env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process, domain
    finally:
        if process.poll() is None:
            process.kill()  # its nodes end with it
            process.wait()


@pytest.mark.ros
@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_runs_in_lockstep_until_a_signal_and_leaves_no_process(number: signal.Signals) -> None:
    from rclpy.node import Node
    from spikedrive_msgs.msg import Episode

    from spikedrive_nodes.processes.over_dds import Observer
    from spikedrive_nodes.ros import qos

    windows: list[int] = []

    def on_episode(episode: Episode) -> None:
        windows.append(episode.window)

    def watcher() -> Node:
        node = Node("watcher")
        node.create_subscription(Episode, "robot1/episode", on_episode, qos.STATE)
        return node

    with launched("demo", "seed:=3", "namespace:=robot1") as (process, domain), Observer(domain, watcher) as observer:
        deadline = time.monotonic() + 120

        def check() -> None:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, f"{len(windows)} windows"

        observer.spin_until(lambda: len(windows) > 20, check)
        nodes = children(process.pid)
        assert len(nodes) == 3
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert [pid for pid in nodes if Path(f"/proc/{pid}").exists()] == []
    plan = launch_plan("demo", ["seed:=3", "namespace:=robot1"])
    assert output.splitlines()[:3] == [node.command() for node in plan.nodes]
    assert "-p seed:=3 -r __ns:=/robot1" in output.splitlines()[0]


@pytest.mark.ros
@pytest.mark.processes
@pytest.mark.slow
def test_a_node_that_ends_ends_the_others_and_gives_its_exit_code() -> None:
    with launched("demo", "track:=no_such_track") as (process, _):
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "no_such_track" in output
    assert "ended with code 2; ending the others" in output
