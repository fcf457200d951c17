"""From a NIR graph to a description: populations in order, and a connection for each path between them."""

from pathlib import Path as FilePath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.files import validate, write_atomically
from snn_core.network.interchange.nir_graph import NEURONS, PASSING, Graph, number_of, word_of
from snn_core.network.interchange.nir_neurons import Options, effect_of, from_node, milliseconds
from snn_core.network.interchange.nir_paths import Path, bias_paths, input_shape, neuron_shape, paths_from, size_of
from snn_core.network.models.base import MAX_NEURONS
from snn_core.network.patterns import MAX_DELAY_STEPS
from snn_core.network.spec import NetworkSpec

INLINE_WEIGHTS = 4096
"""Up to so many weights of a connection are written into the description itself."""
GRID = 1e-3
"""How far from a whole number of steps a delay may be, in steps: exporters round to float32."""


class ImportedConnection(NamedTuple):
    """Synapses between two populations; pre, post and weight_na are (synapses,), by pre, then by post."""

    description: dict[str, Any]
    """Its part of the description without the synapses."""
    shape: tuple[int, int]
    is_dense: bool
    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    weight_na: NDArray[np.float32]


class ImportedNetwork(NamedTuple):
    """A network that was read from NIR."""

    origin: str
    description: dict[str, Any]
    """Without connections."""
    connections: list[ImportedConnection]
    notes: list[str]
    """What is worth knowing about it, a line each."""
    metadata: dict[str, Any]
    """Of the graph, as it was read."""
    model: type[NetworkSpec] = NetworkSpec
    """What the description is checked against."""

    def spec(self) -> NetworkSpec:
        """The description with all weights in it. Raises UserError when it cannot be run."""
        return self.checked([_inline(connection) for connection in self.connections])

    def save(self, path: FilePath) -> NetworkSpec:
        """Write the description as YAML; connections of more than ``INLINE_WEIGHTS`` weights get a .npz beside it that
        the description names. Raises UserError.
        """
        written = []
        for place, connection in enumerate(self.connections):
            small = connection.shape[0] * connection.shape[1] <= INLINE_WEIGHTS
            written.append(_inline(connection) if small else _in_file(connection, path, place))
        spec = self.checked(written)
        write_atomically(path, lambda file: file.write(spec.to_yaml().encode()))
        return spec

    def checked(self, connections: list[dict[str, Any]]) -> NetworkSpec:
        """The description with these connections. Raises UserError when they do not fit."""
        return validate(self.model, self.description | {"connections": connections}, self.origin)


def _inline(connection: ImportedConnection) -> dict[str, Any]:
    matrix = np.zeros(connection.shape, np.float32)
    matrix[connection.pre, connection.post] = connection.weight_na
    weights = {"distribution": "values", "values_na": matrix.tolist()}
    if connection.is_dense:
        return connection.description | {"weights": weights}
    pattern = {"kind": "explicit", "pre": connection.pre.tolist(), "post": connection.post.tolist()}
    return connection.description | {"pattern": pattern, "weights": weights}


def _in_file(connection: ImportedConnection, path: FilePath, place: int) -> dict[str, Any]:
    file = path.with_name(f"{path.stem}.connection_{place}.npz")
    if connection.is_dense:
        write_atomically(file, lambda opened: np.savez(opened, weights=connection.weight_na))
        return connection.description | {"weights": {"distribution": "file", "path": str(file)}}
    arrays = {"pre": connection.pre, "post": connection.post, "weight_na": connection.weight_na}
    write_atomically(file, lambda opened: np.savez(opened, **arrays))
    pattern = {"kind": "explicit", "file": str(file)}
    return connection.description | {"pattern": pattern, "weights": {"distribution": "constant", "value_na": 0.0}}


