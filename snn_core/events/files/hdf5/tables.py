"""Where in an HDF5 file the events are, and what else is known of them; for the process that reads the file.

    DSEC, TUM-VIE       /events/{t,x,y,p}, us after /t_offset
    M3ED                /prophesee/left/{t,x,y,p}, size in calib/resolution
    RPG, e2vid          /events/{ts,xs,ys,ps}, s, size in an attribute sensor_resolution (height, width)
    RVT, Gen4           /events/{t,x,y,p,width,height}
    MVSEC               /davis/left/events, four columns x, y, t, polarity, s
    Prophesee           /CD/events, structured, compressed by ECF (see ecf.py), triggers in /EXT_TRIGGER/events, size
                        in an attribute of the root

Any other groups are searched for the same. Of several the left camera's, or else the first is read.
Sources: the data sets' pages; Prophesee, "HDF5 File Format", https://docs.prophesee.ai/stable/data/file_formats/hdf5.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.files.columns import ROLES, Unit, find_roles, guess_order, unit_of

ECF = 0x8ECF
"""The number in HDF5 of Prophesee's codec."""
CODECS = (1, 2, 3, 4, 5, 6, 307, 32000, 32001, 32004, 32008, 32015, 32026)
"""Filters of HDF5 that are let run: HDF5's own, bzip2, LZF, Blosc, LZ4, bitshuffle, Zstandard, Blosc2."""
ROWS = 2**17
"""Rows that are read at a time, or the rows of a chunk."""
SAMPLE_ROWS = 2000
MAX_TRIGGERS = 2**20
MAX_NAMED = 5
DAMAGE = (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError)
"""What h5py raises for files that are cut or damaged."""

Column = tuple[Any, str | int | None]
"""A dataset, and the field or column of it."""


