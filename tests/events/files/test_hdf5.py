import os
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.events.files.hdf5 import ecf
from snn_core.events.files.hdf5 import process as hdf5_process
from snn_core.events.files.hdf5.tables import ECF
from snn_core.events.recordings import open_recording
from tests.events.files import making
from tests.events.files.reading import counts, read
from tests.events.streams import as_tuples, make_events, random_events

EVENTS = random_events(np.random.default_rng(4), 40_000, 640, 480, 5_000_000)
T, X, Y, P = EVENTS.t, EVENTS.x, EVENTS.y, EVENTS.polarity
BLOSC = {"chunks": (7000,), **hdf5plugin.Blosc()}


def dsec(file: h5py.File) -> None:
    for name, column in (("t", (T - T[0]).astype(np.uint32)), ("x", X), ("y", Y), ("p", P)):
        file.create_dataset(f"events/{name}", data=column, **BLOSC)
    file["t_offset"] = T[0]
    file.create_dataset("ms_to_idx", data=np.arange(9, dtype=np.uint64))


def m3ed(file: h5py.File) -> None:
    for side in ("right", "left"):
        group = file.create_group(f"prophesee/{side}")
        times = T if side == "left" else T + 1
        for name, column in (("t", times), ("x", X), ("y", Y), ("p", P)):
            group.create_dataset(name, data=column, **hdf5plugin.Zstd())
        group["calib/resolution"] = [640, 480]
        group["ms_map_idx"] = np.arange(9)
    file["ouster/imu/t"] = np.arange(5)


def rpg(file: h5py.File) -> None:
    columns = (("ts", T / 1e6), ("xs", X.astype(np.int16)), ("ys", Y.astype(np.int16)), ("ps", P.astype(bool)))
    for name, column in columns:
        file.create_dataset(f"events/{name}", data=column, compression="gzip")
    file.attrs["sensor_resolution"] = (480, 640)
    file["images/image000000000"] = np.zeros((48, 64), np.uint8)


def rvt(file: h5py.File) -> None:
    for name, column in (("t", T), ("x", X), ("y", Y), ("p", P)):
        file.create_dataset(f"events/{name}", data=column)
    file["events/width"], file["events/height"], file["events/divt"] = 640, 480, 1


def mvsec(file: h5py.File) -> None:
    file["davis/left/events"] = np.stack([X, Y, T / 1e6, 2.0 * P - 1], 1)
    file["davis/right/events"] = np.stack([X, Y, T / 1e6 + 1, 2.0 * P - 1], 1)
    file["davis/left/image_raw"] = np.zeros((2, 4, 4), np.uint8)
    file.attrs.update(width=640, height=480)


def flat(file: h5py.File) -> None:
    for name, column in (("t", T), ("x", X), ("y", Y), ("p", P)):
        file[name] = column
    file.attrs["sensor_resolution"] = (640, 480)  # the wrong way round


def wide(file: h5py.File) -> None:
    file.create_dataset("data", data=np.stack([T, X, Y, P], 0).astype(np.int64), chunks=(4, 999))
    file.attrs["geometry"] = "640x480"


@pytest.mark.parametrize("layout", [dsec, m3ed, rpg, rvt, mvsec, flat, wide])
def test_layouts(tmp_path: Path, layout):
    path = tmp_path / "events.h5"
    with h5py.File(path, "w") as file:
        layout(file)
    found, recording = read(path)
    assert found.equals(EVENTS)
    assert (recording.format, recording.width, recording.height, counts(recording)) == ("HDF5", 640, 480, {})
    assert any("not those of" in note for note in recording.notes) == (layout in (m3ed, mvsec))
    assert any("taken from the events" in note for note in recording.notes) == (layout is dsec)
    with open_recording(path) as recording:
        assert [len(list(recording)) for _ in range(2)] == [2, 2]


EVENT_CD = np.dtype([("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")], align=True)
CHUNK = 16384


