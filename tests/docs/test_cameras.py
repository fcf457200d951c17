"""The launch files of docs/examples/cameras: what they start of ours exists. The drivers of others are not here."""

import importlib.util
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from spikedrive_nodes.cli.launch import read_launch_file

CAMERAS = Path(__file__).resolve().parents[2] / "docs" / "examples" / "cameras"
MODULES = (
    "launch",
    "launch.actions",
    "launch.conditions",
    "launch.launch_description_sources",
    "launch.substitutions",
    "launch_ros.actions",
    "launch_ros.descriptions",
    "launch_ros.parameter_descriptions",
    "launch_ros.substitutions",
)


@pytest.mark.parametrize(
    ("name", "plugin"),
    [("metavision_driver", "metavision_driver::DriverROS2"), ("libcaer_driver", "libcaer_driver::Driver")],
)
def test_a_driver_in_a_container_and_our_controller_subscribing(
    name: str, plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch: dict[str, Any] = {module: MagicMock() for module in MODULES}
    for module, stand_in in launch.items():
        monkeypatch.setitem(sys.modules, module, stand_in)
    spec = importlib.util.spec_from_file_location(name, CAMERAS / f"{name}.launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.generate_launch_description()

    driver, recorder = (made.kwargs for made in launch["launch_ros.descriptions"].ComposableNode.call_args_list)
    assert (driver["package"], driver["plugin"]) == (name, plugin)
    events = f"/{driver['name']}/events"
    assert recorder["parameters"][0]["record.topics"] == [events]
    (share,) = (made.args for made in launch["launch_ros.substitutions"].FindPackageShare.call_args_list)
    assert share == ("spikedrive",)
    (parts,) = launch["launch.substitutions"].PathJoinSubstitution.call_args.args
    ours = parts[-1].removesuffix(".launch.py")
    arguments = dict(launch["launch.actions"].IncludeLaunchDescription.call_args.kwargs["launch_arguments"])
    assert arguments["events"] == events
    assert set(arguments) <= set(read_launch_file(ours).starts.arguments())
    declared = {made.args[0] for made in launch["launch.actions"].DeclareLaunchArgument.call_args_list}
    used = {made.args[0] for made in launch["launch.substitutions"].LaunchConfiguration.call_args_list}
    assert used == declared
