"""Event Stream, N-MNIST, and what is told by names."""

from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.recordings import open_recording
from tests.events.files import making
from tests.events.files.reading import counts, read
from tests.events.streams import as_tuples, random_events

ROWS = as_tuples(random_events(np.random.default_rng(4), 3000, 34, 34, 1000, 30.0))


@pytest.mark.parametrize("kind", [1, 2])
def test_event_stream(tmp_path: Path, kind: int):
    rows = [(t, x * 3, y * 2, polarity) for t, x, y, polarity in ROWS]
    rows += [(rows[-1][0] + wait, 1, 1, 1) for wait in (126, 127 + 126, 127 + 126 + 1000, 10_000)]
    path = tmp_path / "file.es"
    path.write_bytes(making.event_stream(rows, 320, 240, kind))
    found, recording = read(path)
    assert (as_tuples(found), recording.format) == (rows, "Event Stream")
    assert (recording.width, recording.height, counts(recording)) == (320, 240, {})


def test_event_stream_wherever_its_blocks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("snn_core.events.files.event_stream.blocks.__defaults__", (7,))
    path = tmp_path / "file.es"
    path.write_bytes(making.event_stream(ROWS, 34, 34))
    assert as_tuples(read(path)[0]) == ROWS


def test_exposure_measurements_are_passed_over(tmp_path: Path):
    path = tmp_path / "file.es"
    data = making.event_stream([(5, 1, 2, 1)], 8, 8, 2) + bytes([3 << 2 | 1, 1, 0, 1, 0, 4 << 2 | 2, 3, 0, 0, 0])
    path.write_bytes(data)
    found, recording = read(path)
    assert as_tuples(found) == [(5, 1, 2, 1), (12, 3, 7, 1)]
    assert recording.notes == ["exposure measurements are not read"]


def test_event_stream_cut_and_damaged(tmp_path: Path):
    path = tmp_path / "file.es"
    data = making.event_stream([(5, 1, 2, 1), (6, 7, 7, 0), (7, 1, 1, 1)], 8, 8)
    path.write_bytes(data[:-2])
    found, recording = read(path)
    assert (len(found), counts(recording)) == (2, {"damaged_bytes": 3})
    path.write_bytes(data[:26] + b"\xff\x00" + data[28:])
    found, recording = read(path)
    assert (len(found), counts(recording)) == (2, {"dropped_outside": 1})


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"Event Stream\x02\x00\x00\x00", "Event Stream of generic events"),
        (b"Event Stream\x02\x00\x00\x04\x40\x01\xf0\x00", "Event Stream of colour events"),
        (b"Event Stream\x01\x00\x00\x01\x40\x01\xf0\x00", "Event Stream of version 1"),
        (b"Event Stream\x02\x00", "holds only 14 bytes"),
        (b"Event Stream\x02\x00\x00\x01\x40", "holds only 17 bytes"),
    ],
)
def test_event_streams_that_are_refused(tmp_path: Path, head: bytes, message: str):
    path = tmp_path / "file.es"
    path.write_bytes(head)
    with pytest.raises(UserError, match=rf"file\.es: {message}"):
        open_recording(path)


def test_n_mnist(tmp_path: Path):
    path = tmp_path / "00002.bin"
    path.write_bytes(making.n_mnist(ROWS))
    found, recording = read(path)
    assert (as_tuples(found), recording.format, recording.camera) == (ROWS, "N-MNIST", "ATIS")
    assert (recording.width, recording.height) == (34, 34)


def test_n_caltech_and_overflows(tmp_path: Path):
    path = tmp_path / "image_0001.bin"
    rows = [(10, 239, 179, 1), (20, 0, 240, 0), (5, 3, 4, 0), (8000, 0, 240, 0), (8, 1, 1, 1)]
    path.write_bytes(making.n_mnist(rows) + b"12")
    found, recording = read(path)
    assert as_tuples(found) == [(10, 239, 179, 1), (8192 + 5, 3, 4, 0), (2 * 8192 + 8, 1, 1, 1)]
    assert (recording.width, recording.height, counts(recording)) == (240, 180, {"damaged_bytes": 2})


def test_other_files_of_such_names_are_none(tmp_path: Path):
    noise = np.random.default_rng(0).bytes(50_000)
    for name in ("firmware.bin", "model.dat", "notes.txt", "page.csv", "archive.zip", "file"):
        path = tmp_path / name
        path.write_bytes(noise)
        with pytest.raises(UserError, match="not a known recording"):
            open_recording(path)
