"""The two streams that all tasks are timed on, as files that the libraries' processes share.

real: the events of a recorded EVT3 file over and over, with their times going on.
generated: 640 x 480 pixels, 10 million events a second, each at any pixel. Easy on a processor that predicts branches
(every event needs a y and an x word), hard on its caches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import FIELD_TYPES, Events

NAMES = ("real", "generated")
RECORDING = Path(__file__).resolve().parents[3] / "shared" / "data" / "prophesee_gen41_evt3.raw"
"""In a folder beside that of the project."""
EVT2_RECORDING = "prophesee_gen3_evt2.raw"
REAL_SIZE = (1280, 720)
REAL_EVENTS = 4_000_000
GENERATED_SIZE = (640, 480)
GENERATED_EVENTS = 20_000_000
GENERATED_INTERVAL_US = 0.1
GENERATED_BEGIN_US = 1_000_000  # to some libraries, 0 means that a pixel had an event then


@dataclass(frozen=True)
class Stream:
    """A stream of events, sorted by time, on a sensor of ``width`` x ``height`` pixels.

    words: by their encoding, the bytes of words that cameras sent, repeated; their times step back at each repeat.
        Those of EVT3 hold the events, those of EVT2 are of another recording.
    """

    name: str
    events: Events
    width: int
    height: int
    words: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write it where ``load`` finds it."""
        folder.mkdir()
        for name in FIELD_TYPES:
            np.save(folder / f"{name}.npy", getattr(self.events, name))
        np.save(folder / "size.npy", np.array([self.width, self.height]))
        for encoding, words in self.words.items():
            np.save(folder / f"{encoding}.words.npy", words)

    @classmethod
    def load(cls, folder: Path) -> Stream:
        """A stream that was saved. Its arrays are mapped, not read: processes share them."""

        def mapped(path: Path) -> np.ndarray:
            return np.asarray(np.load(path, mmap_mode="r"))

        events = Events(*(mapped(folder / f"{name}.npy") for name in FIELD_TYPES))
        words = {path.name.removesuffix(".words.npy"): mapped(path) for path in folder.glob("*.words.npy")}
        width, height = np.load(folder / "size.npy").tolist()
        return cls(folder.name, events, width, height, words)

    def parts(self, length: int) -> list[Events]:
        """Its events in runs of at most ``length``."""
        return [self.events[begin : begin + length] for begin in range(0, len(self.events), length)]


def raw_words(path: Path) -> bytes:
    """The words of a Prophesee RAW file: what follows the lines that begin with '%'. Raises UserError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; expected a recording (.raw)") from error
    begin = 0
    while data[begin : begin + 1] == b"%":
        begin = data.find(b"\n", begin) + 1 or len(data)
    return data[begin:]


def real_stream(path: Path, least: int = REAL_EVENTS) -> Stream:
    """At least so many events of an EVT3 recording of 1280 x 720 pixels, repeated. Raises UserError.

    Its words of EVT2 are those of ``EVT2_RECORDING``, where that lies beside it.
    """
    words = raw_words(path)
    events = make_decoder("evt3", *REAL_SIZE).decode(words)
    if not len(events):
        raise UserError(f"{path}: holds no events; expected an EVT3 recording (.raw)")
    span_us = int(events.t[-1] - events.t[0]) + 1
    turns = -(-least // len(events))
    repeated = [Events(events.t + turn * span_us, events.x, events.y, events.polarity) for turn in range(turns)]
    all_words = {"evt3": np.frombuffer(words * turns, np.uint8)}
    evt2 = path.with_name(EVT2_RECORDING)
    if evt2.is_file():
        words = raw_words(evt2)
        turns = -(-least // len(make_decoder("evt2", *REAL_SIZE).decode(words)))
        all_words["evt2"] = np.frombuffer(words * turns, np.uint8)
    return Stream("real", Events.concatenate(repeated), *REAL_SIZE, all_words)


def generated_stream(n: int = GENERATED_EVENTS, seed: int = 0) -> Stream:
    """So many events at the times of a Poisson process."""
    rng = np.random.default_rng(seed)
    width, height = GENERATED_SIZE
    events = Events(
        GENERATED_BEGIN_US + np.cumsum(rng.exponential(GENERATED_INTERVAL_US, n)).astype(np.int64),
        rng.integers(0, width, n, dtype=np.uint16),
        rng.integers(0, height, n, dtype=np.uint16),
        rng.integers(0, 2, n, dtype=np.uint8),
    )
    return Stream("generated", events, width, height)
