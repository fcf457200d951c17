"""The process that reads an HDF5 file, and hands its events on through its standard output.

The HDF5 library can loop for good, or end its process, on damaged files, and Python can do nothing about it. So it runs
in a process of its own, which is ended when a step takes too long, and may not take memory without bound.

What is handed on are messages: a line of JSON, then the arrays that it lists under "arrays" as [type, items].
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.files.hdf5.tables import DAMAGE, EventTable

STEP_LIMIT_S = 20
"""Seconds that opening the file, or reading a chunk of it, may take."""
MAX_MEMORY_BYTES = 2**32
MAX_LINE_BYTES = 2**16


class Hdf5Process:
    """The process, as its parent sees it.

    Raises UserError where there are no events in the file, and where it ended while it opened it.
    """

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-m", __name__, str(path), str(STEP_LIMIT_S)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            message = self.receive()
            if message is None or "error" in message[0]:
                reason = "this HDF5 file is cut or damaged; copy or make it again"
                raise UserError(f"{path}: {reason}" if message is None else message[0]["error"])
        except BaseException:
            self.close()
            raise
        self.about, self.triggers = message[0], message[1][0]

    def receive(self) -> tuple[dict[str, Any], list[NDArray]] | None:
        """The next message; None when the process has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline(MAX_LINE_BYTES)
        if not line.endswith(b"\n"):
            return None
        about = json.loads(line)
        arrays = []
        for kind, n in about.get("arrays", []):
            array = np.empty(n, np.dtype(list(map(tuple, kind)) if isinstance(kind, list) else kind))
            if self._process.stdout.readinto(array.view(np.uint8).data) < array.nbytes:  # type: ignore[attr-defined]
                return None
            arrays.append(array)
        return about, arrays

    def close(self) -> None:
        """End the process."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()


def main(path: Path, step_limit_s: int) -> None:
    """Describe the file, then hand its rows on."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # nothing that a library prints comes between the messages
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        def send(about: Mapping[str, object], arrays: Iterable[NDArray] = ()) -> None:
            signal.alarm(0)  # whoever takes the messages may take their time
            arrays = [np.ascontiguousarray(array) for array in arrays]
            types = [(array.dtype.descr if array.dtype.names else array.dtype.str, len(array)) for array in arrays]
            out.write(json.dumps({**about, "arrays": types}).encode() + b"\n")
            for array in arrays:
                out.write(array.view(np.uint8).data)
            out.flush()
            signal.alarm(step_limit_s)  # without a handler: it ends the process, whatever that is doing

        signal.alarm(step_limit_s)
        try:
            table = EventTable(path)
            about = {
                "name": table.name,
                "others": table.other_names,
                "unit": (table.unit.us, table.unit.name),
                "offset_us": table.offset_us,
                "camera": table.camera,
                "size": table.size,
                "rows": table.rows,
                "row_bytes": table.row_bytes,
            }
            triggers = table.triggers
        except UserError as error:
            send({"error": str(error)})
            return
        except DAMAGE:
            return
        send(about, [triggers])
        for n, part in table.parts():
            if part is None:
                send({"rows": n, "is_damaged": True})
            elif isinstance(part, bytes):
                send({"rows": n, "is_ecf": True}, [np.frombuffer(part, np.uint8)])
            else:
                send({"rows": n, "columns": list(part)}, part.values())
        send({"is_end": True})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
