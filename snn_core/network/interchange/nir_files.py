"""Networks to and from NIR, the Neuromorphic Intermediate Representation; docs/interchange.md says what becomes what.

Pedersen et al. (2024), Nature Communications, doi 10.1038/s41467-024-52259-9.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nir
import numpy as np

from snn_core.errors import UserError
from snn_core.files import write_atomically
from snn_core.network.interchange.nir_graph import read_graph, take_graph
from snn_core.network.interchange.nir_import import ImportedNetwork, import_graph
from snn_core.network.interchange.nir_neurons import (
    MODEL_CLASSES,
    Options,
    bias_input,
    gain_of,
    has_node,
    is_box,
    seconds,
    to_node,
)
from snn_core.network.interchange.nir_targets import Target, check_target
from snn_core.network.network import Network
from snn_core.network.patterns import delay_range
from snn_core.network.spec import Connection, SpikeSource

MAX_WEIGHTS = 2**29
"""Most weights of a matrix that is written, 2 GiB."""


class ExportedNetwork(NamedTuple):
    """A network as a NIR graph."""

    graph: nir.NIRGraph
    notes: list[str]
    """What is worth knowing about it, a line each."""


def to_nir(
    network: Network,
    drop_plasticity: bool = False,
    target: Target | None = None,
    metadata: Mapping[str, object] | None = None,
    outputs: Sequence[str] = (),
) -> ExportedNetwork:
    """The network with its weights as they are now as a NIR graph.

    drop_plasticity: leave learning rules out. target: a simulator that will read the graph; what it would drop is
    refused. Without one, what NIR has no place for travels in the nodes' metadata. metadata: of the graph, besides its
    own. outputs: populations that get an Output, besides those that nothing else reads.

    Raises UserError, naming population or connection and key, for what NIR cannot say.
    """
    check_target(network.spec, target)
    spec, notes = network.spec, []
    nodes: dict[str, nir.NIRNode] = {}
    for place, (name, population) in enumerate(spec.populations.items()):
        if not name or "/" in name or "." in name:
            raise UserError(f"populations.{name}: expected a name without / and . for a node of NIR; rename it")
        if isinstance(population, SpikeSource):
            own = {"place": place, "effect": population.effect}
            nodes[name] = nir.Input(input_type={"input": np.array([population.size])}, metadata=own)
        elif has_node(population):
            if is_box(population, spec.dt_ms) and gain_of(population) != 1:
                raise UserError(
                    f"populations.{name}: parameters.input_gain {gain_of(population):g}: NIR's LIF, which "
                    "a tau_synapse_ms of one step becomes, has no such; expected 1, multiply the weights by it"
                )
            nodes[name] = to_node(population, spec.dt_ms, place)
        else:
            raise UserError(
                f"populations.{name}: model {population.model}: NIR has no such neuron; expected one of "
                f"{', '.join(MODEL_CLASSES)} or spike_source"
            )
    edges: list[tuple[str, str]] = []
    biased = _biased(network)
    for place, connection in enumerate(spec.connections):
        bias = biased.pop(connection.post, None)
        _add_connection(network, place, connection, bias, drop_plasticity, nodes, edges, notes)
    if biased:
        name = next(iter(biased))
        raise UserError(
            f"populations.{name}: parameters.bias_current_na: NIR has a bias only on a connection, and none leads "
            "here; add to rest_mv what it adds (resistance_mohm times it), or add a connection"
        )
    _add_outputs(network, outputs, nodes, edges)
    graph_metadata = {**_graph_metadata(network), **(metadata or {})}
    graph = nir.NIRGraph(nodes=nodes, edges=edges, metadata=graph_metadata, type_check=False)
    return ExportedNetwork(graph, notes)


def write_nir(path: Path, exported: ExportedNetwork) -> None:
    """Write a graph as a NIR file, whole or not at all. Raises UserError."""
    buffer = io.BytesIO()
    nir.write(buffer, exported.graph)  # type: ignore[arg-type]  # h5py takes it
    write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def read_nir(path: Path, options: Options | None = None) -> ImportedNetwork:
    """Read a NIR file. Raises UserError, naming file and node, for what cannot be read or run."""
    return import_graph(read_graph(path), options or Options(), path.stem)


def from_nir(graph: nir.NIRGraph, options: Options | None = None) -> ImportedNetwork:
    """Take over a graph in memory, as other simulators' exporters give it. Raises UserError as ``read_nir``."""
    return import_graph(take_graph(graph), options or Options(), "nir")


