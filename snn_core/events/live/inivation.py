"""Cameras of iniVation (DVS128, DAVIS, DVXplorer) through dv-processing, and its reader of recordings in their place.

Live cameras and recordings are one type to the library (``dv.io.InputBase``), so that what is read from a file here is
read from a camera by the same calls. The library is imported when a camera is looked for and not before.
Source: iniVation, dv-processing 2.0, https://dv-processing.inivation.com
"""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.codecs.mono import MonoDecoder
from snn_core.events.events import Events
from snn_core.events.files.screen import Screen
from snn_core.events.live.camera import CameraUnavailableError, one_line
from snn_core.events.live.camera_parameters import CameraParameters
from snn_core.events.live.inivation_settings import configure, noise_filter

# What the library raises, for a camera that is not there as for one that may not be opened.
LIBRARY_ERRORS = (RuntimeError, ValueError, IndexError, MemoryError, OSError)
SUFFIX = ".aedat4"  # the library opens no file of another
STREAM = "events"


class DvCamera:
    """A ``LiveCamera`` over an input of dv-processing.

    reader: an input with an event stream, live or a file.
    noise_filter: an event filter of the library that all events go through; None: none.
    """

    encoding = MonoDecoder.encoding

    def __init__(self, reader: Any, noise_filter: Any = None) -> None:
        size = reader.getEventResolution()
        if size is None:
            raise UserError(f"{reader.getCameraName()}: no event stream; expected a camera or recording of events")
        self.width, self.height = (int(side) for side in size)
        self.name = str(reader.getCameraName())
        self._reader: Any = reader
        self._noise_filter: Any = noise_filter
        self._screen = Screen(self.width, self.height)
        self._screen(Events.empty())  # compiles before events wait for it

    def next_batch(self) -> Events | None:
        """See ``LiveCamera``; may be empty, where the noise filter drops all."""
        if self._reader is None:
            return None
        try:
            batch = self._reader.getNextEventBatch()
            self._forget_triggers()
            if batch is not None and self._noise_filter is not None:
                self._noise_filter.accept(batch)
                batch = self._noise_filter.generateEvents()
        except LIBRARY_ERRORS as error:
            raise CameraUnavailableError(f"{self.name}: {one_line(error)}") from error
        return None if batch is None else self._screened(batch.numpy())

    def _forget_triggers(self) -> None:
        """External triggers are not published; left in the library's queue they would add up."""
        if self._reader.isTriggerStreamAvailable():
            self._reader.getNextTriggerBatch()

    def _screened(self, batch: NDArray[np.void]) -> Events:
        x, y = (batch[name].astype(np.uint16) for name in ("x", "y"))  # negative ones become too large
        return self._screen(Events(np.maximum(batch["timestamp"], 0), x, y, batch["polarity"].astype(np.uint8)))

    @property
    def dropped_outside(self) -> int:
        """Events off the sensor."""
        return self._screen.dropped_outside

    @property
    def steps_back(self) -> int:
        """Times that lay before the one that preceded them."""
        return self._screen.steps_back

    def is_connected(self) -> bool:
        """Whether the library still reads from the camera; of a file, whether its end was not reached."""
        return self._reader is not None and self._reader.isRunning(STREAM)

    def close(self) -> None:
        """Give the camera back; the library does so when its object goes."""
        self._reader = self._noise_filter = None


class RecordedCamera(DvCamera):
    """A recording in a camera's place: a batch comes when event time reaches its end; at the last it is unplugged."""

    def __init__(self, reader: Any, noise_filter: Any = None) -> None:
        super().__init__(reader, noise_filter)
        self._held: Events | None = None
        self._offset_s: float | None = None  # wall time less event time

    def next_batch(self) -> Events | None:
        """The next batch once it is due; None before, and at the end."""
        batch = self._held if self._held is not None else super().next_batch()
        if batch is None or len(batch) == 0:
            return batch
        now = time.monotonic()
        if self._offset_s is None:
            self._offset_s = now - 1e-6 * int(batch.t[0])
        due = now - self._offset_s >= 1e-6 * int(batch.t[-1])
        self._held = None if due else batch
        return batch if due else None

    def is_connected(self) -> bool:
        """Whether there is more in the file."""
        return self._held is not None or super().is_connected()


def open_inivation(parameters: CameraParameters) -> DvCamera | None:
    """The first camera that dv-processing finds, of this serial number if one is given; None when there is none.

    Raises CameraUnavailableError when it cannot be opened, UserError for a setting that it does not have.
    """
    import dv_processing as dv

    try:
        descriptors = [found for found in dv.io.camera.discover() if parameters.serial in ("", str(found.serialNumber))]
        if not descriptors:
            return None
        camera = dv.io.camera.open(descriptors[0])
        configure(camera, parameters)
        camera.setTimeInterval(timedelta(milliseconds=parameters.packet_ms))
        return DvCamera(camera, noise_filter(camera, parameters))
    except UserError:
        raise
    except LIBRARY_ERRORS as error:
        raise CameraUnavailableError(f"iniVation: {one_line(error)}") from error


def open_recorded(parameters: CameraParameters) -> RecordedCamera:
    """The recording ``parameters.file`` as a camera. Raises UserError when it is none, or cannot be set as asked."""
    import dv_processing as dv

    path = Path(parameters.file)
    if path.suffix != SUFFIX or not path.is_file():
        raise UserError(f"file: {parameters.file}: expected an AEDAT4 recording, a file whose name ends in {SUFFIX}")
    for name in ("biases", "flip_horizontal", "flip_vertical"):
        if getattr(parameters, name):
            raise UserError(f"{name}: a recording has no such setting; expected none with device: recording")
    try:
        reader = dv.io.MonoCameraRecording(str(path))
        return RecordedCamera(reader, noise_filter(reader, parameters))
    except LIBRARY_ERRORS as error:
        raise UserError(
            f"file: {path}: cannot be read: {one_line(error)}; expected a whole AEDAT4 recording"
        ) from error
