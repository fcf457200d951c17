"""What all readers of event files have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.codecs.decoder import MAX_KEPT_TRIGGERS, MAX_SENSOR_SIZE
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.screen import Screen
from snn_core.events.files.sensors import fitting_size

BLOCK_BYTES = 2**20
MAX_STEPS_BACK_SHARE = 0.1
COUNTERS = (
    "triggers",
    "dropped_outside",
    "dropped_untimed",
    "unknown_words",
    "damaged_bytes",
    "steps_back",
    "restarts",
)


def read_head(path: Path, size: int) -> bytes:
    """The first bytes of a file, fewer where it is shorter. Raises UserError when it cannot be read or is empty."""
    try:
        with path.open("rb") as file:
            head = file.read(size)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; expected a recording") from error
    if not head:
        raise UserError(f"{path}: is empty; expected a recording")
    return head


class FileRecording(ABC):
    """A ``Recording`` in one file. A format derives from it, opens in ``__init__`` and reads in ``_read``.

    ``width`` and ``height`` are what the file says; a reader whose file says nothing calls ``_find_size``.
    """

    format: str

    def __init__(self, path: Path) -> None:
        self.path = path
        self.camera = ""
        self.width = self.height = 0
        self.notes: list[str] = []
        self.fraction_read = 0.0
        self._reset_counters()
        self._bytes = path.stat().st_size
        self._file: BinaryIO | None = path.open("rb", buffering=0)

    def _reset_counters(self) -> None:
        self.triggers = self.dropped_outside = self.dropped_untimed = 0
        self.unknown_words = self.damaged_bytes = self.steps_back = self.restarts = 0
        self._triggers: list[Triggers] = []

    def take_triggers(self) -> Triggers:
        """The external triggers that were read since this was called last."""
        triggers = Triggers.concatenate(self._triggers)
        self._triggers = []
        return triggers

    def _add_triggers(self, triggers: Triggers) -> None:
        """Count triggers, and let them wait for ``take_triggers``."""
        self.triggers += len(triggers)
        self._keep_triggers(triggers)

    def _keep_triggers(self, triggers: Triggers) -> None:
        """Let triggers that are counted elsewhere wait for ``take_triggers``, as many as anybody will take."""
        if len(triggers) and sum(map(len, self._triggers)) < MAX_KEPT_TRIGGERS:
            self._triggers.append(triggers)

    def __iter__(self) -> Iterator[Events]:
        """The events from the first one on; may be called again, which ends the iteration before."""
        file = self._open_file()
        self._reset_counters()
        self.fraction_read = 0.0
        for events in self._read(file):
            self.fraction_read = max(self.fraction_read, file.tell() / self._bytes)
            if len(events):
                yield events
        self.fraction_read = 1.0

    @abstractmethod
    def _read(self, file: BinaryIO) -> Iterator[Events]:
        """The events of the file, from its beginning; counters are up to date whenever it yields."""

    def _open_file(self) -> BinaryIO:
        if self._file is None:
            raise ValueError(f"{self.path}: the recording is closed")
        return self._file

    def _count(self, source: object) -> None:
        """Take over the counters that a decoder or a screen has."""
        for name in COUNTERS:
            if hasattr(source, name):
                setattr(self, name, getattr(source, name))

    def _screen(self) -> Screen:
        return Screen(self.width, self.height)

    def _set_size(self, width: int, height: int) -> None:
        """Raises UserError for a size that no sensor has."""
        if not (1 <= width <= MAX_SENSOR_SIZE and 1 <= height <= MAX_SENSOR_SIZE):
            raise UserError(f"{self.path}: sensor of {width} x {height} pixels; expected 1 to {MAX_SENSOR_SIZE} a side")
        self.width, self.height = width, height

    def _find_size(self, size: tuple[int, int] | None, missing: str = "no sensor size in the file") -> None:
        """Take the size that the user gives, or else read the whole recording once and take that of its events."""
        if size is not None:
            self._set_size(*size)
            return
        self._set_size(MAX_SENSOR_SIZE, MAX_SENSOR_SIZE)
        width = height = 1
        for events in self:
            width = max(width, int(events.x.max()) + 1)
            height = max(height, int(events.y.max()) + 1)
        self._set_size(*fitting_size(width, height))
        self._reset_counters()
        self._note(f"{missing}: {self.width} x {self.height} taken from the events")

    def _note(self, text: str) -> None:
        """Tell the user, once however often the file is read."""
        if text not in self.notes:
            self.notes.append(text)

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class TriggerQueue:
    """Triggers that a file has apart from its events, to be given out with them."""

    def __init__(self, triggers: Triggers) -> None:
        self._left = triggers

    def take(self, until: int | None = None) -> Triggers:
        """The next triggers, up to this time, us, or all."""
        n = len(self._left) if until is None else int(np.searchsorted(self._left.t, until, "right"))
        taken, self._left = self._left[:n], self._left[n:]
        return taken


def is_mostly_sorted(times: NDArray[np.int64]) -> bool:
    """Whether times look like those of events: they hardly ever step back, and are not all one."""
    steps = np.diff(times)
    return len(times) == 1 or bool(np.mean(steps < 0) < MAX_STEPS_BACK_SHARE and np.any(steps > 0))


def blocks(file: BinaryIO, record_bytes: int, block_bytes: int = BLOCK_BYTES) -> Iterator[NDArray[np.uint8]]:
    """What is left of the file, in blocks of whole records, which are views of one buffer: use each before the next.

    A record that the end of the file cuts comes last, alone.
    """
    buffer = np.empty(block_bytes // record_bytes * record_bytes, np.uint8)
    held = 0
    while read := file.readinto(memoryview(buffer)[held:]):  # type: ignore[attr-defined]
        held += read
        whole = held // record_bytes * record_bytes
        if whole:
            yield buffer[:whole]
            buffer[: held - whole] = buffer[whole:held]
            held -= whole
    if held:
        yield buffer[:held]
