"""Recordings: one small interface over all file formats, and what there is to say about one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from snn_core.errors import UserError
from snn_core.events import aedat4
from snn_core.events.events import Events


class Recording(Protocol):
    """A recorded event stream; a context manager that closes the file.

    Iterating reads from the first event on, batch by batch, without holding the file in memory. All events lie on the
    sensor and times never run backwards: events off the sensor are dropped, times that step back are held at the
    latest; both are counted, from 0 at each iteration.

    format: name of the file format. camera: the camera's name as the file gives it, may be empty.
    width, height: size of the sensor, pixels.
    dropped_outside, steps_back: what was dropped and held so far.

    Reading raises UserError where the file turns out to be damaged.
    """

    format: str
    camera: str
    width: int
    height: int
    dropped_outside: int
    steps_back: int

    def __iter__(self) -> Iterator[Events]: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def close(self) -> None: ...


# How a file begins, and what reads it.
READERS: dict[bytes, Callable[[Path], Recording]] = {aedat4.MAGIC: aedat4.Aedat4Recording}


def open_recording(path: Path | str) -> Recording:
    """Open a recording; its format is told by its content, whatever its name.

    Raises UserError when the file is missing, of no known format, cut or damaged, or has no event stream.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            beginning = file.read(max(map(len, READERS)))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; expected a recording") from error
    for magic, reader in READERS.items():
        if beginning.startswith(magic):
            return reader(path)
        if magic.startswith(beginning):
            raise UserError(f"{path}: holds only {len(beginning)} bytes; expected a whole recording, copy it again")
    raise UserError(f"{path}: not a known recording; expected an AEDAT4 file, which begins with '#!AER-DAT4.0'")


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """What is in a recording.

    width, height: pixels. first_us, last_us: us, None without events. duration_s: s, from the first event to the last.
    mean_rate_hz: events a second, 0 without a duration. sum_x, sum_y: sums of the coordinates, to compare readers by.
    dropped_outside, steps_back: events off the sensor, and times that stepped back and were held; see ``Recording``.
    """

    format: str
    camera: str
    width: int
    height: int
    events: int
    on: int
    off: int
    first_us: int | None
    last_us: int | None
    duration_s: float
    mean_rate_hz: float
    sum_x: int
    sum_y: int
    dropped_outside: int
    steps_back: int


def summarise(recording: Recording) -> RecordingInfo:
    """Read a recording to its end and say what is in it. Raises UserError where it is damaged."""
    events = on = sum_x = sum_y = 0
    first_us = last_us = None
    for batch in recording:
        if len(batch) == 0:
            continue
        events += len(batch)
        on += int(np.count_nonzero(batch.polarity))
        sum_x += int(batch.x.sum(dtype=np.int64))
        sum_y += int(batch.y.sum(dtype=np.int64))
        first_us = int(batch.t[0]) if first_us is None else first_us
        last_us = int(batch.t[-1])
    duration_s = 0.0 if first_us is None or last_us is None else (last_us - first_us) * 1e-6
    return RecordingInfo(
        format=recording.format,
        camera=recording.camera,
        width=recording.width,
        height=recording.height,
        events=events,
        on=on,
        off=events - on,
        first_us=first_us,
        last_us=last_us,
        duration_s=duration_s,
        mean_rate_hz=events / duration_s if duration_s else 0.0,
        sum_x=sum_x,
        sum_y=sum_y,
        dropped_outside=recording.dropped_outside,
        steps_back=recording.steps_back,
    )
