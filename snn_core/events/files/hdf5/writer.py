"""HDF5 files in the layout of DSEC, written; ``hdf5`` has the formats."""

from __future__ import annotations

from typing import Any

import numpy as np

from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.writer import FileWriter

CHUNK = 2**16
"""Items in a chunk of a dataset."""
CODEC = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
"""DSEC has Blosc, for which most readers need a plugin."""
MAX_T = 2**32 - 1  # us, of DSEC's uint32
MAX_MS = 10**8
"""Milliseconds, 28 hours, up to which /ms_to_idx goes."""
TRIGGER = np.dtype([("p", "<i2"), ("t", "<i8"), ("id", "<i2")])


class Hdf5Writer(FileWriter):
    """Writes /events/{t,x,y,p}, /t_offset and /ms_to_idx as DSEC has them, and the size as attributes of /events.

    Times are uint32 us after /t_offset as in DSEC, int64 where they do not fit. ms_to_idx[i] is the first event that
    comes no earlier than i ms after /t_offset. Triggers go where Prophesee's files have them, into /EXT_TRIGGER/events.
    """

    format = "HDF5"
    max_size = 32768
    holds_triggers = True

    def _begin(self) -> None:
        import h5py

        self._h5: Any = h5py.File(self._target.temporary, "w", rdcc_nbytes=2**20)
        self._events: Any = self._h5.create_group("events")
        for name, dtype in (("t", "u4"), ("x", "u2"), ("y", "u2"), ("p", "u1")):
            self._make(f"events/{name}", dtype)
        self._make("ms_to_idx", "u8")
        self._events.attrs.update(width=self.width, height=self.height)
        if self.camera:
            self._h5.attrs["camera"] = self.camera
        self._waiting: list[Events] = []
        self._n_waiting = 0
        self._offset: int | None = None

    def _make(self, name: str, dtype: Any) -> None:
        """Make an empty dataset that can grow."""
        self._h5.create_dataset(name, (0,), dtype, chunks=(CHUNK,), maxshape=(None,), **CODEC)

    def _append(self, name: str, values: Any) -> None:
        dataset = self._h5[name]
        end = len(dataset)
        dataset.resize((end + len(values),))
        dataset[end:] = values

    def _write(self, events: Events, triggers: Triggers | None) -> None:
        if triggers is not None:
            if "EXT_TRIGGER" not in self._h5:
                self._make("EXT_TRIGGER/events", TRIGGER)
            rows = np.empty(len(triggers), TRIGGER)
            rows["p"], rows["t"], rows["id"] = triggers.edge, triggers.t, triggers.channel
            self._append("EXT_TRIGGER/events", rows)
        self._waiting.append(events)
        self._n_waiting += len(events)
        if self._n_waiting >= CHUNK:
            self._flush(self._n_waiting // CHUNK * CHUNK)

    def _flush(self, n: int) -> None:
        """Write the first ``n`` of the events that wait."""
        events = Events.concatenate(self._waiting)
        self._waiting, self._n_waiting = [events[n:]], len(events) - n
        events = events[:n]
        if not n:
            return
        if self._offset is None:
            self._offset = int(events.t[0])
        t = events.t - self._offset
        if int(t[-1]) > MAX_T:
            self._widen_times()
        n_before = len(self._events["t"])
        for name, values in (("t", t), ("x", events.x), ("y", events.y), ("p", events.polarity)):
            self._append(f"events/{name}", values)
        n_ms, end_ms = len(self._h5["ms_to_idx"]), min(int(t[-1]) // 1000 + 1, MAX_MS)
        if end_ms > n_ms:
            self._append("ms_to_idx", n_before + np.searchsorted(t, 1000 * np.arange(n_ms, end_ms)))

    def _widen_times(self) -> None:
        """Let times be int64 from here on, and those before."""
        narrow = self._events["t"]
        if narrow.dtype.itemsize == 8:
            return
        self._h5.move("events/t", "events/narrow_t")
        self._make("events/t", "i8")
        for begin in range(0, len(narrow), 16 * CHUNK):
            self._append("events/t", narrow[begin : begin + 16 * CHUNK])
        del self._h5["events/narrow_t"]

    def _finish(self) -> None:
        self._flush(self._n_waiting)
        self._h5["t_offset"] = np.int64(self._offset or 0)
        self._h5.close()

    def discard(self) -> None:
        if hasattr(self, "_h5"):
            self._h5.close()
        super().discard()
