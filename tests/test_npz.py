"""Archives of arrays: what NumPy writes comes back; anything else is refused in one line."""

import copy
import json
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.npz import read_json, read_npz
from tests import damage
from tests.damage import Damage, refusals

EXPECTED = "the arrays of a test"
ARRAYS = {
    "numbers": np.arange(8, dtype=np.float32).reshape(4, 2),
    "columns": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
    "rows": np.array([(1, 2.5), (3, -1.0)], [("n", "<i4"), ("x", "<f8")]),
    "text": np.array('{"a": 1}'),
    "none": np.empty((0, 3), np.uint16),
    "bits": np.array([True, False]),
}


def written(path: Path, compressed: bool = True) -> bytes:
    (np.savez_compressed if compressed else np.savez)(path, allow_pickle=False, **ARRAYS)
    return path.read_bytes()


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_npz(path, EXPECTED)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.endswith(f"expected {EXPECTED}")
    assert "\n" not in message
    return message


def assert_same(arrays: dict[str, np.ndarray]) -> None:
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert arrays[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("compressed", [True, False])
def test_arrays_come_back(tmp_path: Path, compressed: bool) -> None:
    written(tmp_path / "a.npz", compressed)
    assert_same(read_npz(tmp_path / "a.npz", EXPECTED))


@pytest.mark.slow
@pytest.mark.parametrize("compressed", [True, False])
def test_damaged_files_are_refused_or_read_right(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.npz"
    damaged = Damage(written(path, compressed), seed=int(compressed)).checked(1500)
    refused = refusals(path, damaged, lambda: assert_same(read_npz(path, EXPECTED)))
    assert 750 < refused < 1500  # what is flipped may be a time stamp


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of NumPy and Python, about headers
def test_damage_under_right_checksums_is_refused_or_gives_plain_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"

    def read() -> None:
        arrays = read_npz(path, EXPECTED)
        assert all(array.nbytes < 1000 and not array.dtype.hasobject for array in arrays.values())

    assert 1000 < refusals(path, Damage(written(path), seed=2).unchecked(2000), read) < 2000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("header", damage.HEADERS[1:])
def test_a_header_that_is_not_of_the_numbers_after_it_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(damage.rewrite(written(path), 0, lambda content: damage.with_header(content, header)))
    assert "numbers: damaged" in refusal(path)


def test_a_flag_flipped_in_both_headers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(damage.encrypted(written(path), 2))
    assert "rows: damaged" in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_array_larger_than_its_bytes_can_unpack_to_is_not_unpacked(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.npz"
    data = written(path, method == zipfile.ZIP_DEFLATED)
    path.write_bytes(damage.change_headers(data, 1, damage.UNPACKED, lambda _: 0xFFFFFFF0))
    tracemalloc.start()
    try:
        assert "cut, damaged" in refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_packed_as_numpy_does_not_is_refused(tmp_path: Path, method: int) -> None:
    written(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as archive, zipfile.ZipFile(tmp_path / "b.npz", "w", method) as other:
        for name in archive.namelist():
            other.writestr(name, archive.read(name))
    assert "cut, damaged or of another kind" in refusal(tmp_path / "b.npz")


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """So would a small file hold a large array a thousand times."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, first=np.zeros(1 << 16, np.uint8), allow_pickle=False)
    with zipfile.ZipFile(path, "a") as archive:
        (first,) = archive.infolist()
        for n in range(100):
            other = copy.copy(first)
            other.filename = f"{n}.npy"
            archive.filelist.append(other)
        archive.writestr("last.npy", b"")
    assert "cut, damaged" in refusal(path)


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for name, content in (("a.npy", b"no array"), ("a", b"no array")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, content)
        assert f"{name.removesuffix('.npy')}: damaged, or no NumPy array" in refusal(path)
    np.savez(path, a=np.array([1, None]), allow_pickle=True)
    assert "a: damaged, or no NumPy array of plain types" in refusal(path)
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert "of another kind" in refusal(tmp_path / "a.npy")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a.npy", "a.npy"), ("a.npy", "a"), ("a\nb.npy",)])
def test_names_that_cannot_be_told_apart_or_shown_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = tmp_path / "a.npz"
    np.save(tmp_path / "a.npy", np.zeros(3))
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, (tmp_path / "a.npy").read_bytes())
    assert "cut, damaged" in refusal(path)


@pytest.mark.parametrize("text", ['{"a": [1, "\u00e9\U0001f600"]}', "7"])
def test_json_comes_back(text: str) -> None:
    for order in "<>":
        assert read_json(np.array(text).astype(f"{order}U{len(text) + 3}")) == json.loads(text)


@pytest.mark.parametrize(
    "array",
    [
        None,
        np.array("{"),
        np.array(""),
        np.array(["1"]),
        np.array(1),
        np.array(b"1"),
        np.array("[" * 100_000),
        np.frombuffer(np.array([ord('"'), 0x20000061, ord('"')], "<u4"), "<U3").reshape(()),  # no character
    ],
)
def test_what_is_no_json_is_refused(array: np.ndarray | None) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_json(array)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.npz")
    assert "folder" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe.npz")
    assert "device" in refusal(tmp_path / "pipe.npz")
    (tmp_path / "file").touch()
    assert "cannot be read: Not a directory" in refusal(tmp_path / "file" / "a.npz")
    assert "cannot be read: File name too long" in refusal(tmp_path / ("a" * 300 + ".npz"))
