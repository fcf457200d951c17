"""A NIR file or graph as one flat graph: nested graphs are taken apart, every number is checked.

NIR: Pedersen et al. (2024), Nature Communications, doi 10.1038/s41467-024-52259-9; the nodes are
those of the PyPI package ``nir`` 1.0.
"""

import zlib
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import nir
import numpy as np
from nir.serialization import hdf2dict
from numpy.typing import NDArray

from snn_core.errors import UserError

NEURONS = ("LIF", "CubaLIF")
PASSING = "Identity"
"""Type of the inputs and outputs of nested graphs."""

_POOLING = ("kernel_size", "stride", "padding")
_CONVOLUTION = ("weight", "stride", "padding", "dilation", "groups", "bias")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "Input": ("shape",),
    "Output": ("shape",),
    "Linear": ("weight",),
    "Affine": ("weight", "bias"),
    "Scale": ("scale",),
    "Conv1d": _CONVOLUTION,
    "Conv2d": _CONVOLUTION,
    "SumPool2d": _POOLING,
    "AvgPool2d": _POOLING,
    "Flatten": (),
    "Delay": ("delay",),
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"),
}
_NOT_RUN = {
    "I": "it never spikes",
    "IF": "a neuron without leak",
    "LI": "it never spikes",
    "CubaLI": "it never spikes",
    "Threshold": "it has no membrane",
}
_UNREADABLE = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, UnicodeDecodeError, zlib.error)
"""What h5py raises for a file that is cut, damaged or of another kind."""


class Node(NamedTuple):
    """A node of a graph, as it was read."""

    type: str
    values: dict[str, Any]
    metadata: dict[str, Any]


def number_of(metadata: dict[str, Any], key: str, default: float) -> float:
    """A number of the metadata, if it is one."""
    value = metadata.get(key)
    return float(value) if isinstance(value, int | float | np.integer | np.floating) else default


def word_of(metadata: dict[str, Any], key: str, choices: tuple[str, ...]) -> Any:
    """A word of the metadata, if it is one of the choices, else the first of these."""
    value = metadata.get(key)
    return value if isinstance(value, str) and value in choices else choices[0]


class Graph(NamedTuple):
    """A graph without graphs in it; ``origin`` begins the messages about it."""

    origin: str
    nodes: dict[str, Node]
    edges: list[tuple[str, str]]
    metadata: dict[str, Any]

    def refuse(self, name: str, text: str) -> UserError:
        """The error that names a node."""
        return UserError(f"{self.origin}: node {name!r} ({self.nodes[name].type}): {text}")

    def numbers(self, name: str, key: str) -> NDArray[np.float64]:
        """A node's array. Raises UserError for what is not of finite numbers."""
        try:
            array = np.asarray(self.nodes[name].values[key])
        except (TypeError, ValueError, RuntimeError) as error:
            raise self.refuse(name, f"{key}: expected an array of numbers") from error
        if array.dtype.kind not in "iuf":
            raise self.refuse(name, f"{key}: expected an array of numbers, found {array.dtype}")
        numbers = array.astype(np.float64)
        if not np.isfinite(numbers).all():
            raise self.refuse(name, f"{key}: expected finite numbers")
        return numbers

    def common(self, name: str, key: str) -> float:
        """The one value of a node's array. Raises UserError when its neurons differ."""
        array = self.numbers(name, key)
        if array.size == 0 or (array != array.flat[0]).any():
            found = f"{array.min():g} to {array.max():g}" if array.size else "no value"
            raise self.refuse(name, f"{key}: expected one value for all neurons of a population, found {found}")
        return float(array.flat[0])

    def sources(self, name: str) -> list[str]:
        """The nodes that have an edge to this one."""
        return [pre for pre, post in self.edges if post == name]

    def targets(self, name: str) -> list[str]:
        """The nodes that this one has an edge to."""
        return [post for pre, post in self.edges if pre == name]


def read_graph(path: Path) -> Graph:
    """Read a NIR file. Raises UserError, naming file and node, for what is no NIR graph or cannot be run."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a NIR graph (.nir)")
    try:
        with h5py.File(path, "r") as file:
            data = hdf2dict(file["node"])
    except _UNREADABLE as error:
        raise UserError(f"{path}: cut, damaged or of another kind; expected a graph that nir.write wrote") from error
    return _flat(str(path), data)


def take_graph(graph: nir.NIRGraph, origin: str = "NIR graph") -> Graph:
    """A graph in memory, as other simulators' exporters give it. Raises UserError as ``read_graph``."""
    return _flat(origin, graph.to_dict())


