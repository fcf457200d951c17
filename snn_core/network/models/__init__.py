"""Neuron models, one file each. A file that defines ``MODEL`` is found by its being here, one of
another package by its entry point ``spikedrive.models``; docs/models.md shows how.
"""

from snn_core.network.models.base import NeuronModel, PopulationSpec
from snn_core.plugins import parts

MODELS: dict[str, NeuronModel[PopulationSpec]] = {}
for _part in parts(__name__, __path__, "MODEL", NeuronModel, "models"):
    MODELS.setdefault(_part.name, _part)
