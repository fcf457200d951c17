"""NumPy's .npy and .npz: a structured array, an array of four columns (or rows), or an array for each of them.

Columns are told by their names, or by their values where they have none. Nothing is unpickled.
Source: NumPy, "numpy.lib.format", https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.codecs.decoder import MAX_KEPT_TRIGGERS
from snn_core.events.external_triggers import FIELD_TYPES, Triggers
from snn_core.events.files.base import read_head
from snn_core.events.files.columns import ROLES, find_roles, guess_order, role_of, unit_of
from snn_core.events.files.table_recording import ROWS, Columns, TableRecording
from snn_core.npz import refusing

NPY_MAGIC, ZIP_MAGIC = b"\x93NUMPY", b"PK\x03\x04"
SAMPLE_ROWS = 2000
WHOLE = ""
"""Name of the array in a .npy file, which has none."""


def sniff(path: Path, size: tuple[int, int] | None) -> NumpyRecording | None:
    """The recording in a .npy or .npz file; None for any other."""
    head = read_head(path, len(NPY_MAGIC))
    if head.startswith(NPY_MAGIC):
        return NumpyRecording(path, size)
    if not head.startswith(ZIP_MAGIC):
        return None
    damaged = f"{path}: the index of this .npz file is cut or damaged; copy or make it again"
    try:
        with refusing(damaged), zipfile.ZipFile(path) as archive:
            is_npz = any(name.endswith(".npy") for name in archive.namelist())
    except UserError:
        if path.suffix.lower() != ".npz":
            return None
        raise
    return NumpyRecording(path, size) if is_npz else None


@dataclass(frozen=True)
class Array:
    """An array of a file: what its header says, and where its items begin after it."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    is_fortran: bool
    begin: int


@dataclass(frozen=True)
class Column:
    """A column of an array: the rows begin at ``begin`` and follow each other; ``key`` is its place in a row."""

    array: str
    begin: int
    row: np.dtype
    rows: int
    key: str | int | None

    def of(self, rows: NDArray) -> NDArray:
        return rows if self.key is None else rows[self.key] if isinstance(self.key, str) else rows[:, self.key]


