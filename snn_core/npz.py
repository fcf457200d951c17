"""NumPy's .npz archives, read whole: whatever bytes a file has, they give arrays or a UserError. Nothing is unpickled.

Lengths are checked before anything is unpacked, so that the arrays take at most 1032 times as many bytes as the file.
An array's checksum is checked before NumPy sees the array.

Sources: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification"; J. Gailly and M. Adler, "zlib Technical Details" (the
factor); NumPy, "numpy.lib.format".
"""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from snn_core.errors import UserError

_LARGEST_FACTORS = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}
"""Unpacked bytes for a packed one, at most, of the ways to pack that numpy.savez and numpy.savez_compressed have."""
_END_LENGTH = 22
"""Bytes of an archive's last record, without the comment that may follow."""


@contextmanager
def refusing(message: str) -> Iterator[None]:
    """Raises UserError with ``message`` for whatever is raised inside, where there should be calls of NumPy and zipfile
    alone: a mistake of ours would look like damage.

    Damaged bytes make the two raise nearly anything. zipfile trusts what it reads. NumPy has Python parse the header
    of an array and makes a type of what it says. Every list of their exceptions has lacked some.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(message) from error


def read_npz(path: Path, expected: str) -> dict[str, np.ndarray]:
    """All arrays of a .npz file by name. ``expected`` says in a refusal what the file should have been.

    Raises UserError, naming the file, where it cannot be opened, is cut, damaged or of another kind, or holds anything
    but NumPy's arrays of plain types.
    """
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait
            raise UserError(f"{path}: is no file but a folder or device; expected {expected}")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; expected {expected}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; expected {expected}") from error
    damaged = f"{path}: cut, damaged or of another kind; expected {expected}"
    with file:
        with refusing(damaged):
            archive = zipfile.ZipFile(file)
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if _says_another_number(file, archive, len(members)) or not _can_be(members, os.fstat(file.fileno()).st_size):
            raise UserError(damaged)
        arrays = {}
        for name, member in members.items():
            with refusing(f"{path}: {name}: damaged, or no NumPy array of plain types; expected {expected}"):
                arrays[name] = _read_array(archive, member)
        return arrays


def read_json(array: np.ndarray | None) -> Any:
    """What the JSON text in an array of one string says. Raises ValueError or RecursionError for anything else."""
    if array is None or array.dtype.kind != "U" or array.ndim:
        raise ValueError("expected a text")
    # str() would take numbers that are no characters into the text; what then reads it may crash.
    text = array.astype(array.dtype.newbyteorder("<")).tobytes().decode("utf-32-le")
    return json.loads(text.rstrip("\0"))


def _says_another_number(file: BinaryIO, archive: zipfile.ZipFile, n_members: int) -> bool:
    """Whether the last record of the archive has another number of members; zipfile leaves out what it cannot find."""
    file.seek(-_END_LENGTH - len(archive.comment), os.SEEK_END)
    end = file.read(_END_LENGTH)
    return not end.startswith(b"PK\5\6") or int.from_bytes(end[10:12], "little") != min(n_members, 0xFFFF)


def _can_be(members: dict[str, zipfile.ZipInfo], length: int) -> bool:
    """Whether an archive of ``length`` bytes can hold what its index says, under names that can be shown."""
    return (
        all(map(str.isprintable, members))
        and sum(member.compress_size for member in members.values()) <= length
        and all(m.file_size <= _LARGEST_FACTORS.get(m.compress_type, 0) * m.compress_size for m in members.values())
    )


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as packed:
        content = packed.read(member.file_size)  # no more than it says; the last byte checks the sum
    stream = io.BytesIO(content)
    array = npy.read_array(stream, allow_pickle=False)
    if stream.read(1) or array.size > len(content):
        raise ValueError("another number of bytes than the header says")
    return array
