from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.files.table_recording import ROWS
from snn_core.events.recordings import open_recording, open_writer, write_recording
from tests.damage import encrypted, fuzz
from tests.events.files.reading import counts, read
from tests.events.streams import make_triggers, random_events

EVENTS = random_events(np.random.default_rng(4), 3 * ROWS + 5, 240, 180, 2_000_000)
T, X, Y, P = EVENTS.t, EVENTS.x, EVENTS.y, EVENTS.polarity
COLUMNS = {"t": T, "x": X, "y": Y, "polarity": P}


def structured(*fields: tuple[str, str, str]) -> np.ndarray:
    array = np.empty(len(T), [(name, kind) for name, kind, _ in fields])
    for name, _, column in fields:
        array[name] = COLUMNS[column]
    return array


@pytest.mark.parametrize(
    "array",
    [
        structured(("x", "<u2", "x"), ("y", "<u2", "y"), ("p", "<i2", "polarity"), ("t", "<i8", "t")),  # Metavision
        structured(("t", "<u8", "t"), ("x", "<i2", "x"), ("y", "<i2", "y"), ("p", "?", "polarity")),  # tonic
        structured(("timestamp", ">i8", "t"), ("x", ">i2", "x"), ("y", ">i2", "y"), ("polarity", "u1", "polarity")),
        np.stack([T, X, Y, P], 1).astype(np.int64),
        np.stack([X, Y, 2 * P.astype(int) - 1, T], 1).astype(np.float64),
        np.stack([T, X, Y, P], 1).astype(np.uint32),
        np.stack([T, X, Y, P], 0).astype(np.int64),
        np.asfortranarray(np.stack([T, X, Y, P], 1).astype(np.int64)),
        np.asfortranarray(np.stack([T / 1e6, X, Y, P], 0)),
    ],
    ids=lambda array: f"{array.dtype.names or array.dtype}-{array.shape}-{array.flags.f_contiguous}",
)
def test_one_array(tmp_path: Path, array: np.ndarray):
    for name, save in (("events.npy", np.save), ("events.npz", np.savez), ("small.npz", np.savez_compressed)):
        save(tmp_path / name, array)
        found, recording = read(tmp_path / name)
        assert found.equals(EVENTS)
        assert recording.format == f"NumPy {name[-4:]}"
        assert (recording.width, recording.height, counts(recording)) == (240, 180, {})


@pytest.mark.parametrize(
    "arrays",
    [
        {"t": T, "x": X, "y": Y, "p": P},
        {"events_t": T / 1e6, "events_xy": np.stack([X, Y], 1), "events_p": P, "depth": np.zeros((3, 4, 4))},  # EV-IMO2
        {
            "xs": X.astype(np.float32),
            "ys": Y.astype(np.float32),
            "ts": T,
            "ps": P.astype(bool),
            "width": 240,
            "height": 180,
        },
        {"events": np.stack([T, X, Y, P], 1), "labels": np.arange(4)},
    ],
)
def test_several_arrays(tmp_path: Path, arrays):
    np.savez(tmp_path / "events.npz", **arrays)
    found, recording = read(tmp_path / "events.npz")
    assert found.equals(EVENTS)
    assert any("taken from the events" in note for note in recording.notes) == ("width" not in arrays)


def test_times_that_are_no_numbers_and_pixels_off_the_sensor(tmp_path: Path):
    rows = np.array(
        [[1.5, 3, 4, 1], [np.nan, 3, 4, 1], [1.6, np.nan, 4, 1], [1.7, -3, 4, 1], [1e300, 3, 4, 1], [1.8, 5, 6, 0]]
    )
    np.save(tmp_path / "events.npy", np.concatenate([np.repeat(rows[:1], 100, 0), rows]))
    found, recording = read(tmp_path / "events.npy", (8, 8))
    assert found.t[100:].tolist() == [1_500_000, 1_800_000]
    assert counts(recording) == {"dropped_untimed": 2, "dropped_outside": 2}


def test_what_is_written_here_keeps_everything(tmp_path: Path):
    triggers = make_triggers([(int(T[5]), 3, 1), (int(T[ROWS + 7]), 0, 0), (int(T[-1]) + 10, 1, 1)])
    path = tmp_path / "events.npz"
    with open_writer(path, 640, 480, "Müller's_1") as writer:
        writer.write(EVENTS[:100], triggers[:1])
        writer.write(EVENTS[100:], triggers[1:])
    with open_recording(path) as recording:
        first = len(next(iter(recording)))
        assert (first, len(recording.take_triggers())) == (ROWS, 1)
    found, recording = read(path)
    assert found.equals(EVENTS)
    assert (recording.camera, recording.width, recording.height, recording.triggers) == ("Müller's_1", 640, 480, 3)
    arrays = np.load(path)
    assert np.array_equal(arrays["t"], T)
    assert np.array_equal(arrays["trigger_channel"], [3, 0, 1])


def test_files_that_are_cut(tmp_path: Path):
    path = tmp_path / "events.npy"
    np.save(path, np.stack([T, X, Y, P], 1).astype(np.int64))
    path.write_bytes(path.read_bytes()[: 128 + 32 * 50_000 + 7])
    found, recording = read(path)
    assert found.equals(EVENTS[:50_000])
    assert recording.damaged_bytes == 32 * (len(T) - 50_000)
    assert any(f"{len(T) - 50_000} of {len(T)} events are missing" in note for note in recording.notes)


def test_an_archive_with_a_damaged_column_is_read_up_to_there(tmp_path: Path):
    path = tmp_path / "events.npz"
    np.savez(path, t=T, x=X, y=Y, p=P)
    data = bytearray(path.read_bytes())
    place = data.index(b"p.npy") - 33
    data[place] ^= 1  # of y's last rows, which are stored; zipfile finds out at their end
    path.write_bytes(data)
    found, recording = read(path)
    assert found.equals(EVENTS[: 3 * ROWS])
    assert recording.damaged_bytes > 0


@pytest.mark.filterwarnings("ignore")  # of NumPy and Python, about headers
def test_a_damaged_archive_is_read_up_to_there_or_refused_in_one_line(tmp_path: Path):
    path = tmp_path / "events.npz"
    write_recording(path, EVENTS[:200], 240, 180, "Müller's_1")
    assert 100 < fuzz(path, 600, lambda: read(path)) < 600


@pytest.mark.parametrize("member", [0, 1])
def test_an_archive_with_a_flag_flipped_in_both_headers_is_refused(tmp_path: Path, member: int):
    path = tmp_path / "events.npz"
    np.savez(path, t=T, x=X, y=Y, p=P)
    path.write_bytes(encrypted(path.read_bytes(), member))
    with pytest.raises(UserError, match="this NumPy file is cut or damaged"):
        open_recording(path)


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (
            lambda path: np.savez(path, a=np.zeros(5), b=np.zeros((3, 3))),
            r"expected arrays t, x, y, p.*found a \(5,\) float64",
        ),
        (lambda path: np.savez(path, t=np.zeros(5), x=np.zeros(5), y=np.zeros(4), p=np.zeros(5)), "expected arrays"),
        (lambda path: np.savez(path, events=np.array([{}, None])), "holds Python objects, which are not read"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\xff\xff{"), "this NumPy file is cut or damaged"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)), "the index of this .npz file is cut or damaged"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, save, message: str):
    path = tmp_path / "events.npz"
    save(path)
    with pytest.raises(UserError, match=rf"events\.npz: .*{message}"):
        open_recording(path)