def prophesee(path: Path, rows: list[tuple[int, int, int, int]], packing: str, damaged: int = -1) -> None:
    """A file as Metavision's writer makes it."""
    with h5py.File(path, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((CHUNK,))
        properties.set_filter(ECF, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((len(rows),), (h5py.h5s.UNLIMITED,))
        group = file.create_group("CD")
        dataset = h5py.h5d.create(group.id, b"events", h5py.h5t.py_create(EVENT_CD), space, properties)
        for begin in range(0, len(rows), CHUNK):
            chunk = making.ecf(rows[begin : begin + CHUNK], packing)
            dataset.write_direct_chunk((begin,), chunk[:50] if begin == damaged * CHUNK else chunk)
        file["CD/indexes"] = np.zeros(3, [("id", "<u8"), ("ts", "<i8")])
        triggers = np.array([(1, int(T[3]), 2), (0, int(T[-3]), 2)], [("p", "<i2"), ("t", "<i8"), ("id", "<i2")])
        file.create_dataset("EXT_TRIGGER/events", data=triggers, chunks=(CHUNK,), maxshape=(None,))
        file.attrs.update(geometry="640x480", version="1.0", serial_number="00ca0009")


@pytest.mark.parametrize("packing", ["", "x", "all"])
def test_prophesee(tmp_path: Path, packing: str):
    path = tmp_path / "recording.hdf5"
    prophesee(path, as_tuples(EVENTS), packing)
    with open_recording(path) as recording:
        found = [row for batch in recording for row in as_tuples(batch)]
        triggers = recording.take_triggers()
    assert found == as_tuples(EVENTS)
    assert (recording.width, recording.height, recording.camera, recording.triggers) == (640, 480, "00ca0009", 2)
    assert (triggers.t.tolist(), triggers.channel.tolist(), triggers.edge.tolist()) == ([T[3], T[-3]], [2, 2], [1, 0])
    assert (counts(recording), recording.notes) == ({}, [])


def test_a_damaged_chunk_costs_its_own_events_only(tmp_path: Path):
    path = tmp_path / "recording.hdf5"
    prophesee(path, as_tuples(EVENTS), "", damaged=1)
    found, recording = read(path)
    assert as_tuples(found) == as_tuples(EVENTS[:CHUNK]) + as_tuples(EVENTS[2 * CHUNK :])
    assert counts(recording) == {"damaged_bytes": CHUNK * EVENT_CD.itemsize}
    assert recording.notes == ["the file is cut or damaged: some of it cannot be decompressed"]

    path = tmp_path / "dsec.h5"
    with h5py.File(path, "w") as file:
        dsec(file)
        place = file["events/x"].id.get_chunk_info(2).byte_offset
    data = bytearray(path.read_bytes())
    data[place : place + 200] = bytes(200)
    path.write_bytes(data)
    found, recording = read(path)
    assert as_tuples(found) == as_tuples(EVENTS[:14000]) + as_tuples(EVENTS[21000:])
    assert recording.damaged_bytes == 7000 * 9


rows = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 3), st.integers(0, 10**6)),
        st.one_of(st.integers(0, 2), st.integers(0, 2047)),
        st.integers(0, 2047),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=60,
)


@given(rows, st.sampled_from(["", "x", "all"]), st.integers(1, 40), st.integers(0, 2**60))
def test_ecf_and_its_twin_agree(rows, packing, repeated, start):
    """Times that go on, pixels in runs."""
    t = start
    sequence = []
    for i, (wait, x, y, polarity) in enumerate(rows * (1 + repeated // 10)):
        t += wait * (i % 3 == 0)
        sequence += [(t, x, y, polarity)] * (repeated if i % 7 == 0 else 1)
    events = ecf.decompress(making.ecf(sequence, packing))
    assert events is not None
    assert as_tuples(events) == sequence


def test_damaged_ecf_does_no_harm():
    rng = np.random.default_rng(1)
    chunks = [making.ecf(as_tuples(EVENTS[:300]), packing) for packing in ("", "x", "all")]
    refused = 0
    for i in range(6000):
        damaged = bytearray(chunks[i % 3])
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] ^= 1 << rng.integers(0, 8)
        events = ecf.decompress(bytes(damaged[: rng.integers(0, len(damaged) + 1)] if i % 5 == 0 else damaged))
        assert events is None or len(events) <= ecf.MAX_EVENTS
        refused += events is None
    assert refused > 1000


def test_codecs_that_may_end_a_process_are_not_run(tmp_path: Path):
    path = tmp_path / "events.h5"
    with h5py.File(path, "w") as file:
        for name, column in (("t", T), ("x", X), ("y", Y)):
            file[f"events/{name}"] = column
        file.create_dataset("events/p", data=P.astype(np.float32), **hdf5plugin.SZ3(absolute=0.1))
    with pytest.raises(
        UserError, match=r"events\.h5: /events/p is compressed by HDF5 filter 32024, which is not read here"
    ):
        open_recording(path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_cut_file_is_refused_in_one_line(tmp_path: Path, share: float):
    path = tmp_path / "events.h5"
    with h5py.File(path, "w") as file:
        dsec(file)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match=r"events\.h5: this HDF5 file is cut or damaged"):
        open_recording(path)


def test_a_file_without_events_is_refused(tmp_path: Path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["layer/w"] = np.zeros((4, 4))
        file["EXT_TRIGGER/t"] = np.zeros(5)
    with pytest.raises(UserError, match=r"weights\.h5: expected datasets t, x, y, p"):
        open_recording(path)


def test_a_file_at_which_the_library_does_not_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A pipe that nobody writes to: opening it lasts for good, as reading some damaged files does."""
    path = tmp_path / "endless.h5"
    os.mkfifo(path)
    monkeypatch.setattr(hdf5_process, "STEP_LIMIT_S", 2)
    with pytest.raises(UserError, match=r"endless\.h5: this HDF5 file is cut or damaged"):
        hdf5_process.Hdf5Process(path)


def test_the_process_ends_with_the_recording(tmp_path: Path):
    path = tmp_path / "events.h5"
    with h5py.File(path, "w") as file:
        rvt(file)
    recording = open_recording(path)
    process = recording._process._process  # type: ignore[attr-defined]
    assert process.poll() is None
    recording.close()
    assert process.poll() is not None
    with pytest.raises(ValueError, match="the recording is closed"):
        next(iter(recording))


def test_times_of_many_hours(tmp_path: Path):
    path = tmp_path / "long.h5"
    events = make_events([(5, 1, 1, 0), (2**33, 2, 2, 1), (2**40, 3, 3, 1)])
    with h5py.File(path, "w") as file:
        for name, column in (("t", events.t), ("x", events.x), ("y", events.y), ("p", events.polarity)):
            file[f"events/{name}"] = column
    assert read(path)[0].equals(events)