def _biased(network: Network) -> dict[str, float]:
    """Population -> constant input, where it has a bias current."""
    populations = network.spec.populations
    neurons = {name: p for name, p in populations.items() if has_node(p)}
    inputs = {name: bias_input(population, network.spec.dt_ms) for name, population in neurons.items()}
    return {name: value for name, value in inputs.items() if value}


def _add_connection(
    network: Network,
    place: int,
    connection: Connection,
    bias: float | None,
    drop_plasticity: bool,
    nodes: dict[str, nir.NIRNode],
    edges: list[tuple[str, str]],
    notes: list[str],
) -> None:
    """A Linear or Affine, behind a Delay where there is one."""
    pre, post = connection.pre, connection.post
    key = f"connections.{place} ({pre} -> {post})"
    if connection.rule is not None and not drop_plasticity:
        raise UserError(f"{key}: rule: NIR has no plasticity ({connection.rule.name}); --drop-plasticity leaves it out")
    steps = _uniform_delay(network, place, key)
    n_pre, n_post = (network.spec.populations[name].size for name in (pre, post))
    if n_pre * n_post > MAX_WEIGHTS:
        raise UserError(
            f"{key}: {n_pre} x {n_post} weights: NIR has whole matrices only, at most {MAX_WEIGHTS} weights are written"
        )
    metadata: dict[str, Any] = {"place": place}
    if isinstance(connection.delay_ms, float):
        metadata["delay_ms"] = connection.delay_ms
    weights = network.connection_weights(place)
    metadata["pattern"] = "all_to_all" if weights.ndim == 2 else "synapses"
    if weights.ndim == 1:
        pairs = np.stack(network.connection_pairs(place), axis=1)
        metadata["zero_synapses"] = pairs[weights == 0]
        notes.append(f"{key}: {weights.size} synapses become a matrix of {n_pre * n_post} weights")
    matrix = network.connection_matrix(place).T
    if network.spec.populations[pre].effect == "inhibitory":
        matrix = -matrix
    name = _free(nodes, f"{pre}_to_{post}")
    shared = {"weight": np.ascontiguousarray(matrix), "metadata": metadata}
    bias_array = None if bias is None else np.full(n_post, bias, np.float64)
    nodes[name] = nir.Linear(**shared) if bias_array is None else nir.Affine(bias=bias_array, **shared)
    begin = pre
    if steps > 1:
        begin = _free(nodes, f"{name}_delay")
        delay_ms = float(f"{(steps - 1) * network.spec.dt_ms:.12g}")
        nodes[begin] = nir.Delay(delay=np.full(n_pre, seconds(delay_ms), np.float64))
        edges.append((pre, begin))
    edges += [(begin, name), (name, post)]


def _uniform_delay(network: Network, place: int, key: str) -> int:
    """The delay of all synapses of a connection, in steps."""
    delays = network.connection_delays(place)
    if delays.size and delays.min() != delays.max():
        raise UserError(
            f"{key}: delay_ms: {delays.min()} to {delays.max()} steps: NIR delays neurons, not synapses; give one "
            "delay, or a connection for each"
        )
    shortest, _ = delay_range(network.spec.connections[place].delay_ms, network.spec.dt_ms)
    return int(delays[0]) if delays.size else shortest


def _add_outputs(
    network: Network, wanted: Sequence[str], nodes: dict[str, nir.NIRNode], edges: list[tuple[str, str]]
) -> None:
    """An Output for populations that are wanted or that nothing else reads; for all, if there is none."""
    neurons = [name for name, population in network.spec.populations.items() if not isinstance(population, SpikeSource)]
    read = {connection.pre for connection in network.spec.connections}
    chosen = [name for name in neurons if name not in read or name in wanted] or neurons
    for name in chosen:
        output = _free(nodes, "output" if len(chosen) == 1 else f"{name}_output")
        nodes[output] = nir.Output(output_type={"output": np.array([network.spec.populations[name].size])})
        edges.append((name, output))


def _free(nodes: dict[str, nir.NIRNode], name: str) -> str:
    """``name``, numbered where it is taken."""
    number, free = 2, name
    while free in nodes:
        free, number = f"{name}_{number}", number + 1
    return free


def _graph_metadata(network: Network) -> dict[str, Any]:
    return {
        "name": network.spec.name,
        "dt_ms": network.spec.dt_ms,
        "time_unit": "s",
        "voltage_unit": "mV",
        "current_unit": "nA",
        "resistance_unit": "Mohm",
    }