def import_graph(graph: Graph, options: Options, name: str) -> ImportedNetwork:
    """The network that a graph describes; ``name`` where it has none. Raises UserError, naming node and key."""
    dt_ms = _step_ms(graph, options)
    order = _order(graph)
    sizes = {key: _size(graph, key) for key in order}
    paths = _paths(graph, order)
    biases = _biases(graph, sizes)
    populations: dict[str, dict[str, Any]] = {}
    factors: dict[str, float] = {}
    notes: list[str] = []
    for key in order:
        node = graph.nodes[key]
        if node.type == "Input":
            populations[key] = {"model": "spike_source", "size": sizes[key], "effect": effect_of(node)}
        else:
            imported = from_node(graph, key, sizes[key], biases[key], dt_ms, options)
            populations[key] = imported.population.model_dump()
            factors[key] = imported.weight_factor
            notes += imported.notes
    connections = [_connection(graph, path, sizes, factors, dt_ms, options, notes) for path in paths]
    connections = _with_effects(populations, connections, notes)
    description = _description(graph, name, dt_ms, populations)
    return ImportedNetwork(graph.origin, description, connections, notes, dict(graph.metadata))


def _step_ms(graph: Graph, options: Options) -> float:
    found = [number_of(node.metadata, "dt_ms", np.nan) for node in (*graph.nodes.values(), graph)]
    told = [value for value in found if not np.isnan(value)]
    if options.dt_ms is not None:
        told = [options.dt_ms]
    if not told:
        raise UserError(f"{graph.origin}: dt_ms: the graph does not say how long a step is; give --dt-ms")
    if min(told) != max(told):
        raise UserError(f"{graph.origin}: dt_ms: the metadata say {min(told):g} and {max(told):g}; give --dt-ms")
    if not 0 < told[0] < np.inf:
        raise UserError(f"{graph.origin}: dt_ms: expected a time above 0, found {told[0]:g}; give --dt-ms")
    return told[0]


def _order(graph: Graph) -> list[str]:
    """Inputs and neurons as their metadata number them, else from the inputs along the edges."""
    reached = [key for key, node in graph.nodes.items() if node.type == "Input"]
    for key in reached:  # grows meanwhile
        reached += [target for target in dict.fromkeys(graph.targets(key)) if target not in reached]
    found = [key for key in [*reached, *graph.nodes] if graph.nodes[key].type in (*NEURONS, "Input")]
    if not any(graph.nodes[key].type in NEURONS for key in found):
        raise UserError(f"{graph.origin}: no neurons; expected LIF or CubaLIF nodes")
    return sorted(dict.fromkeys(found), key=lambda key: _place(graph, key))


def _place(graph: Graph, key: str) -> float:
    return number_of(graph.nodes[key].metadata, "place", np.inf)


def _shape(graph: Graph, key: str) -> tuple[int, ...]:
    return input_shape(graph, key) if graph.nodes[key].type == "Input" else neuron_shape(graph, key)


def _size(graph: Graph, key: str) -> int:
    size = size_of(_shape(graph, key))
    if size > MAX_NEURONS:
        raise graph.refuse(key, f"expected at most {MAX_NEURONS} neurons, found {size}")
    return size


def _paths(graph: Graph, order: list[str]) -> list[Path]:
    """The paths onto populations; outputs must be populations as they are."""
    paths = []
    for key in order:
        for path in paths_from(graph, key, _shape(graph, key)):
            target = path.names[-1]
            if graph.nodes[target].type != "Output":
                paths.append(path)
            elif path.pairs is not None or path.delay:
                raise graph.refuse(path.names[-2], f"leads to the output {target!r}; expected a population that spikes")
    return sorted(paths, key=lambda path: min((_place(graph, key) for key in path.names[1:-1]), default=np.inf))


def _biases(graph: Graph, sizes: dict[str, int]) -> dict[str, NDArray[np.float64]]:
    """Constant input of each population, (size,)."""
    biases = {key: np.zeros(size) for key, size in sizes.items()}
    for key, node in graph.nodes.items():
        if node.values.get("bias") is None:
            continue
        for path in bias_paths(graph, key):
            if path.names[-1] not in biases:
                raise graph.refuse(key, f"leads to the output {path.names[-1]!r}; expected a population that spikes")
            assert path.pairs is not None
            np.add.at(biases[path.names[-1]], path.pairs.post, path.pairs.weight)
    return biases


