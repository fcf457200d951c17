"""Neuron models, one file each. A file that defines ``MODEL`` is found by its being here; docs/models.md shows how."""

import importlib
import pkgutil

from snn_core.network.models.base import NeuronModel

MODELS: dict[str, NeuronModel] = {}
for _file in pkgutil.iter_modules(__path__):
    _model = getattr(importlib.import_module(f"{__name__}.{_file.name}"), "MODEL", None)
    if _model is not None:
        MODELS[_model.name] = _model
