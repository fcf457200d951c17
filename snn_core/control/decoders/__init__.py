"""Decoders, one file each: from a window's spike counts to a command.

A file that defines ``DECODER`` is found by its being here, one of another package by its entry point
``spikedrive.decoders``.
"""

from snn_core.control.decoders.base import DecoderKind, DecodingSpec
from snn_core.plugins import parts

DECODERS: dict[str, DecoderKind[DecodingSpec]] = {}
for _part in parts(__name__, __path__, "DECODER", DecoderKind, "decoders"):
    DECODERS.setdefault(_part.code, _part)
