"""What the README and docs/launch.md list of nodes, topics, services, parameters and launch files: as it is."""

import re
from pathlib import Path

import pytest

from spikedrive_nodes.cli.launch import launch_names, read_launch_file
from spikedrive_nodes.node_table import NODES
from spikedrive_nodes.ros.parameter_fields import parameters_of

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def rows(text: str, *header: str) -> list[list[str]]:
    """The cells of the one table with this header."""
    lines = text.splitlines()
    (begin,) = [number for number, line in enumerate(lines) if cells(line) == list(header)]
    table: list[list[str]] = []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        table.append(cells(line))
    return table


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def code(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def named_nodes(cell: str) -> set[str]:
    """The nodes among what a cell lists; ``all`` are all."""
    return set(NODES) if cell == "all" else {name.strip() for name in cell.split(",")} & set(NODES)


TOPICS = {
    topic: (kind, publishers, subscribers)
    for names, kinds, publishers, subscribers in rows(README, "topic", "type", "from", "to")
    for topic, kind in zip(code(names), code(kinds), strict=False)
}


def test_the_readme_lists_every_topic() -> None:
    assert set(TOPICS) == {topic for node in NODES.values() for topic in (*node.subscribes, *node.publishes)}


@pytest.mark.parametrize("topic", list(TOPICS))
def test_a_topic_of_the_readme_has_its_type_and_its_nodes(topic: str) -> None:
    kind, publishers, subscribers = TOPICS[topic]
    assert named_nodes(publishers) == {name for name, node in NODES.items() if topic in node.publishes}
    assert named_nodes(subscribers) == {name for name, node in NODES.items() if topic in node.subscribes}
    kinds = {part.get(topic, kind) for node in NODES.values() for part in (node.subscribes, node.publishes)}
    assert {said.partition(",")[0] for said in kinds} == {kind}


@pytest.mark.parametrize("name", list(NODES))
def test_the_readme_names_every_service(name: str) -> None:
    services = [service for service in NODES[name].services if service != "~/change_state"]  # of any lifecycle node
    assert [service for service in services if f"`{service}`" not in README] == []


def test_parameters_of_the_readme_have_the_defaults_that_it_says() -> None:
    node = ""
    seen = set()
    for said_node, names, defaults, _ in rows(README, "node", "parameter", "default", ""):
        node = said_node or node
        seen.add(node)
        known = {parameter.name: parameter.default for parameter in parameters_of(NODES[node].model())}
        assert set(code(names)) <= set(known), node
        said = [text.strip().strip("`") for text in defaults.split(",") if text.strip()]
        for name, text in zip(code(names), said, strict=False):
            value = known[name]
            expected = str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")
            assert text.partition(" ")[0] == expected, f"{node}: {name}"
    assert seen <= set(NODES)
    assert len(seen) > 4


def test_every_launch_file_is_in_its_documentation() -> None:
    table = rows((ROOT / "docs" / "launch.md").read_text(), "launch file", "nodes", "parameter file")
    described = {code(name)[0]: (nodes, code(config)[0]) for name, nodes, config in table}
    assert sorted(described) == [f"{name}.launch.py" for name in launch_names()]
    for name in launch_names():
        nodes, config = described[f"{name}.launch.py"]
        starts = read_launch_file(name).starts
        assert config == f"launch/config/{starts.config}.yaml"
        assert (ROOT / config).is_file()
        assert set(re.findall(r"\w+", nodes.partition(":")[0].partition(";")[0])) & set(NODES) == set(starts.nodes)
