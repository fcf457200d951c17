"""Small NIR graphs for tests, and the nodes they are made of."""

import itertools
from typing import Any

import nir
import numpy as np

from snn_core.network.interchange.nir_neurons import Options

DT = Options(dt_ms=1.0)


def source(shape: int | tuple[int, ...] | list[int]) -> nir.Input:
    return nir.Input({"input": np.atleast_1d(np.array(shape))})


def sink(shape: list[int]) -> nir.Output:
    return nir.Output({"output": np.array(shape)})


def whole(own: dict[str, Any], size: int) -> dict[str, Any]:
    """The parameters as arrays, (size,)."""
    return {key: np.broadcast_to(np.asarray(value, float), size).copy() for key, value in own.items()}


def lif(size: int, **changes: float | np.ndarray) -> nir.LIF:
    own = {"tau": 0.02, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | changes
    return nir.LIF(**whole(own, size))


def cuba(size: int, **changes: float | np.ndarray) -> nir.CubaLIF:
    own = {"tau_mem": 0.02, "tau_syn": 0.005, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, "w_in": 5.0}
    own |= changes
    return nir.CubaLIF(**whole(own, size))


def graph(edges: str, **nodes: nir.NIRNode) -> nir.NIRGraph:
    """``edges``: "a>b>c d>b"."""
    pairs = []
    for way in edges.split():
        pairs += itertools.pairwise(way.split(">"))
    return nir.NIRGraph(nodes=nodes, edges=pairs, type_check=False)


def chain(*nodes: nir.NIRNode, inputs: int | tuple[int, ...] = 2) -> nir.NIRGraph:
    """An input, the nodes, an output of 3."""
    named = {"input": source(inputs)} | {f"n{place}": node for place, node in enumerate(nodes)}
    return graph(">".join([*named, "output"]), **named, output=sink([3]))


WEIGHT = np.array([[0.5, 0.25], [1.0, -0.5], [0.125, 2.0]], np.float32)
