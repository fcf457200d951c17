"""AEDAT4, the format of iniVation's cameras, through the dv-processing library.

The library is imported when a file is opened or written and not before: importing this module costs nothing.
Source: iniVation, "AEDAT 4.0", https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.events import Events

MAGIC = b"#!AER-DAT4.0\r\n"
SUFFIX = ".aedat4"  # the library opens no file of another
PACKET_EVENTS = 10_000
# What the library raises for a file that it cannot read; all but the first come from C++'s own exceptions.
LIBRARY_ERRORS = (RuntimeError, ValueError, IndexError, MemoryError)
MAX_SENSOR_SIZE = 32767  # pixels a side; coordinates are int16

NEVER = np.iinfo(np.int64).min
LATEST, PREVIOUS, DROPPED, STEPS_BACK, STATE_SIZE = range(5)


class Aedat4Recording:
    """The event stream of an AEDAT4 file (the first one, if there are several); a ``Recording``.

    A file whose recorder was killed has no index at its end and is read as far as it goes. One that has lost the index
    that it says it has is refused.

    Raises UserError, when it is opened or while it is read, for a file that is cut or damaged or has no event stream.
    """

    format = "AEDAT4"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped_outside = 0
        self.steps_back = 0
        self._reader: Any = _open(path)
        streams = [name for name in self._reader.getStreamNames() if self._reader.isStreamOfEventType(name)]
        size = self._reader.getEventResolution(streams[0]) if streams else None
        if size is None:
            raise UserError(f"{path}: no event stream in this AEDAT4 file; expected a recording of events")
        self._stream = streams[0]
        self.width, self.height = (int(side) for side in size)
        self.camera = str(self._reader.getCameraName())

    def __iter__(self) -> Iterator[Events]:
        """The events from the first one on, in batches as they were recorded; may be called again."""
        if self._reader is None:
            raise ValueError(f"{self.path}: the recording is closed")
        self._reader.resetSequentialRead()
        self.dropped_outside = self.steps_back = 0
        state = np.zeros(STATE_SIZE, np.int64)
        state[[LATEST, PREVIOUS]] = NEVER
        while (batch := self._next_batch()) is not None:
            events = _screen_batch(batch, self.width, self.height, state)
            self.dropped_outside, self.steps_back = int(state[DROPPED]), int(state[STEPS_BACK])
            if len(events):
                yield events

    def close(self) -> None:
        """Give the file back."""
        self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _next_batch(self) -> NDArray[np.void] | None:
        try:
            batch = self._reader.getNextEventBatch(self._stream)
        except LIBRARY_ERRORS as error:
            raise _damaged(self.path) from error
        return None if batch is None else batch.numpy()


def _open(path: Path) -> Any:
    """The library's reader; a file of another suffix is given to it under a link of the right one."""
    import dv_processing as dv

    try:
        if path.suffix == SUFFIX:
            return dv.io.MonoCameraRecording(str(path))
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder, f"recording{SUFFIX}")
            link.symlink_to(path.resolve())
            return dv.io.MonoCameraRecording(str(link))
    except LIBRARY_ERRORS as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> UserError:
    return UserError(f"{path}: AEDAT4 file is cut or damaged; expected a whole one, copy or record it again")


def _screen_batch(batch: NDArray[np.void], width: int, height: int, state: NDArray[np.int64]) -> Events:
    n = len(batch)
    t, x, y = np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint16)
    polarity = np.empty(n, np.uint8)
    fields = (batch["timestamp"], batch["x"], batch["y"], batch["polarity"])
    kept = _screen(*fields, width, height, state, t, x, y, polarity)
    return Events(t[:kept], x[:kept], y[:kept], polarity[:kept])


@njit(cache=True, nogil=True)
def _screen(t_in, x_in, y_in, polarity_in, width, height, state, t, x, y, polarity):
    latest, previous = state[LATEST], state[PREVIOUS]
    kept = 0
    for i in range(len(t_in)):
        if x_in[i] < 0 or x_in[i] >= width or y_in[i] < 0 or y_in[i] >= height:
            state[DROPPED] += 1
            continue
        state[STEPS_BACK] += t_in[i] < previous
        previous = t_in[i]
        latest = max(latest, previous)
        t[kept] = latest
        x[kept] = x_in[i]
        y[kept] = y_in[i]
        polarity[kept] = polarity_in[i] != 0
        kept += 1
    state[LATEST], state[PREVIOUS] = latest, previous
    return kept


def write_aedat4(path: Path, events: Events, width: int, height: int, camera: str = "SpikeDrive_0") -> None:
    """Write events, sorted by time, as an AEDAT4 file (LZ4); whole or not at all.

    width, height: size of the sensor, 1 to 32767 pixels.
    camera: name and serial number of the camera, joined by "_".

    Raises UserError for a suffix other than .aedat4 or a path that cannot be written, ValueError for events that are
    not sorted, negative in time or off the sensor.
    """
    if path.suffix != SUFFIX:
        raise UserError(f"{path}: expected a name that ends in {SUFFIX}")
    if not (1 <= width <= MAX_SENSOR_SIZE and 1 <= height <= MAX_SENSOR_SIZE):
        raise ValueError(f"sensor of {width} x {height} pixels: expected 1 to {MAX_SENSOR_SIZE} a side")
    if len(events):
        if int(events.t[0]) < 0 or np.any(events.t[1:] < events.t[:-1]):
            raise ValueError("events must be sorted by time and not negative")
        if int(events.x.max()) >= width or int(events.y.max()) >= height:
            raise ValueError(f"events must lie on the sensor of {width} x {height} pixels")
    try:
        # The library ends the process when it cannot open its file: find out here, in a folder beside the target.
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            temporary = Path(folder, path.name)
            temporary.touch()
            _write(temporary, events, width, height, camera)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def _write(path: Path, events: Events, width: int, height: int, camera: str) -> None:
    import dv_processing as dv

    config = dv.io.MonoCameraWriter.EventOnlyConfig(camera, (width, height))
    writer = dv.io.MonoCameraWriter(str(path), config)
    vector: Any = type(dv.EventPacket().elements)
    for start in range(0, len(events), PACKET_EVENTS):
        part = events[start : start + PACKET_EVENTS]
        columns = (part.t.tolist(), part.x.tolist(), part.y.tolist(), part.polarity.astype(bool).tolist())
        writer.writeEventPacket(dv.EventPacket(vector(map(dv.Event, *columns))))
    del writer  # closes the file
