"""``ros2 launch spikedrive_gazebo lane.launch.py``: what it starts, and its bridge against the world's own topics.

ros_gz is not here: a folder with the names of its packages stands in for it.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from snn_core.learning.parameters import ControllerParameters, read_parameters, reward_parameters
from snn_core.sim.gazebo.description.world_sdf import write_world
from snn_core.sim.gazebo.gz.backend import GzBackend
from snn_core.sim.track import load_track
from snn_core.tasks.lane.task import LaneTask, SimulatorSettings
from tests.gazebos import RENDER_ENGINE
from tests.nodes.cli import launch_standin

PACKAGE = Path(__file__).resolve().parents[2] / "ros_ws" / "src" / "spikedrive_gazebo"
BRIDGE = yaml.safe_load((PACKAGE / "config" / "bridge.yaml").read_text())
ROS_GZ = ("ros_gz_sim", "ros_gz_bridge", "robot_state_publisher", "rviz2")
DEFAULTS = {
    "track": "meschede",
    "robot": "lane",
    "checkpoint": "",
    "learning": "true",
    "headless": "true",
    "rviz": "false",
}


@pytest.fixture(scope="module")
def launch_module(installed_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The installed launch file, with the packages that it names in the ament index."""
    ros_gz = tmp_path_factory.mktemp("ros_gz")
    index = ros_gz / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    for name in ROS_GZ:
        (index / name).touch()
        (ros_gz / "share" / name).mkdir()
    gazebo = installed_package.parent / "spikedrive_gazebo"
    path = gazebo / "share" / "spikedrive_gazebo" / "launch" / "lane.launch.py"
    with pytest.MonkeyPatch.context() as patch, launch_standin.installed():
        prefixes = [str(prefix) for prefix in (installed_package, gazebo, ros_gz)]
        patch.setenv("AMENT_PREFIX_PATH", os.pathsep.join(prefixes), prepend=os.pathsep)
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        spec = importlib.util.spec_from_file_location("gazebo_lane_launch", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


def started(module: Any, **arguments: str) -> tuple[str, dict[str, Any]]:
    """The arguments of gz_sim.launch.py, and the nodes by their names, with what stands for a text performed."""
    context = launch_standin.LaunchContext()
    context.launch_configurations.update(arguments)
    *declared, function = module.generate_launch_description().entities
    for argument in declared:
        argument.visit(context)
    include, *nodes = function.visit(context)
    assert launch_standin.perform(context, include.source.path).endswith("ros_gz_sim/launch/gz_sim.launch.py")

    def performed(value: Any) -> Any:
        return value.perform(context) if hasattr(value, "perform") else value

    for node in nodes:
        node.parameters = [
            {name: performed(value) for name, value in given.items()} if isinstance(given, dict) else performed(given)
            for given in node.parameters
        ]
    return dict(include.launch_arguments)["gz_args"], {node.name: node for node in nodes}


def world_of(gz_args: str) -> ET.Element:
    path = Path(gz_args.rsplit(maxsplit=1)[-1])
    try:
        return ET.parse(path).getroot()
    finally:
        shutil.rmtree(path.parent)


def own_topics(sdf: ET.Element) -> dict[tuple[str, str], str]:
    """(topic, its type): who publishes it, of a world that ``spikedrive gazebo`` wrote."""
    plugins = {plugin.get("name", "").rpartition(":")[2]: plugin for plugin in sdf.iter("plugin")}
    camera = sdf.findtext(".//sensor/topic", "")
    odometry, drive = plugins["OdometryPublisher"], plugins["DiffDrive"]
    return {
        ("/clock", "gz.msgs.Clock"): "GZ_TO_ROS",  # of every world
        (camera, "gz.msgs.Image"): "GZ_TO_ROS",
        (camera.rpartition("/")[0] + "/camera_info", "gz.msgs.CameraInfo"): "GZ_TO_ROS",
        (odometry.findtext("odom_topic", ""), "gz.msgs.Odometry"): "GZ_TO_ROS",
        (odometry.findtext("tf_topic", ""), "gz.msgs.Pose_V"): "GZ_TO_ROS",
        (drive.findtext("topic", ""), "gz.msgs.Twist"): "ROS_TO_GZ",
    }


@pytest.mark.ros
@pytest.mark.processes
def test_the_bridge_passes_on_the_worlds_own_topics(launch_module: Any) -> None:
    gz_args, nodes = started(launch_module)
    bridged = {(entry["gz_topic_name"], entry["gz_type_name"]): entry["direction"] for entry in BRIDGE}
    assert bridged == own_topics(world_of(gz_args))
    (bridge,) = nodes["bridge"].parameters
    assert yaml.safe_load(Path(bridge["config_file"]).read_text()) == BRIDGE


@pytest.mark.ros
def test_the_bridges_ros_types_are_those_of_the_nodes() -> None:
    from spikedrive_nodes import dvs_emulator, reward

    types = {entry["ros_topic_name"]: entry["ros_type_name"] for entry in BRIDGE}
    for name in types.values():
        package, _, message = name.split("/")
        assert hasattr(import_module(f"{package}.msg"), message)
    assert types["image"] == f"sensor_msgs/msg/{dvs_emulator.Image.__name__}"
    assert types["odom"] == f"nav_msgs/msg/{reward.Odometry.__name__}"
    assert types["cmd_vel"] == "geometry_msgs/msg/Twist"  # twist_stamped: false


@pytest.mark.ros
@pytest.mark.processes
@pytest.mark.parametrize(
    "arguments",
    [{}, {"robot": "turtlebot4", "track": "tight", "rviz": "true"}, {"checkpoint": "c.npz", "learning": "false"}],
)
def test_it_starts_the_nodes_of_the_task_with_parameters_that_they_have(
    launch_module: Any, arguments: dict[str, str]
) -> None:
    values = DEFAULTS | arguments
    gz_args, nodes = started(launch_module, **arguments)
    sdf = world_of(gz_args)
    radius = "0.03575" if values["robot"] == "turtlebot4" else "0.0975"
    assert sdf.findtext(".//wheel_radius") == radius
    expected = ["bridge", "robot_state_publisher", "dvs_emulator", "reward", "controller"]
    assert list(nodes) == expected + ["rviz2"] * (values["rviz"] == "true")
    depends = {element.text for element in ET.parse(PACKAGE / "package.xml").getroot().iter("exec_depend")}
    assert {node.package for node in nodes.values()} <= depends
    urdf = ET.fromstring(nodes["robot_state_publisher"].parameters[0]["robot_description"])
    assert urdf.find("link[@name='camera_link']") is not None
    assert nodes["dvs_emulator"].parameters[0].endswith("/dvs_emulator.yaml")
    file, changes = nodes["reward"].parameters
    file = Path(file)
    assert file.stem == values["robot"]
    model = reward_parameters(LaneTask)
    reward = model.model_validate(read_parameters(file, "reward", model).model_dump() | changes)
    assert (reward.track, reward.lane) == (values["track"], 0)
    assert nodes["controller"].parameters[0] == str(file)
    changes = nodes["controller"].parameters[1]
    controller = read_parameters(file, "controller", ControllerParameters).model_dump() | changes
    controller = ControllerParameters.model_validate(controller)
    assert not controller.lockstep
    assert controller.learning == (values["learning"] == "true")
    assert controller.checkpoint == values["checkpoint"]
    assert (controller.network == "") == bool(values["checkpoint"])


@pytest.mark.ros
@pytest.mark.processes
def test_without_a_window_unless_asked_for_one(launch_module: Any) -> None:
    for headless in ("true", "false"):
        gz_args, _ = started(launch_module, headless=headless)
        world_of(gz_args)
        assert ("-s" in gz_args.split()) == ("--headless-rendering" in gz_args) == (headless == "true")


@pytest.mark.ros
@pytest.mark.processes
def test_a_robot_that_is_not_there_is_named(launch_module: Any) -> None:
    with pytest.raises(FileNotFoundError, match=r"robot: nowhere: expected lane, turtlebot4 or a parameter file"):
        started(launch_module, robot="nowhere")


def test_a_real_gazebo_has_the_bridges_topics(gz: str, tmp_path: Path) -> None:
    partition = f"bridge_{os.getpid()}"
    settings = SimulatorSettings.model_validate({"gazebo": {"gz_partition": partition, "render_engine": RENDER_ENGINE}})
    write_world(settings, load_track("tight"), tmp_path / "lane.sdf", classic=False)
    environment = os.environ | {"GZ_PARTITION": partition, "GZ_IP": "127.0.0.1"}
    backend = GzBackend(settings, tmp_path / "lane.sdf")
    try:
        backend.start()
        for entry in BRIDGE:
            done = subprocess.run(
                ["gz", "topic", "-i", "-t", entry["gz_topic_name"]],
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            assert entry["gz_type_name"] in done.stdout, done.stdout
    finally:
        backend.stop()
