"""HDF5, in the layouts of data sets that ``hdf5_tables`` lists; the HDF5 library runs in ``hdf5_process``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snn_core.events.external_triggers import Triggers
from snn_core.events.files.base import read_head
from snn_core.events.files.columns import ROLES, Unit
from snn_core.events.files.hdf5 import ecf
from snn_core.events.files.hdf5.process import Hdf5Process
from snn_core.events.files.table_recording import ROWS, Columns, TableRecording

MAGIC = b"\x89HDF\r\n\x1a\n"


def sniff(path: Path, size: tuple[int, int] | None) -> Hdf5Recording | None:
    """The recording in an HDF5 file; None for any other."""
    return Hdf5Recording(path, size) if read_head(path, len(MAGIC)) == MAGIC else None


class Hdf5Recording(TableRecording):
    """The events of an HDF5 file.

    Raises UserError where there are none, and where the file is cut or damaged so that it cannot be opened. Raises it
    also where they are compressed by a codec that is not let run.
    """

    format = "HDF5"

    def __init__(self, path: Path, size: tuple[int, int] | None = None) -> None:
        super().__init__(path)
        self._process: Hdf5Process | None = Hdf5Process(path)
        try:
            self._take_over(self._process)
            about = self._process.about
            if about["size"]:
                self._set_size(*about["size"])
            else:
                self._find_size(size)
        except BaseException:
            self.close()
            raise

    def _take_over(self, process: Hdf5Process) -> None:
        about = process.about
        self._rows_in_all, self._row_bytes = about["rows"], about["row_bytes"]
        self._unit = Unit(*about["unit"])
        self._offset_us = about["offset_us"]
        self.camera = about["camera"]
        if about["others"]:
            self._note(f"events of {about['name']} are read, not those of {', '.join(about['others'])}")
        rows = process.triggers
        edge = (rows["p"] > 0).astype(np.uint8)
        self._all_triggers = Triggers(rows["t"].astype(np.int64), rows["id"].astype(np.uint16), edge)

    def _rows(self) -> Iterator[Columns]:
        process = self._process or Hdf5Process(self.path)
        self._process = None
        left = self._rows_in_all
        try:
            while (message := process.receive()) is not None and not message[0].get("is_end"):
                about, arrays = message
                columns = self._columns(about, arrays)
                left -= about["rows"]
                if columns is None:
                    self._count_damage(about["rows"])
                    continue
                self.fraction_read = 1 - left / self._rows_in_all
                for first in range(0, len(columns.t), ROWS):
                    yield Columns(*(column[first : first + ROWS] for column in columns))
            if message is None:
                self._count_damage(left)
        finally:
            process.close()

    @staticmethod
    def _columns(about: dict, arrays: list[np.ndarray]) -> Columns | None:
        """The rows of a message; None for damaged ones."""
        if about.get("is_ecf"):
            events = ecf.decompress(arrays[0].tobytes())
            if events is None:
                return None
            events = events[: about["rows"]]
            return Columns(events.t, events.x, events.y, events.polarity)
        if about.get("is_damaged"):
            return None
        by_role = dict(zip(about["columns"], arrays, strict=True))
        return Columns(*(by_role[role] for role in ROLES))

    def _count_damage(self, rows: int) -> None:
        self.damaged_bytes += rows * self._row_bytes
        self._note("the file is cut or damaged: some of it cannot be decompressed")

    def close(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None
        super().close()
