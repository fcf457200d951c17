"""Controllers to and from NIR. Encoder, decoder, critic and window, which NIR does not know, travel in the graph's
metadata.
"""

import json
from pathlib import Path
from typing import Any

import nir
import numpy as np

from snn_core.control.spec import ControllerSpec
from snn_core.errors import UserError
from snn_core.network.interchange.nir_files import ExportedNetwork, from_nir, read_nir, to_nir
from snn_core.network.interchange.nir_graph import number_of
from snn_core.network.interchange.nir_import import ImportedNetwork
from snn_core.network.interchange.nir_neurons import Options
from snn_core.network.interchange.nir_targets import Target
from snn_core.network.network import Network

_LIKED_WINDOW_MS = 50.0
_PARTS = ("encoder", "decoder", "critic")


def controller_to_nir(network: Network, drop_plasticity: bool = False, target: Target | None = None) -> ExportedNetwork:
    """As ``to_nir``; encoder, decoder, critic and window of the network's description, where it has them, go along."""
    spec = network.spec
    if not isinstance(spec, ControllerSpec):
        return to_nir(network, drop_plasticity, target)
    metadata: dict[str, object] = {"window_ms": spec.window_ms}
    for part in _PARTS:
        value = getattr(spec, part)
        if value is not None:
            metadata[part] = json.dumps(value.model_dump(mode="json"))
    outputs = () if spec.decoder is None else tuple(spec.decoder.populations().values())
    if spec.critic is not None:
        outputs = (*outputs, spec.critic.population)
    return to_nir(network, drop_plasticity, target, metadata, outputs)


def controller_from_nir(source: Path | nir.NIRGraph, options: Options | None = None) -> ImportedNetwork:
    """As ``read_nir`` (a path) or ``from_nir`` (a graph), with the encoder, decoder, critic and window of its metadata.

    Parts that do not fit the network are left out, and said in the notes. Raises UserError.
    """
    imported = read_nir(source, options) if isinstance(source, Path) else from_nir(source, options)
    dt_ms = imported.description["dt_ms"]
    window_ms = number_of(imported.metadata, "window_ms", np.nan)
    if not round(window_ms / dt_ms, 6).is_integer():
        window_ms = float(f"{max(round(_LIKED_WINDOW_MS / dt_ms), 1) * dt_ms:.12g}")
    imported = imported._replace(description=imported.description | {"window_ms": window_ms}, model=ControllerSpec)
    parts: dict[str, Any] = {}
    for part in _PARTS:
        if part in imported.metadata:
            try:
                parts[part] = json.loads(str(imported.metadata[part]))
            except ValueError:
                imported.notes.append(f"{part}: the metadata cannot be read and are left out")
    whole = imported._replace(description=imported.description | parts)
    try:
        whole.checked([])
    except UserError:
        imported.checked([])  # raises, unless it is these parts that do not fit
        imported.notes.append(f"{' and '.join(parts)}: do not fit the network and are left out")
        return imported
    return whole
