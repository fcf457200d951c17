"""The weights of a network to and from a NumPy .npz file.

The file has, for each connection c of the description, ``weights_c`` (float32). Its shape is (pre, post) for all-to-all
connections, else (synapses,) with ``pre_c`` and ``post_c`` (int32, (synapses,)) beside it. ``network`` is a JSON text
with the format's number, the description's hash and the connections by name. The file holds no pickled objects.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from snn_core.errors import UserError
from snn_core.files import write_atomically
from snn_core.network.network import Network
from snn_core.npz import read_json, read_npz

FORMAT = 1


def write_weights(path: Path, network: Network) -> None:
    """Write all weights as they are now, whole or not at all. Raises UserError when ``path`` cannot be written."""
    head = {"format": FORMAT, "spec_sha256": network.spec.sha256(), "connections": _names(network)}
    arrays: dict[str, Any] = {"network": np.array(json.dumps(head))}
    for place in range(len(network.spec.connections)):
        weights = network.connection_weights(place)
        arrays[f"weights_{place}"] = weights
        if weights.ndim == 1:
            arrays[f"pre_{place}"], arrays[f"post_{place}"] = network.connection_pairs(place)
    write_atomically(path, lambda file: np.savez_compressed(file, **arrays))


def read_weights(path: Path, network: Network, any_network: bool = False) -> None:
    """Set all weights of a network to those of a file.

    any_network: take a file of another description, too, if its connections are the same.

    Raises UserError, naming file and array, for a file that cannot be read or does not fit; the network is then as it
    was.
    """
    arrays = read_npz(path, "a .npz of weights that `spikedrive weights export` or numpy.savez wrote")
    _check_network(path, arrays, network, any_network)
    found = [_weights(path, arrays, network, place) for place in range(len(network.spec.connections))]
    for place, weights in enumerate(found):
        network.set_weights(place, weights)


def _names(network: Network) -> list[str]:
    return [f"{connection.pre} -> {connection.post}" for connection in network.spec.connections]


def _check_network(path: Path, arrays: dict[str, np.ndarray], network: Network, any_network: bool) -> None:
    try:
        head = read_json(arrays.get("network"))
        version, sha256, names = head["format"], str(head["spec_sha256"]), list(map(str, head["connections"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: network: expected the text that `spikedrive weights export` writes") from error
    if version != FORMAT:
        raise UserError(f"{path}: network: format {version!r}, this version reads {FORMAT}")
    if names != _names(network):
        raise UserError(f"{path}: network: has connections {', '.join(names)}; expected {', '.join(_names(network))}")
    if sha256 != network.spec.sha256() and not any_network:
        raise UserError(
            f"{path}: network: weights of another description ({sha256[:12]}), expected {network.spec.name!r} "
            f"({network.spec.sha256()[:12]}); --any-network takes them all the same"
        )


def _weights(path: Path, arrays: dict[str, np.ndarray], network: Network, place: int) -> np.ndarray:
    """The weights of a connection, checked."""
    key, shape = f"weights_{place}", network.connection_weights(place).shape
    if key not in arrays:
        raise UserError(f"{path}: {key}: array is missing; expected the weights of {_names(network)[place]}")
    if len(shape) == 1:
        for name, own in zip(("pre", "post"), network.connection_pairs(place), strict=True):
            if not np.array_equal(arrays.get(f"{name}_{place}", np.empty(0)), own):
                raise UserError(f"{path}: {name}_{place}: not the synapses of this network; they are drawn by its seed")
    weights = arrays[key]
    if weights.dtype.kind not in "iuf" or weights.shape != shape:
        raise UserError(f"{path}: {key}: expected numbers of shape {shape}, found {weights.dtype} {weights.shape}")
    low, high = network.spec.weight_bounds(network.spec.connections[place])
    with np.errstate(over="ignore"):
        numbers = weights.astype(np.float32)
    inside = (numbers >= np.float32(low)) & (numbers <= np.float32(high)) & np.isfinite(numbers)
    if not inside.all():
        first = tuple(int(index) for index in np.argwhere(~inside)[0])
        at = ", ".join(map(str, first))
        raise UserError(
            f"{path}: {key}[{at}]: must be finite and lie in [{low:g}, {high:g}] nA, found {weights[first]}"
        )
    return numbers