def _flat(origin: str, data: dict[str, Any]) -> Graph:
    kind = _kind(data)
    if kind != "NIRGraph":
        raise UserError(f"{origin}: expected a graph, found a node of type {kind!r}")
    graph = Graph(origin, {}, [], _metadata(data))
    _add(graph, "", data)
    for edge in graph.edges:
        for end in edge:
            if end not in graph.nodes:
                raise UserError(f"{origin}: edge {edge[0]!r} -> {edge[1]!r}: there is no node {end!r}")
    if len(set(graph.edges)) < len(graph.edges):
        twice = next(edge for edge in graph.edges if graph.edges.count(edge) > 1)
        raise UserError(f"{origin}: edge {twice[0]!r} -> {twice[1]!r}: given twice; give it once")
    return graph


def _add(graph: Graph, prefix: str, data: dict[str, Any]) -> None:
    """Add the nodes and edges of a graph, its names behind ``prefix``."""
    ends: dict[str, tuple[str, str]] = {}
    """Nested graph -> where edges to it and from it go."""
    nodes = data.get("nodes")
    if not isinstance(nodes, dict) or "edges" not in data:
        raise UserError(f"{graph.origin}: graph {prefix.rstrip('.') or 'itself'!r}: expected nodes and edges")
    for name, node in nodes.items():
        kind = _kind(node)
        if kind is None:
            raise UserError(f"{graph.origin}: node {prefix + name!r}: expected a node with a type")
        if kind == "NIRGraph":
            _add(graph, f"{prefix}{name}.", node)
            ends[name] = _ends(graph, f"{prefix}{name}", node)
        else:
            _add_node(graph, prefix + name, kind, node, nested=bool(prefix))
    edges = np.asarray(data["edges"], object)
    if edges.size and (edges.ndim != 2 or edges.shape[1] != 2):
        raise UserError(f"{graph.origin}: edges: expected pairs of nodes, found shape {edges.shape}")
    for edge in edges:
        pre, post = _text(edge[0]), _text(edge[1])
        pre = ends[pre][1] if pre in ends else prefix + pre
        post = ends[post][0] if post in ends else prefix + post
        graph.edges.append((pre, post))


def _kind(node: Any) -> str | None:
    """The type of what should be a node."""
    kind = node.get("type") if isinstance(node, dict) else None
    return _text(kind) if isinstance(kind, str | bytes) else None


def _add_node(graph: Graph, name: str, kind: str, data: dict[str, Any], nested: bool) -> None:
    if kind in _NOT_RUN:
        raise UserError(
            f"{graph.origin}: node {name!r}: {kind} cannot be run, {_NOT_RUN[kind]}; expected LIF or CubaLIF"
        )
    if kind not in _REQUIRED:
        raise UserError(f"{graph.origin}: node {name!r}: unknown type {kind!r}; expected one of {', '.join(_REQUIRED)}")
    if name in graph.nodes:
        raise UserError(f"{graph.origin}: node {name!r}: two nodes have this name")
    for key in _REQUIRED[kind]:
        if key not in data:
            raise UserError(f"{graph.origin}: node {name!r} ({kind}): {key} is missing")
    if nested and kind in ("Input", "Output"):
        kind = PASSING
    values = {key: value for key, value in data.items() if key not in ("type", "metadata")}
    graph.nodes[name] = Node(kind, values, _metadata(data))


def _ends(graph: Graph, name: str, data: dict[str, Any]) -> tuple[str, str]:
    """The one input and the one output of a nested graph."""
    found = []
    for kind in ("Input", "Output"):
        names = [key for key, node in data["nodes"].items() if _kind(node) == kind]
        if len(names) != 1:
            raise UserError(
                f"{graph.origin}: graph {name!r}: expected one {kind} in a nested graph, found {len(names)}"
            )
        found.append(f"{name}.{names[0]}")
    return found[0], found[1]


def _metadata(data: dict[str, Any]) -> dict[str, Any]:
    """Free-form: what of it is used is checked where it is used."""
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        return {}
    return {key: _text(value) if isinstance(value, bytes) else value for key, value in metadata.items()}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
