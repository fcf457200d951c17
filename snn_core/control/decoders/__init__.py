"""Decoders, one file each: from a window's spike counts to a command.

A file that defines ``DECODER`` is found by its being here, one of another package by its entry point
``spikedrive.decoders``.
"""

import importlib
import pkgutil

from snn_core.control.decoders.base import DecoderKind, DecodingSpec
from snn_core.errors import UserError
from snn_core.plugins import plugins

DECODERS: dict[str, DecoderKind[DecodingSpec]] = {}
for _file in pkgutil.iter_modules(__path__):
    _kind = getattr(importlib.import_module(f"{__name__}.{_file.name}"), "DECODER", None)
    if _kind is not None:
        DECODERS[_kind.code] = _kind
for _offered in plugins("decoders").values():
    if not isinstance(_offered, DecoderKind):
        raise UserError(f"entry point spikedrive.decoders: expected a DecoderKind, found {_offered!r}")
    DECODERS.setdefault(_offered.code, _offered)
