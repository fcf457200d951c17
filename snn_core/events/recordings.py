"""Recordings: one small interface over all file formats, and what opens a file, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.plugins import plugins


class Recording(Protocol):
    """A recorded event stream; a context manager that closes the file.

    Iterating reads from the first event on, batch by batch, without holding the file in memory. All events lie on the
    sensor and times never run backwards: events off the sensor are dropped, times that step back are clamped to the
    latest. Files that are cut or damaged are read as far as they go. What was dropped and clamped is counted, from 0
    at each iteration.

    format: name of the file format. camera: the camera's name as the file gives it, may be empty.
    width, height: size of the sensor, pixels.
    notes: remarks to the user, a sentence each: what the file does not say and was taken from elsewhere, what is in it
        and is not read. More may come while reading.
    fraction_read: how much of the file has been read, 0 to 1.

    triggers: external triggers so far, of all channels, both edges.
    dropped_outside, dropped_untimed: events off the sensor, events without a time, so far.
    unknown_words: words, lines or packets that the format does not define.
    damaged_bytes: bytes that were passed over, as they are damaged or cut.
    steps_back: times that lay before the one that preceded them. restarts: how often the clock restarted.

    Opening and reading raise UserError where nothing can be read.
    """

    format: str
    camera: str
    width: int
    height: int
    notes: list[str]
    fraction_read: float
    triggers: int
    dropped_outside: int
    dropped_untimed: int
    unknown_words: int
    damaged_bytes: int
    steps_back: int
    restarts: int

    def __iter__(self) -> Iterator[Events]: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def take_triggers(self) -> Triggers:
        """The external triggers that were read since this was called last."""
        ...

    def close(self) -> None:
        """Close the file; repeating it does no harm."""
        ...


class RecordingWriter(Protocol):
    """Writes a recording, batch by batch; a context manager that gives the file its name at the end.

    An exception inside leaves no file, nor harms one of that name.

    format: name of the file format.
    notes: a sentence for everything that the format cannot hold and that was lost; complete when it is closed.

    Raises UserError where the path cannot be written, ValueError for events that are not sorted or off the sensor.
    """

    format: str
    notes: list[str]

    def write(self, events: Events, triggers: Triggers | None = None) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def close(self) -> None: ...


# Modules with a function sniff(path, size), which returns a Recording of a file of theirs and None for any other.
# Those that tell their files by content come first. They are imported when needed and not before, as are writers.
# Modules that other packages offer as ``spikedrive.formats`` come after them.
READERS = (
    "snn_core.events.bags.bag_recording",
    "snn_core.events.files.aedat4.reader",
    "snn_core.events.files.aedat3",
    "snn_core.events.files.aedat2",
    "snn_core.events.files.dat",
    "snn_core.events.files.raw",
    "snn_core.events.files.event_stream",
    "snn_core.events.files.hdf5.reader",
    "snn_core.events.files.numpy_files",
    "snn_core.events.files.n_mnist",
    "snn_core.events.files.text",
)
# What writes files whose name ends so, by module and name: RecordingWriter(path, width, height, camera, overwrite).
WRITERS = {
    ".aedat4": ("snn_core.events.files.aedat4.writer", "Aedat4Writer"),
    ".raw": ("snn_core.events.files.raw_writer", "RawWriter"),
    ".dat": ("snn_core.events.files.dat_writer", "DatWriter"),
    ".h5": ("snn_core.events.files.hdf5.writer", "Hdf5Writer"),
    ".hdf5": ("snn_core.events.files.hdf5.writer", "Hdf5Writer"),
    ".npz": ("snn_core.events.files.npz_writer", "NpzWriter"),
    ".csv": ("snn_core.events.files.csv_writer", "CsvWriter"),
    ".mcap": ("snn_core.events.bags.writer", "BagWriter"),
    "": ("snn_core.events.bags.writer", "BagWriter"),
}


def open_recording(path: Path | str, size: tuple[int, int] | None = None) -> Recording:
    """Open a recording; its format is told by its content, and by its name where the content says nothing.

    path: of a file, or of the folder of a bag.
    size: width and height of the sensor, pixels, for a file that does not give them; else the file's count.

    Raises UserError when the file is missing, empty, of no known format, or nothing in it can be read.
    """
    path = Path(path)
    for sniff in _sniffers():
        recording = sniff(path, size)
        if recording is not None:
            return recording
    raise UserError(f"{path}: not a known recording; docs/events.md lists the formats that can be read")


Sniff = Callable[[Path, "tuple[int, int] | None"], "Recording | None"]
"""The recording in a file of the reader's format, None for any other; the size is that of the sensor, pixels."""


def _sniffers() -> Iterator[Sniff]:
    """``sniff`` of each reader. Raises UserError for an entry point that is no reader."""
    for module in READERS:
        yield import_module(module).sniff
    for name, offered in plugins("formats").items():
        sniff: Sniff | None = getattr(offered, "sniff", None)
        if not callable(sniff):
            raise UserError(
                f"entry point spikedrive.formats: {name}: expected a module with a function sniff(path, size), found "
                f"{offered!r}"
            )
        yield sniff


def open_writer(
    path: Path | str, width: int, height: int, camera: str = "", overwrite: bool = False
) -> RecordingWriter:
    """Begin to write a recording, in the format that the end of its name asks for.

    width, height: size of the sensor, pixels. camera: the camera's name, may be empty.
    overwrite: whether a file of that name may go.

    Raises UserError for an unknown name, a path that is taken or cannot be written, a size that the format cannot hold.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        endings = ", ".join(filter(None, WRITERS))
        raise UserError(f"{path}: expected a name that ends in {endings}, or has no ending, for a rosbag2")
    module, name = WRITERS[path.suffix.lower()]
    return getattr(import_module(module), name)(path, width, height, camera, overwrite)


def write_recording(
    path: Path | str, events: Events, width: int, height: int, camera: str = "", overwrite: bool = False
) -> list[str]:
    """Write events as a recording; return a sentence for everything that the format cannot hold and that was lost.

    path: its ending names the format. events: sorted by time.
    width, height: size of the sensor, pixels. camera: the camera's name, may be empty.
    overwrite: whether a file of that name may go.

    Raises UserError for an unknown ending, a path that is taken or cannot be written, a size that the format cannot
    hold. Raises ValueError for events that are not sorted or off the sensor.
    """
    with open_writer(path, width, height, camera, overwrite) as writer:
        writer.write(events)
    return writer.notes
