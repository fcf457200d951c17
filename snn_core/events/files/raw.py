"""Prophesee RAW: a header of text, then the words of the sensor, in EVT2, EVT2.1 or EVT3.

Source: Prophesee, "RAW File Format", https://docs.prophesee.ai/stable/data/file_formats/raw.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from snn_core.errors import UserError
from snn_core.events.codecs.decoder import MAX_SENSOR_SIZE
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.base import FileRecording, blocks, read_head
from snn_core.events.files.prophesee_header import Header

BLOCK_BYTES = 2**18
ENCODINGS = {
    "evt2": "evt2",
    "evt2.0": "evt2",
    "evt21": "evt21",
    "evt2.1": "evt21",
    "evt21_legacy": "evt21_legacy",
    "evt3": "evt3",
    "evt3.0": "evt3",
}
FORMAT_NAMES = {"evt2": "RAW EVT2", "evt21": "RAW EVT2.1", "evt21_legacy": "RAW EVT2.1", "evt3": "RAW EVT3"}
MAX_UNKNOWN_SHARE = 0.01
FIRST_SYSTEM_NOT_LEGACY = 0x37
"""Prophesee's systems before this one send the upper half of a word of EVT2.1 first and do not say so."""


def sniff(path: Path, size: tuple[int, int] | None) -> RawRecording | None:
    """The recording in a RAW file; None for any other, DAT too, which has a like header."""
    is_named_raw = path.suffix.lower() == ".raw"
    if read_head(path, 1) != b"%" and not is_named_raw:
        return None
    header = Header(path)
    names_camera = header.get("evt", "format", "plugin_name", "system_ID", "integrator_name", "camera_integrator_name")
    return RawRecording(path, header, size) if names_camera or is_named_raw else None


class RawRecording(FileRecording):
    """The events of a RAW file. Times are the sensor's, unrolled, after the header's ``t0`` where it has one.

    Raises UserError for an encoding that is not of events.
    """

    def __init__(self, path: Path, header: Header, size: tuple[int, int] | None = None) -> None:
        super().__init__(path)
        self._header = header
        self.camera = header.camera
        self._encoding = self._find_encoding()
        self.format = FORMAT_NAMES[self._encoding]
        self._t0 = header.t0
        if header.size is not None:
            self._set_size(*header.size)
        elif size is None and header.sensor_size is not None:
            (width, height), key = header.sensor_size
            self._set_size(width, height)
            self._note(f"no sensor size in the header: {width} x {height} taken from its {key}")
        else:
            self._find_size(size, "no sensor size in the header")

    def _find_encoding(self) -> str:
        name, options = self._header.format
        if not name:
            version = self._header.get("evt")
            name = f"EVT{version}" if version else self._guess()
        encoding = ENCODINGS.get(name.lower())
        if encoding is None:
            known = "EVT2, EVT21 and EVT3"
            raise UserError(
                f"{self.path}: RAW of format {name}; {known} can be read, record or convert it to one of them"
            )
        if encoding == "evt21":
            order = options.get("endianness") or self._header.get("endianness")
            system = self._header.number("system_ID")
            if order == "legacy" or (not order and system and system < FIRST_SYSTEM_NOT_LEGACY):
                return "evt21_legacy"
        return encoding

    def _guess(self) -> str:
        """The encoding whose words the data's beginning looks most like. Raises UserError where it looks like none."""
        file = self._open_file()
        file.seek(self._header.size_bytes)
        data = file.read(BLOCK_BYTES)
        shares = {}
        for encoding in FORMAT_NAMES:
            decoder = make_decoder(encoding, MAX_SENSOR_SIZE, MAX_SENSOR_SIZE)
            if len(decoder.decode(data)):
                shares[encoding] = decoder.unknown_words * decoder.word_bytes / len(data)
        best = min(shares, key=shares.__getitem__, default="")
        if not best or shares[best] > MAX_UNKNOWN_SHARE:
            raise UserError(
                f"{self.path}: the header names no format, and the data look like none of EVT2, EVT2.1, EVT3"
            )
        self._note(f"no format in the header: {FORMAT_NAMES[best].removeprefix('RAW ')} by its words")
        return best

    def _read(self, file: BinaryIO) -> Iterator[Events]:
        file.seek(self._header.size_bytes)
        decoder = make_decoder(self._encoding, self.width, self.height)
        for block in blocks(file, decoder.word_bytes, BLOCK_BYTES):
            events = decoder.decode(block)
            triggers = decoder.take_triggers()
            self._count(decoder)
            self._keep_triggers(Triggers(triggers.t + self._t0, triggers.channel, triggers.edge))
            yield events if self._t0 == 0 else Events(events.t + self._t0, events.x, events.y, events.polarity)
        decoder.resynchronise()  # counts a word that the end cuts
        self._count(decoder)
