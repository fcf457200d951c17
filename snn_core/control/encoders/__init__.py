"""Encoders, one file each: from a window's events to the spikes of an input population.

A file that defines ``ENCODER`` is found by its being here, one of another package by its entry point
``spikedrive.encoders``.
"""

from snn_core.control.encoders.base import EncoderKind, EncodingSpec
from snn_core.plugins import parts

ENCODERS: dict[str, EncoderKind[EncodingSpec]] = {}
for _part in parts(__name__, __path__, "ENCODER", EncoderKind, "encoders"):
    ENCODERS.setdefault(_part.code, _part)