class EventTable:
    """The events of an HDF5 file.

    Raises UserError where there are none, or where they are compressed by a codec that is not let run.
    """

    def __init__(self, path: Path) -> None:
        import h5py
        import hdf5plugin  # noqa: F401  # registers the codecs that data sets use

        self._path = path
        self._h5: Any = h5py.File(path, "r", rdcc_nbytes=0)  # chunks are read whole, and once
        tables = _find_tables(self._h5)
        if not tables:
            raise UserError(
                f"{path}: expected datasets t, x, y, p, or one with these columns; found none in this HDF5 file"
            )
        self.name, self._columns = tables[0]
        self.other_names = [name for name, _ in tables[1 : 1 + MAX_NAMED]]
        self.datasets = list({dataset.name: dataset for dataset, _ in self._columns.values()}.values())
        self.rows = min(_rows_of(dataset) for dataset in self.datasets)
        self.is_ecf = ECF in _codecs(self.datasets[0])
        for dataset in self.datasets:
            for code in _codecs(dataset):
                if code not in CODECS and not self.is_ecf:
                    raise UserError(
                        f"{path}: {dataset.name} is compressed by HDF5 filter {code}, which is not read here; "
                        f"store it anew with gzip, LZ4, Zstandard or Blosc"
                    )

    @property
    def row_bytes(self) -> int:
        return sum(dataset.dtype.itemsize for dataset in self.datasets)

    @property
    def unit(self) -> Unit:
        """The unit of the times."""
        dataset, key = self._columns["t"]
        return unit_of(key if isinstance(key, str) else dataset.name.rpartition("/")[2], self._sample("t"))

    @property
    def offset_us(self) -> int:
        """What is to be added to the times, us."""
        offset = self._scalar("t_offset")
        return int(offset) if isinstance(offset, int | np.integer) else 0

    @property
    def camera(self) -> str:
        names = (_text(self._h5.attrs.get(name)) for name in ("camera", "camera_name", "serial_number"))
        return next(filter(None, names), "")

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height, pixels, where the file has them."""
        group = self._h5[self.name]
        found: list[Any] = [(self._scalar("width"), self._scalar("height"))]
        for place in (group, group.parent, self._h5):
            attributes = place.attrs
            found.append((attributes.get("width"), attributes.get("height")))
            found.append(re.findall(r"[0-9]+", _text(attributes.get("geometry")))[:2])
            height_and_width = attributes.get("sensor_resolution")
            if height_and_width is not None and np.size(height_and_width) >= 2:
                found.append((height_and_width[1], height_and_width[0]))
            calibrated: Any = place.get("calib/resolution") if hasattr(place, "get") else None
            if getattr(calibrated, "size", 0) == 2 and not _codecs(calibrated):
                found.append(tuple(calibrated[()].ravel()))
        for sides in found:
            try:
                width, height = (int(side) for side in sides)
            except (TypeError, ValueError):
                continue
            if width > 0 and height > 0:
                return self._the_right_way(width, height)
        return None

    @property
    def triggers(self) -> NDArray[np.void]:
        """Rows with fields t, id and p."""
        found = self._h5.get("EXT_TRIGGER/events")
        fields = set(getattr(getattr(found, "dtype", None), "names", None) or ())
        if not {"t", "p", "id"} <= fields or not set(_codecs(found)) <= set(CODECS):
            return np.empty(0, [("t", "i8"), ("id", "i2"), ("p", "i2")])
        return found[:MAX_TRIGGERS]

    def parts(self) -> Iterator[tuple[int, dict[str, NDArray] | bytes | None]]:
        """Row by row: how many rows, and the columns of them, or an ECF chunk of them; None for damaged ones."""
        chunk = max(_chunk_rows(dataset) for dataset in self.datasets)
        step = chunk if self.is_ecf else chunk * max(1, ROWS // chunk)
        for begin in range(0, self.rows, step):
            yield from self._parts(begin, min(begin + step, self.rows), chunk)

    def _parts(self, begin: int, end: int, chunk: int) -> Iterator[tuple[int, dict[str, NDArray] | bytes | None]]:
        """Some chunks at once, or one by one where one of them is damaged."""
        n = end - begin
        try:
            part = self._read_ecf(begin, n) if self.is_ecf else self._read(begin, n)
        except DAMAGE:
            part = None
        if part is not None or n <= chunk:
            yield n, part
            return
        for first in range(begin, end, chunk):
            yield from self._parts(first, min(first + chunk, end), chunk)

    def _read(self, begin: int, n: int) -> dict[str, NDArray]:
        parts = {dataset.name: _read(dataset, begin, begin + n) for dataset in self.datasets}
        return {role: _column(parts[dataset.name], key) for role, (dataset, key) in self._columns.items()}

    def _read_ecf(self, begin: int, n: int) -> dict[str, NDArray] | bytes:
        dataset = self.datasets[0]
        mask, chunk = dataset.id.read_direct_chunk((begin,))
        if not mask:
            return chunk
        rows = np.frombuffer(chunk, dataset.dtype, n)  # stored without the codec
        return {role: _column(rows, key) for role, (_, key) in self._columns.items()}

    def close(self) -> None:
        """Give the file back."""
        self._h5.close()

    def _sample(self, role: str) -> NDArray:
        """The first numbers of a column; none of one that is compressed by ECF, whose types say enough."""
        dataset, key = self._columns[role]
        return _column(_read(dataset, 0, 0 if self.is_ecf else min(SAMPLE_ROWS, self.rows)), key)

    def _scalar(self, name: str) -> Any:
        """A dataset of one item beside the events or further up."""
        group = self._h5[self.name]
        for place in (group, group.parent, self._h5):
            found: Any = place.get(name) if hasattr(place, "get") else None
            if getattr(found, "size", 0) == 1 and not _codecs(found):
                return np.asarray(found[()]).ravel()[0]
        return None

    def _the_right_way(self, width: int, height: int) -> tuple[int, int]:
        """Width and height, exchanged where the first events fit only so."""
        x, y = (float(np.max(self._sample(role), initial=0)) for role in ("x", "y"))
        is_exchanged = (x >= width or y >= height) and x < height and y < width
        return (height, width) if is_exchanged else (width, height)


def _find_tables(h5: Any) -> list[tuple[str, dict[str, Column]]]:
    """Name and columns of all tables of events, the one to be read first."""
    import h5py

    tables: list[tuple[str, dict[str, Column]]] = []

    def look_at(_: str, item: Any) -> None:
        columns: dict[str, Column] | None
        if isinstance(item, h5py.Dataset):
            columns = _columns_of(item)
        else:
            members = {key: member for key in item if isinstance(member := item.get(key), h5py.Dataset)}
            flat = {key: dataset for key, dataset in members.items() if len(dataset.shape or ()) == 1}
            roles = find_roles(key for key, dataset in flat.items() if dataset.dtype.kind in "iufb")
            columns = {role: (flat[key], None) for role, key in roles.items()} if roles else None
        if columns and _rows_of(columns["t"][0]):
            tables.append((str(item.name), columns))

    look_at("/", h5)
    h5.visititems(look_at)
    return sorted(tables, key=lambda table: ("trigger" in table[0].lower(), "left" not in table[0].lower()))


def _columns_of(dataset: Any) -> dict[str, Column] | None:
    """The columns of a structured dataset, or of one with four columns or rows; None for any other."""
    shape = dataset.shape or ()
    if dataset.dtype.names and len(shape) == 1:
        roles = find_roles(dataset.dtype.names)
        return {role: (dataset, field) for role, field in roles.items()} if roles else None
    is_table = len(shape) == 2 and len(ROLES) in shape and max(shape) > len(ROLES)
    if is_table and dataset.dtype.kind in "iuf" and set(_codecs(dataset)) <= set(CODECS):
        order = guess_order(_read(dataset, 0, min(SAMPLE_ROWS, _rows_of(dataset))).astype(np.float64))
        return {role: (dataset, place) for place, role in enumerate(order)} if order else None
    return None


def _is_wide(dataset: Any) -> bool:
    """Whether columns are rows: shape (4, n)."""
    return len(dataset.shape) == 2 and dataset.shape[1] != len(ROLES)


def _rows_of(dataset: Any) -> int:
    return dataset.shape[1] if _is_wide(dataset) else dataset.shape[0]


def _chunk_rows(dataset: Any) -> int:
    return ROWS if dataset.chunks is None else dataset.chunks[1 if _is_wide(dataset) else 0]


def _read(dataset: Any, begin: int, end: int) -> NDArray:
    return dataset[:, begin:end].T if _is_wide(dataset) else dataset[begin:end]


def _codecs(dataset: Any) -> list[int]:
    """The numbers of the filters that compress a dataset."""
    properties = dataset.id.get_create_plist()
    return [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]


def _column(rows: NDArray, key: str | int | None) -> NDArray:
    return rows if key is None else rows[key] if isinstance(key, str) else rows[:, key]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
