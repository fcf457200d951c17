"""NumPy .npz files, written; ``numpy_files`` has the format."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.lib import format as npy

from snn_core.events.events import FIELD_TYPES, Events
from snn_core.events.external_triggers import FIELD_TYPES as TRIGGER_FIELD_TYPES
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.writer import FileWriter

COPY_BYTES = 2**20
NAMES = {"polarity": "p"}
"""Names of arrays that are not those of the fields."""


class NpzWriter(FileWriter):
    """Writes arrays t (int64, us), x, y (uint16), p (uint8), width, height, camera, and trigger_{t,channel,edge}.

    How many events there are is known at the end only, so each array waits in a file of its own until then.
    """

    format = "NumPy .npz"
    max_size = 32768
    holds_triggers = True

    def _begin(self) -> None:
        self._stack = ExitStack()
        self._columns: dict[str, tuple[np.dtype, Any]] = {}
        for prefix, types in (("", FIELD_TYPES), ("trigger_", TRIGGER_FIELD_TYPES)):
            for name, dtype in types.items():
                file = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115
                self._stack.enter_context(file)
                self._columns[prefix + NAMES.get(name, name)] = (dtype, file)

    def _write(self, events: Events, triggers: Triggers | None) -> None:
        for name in FIELD_TYPES:
            self._append(NAMES.get(name, name), getattr(events, name))
        if triggers is not None:
            for name in TRIGGER_FIELD_TYPES:
                self._append(f"trigger_{name}", getattr(triggers, name))

    def _append(self, name: str, values: np.ndarray) -> None:
        self._columns[name][1].write(np.ascontiguousarray(values).data)

    def _finish(self) -> None:
        with zipfile.ZipFile(self._target.file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, (dtype, file) in self._columns.items():
                n = file.tell() // dtype.itemsize
                if n == 0 and name.startswith("trigger"):
                    continue
                file.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (n,)}
                    npy.write_array_header_1_0(member, header)
                    shutil.copyfileobj(file, member, COPY_BYTES)
            for name, value in (("width", self.width), ("height", self.height), ("camera", self.camera)):
                with archive.open(f"{name}.npy", "w") as member:
                    npy.write_array(member, np.array(value))

    def discard(self) -> None:
        if hasattr(self, "_stack"):
            self._stack.close()
        super().discard()