class NumpyRecording(TableRecording):
    """The events of a .npy or .npz file.

    Raises UserError where there is no array for each of t, x, y and polarity, or one of Python objects.
    """

    def __init__(self, path: Path, size: tuple[int, int] | None = None) -> None:
        super().__init__(path)
        self._is_archive = read_head(path, len(ZIP_MAGIC)) == ZIP_MAGIC
        self.format = "NumPy .npz" if self._is_archive else "NumPy .npy"
        with refusing(f"{path}: this NumPy file is cut or damaged; copy or make it again"):
            arrays = {array.name: array for array in self._headers()}
            self._columns = self._find_columns(arrays)
            first_times = self._first(self._columns["t"])
            self.camera = str(self._value(arrays, "camera") or "")
            self._all_triggers = self._read_triggers(arrays)
            sides = [self._value(arrays, name) for name in ("width", "height")]
        name = self._columns["t"].key if isinstance(self._columns["t"].key, str) else self._columns["t"].array
        self._unit = unit_of(name, first_times)
        if all(isinstance(side, int | np.integer) for side in sides):
            self._set_size(*map(int, sides))  # type: ignore[arg-type]
        else:
            self._find_size(size)

    def _open_array(self, name: str) -> IO[bytes]:
        if not self._is_archive:
            return self.path.open("rb")
        archive = zipfile.ZipFile(self.path)
        return archive.open(f"{name}.npy")

    def _headers(self) -> Iterator[Array]:
        names = [WHOLE]
        if self._is_archive:
            with zipfile.ZipFile(self.path) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        for name in names:
            with self._open_array(name) as file:
                version = npy.read_magic(file)
                read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, is_fortran, dtype = read_header(file)
                yield Array(name, shape, dtype, is_fortran, file.tell())

    def _find_columns(self, arrays: dict[str, Array]) -> dict[str, Column]:
        """Where t, x, y and polarity are."""
        for array in arrays.values():
            if array.dtype.names and len(array.shape) == 1 and (roles := find_roles(array.dtype.names)):
                return {
                    role: Column(array.name, array.begin, array.dtype, array.shape[0], field)
                    for role, field in roles.items()
                }
        if roles := self._separate(arrays):
            return roles
        tables = [array for array in arrays.values() if len(array.shape) == 2 and len(ROLES) in array.shape]
        for array in sorted(tables, key=lambda array: "event" not in array.name):
            columns = self._unnamed(array)
            order = guess_order(np.stack([self._first(column).astype(np.float64) for column in columns], axis=1))
            if order is not None:
                self._note(f"columns read as {' '.join(order)}")
                return dict(zip(order, columns, strict=True))
        if any(array.dtype.hasobject for array in arrays.values()):
            raise UserError(
                f"{self.path}: holds Python objects, which are not read; save t, x, y, p as arrays of numbers"
            )
        found = ", ".join(f"{array.name or 'one'} {array.shape} {array.dtype}" for array in arrays.values())
        raise UserError(f"{self.path}: expected arrays t, x, y, p, or one with these columns; found {found[:200]}")

    def _separate(self, arrays: dict[str, Array]) -> dict[str, Column] | None:
        """An array for each, or one of two columns for x and y."""
        columns: dict[str, Column] = {}
        for name, array in arrays.items():
            if array.dtype.kind not in "iufb" or name.startswith("trigger"):
                continue
            if len(array.shape) == 1 and (role := role_of(name)):
                columns.setdefault(role, Column(name, array.begin, array.dtype, array.shape[0], None))
            if len(array.shape) == 2 and array.shape[1] == 2 and name.lower().endswith("xy") and not array.is_fortran:
                row = np.dtype((array.dtype, 2))
                for place, role in enumerate(("x", "y")):
                    columns.setdefault(role, Column(name, array.begin, row, array.shape[0], place))
        is_whole = len(columns) == len(ROLES) and len({column.rows for column in columns.values()}) == 1
        return columns if is_whole else None

    @staticmethod
    def _unnamed(array: Array) -> list[Column]:
        """The four columns of an array of shape (n, 4), or rows of one of shape (4, n), in either order of memory."""
        is_wide = array.shape[1] != len(ROLES)
        rows = array.shape[1] if is_wide else array.shape[0]
        if is_wide != array.is_fortran:  # each column is in one piece
            size = rows * array.dtype.itemsize
            return [Column(array.name, array.begin + i * size, array.dtype, rows, None) for i in range(len(ROLES))]
        row = np.dtype((array.dtype, len(ROLES)))
        return [Column(array.name, array.begin, row, rows, i) for i in range(len(ROLES))]

    def _first(self, column: Column) -> NDArray:
        """The first numbers of a column."""
        with self._open_array(column.array) as file:
            file.seek(column.begin)
            return column.of(_read_rows(file, column, min(SAMPLE_ROWS, column.rows)))

    def _value(self, arrays: dict[str, Array], name: str) -> object:
        """The only item of an array; None where there is none."""
        array = arrays.get(name)
        if array is None or int(np.prod(array.shape)) != 1 or array.dtype.hasobject:
            return None
        with self._open_array(name) as file:
            file.seek(array.begin)
            return np.frombuffer(file.read(array.dtype.itemsize), array.dtype)[0]

    def _read_triggers(self, arrays: dict[str, Array]) -> Triggers:
        """The triggers of a file that was written here."""
        found = [arrays.get(f"trigger_{name}") for name in FIELD_TYPES]
        columns = []
        for array, dtype in zip(found, FIELD_TYPES.values(), strict=True):
            if array is None or array.dtype != dtype or array.shape != found[0].shape:  # type: ignore[union-attr]
                return Triggers.uninitialised(0)
            with self._open_array(array.name) as file:
                file.seek(array.begin)
                n = min(array.shape[0], MAX_KEPT_TRIGGERS)
                columns.append(np.frombuffer(file.read(n * dtype.itemsize), dtype))
        return Triggers(*columns)

    def _rows(self) -> Iterator[Columns]:
        columns = [self._columns[role] for role in ROLES]
        with ExitStack() as stack:
            files = {(column.array, column.begin): column for column in columns}
            streams = {key: stack.enter_context(self._open_array(column.array)) for key, column in files.items()}
            for (_, begin), stream in streams.items():
                stream.seek(begin)
            left = columns[0].rows
            while left > 0:
                wanted = min(ROWS, left)
                parts = {}
                with suppress(UserError), refusing("the file ends here"):
                    parts = {key: _read_rows(streams[key], column, wanted) for key, column in files.items()}
                n = min(map(len, parts.values()), default=0)
                left -= n
                if n:
                    self.fraction_read = 1 - left / columns[0].rows
                    yield Columns(*(column.of(parts[column.array, column.begin][:n]) for column in columns))
                if n < wanted:
                    self.damaged_bytes += left * sum(column.row.itemsize for column in files.values())
                    self._note(f"the file is cut or damaged: {left} of {columns[0].rows} events are missing")
                    return


def _read_rows(file: IO[bytes], column: Column, n: int) -> NDArray:
    """The next rows of a column, fewer where the file ends."""
    dtype, shape = column.row.subdtype or (column.row, ())
    data = file.read(n * column.row.itemsize)
    return np.frombuffer(data[: len(data) // column.row.itemsize * column.row.itemsize], dtype).reshape(-1, *shape)
