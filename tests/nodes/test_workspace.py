"""What ``colcon build`` installs for ``ros2 run`` and ``ros2 launch``."""

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from spikedrive_nodes.node_table import NODES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "ros_ws" / "src"


@pytest.mark.ros
@pytest.mark.processes
def test_the_package_installs_the_library_the_nodes_and_the_launch_files(installed_package: Path) -> None:
    (site,) = installed_package.glob("lib/python3*/site-packages")
    for source, target in (("snn_core", site / "snn_core"), ("nodes", site / "spikedrive_nodes")):
        wanted = {p.relative_to(ROOT / source) for p in (ROOT / source).rglob("*") if p.suffix in (".py", ".yaml")}
        assert {path for path in wanted if not (target / path).is_file()} == set()
    launch = {p.relative_to(ROOT / "launch") for p in (ROOT / "launch").rglob("*") if p.suffix in (".py", ".yaml")}
    share = installed_package / "share" / "spikedrive" / "launch"
    assert {path for path in launch if not (share / path).is_file()} == set()


@pytest.mark.ros
@pytest.mark.processes
def test_every_executable_is_a_node_of_its_name(installed_package: Path) -> None:
    executables = sorted((installed_package / "lib" / "spikedrive").iterdir())
    assert [path.name for path in executables] == sorted(NODES)
    for path in executables:
        assert os.access(path, os.X_OK)
        lines = path.read_text().splitlines()
        assert lines[0] == "#!/usr/bin/env python3"
        assert f"from spikedrive_nodes.{path.name} import main" in lines


def test_the_table_of_nodes_is_that_of_the_files() -> None:
    files = {path.stem for path in (ROOT / "nodes").glob("*.py")} - {"__init__", "node_table"}
    assert set(NODES) == files
    for name in NODES:
        text = (ROOT / "nodes" / f"{name}.py").read_text()
        assert f"\nclass {name.title().replace('_', '')}Node(" in text
        assert "\ndef main(" in text


def test_the_package_depends_on_the_messages_of_every_node() -> None:
    package = ET.parse(SOURCES / "spikedrive" / "package.xml").getroot()
    depends = {element.text for element in package.iter("exec_depend")}
    types = [
        kind
        for node in NODES.values()
        for part in (node.subscribes, node.publishes, node.services)
        for kind in part.values()
    ]
    assert {kind.partition("/")[0] for kind in types} <= depends


def test_every_package_of_the_workspace_says_who_keeps_it_and_its_licence() -> None:
    manifests = sorted(SOURCES.glob("*/package.xml"))
    assert len(manifests) >= 4
    for manifest in manifests:
        package = ET.parse(manifest).getroot()
        assert package.findtext("name") == manifest.parent.name
        assert package.findtext("license") == "Apache-2.0"
        maintainer = package.find("maintainer")
        assert maintainer is not None
        assert maintainer.get("email") == "maintainers@spikedrive.example"
