"""What all writers of event files have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.files import AtomicFile, check_writable

NEVER = np.iinfo(np.int64).min


class FileWriter(ABC):
    """Writes a recording, batch by batch, under a temporary name that becomes ``path`` when it is closed.

    A context manager: an exception inside leaves no file. A format derives from it and implements the methods that
    begin with an underscore.

    path: the file. width, height: size of the sensor, pixels. camera: the camera's name, may be empty.
    overwrite: whether a file that is there already may go.

    notes: a sentence for everything that the format cannot hold and that was lost; complete when it is closed.

    Raises UserError for a path that is taken or cannot be written, a size that the format cannot hold, a full disk.
    """

    format: ClassVar[str]
    max_size: ClassVar[int]
    """Pixels a side that the format can hold."""
    holds_triggers: ClassVar[bool] = False

    def __init__(self, path: Path, width: int, height: int, camera: str = "", overwrite: bool = False) -> None:
        self.path = path
        self.width = width
        self.height = height
        self.camera = camera
        self.notes: list[str] = []
        self._overwrite = overwrite
        self._latest = NEVER
        self._dropped_triggers = 0
        self._refuse_taken()
        check_writable(path)
        if not (1 <= width <= self.max_size and 1 <= height <= self.max_size):
            raise UserError(
                f"{path}: {self.format} cannot hold a sensor of {width} x {height} pixels; "
                f"expected 1 to {self.max_size} a side"
            )
        try:
            self._target = AtomicFile(path)
        except OSError as error:
            raise self._failure(error) from error
        try:
            self._begin()
        except BaseException:
            self._target.discard()
            raise

    def write(self, events: Events, triggers: Triggers | None = None) -> None:
        """Write the next events, and the external triggers that came with them.

        Raises ValueError for events that are off the sensor, not sorted by time or before the last ones.
        """
        if len(events):
            if int(events.x.max()) >= self.width or int(events.y.max()) >= self.height:
                raise ValueError(f"events must lie on the sensor of {self.width} x {self.height} pixels")
            if int(events.t[0]) < self._latest or np.any(events.t[1:] < events.t[:-1]):
                raise ValueError("events must be sorted by time")
            self._latest = int(events.t[-1])
        n_triggers = 0 if triggers is None else len(triggers)
        if not self.holds_triggers:
            self._dropped_triggers += n_triggers
            triggers = None
        try:
            if len(events) or (triggers is not None and n_triggers):
                self._write(events, triggers if n_triggers else None)
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Finish the file and give it its name."""
        try:
            self._finish()
            self._refuse_taken()
            self._target.commit()
        except OSError as error:
            raise self._failure(error) from error
        finally:
            self.discard()
        if self._dropped_triggers:
            self.notes.append(f"{self.format} holds no triggers: {self._dropped_triggers} left out")

    def discard(self) -> None:
        """Leave no file."""
        self._target.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _refuse_taken(self) -> None:
        if not self._overwrite and self.path.exists():
            raise UserError(f"{self.path}: exists already; choose another name, or overwrite it with --force")

    def _failure(self, error: OSError) -> UserError:
        return UserError(f"{self.path}: cannot be written: {error.strerror or error}")

    @abstractmethod
    def _begin(self) -> None:
        """Write what comes before the events."""

    @abstractmethod
    def _write(self, events: Events, triggers: Triggers | None) -> None:
        """Write events that are checked, and triggers, if the format holds them and there are any."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what comes after the events."""
