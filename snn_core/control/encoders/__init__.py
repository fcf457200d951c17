"""Encoders, one file each: from a window's events to the spikes of an input population.

A file that defines ``ENCODER`` is found by its being here, one of another package by its entry point
``spikedrive.encoders``.
"""

import importlib
import pkgutil

from snn_core.control.encoders.base import EncoderKind, EncodingSpec
from snn_core.errors import UserError
from snn_core.plugins import plugins

ENCODERS: dict[str, EncoderKind[EncodingSpec]] = {}
for _file in pkgutil.iter_modules(__path__):
    _kind = getattr(importlib.import_module(f"{__name__}.{_file.name}"), "ENCODER", None)
    if _kind is not None:
        ENCODERS[_kind.code] = _kind
for _offered in plugins("encoders").values():
    if not isinstance(_offered, EncoderKind):
        raise UserError(f"entry point spikedrive.encoders: expected a EncoderKind, found {_offered!r}")
    ENCODERS.setdefault(_offered.code, _offered)
