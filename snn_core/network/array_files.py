"""Arrays that a user gives in a NumPy .npz file."""

from pathlib import Path

import numpy as np

from snn_core.errors import UserError
from snn_core.npz import read_npz


def read_arrays(path: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """The named one-dimensional arrays of numbers of a .npz file, required ones first; an optional one that the file
    lacks is left out.

    Raises UserError, naming file and key, when the file cannot be read, lacks an array, has one that is not known, or
    one is not of numbers in one dimension.
    """
    expected = f"array{'s' if len(required) > 1 else ''} {' and '.join(required)}"
    if optional:
        expected += f", optionally {' and '.join(optional)}"
    arrays = read_npz(path, f"a .npz with {expected}")
    for key in arrays:
        if key not in required + optional:
            raise UserError(f"{path}: {key}: unknown array; the file must have {expected}")
    for key in required:
        if key not in arrays:
            raise UserError(f"{path}: {key}: array is missing; the file must have {expected}")
    return {key: _numbers(path, key, arrays[key]) for key in required + optional if key in arrays}


def _numbers(path: Path, key: str, array: np.ndarray) -> np.ndarray:
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise UserError(
            f"{path}: {key}: expected numbers in one dimension, found {array.dtype} in {array.ndim} dimensions"
        )
    return array


def integers(path: Path, key: str, array: np.ndarray) -> np.ndarray:
    """``array`` as int64. Raises UserError, naming file and key, when it is not of whole numbers or one is too large
    for int64.
    """
    if array.dtype.kind not in "iu":
        raise UserError(f"{path}: {key}: expected whole numbers, found {array.dtype}")
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise UserError(f"{path}: {key}: expected whole numbers below 2^63, found {array.max()}")
    return array.astype(np.int64)


def finite(path: Path, key: str, array: np.ndarray) -> np.ndarray:
    """``array`` as float32. Raises UserError, naming file and key, when a number is not finite in float32."""
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise UserError(f"{path}: {key}[{wrong[0]}]: expected a finite number, found {array[wrong[0]]}")
    return numbers


def check_lengths(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raises UserError, naming file and keys, when the arrays are not equally long."""
    lengths = {key: len(array) for key, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise UserError(f"{path}: {' and '.join(arrays)} must be of equal length, found {found}")
