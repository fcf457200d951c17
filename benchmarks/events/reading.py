"""AEDAT4 files, compressed with LZ4, to arrays of events."""
# pyright: reportMissingImports=false

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snn_core.events.recordings import open_recording, write_recording
from spikedrive_benchmarks.events.candidates import Candidate, Prepare
from spikedrive_benchmarks.events.streams import Stream

Columns = tuple[Any, Any, Any, Any]
"""t, x, y and polarity."""


def _reading(read: Callable[[Path], Iterable[Any]], columns: Callable[[Any], Columns]) -> Prepare:
    """Of a library that reads a file in the parts that ``read`` gives, each of which ``columns`` takes apart. A part is
    forgotten when the next one comes.
    """

    def prepare(stream: Stream) -> Candidate:
        folder = tempfile.TemporaryDirectory(prefix="spikedrive-bench-")
        path = Path(folder.name, "stream.aedat4")
        write_recording(path, stream.events, stream.width, stream.height, camera="SpikeDrive_0")

        def summarise(_: Any, folder: Any = folder) -> Mapping[str, int]:
            sums = np.zeros(5, np.int64)
            for t, x, y, on in map(columns, read(path)):
                sums += [len(t), *(int(np.sum(one)) for one in (t - stream.events.t[0], x, y)), np.count_nonzero(on)]
            return dict(zip(("events", "sum_t", "sum_x", "sum_y", "on"), sums.tolist(), strict=True))

        return Candidate(lambda: sum(1 for _ in read(path)), len(stream.events), summarise)

    return prepare


def _spikedrive(path: Path) -> Iterable[Any]:
    with open_recording(path) as recording:
        yield from recording


def _dv_processing(path: Path) -> Iterable[Any]:
    import dv_processing as dv

    recording = dv.io.MonoCameraRecording(str(path))
    while (batch := recording.getNextEventBatch()) is not None:
        yield batch.numpy()


def _faery(path: Path) -> Iterable[Any]:
    import faery

    yield from faery.events_stream_from_file(path)


def _eventcv(path: Path) -> Iterable[Any]:
    import eventcv

    yield eventcv.load(str(path))


def _evutils(path: Path) -> Iterable[Any]:
    from evutils.io import EventReader

    yield from EventReader(str(path), n_events=1 << 17, max_events=1 << 18)


AEDAT4_READ: dict[str, Prepare] = {
    "spikedrive": _reading(_spikedrive, lambda e: (e.t, e.x, e.y, e.polarity)),
    "evutils": _reading(_evutils, lambda e: (e.t, e.x, e.y, e.p)),
    "faery": _reading(_faery, lambda e: (e["t"].astype(np.int64), e["x"], e["y"], e["on"])),
    "eventcv": _reading(_eventcv, lambda e: tuple(e.numpy().T[[2, 0, 1, 3]])),
    "dv-processing": _reading(_dv_processing, lambda e: (e["timestamp"], e["x"], e["y"], e["polarity"])),
}
