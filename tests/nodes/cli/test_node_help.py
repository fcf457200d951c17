"""``spikedrive node NAME --help`` against the nodes themselves."""

import io
import re
import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from snn_core.events.events import Events
from snn_core.events.recordings import write_recording
from spikedrive_nodes.cli.node_help import print_node_help
from spikedrive_nodes.node_table import NODES
from spikedrive_nodes.processes.node_processes import free_domain_id
from spikedrive_nodes.ros.parameter_fields import parameters_of

OF_EVERY_NODE = {"/parameter_events", "/rosout", "/clock"}
PACKAGES = ("spikedrive_msgs", "std_srvs")


def help_of(name: str, width: int = 200) -> str:
    """What is printed on a terminal of this width."""
    text = io.StringIO()
    print_node_help(name, Console(file=text, width=width))
    return text.getvalue()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recording.aedat4"
    t = np.arange(0, 200_000, 1000, dtype=np.int64)
    x = np.zeros(t.size, np.uint16)
    write_recording(path, Events(t, x, x, np.ones(t.size, np.uint8)), 16, 12)
    return path


@pytest.mark.parametrize("name", sorted(NODES))
def test_help_lists_every_parameter_with_default_and_description(name: str) -> None:
    text = help_of(name, width=400)
    for parameter in parameters_of(NODES[name].model()):
        (line,) = re.findall(rf"^ *{re.escape(parameter.name)}  .*", text, flags=re.MULTILINE)
        default = str(parameter.default)
        assert f" {default.lower() if default in ('True', 'False') else default} " in line
        assert parameter.field.description
        assert parameter.field.description in line


def test_help_says_ranges_and_choices() -> None:
    text = help_of("controller")
    assert re.search(r"limits\.max_speed_m_s .*above 0 to 100 ", text)
    assert re.search(r"seed .*from 0 to 2147483647 ", text)
    assert re.search(r"events_reliability .*auto, reliable, best_effort ", text)


@pytest.mark.ros
@pytest.mark.parametrize("name", sorted(NODES))
@pytest.mark.parametrize("lockstep", [False, True])
def test_a_node_has_the_topics_services_and_parameters_that_its_help_says(
    name: str, lockstep: bool, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rclpy

    monkeypatch.chdir(recording.parent)  # the example names the recording
    example = NODES[name].example.replace("lockstep:=false", f"lockstep:={str(lockstep).lower()}")
    rclpy.init(args=[name, "--ros-args", *shlex.split(example)], domain_id=free_domain_id())
    try:
        node = getattr(import_module(f"spikedrive_nodes.{name}"), f"{name.title().replace('_', '')}Node")()
        parameters = {p.name: type(node.get_parameter(p.name).value) for p in parameters_of(NODES[name].model())}
        subscribed = dict(node.get_subscriber_names_and_types_by_node(name, "/"))
        published = dict(node.get_publisher_names_and_types_by_node(name, "/"))
        services = dict(node.get_service_names_and_types_by_node(name, "/"))
        node.stop()
        node.destroy_node()
    finally:
        rclpy.shutdown()
    assert parameters == {p.name: type(p.default) for p in parameters_of(NODES[name].model())}
    remapped = dict(re.findall(r"-r (\S+):=(\S+)", example))
    for said, found in ((NODES[name].subscribes, subscribed), (NODES[name].publishes, published)):
        expected = {
            remapped.get(topic, f"/{topic.lstrip('/')}"): words(kind)
            for topic, kind in said.items()
            if lockstep or not kind.endswith("in lockstep only")
            if not re.search(r", of (bodies|tasks) ", kind)  # the lane task's car is none of these
        }
        theirs = {topic: words(types[0]) for topic, types in found.items()}
        of_every_node = OF_EVERY_NODE | {f"/{name}/transition_event"}
        assert {topic: kind for topic, kind in theirs.items() if topic not in of_every_node} == {
            topic: kind for topic, kind in expected.items() if topic not in of_every_node
        }
        assert expected.items() <= theirs.items()
    expected = {service.replace("~", f"/{name}"): words(kind) for service, kind in NODES[name].services.items()}
    theirs = {service: words(types[0]) for service, types in services.items()}
    assert expected.items() <= theirs.items()
    assert {service for service, kind in theirs.items() if kind[0] in PACKAGES} <= set(expected)


def words(kind: str) -> tuple[str, str]:
    """Package and name of a type, with or without ``msg`` or ``srv`` between them."""
    parts = kind.partition(",")[0].split("/")
    return parts[0], parts[-1]
