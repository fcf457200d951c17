"""Neuron models, one file each. A file that defines ``MODEL`` is found by its being here, one of
another package by its entry point ``spikedrive.models``; docs/models.md shows how.
"""

import importlib
import pkgutil

from snn_core.errors import UserError
from snn_core.network.models.base import NeuronModel, PopulationSpec
from snn_core.plugins import plugins

MODELS: dict[str, NeuronModel[PopulationSpec]] = {}
for _file in pkgutil.iter_modules(__path__):
    _model = getattr(importlib.import_module(f"{__name__}.{_file.name}"), "MODEL", None)
    if _model is not None:
        MODELS[_model.name] = _model
for _offered in plugins("models").values():
    if not isinstance(_offered, NeuronModel):
        raise UserError(f"entry point spikedrive.models: expected a NeuronModel, found {_offered!r}")
    MODELS.setdefault(_offered.name, _offered)