def _connection(
    graph: Graph,
    path: Path,
    sizes: dict[str, int],
    factors: dict[str, float],
    dt_ms: float,
    options: Options,
    notes: list[str],
) -> ImportedConnection:
    """What a path comes to; weights still have their sign."""
    pre, post = path.names[0], path.names[-1]
    shape = sizes[pre], sizes[post]
    weighing = [key for key in path.names[1:-1] if graph.nodes[key].type not in ("Delay", PASSING)]
    metadata = graph.nodes[weighing[0]].metadata if len(weighing) == 1 else {}
    description: dict[str, Any] = {"pre": pre, "post": post}
    delay_ms = _delay_ms(graph, path, metadata, dt_ms, options)
    if delay_ms is not None:
        description["delay_ms"] = delay_ms
    if path.pairs is None:
        same = np.arange(shape[0], dtype=np.int64)
        weights = np.full(shape[0], factors[post], np.float32)
        return ImportedConnection(description, shape, False, same, same, weights)
    exact = path.pairs.weight * factors[post]
    with np.errstate(over="ignore"):
        weights = exact.astype(np.float32)
    if not np.isfinite(weights).all():
        raise graph.refuse(path.names[-2], "weight: expected numbers that are finite in float32")
    if (weights != exact).any():
        notes.append(f"{pre} -> {post}: weights are rounded to float32")
    zero = weights == 0
    pattern = word_of(metadata, "pattern", ("", "all_to_all", "synapses"))
    dense = pattern == "all_to_all" or (not pattern and 2 * zero.sum() <= weights.size)
    if dense and weights.size == shape[0] * shape[1]:
        return ImportedConnection(description, shape, True, path.pairs.pre, path.pairs.post, weights)
    kept = ~zero | _told(metadata, path, shape)
    return ImportedConnection(description, shape, False, path.pairs.pre[kept], path.pairs.post[kept], weights[kept])


def _told(metadata: dict[str, Any], path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pairs are synapses though their weight is 0."""
    assert path.pairs is not None
    zeros = np.asarray(metadata.get("zero_synapses", np.empty((0, 2), np.int64)))
    if zeros.ndim != 2 or zeros.shape[1] != 2 or zeros.dtype.kind not in "iu":
        return np.zeros(path.pairs.pre.size, np.bool_)
    return np.isin(path.pairs.pre * shape[1] + path.pairs.post, zeros[:, 0].astype(np.int64) * shape[1] + zeros[:, 1])


def _delay_ms(graph: Graph, path: Path, metadata: dict[str, Any], dt_ms: float, options: Options) -> float | None:
    """The delay of the description, which counts the step that a spike takes without any."""
    delay = path.delay if options.time_unit == "ms" else milliseconds(path.delay)
    steps = delay / dt_ms + 1
    if not 0.5 < steps < MAX_DELAY_STEPS + 0.5 or abs(steps - round(steps)) > GRID:
        name = next(key for key in path.names if graph.nodes[key].type == "Delay")
        raise graph.refuse(
            name, f"delay: expected 0 to {MAX_DELAY_STEPS - 1} whole steps of {dt_ms:g} ms, found {delay:g} ms"
        )
    known = number_of(metadata, "delay_ms", np.inf)
    if abs(known / dt_ms - round(steps)) < GRID:
        return known
    return None if round(steps) == 1 else _neat(round(steps) * dt_ms)


def _neat(ms: float) -> float:
    """The number without what multiplying it has added in its last digits."""
    return float(f"{ms:.12g}")


def _with_effects(
    populations: dict[str, dict[str, Any]], connections: list[ImportedConnection], notes: list[str]
) -> list[ImportedConnection]:
    """Magnitudes instead of signed weights, for populations that excite or inhibit; those that do both are mixed."""
    signs = {"excitatory": 1, "inhibitory": -1, "mixed": 0}
    for connection in connections:
        population = populations[connection.description["pre"]]
        if (connection.weight_na * signs[population["effect"]] < 0).any():
            name = connection.description["pre"]
            notes.append(f"{name}: has weights of both signs, so it is not {population['effect']}")
            population["effect"] = "mixed"
    result = []
    for connection in connections:
        inhibitory = populations[connection.description["pre"]]["effect"] == "inhibitory"
        result.append(connection._replace(weight_na=-connection.weight_na) if inhibitory else connection)
    return result


def _description(graph: Graph, name: str, dt_ms: float, populations: dict[str, Any]) -> dict[str, Any]:
    told = graph.metadata.get("name")
    return {"name": told if isinstance(told, str) else name, "dt_ms": dt_ms, "populations": populations}
