"""Words to events and back: EVT3, EVT2, `libcaer`, `mono`. Each library by the quickest of its calls.

EVT3 and EVT2 of the real stream are what cameras sent, again and again, so that times step back at each repeat. All
other words are encoded here. Where a library reads files only, its time includes that, from the system's cache.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_core.events.codecs.evt2 import encode_evt2
from snn_core.events.codecs.evt3_encoder import encode_evt3
from snn_core.events.codecs.libcaer import encode_libcaer
from snn_core.events.codecs.mono import MAX_DT_NS, encode_mono
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from spikedrive_benchmarks.events.candidates import Candidate, Prepare
from spikedrive_benchmarks.events.streams import Stream

PACKET_BYTES = 2**20
CHUNK_EVENTS = 2**17

Encode = Callable[[Stream], NDArray[np.uint8]]


def _evt3(stream: Stream) -> NDArray[np.uint8]:
    return stream.words["evt3"] if "evt3" in stream.words else encode_evt3(stream.events)


def _evt2(stream: Stream) -> NDArray[np.uint8]:
    return stream.words["evt2"] if "evt2" in stream.words else encode_evt2(stream.events)


def _libcaer(stream: Stream) -> NDArray[np.uint8]:
    return encode_libcaer(stream.events, 1000 * int(stream.events.t[0]))


def _mono(stream: Stream) -> NDArray[np.uint8]:
    """What fits one time base: 4.29 s."""
    end = np.searchsorted(stream.events.t, int(stream.events.t[0]) + MAX_DT_NS // 1000)
    return encode_mono(stream.events[:end], 1000 * int(stream.events.t[0]))


def _summary(t: Any, x: Any, y: Any, on: Any) -> dict[str, int]:
    """Of times only their number: on steps back, libraries differ."""
    return {"events": len(t), "on": int(np.count_nonzero(on)), "sum_x": int(x.sum()), "sum_y": int(y.sum())}


def _spikedrive(encoding: str, encode: Encode) -> Prepare:
    def prepare(stream: Stream) -> Candidate:
        words, time_base_ns = encode(stream), 1000 * int(stream.events.t[0])

        def decode(packet_bytes: int) -> Iterator[Events]:
            decoder = make_decoder(encoding, stream.width, stream.height)
            for begin in range(0, len(words), packet_bytes):
                yield decoder.decode(words[begin : begin + packet_bytes], time_base_ns)

        def run() -> int:
            return sum(len(events) for events in decode(PACKET_BYTES))

        def summarise(_: Any) -> Mapping[str, int]:
            events = Events.concatenate(list(decode(PACKET_BYTES)))
            return _summary(events.t, events.x, events.y, events.polarity)

        return Candidate(run, run(), summarise, f"packets of {PACKET_BYTES >> 20} MiB")

    return prepare


def _raw(version: str, words: NDArray[np.uint8], stream: Stream) -> bytes:
    """The bytes of a RAW file of the words."""
    size = f"height={stream.height};width={stream.width}"
    header = f"% evt {version}\n% format EVT{version[0]};{size}\n% geometry {stream.width}x{stream.height}\n% end\n"
    return header.encode() + words.tobytes()


class _RawFile:
    """A RAW file of the words; it goes when the process does."""

    def __init__(self, version: str, words: NDArray[np.uint8], stream: Stream) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="spikedrive-bench-")
        self.path = Path(self._folder.name, "words.raw")
        self.path.write_bytes(_raw(version, words, stream))


def _evutils(version: str, encode: Encode) -> Prepare:
    def prepare(stream: Stream) -> Candidate:
        from evutils.io import EventReader

        data = _raw(version, encode(stream), stream)
        most = 2 * len(stream.events) + CHUNK_EVENTS

        def read_all() -> Any:
            return EventReader(data, max_events=most).read_all()

        def read_windows() -> int:
            return sum(len(part) for part in EventReader(data, delta_t=5000, max_events=most, reuse_buffers=True))

        def summarise(_: Any) -> Mapping[str, int]:
            events = read_all()
            return _summary(events.t, events.x, events.y, events.p)

        # Windows need times that do not step back.
        if not stream.words:
            return Candidate(read_windows, len(read_all()), summarise, "windows of 5 ms, buffers used again")
        return Candidate(read_all, len(read_all()), summarise, "the whole stream in one call")

    return prepare


def _faery(version: str, encode: Encode) -> Prepare:
    def prepare(stream: Stream) -> Candidate:
        import faery

        file = _RawFile(version, encode(stream), stream)

        def run() -> int:
            return sum(len(part) for part in faery.events_stream_from_file(file.path))

        def summarise(_: Any) -> Mapping[str, int]:
            events = faery.events_stream_from_file(file.path).to_array()
            return _summary(events["t"], events["x"], events["y"], events["on"])

        return Candidate(run, run(), summarise, "a file in chunks")

    return prepare


def _expelliarmus(version: str, encode: Encode) -> Prepare:
    def prepare(stream: Stream) -> Candidate:
        from expelliarmus import Wizard

        file = _RawFile(version, encode(stream), stream)

        def run() -> int:
            wizard = Wizard(encoding=f"evt{version[0]}", chunk_size=CHUNK_EVENTS)
            wizard.set_file(file.path)
            return sum(len(part) for part in wizard.read_chunk())

        def summarise(_: Any) -> Mapping[str, int]:
            events = Wizard(encoding=f"evt{version[0]}").read(file.path)
            return _summary(events["t"], events["x"], events["y"], events["p"])

        return Candidate(run, run(), summarise, "a file in chunks")

    return prepare


def _eventcv(version: str, encode: Encode) -> Prepare:
    def prepare(stream: Stream) -> Candidate:
        import eventcv

        file = _RawFile(version, encode(stream), stream)

        def run() -> Any:
            return eventcv.load(str(file.path))

        def summarise(events: Any) -> Mapping[str, int]:
            x, y, t, on = vars(eventcv)["numpy"](events).T
            return _summary(t, x, y, on)

        return Candidate(run, len(run()), summarise, "a file in one call")

    return prepare


def _evt3_crate(stream: Stream) -> Candidate:
    import evt3

    words = _evt3(stream).tobytes()

    def run() -> Any:
        return evt3.decode_bytes(words, stream.width, stream.height)

    def summarise(events: Any) -> Mapping[str, int]:
        x, y, on = (np.asarray(getattr(events, name), np.int64) for name in ("x", "y", "polarity"))
        return _summary(x, x, y, on)

    return Candidate(run, len(run()), summarise, "the whole stream in one call")


def _numpy(encode: Encode, take_apart: Callable[[np.ndarray], tuple[np.ndarray, ...]]) -> Prepare:
    """Where each event is one word of 64 bits: to offsets of time, us, and x, y and polarity."""

    def prepare(stream: Stream) -> Candidate:
        words, base_us = encode(stream).view("<u8"), int(stream.events.t[0])
        length = PACKET_BYTES // 8

        def decode() -> Iterator[Events]:
            for begin in range(0, len(words), length):
                offset_us, x, y, polarity = take_apart(words[begin : begin + length])
                t = np.maximum.accumulate(base_us + offset_us)
                inside = (x < stream.width) & (y < stream.height)
                yield Events(t[inside], x[inside], y[inside], polarity[inside])

        def summarise(_: Any) -> Mapping[str, int]:
            events = Events.concatenate(list(decode()))
            return _summary(events.t, events.x, events.y, events.polarity)

        return Candidate(
            lambda: sum(len(events) for events in decode()),
            len(words),
            summarise,
            f"packets of {PACKET_BYTES >> 20} MiB",
        )

    return prepare


def _libcaer_apart(words: np.ndarray) -> tuple[np.ndarray, ...]:
    x, y = (words >> 17 & 0x7FFF).astype(np.uint16), (words >> 2 & 0x7FFF).astype(np.uint16)
    return (words >> 32).astype(np.int64), x, y, (words >> 1 & 1).astype(np.uint8)


def _mono_apart(words: np.ndarray) -> tuple[np.ndarray, ...]:
    x, y = (words >> 32 & 0xFFFF).astype(np.uint16), (words >> 48 & 0x7FFF).astype(np.uint16)
    return ((words & 0xFFFFFFFF) // 1000).astype(np.int64), x, y, (words >> 63).astype(np.uint8)


def _spikedrive_encode(stream: Stream) -> Candidate:
    parts = stream.parts(2**18)

    def run() -> int:
        before, size = None, 0
        for part in parts:
            size += len(encode_evt3(part, after_us=before))
            before = int(part.t[-1])
        return size

    return Candidate(run, len(stream.events), lambda _: {"events": len(stream.events)}, "parts of 262 144 events")


def _faery_encode(stream: Stream) -> Candidate:
    import faery

    rows: Any = np.empty(len(stream.events), faery.EVENTS_DTYPE)
    rows["t"], rows["x"], rows["y"] = stream.events.t, stream.events.x, stream.events.y
    rows["on"] = stream.events.polarity
    folder = tempfile.TemporaryDirectory(prefix="spikedrive-bench-")
    path = Path(folder.name, "words.raw")

    def run() -> None:
        faery.events_stream_from_array(rows, (stream.width, stream.height)).to_file(path, version="evt3")

    def summarise(_: Any, folder: Any = folder) -> Mapping[str, int]:
        return {"events": len(faery.events_stream_from_file(path).to_array())}

    return Candidate(run, len(rows), summarise, "to a file")


def _evutils_encode(stream: Stream) -> Candidate:
    from evutils.io import EventReader, EventWriter
    from evutils.types import EventArray

    events = stream.events
    rows: Any = EventArray(t=events.t.copy(), x=events.x.copy(), y=events.y.copy(), p=events.polarity.copy())
    folder = tempfile.TemporaryDirectory(prefix="spikedrive-bench-")
    path = Path(folder.name, "words.raw")

    def run() -> None:
        with EventWriter(path, width=stream.width, height=stream.height) as writer:
            writer.write(rows)

    def summarise(_: Any, folder: Any = folder) -> Mapping[str, int]:
        return {"events": len(EventReader(path, max_events=2 * len(events)).read_all())}

    return Candidate(run, len(events), summarise, "to a file")


EVT3_DECODE: dict[str, Prepare] = {
    "spikedrive": _spikedrive("evt3", _evt3),
    "evutils": _evutils("3.0", _evt3),
    "faery": _faery("3.0", _evt3),
    "evt3": _evt3_crate,
    "expelliarmus": _expelliarmus("3.0", _evt3),
    "eventcv": _eventcv("3.0", _evt3),
}
EVT2_DECODE: dict[str, Prepare] = {
    "spikedrive": _spikedrive("evt2", _evt2),
    "evutils": _evutils("2.0", _evt2),
    "faery": _faery("2.0", _evt2),
    "expelliarmus": _expelliarmus("2.0", _evt2),
    "eventcv": _eventcv("2.0", _evt2),
}
LIBCAER_DECODE: dict[str, Prepare] = {
    "spikedrive": _spikedrive("libcaer", _libcaer),
    "numpy": _numpy(_libcaer, _libcaer_apart),
}
MONO_DECODE: dict[str, Prepare] = {"spikedrive": _spikedrive("mono", _mono), "numpy": _numpy(_mono, _mono_apart)}
EVT3_ENCODE: dict[str, Prepare] = {
    "spikedrive": _spikedrive_encode,
    "faery": _faery_encode,
    "evutils": _evutils_encode,
}
