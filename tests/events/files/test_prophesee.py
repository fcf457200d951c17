"""Prophesee's RAW and DAT."""

from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.recordings import open_recording
from tests.events.files import making
from tests.events.files.reading import counts, read
from tests.events.streams import as_tuples, encode, make_events, random_events

EVENTS = random_events(np.random.default_rng(4), 3000, 640, 480, 1000)
ROWS = as_tuples(EVENTS)
CORNERS = make_events([(EVENTS.t[-1], 0, 0, 0), (EVENTS.t[-1], 639, 479, 1)])

EVK4 = (
    "camera_integrator_name Prophesee",
    "date 2023-03-29 16:37:46",
    "evt 3.0",
    "format EVT3;height=720;width=1280",
    "generation 4.2",
    "geometry 1280x720",
    "integrator_name Prophesee",
    "plugin_integrator_name Prophesee",
    "plugin_name hal_plugin_imx636_evk4",
    "sensor_generation 4.2",
    "serial_number 00ca0009",
    "system_ID 49",
    "end",
)


def raw(path: Path, header: tuple[str, ...], encoding: str = "evt3", events: Events = EVENTS) -> Path:
    path.write_bytes("".join(f"% {line}\n" for line in header).encode() + encode(encoding, events, 0))
    return path


@pytest.mark.parametrize(
    ("header", "encoding", "size", "camera", "source"),
    [
        (EVK4, "evt3", (1280, 720), "Prophesee hal_plugin", ""),
        (("evt 3.0", "geometry 640x480", "end"), "evt3", (640, 480), "", ""),
        (("format EVT3;width=640;height=480",), "evt3", (640, 480), "", ""),
        (("format EVT21;height=480;width=640", "end"), "evt21", (640, 480), "", ""),
        (("format EVT21;endianness=legacy;height=480;width=640", "end"), "evt21_legacy", (640, 480), "", ""),
        (("evt 2.1", "geometry 640x480", "system_ID 49", "end"), "evt21_legacy", (640, 480), "", ""),
        (("evt 2.1", "geometry 640x480", "system_ID 64", "endianness little", "end"), "evt21", (640, 480), "", ""),
        (("evt 2.0", "plugin_name hal_plugin_gen31_fx3"), "evt2", (640, 480), "gen31_fx3", "plugin_name"),
        (("evt 3.0", "sensor_name IMX636"), "evt3", (1280, 720), "IMX636", "sensor_name"),
        (("evt 3.0", "sensor_generation 4.1"), "evt3", (1280, 720), "Gen4.1", "sensor_generation"),
        (
            ("Date 2014-02-28", "evt 2.0", "system_ID 28", "integrator_name Prophesee"),
            "evt2",
            (640, 480),
            "Prophesee",
            "system_ID",
        ),
        (("evt 2.0", "integrator_name Somebody"), "evt2", (640, 480), "Somebody", "the events"),
        (
            ("integrator_name Prophesee", "plugin_name hal_plugin_gen3_fx3"),
            "evt2",
            (640, 480),
            "gen3_fx3",
            "plugin_name",
        ),
        (("integrator_name Prophesee", "geometry 640x480"), "evt3", (640, 480), "Prophesee", ""),
    ],
)
def test_headers(tmp_path: Path, header, encoding: str, size, camera: str, source: str):
    events = Events.concatenate([EVENTS, CORNERS])
    found, recording = read(raw(tmp_path / "file.raw", header, encoding, events))
    assert found.equals(events)
    assert (recording.width, recording.height) == size
    assert recording.format == {"evt2": "RAW EVT2", "evt3": "RAW EVT3"}.get(encoding, "RAW EVT2.1")
    assert camera.removesuffix(" hal_plugin") in recording.camera
    said = [note for note in recording.notes if "sensor size" in note]
    assert [source in note for note in said] == ([True] if source else [])


def test_a_header_without_an_end_stops_before_data_that_look_like_one(tmp_path: Path):
    path = tmp_path / "file.raw"
    words = np.array([0x2025, 0x8000, 0x6005, 0x0001, 0x2803], "<u2").tobytes()  # begins with "% "
    path.write_bytes(b"% evt 3.0\n% geometry 640x480\n" + words)
    assert as_tuples(read(path)[0]) == [(5, 3, 1, 1)]


@pytest.mark.parametrize("encoding", ["evt2", "evt21", "evt21_legacy", "evt3"])
def test_words_without_a_header_are_told_by_their_looks(tmp_path: Path, encoding: str):
    path = tmp_path / "file.raw"
    path.write_bytes(encode(encoding, Events.concatenate([EVENTS, CORNERS]), 0))
    found, recording = read(path)
    assert as_tuples(found)[: len(ROWS)] == ROWS
    assert (recording.width, recording.height) == (640, 480)
    assert any("no format in the header" in note for note in recording.notes)


def test_the_name_does_not_matter_where_the_header_tells(tmp_path: Path):
    assert len(read(raw(tmp_path / "events of Müller", EVK4))[0]) == len(EVENTS)


def test_the_users_size_counts_before_that_of_a_plugin(tmp_path: Path):
    path = raw(tmp_path / "file.raw", ("evt 2.0", "plugin_name hal_plugin_gen31_fx3"), "evt2")
    found, recording = read(path, (320, 240))
    assert (recording.width, recording.height) == (320, 240)
    assert recording.dropped_outside == len(EVENTS) - len(found) > 0


def test_times_count_from_t0(tmp_path: Path):
    path = raw(tmp_path / "file.raw", ("evt 3.0", "geometry 640x480", "t0 1700000000000000", "end"))
    assert np.array_equal(read(path)[0].t, EVENTS.t + 1_700_000_000_000_000)
    path = raw(tmp_path / "file.raw", ("evt 3.0", "geometry 640x480", f"t0 {10**30}", "end"))
    assert np.array_equal(read(path)[0].t, EVENTS.t)


def test_a_raw_file_that_is_cut(tmp_path: Path):
    path = raw(tmp_path / "file.raw", EVK4)
    path.write_bytes(path.read_bytes()[:-1])
    found, recording = read(path)
    assert found.equals(EVENTS[:-1])
    assert counts(recording) == {"unknown_words": 1}


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        (
            ("format HISTO3D;height=320;width=320", "end"),
            b"",
            "RAW of format HISTO3D; EVT2, EVT21 and EVT3 can be read",
        ),
        (("evt 4.0", "end"), b"", "RAW of format EVT4.0"),
        (("integrator_name Prophesee", "end"), b"\xc5" * 4000, "look like none of EVT2, EVT2.1, EVT3"),
        (("evt 3.0", "geometry 640000x480", "end"), b"", "sensor of 640000 x 480 pixels"),
    ],
)
def test_raw_files_that_are_refused(tmp_path: Path, header, data: bytes, message: str):
    path = tmp_path / "file.raw"
    path.write_bytes("".join(f"% {line}\n" for line in header).encode() + data)
    with pytest.raises(UserError, match=f"file.raw: .*{message}"):
        open_recording(path)


DAT = ("Data file containing CD events.", "Version 2", "Date 2020-09-14 14:18:29")


@pytest.mark.parametrize(
    ("header", "kind", "bits", "size"),
    [
        ((*DAT, "Width 640", "Height 480"), 12, (14, 14), (640, 480)),
        ((*DAT, "Height 720", "Width 1280"), 0, (14, 14), (1280, 720)),
        (("Data file containing N9Chronocam7Event2dE events.", *DAT[1:]), 0, (14, 14), (640, 480)),
        ((*DAT[2:], "Version 1"), 0, (10, 9), None),
        ((), None, (14, 14), (640, 480)),
    ],
)
def test_dat(tmp_path: Path, header, kind, bits, size):
    path = tmp_path / "file.dat"
    rows = [*ROWS, *as_tuples(CORNERS)]
    if size is None:  # version 1 is for sensors of up to 512 x 256 pixels
        rows, bits, size = [(t, x % 304, y % 240, p) for t, x, y, p in rows], (9, 8), (304, 240)
    path.write_bytes(making.dat(rows, header, kind, bits))
    found, recording = read(path)
    assert (as_tuples(found), recording.format) == (rows, "DAT")
    assert (recording.width, recording.height) == size
    assert counts(recording) == {}


def test_dat_unrolls_its_clock_and_counts_what_the_end_cuts(tmp_path: Path):
    path = tmp_path / "file.dat"
    rows = [(t, 1, 2, 1) for t in (2**32 - 2, 2**32 + 1, 2**32, 2**32 + 2, 2 * 2**32 + 1)]
    rows.insert(4, (2**32 + 2**31, 1, 2, 1))
    path.write_bytes(making.dat(rows, (*DAT, "Width 4", "Height 4"))[:-8] + making.dat(rows[-1:], (), None)[:3])
    found, recording = read(path)
    assert found.t.tolist() == [2**32 - 2, 2**32 + 1, 2**32 + 1, 2**32 + 2, 2**32 + 2**31]
    assert counts(recording) == {"steps_back": 1, "damaged_bytes": 3}


def test_dat_of_triggers(tmp_path: Path):
    path = tmp_path / "file_trigger.dat"
    words = [(5, 1 | 3 << 8), (9, 0 | 3 << 8)]
    data = b"".join(np.array(word, "<u4").tobytes() for word in words)
    path.write_bytes(b"% Data file containing triggers\n% Version 2\n% Width 4\n% Height 4\n" + bytes([14, 8]) + data)
    with open_recording(path) as recording:
        assert list(recording) == []
        triggers = recording.take_triggers()
    assert (triggers.t.tolist(), triggers.channel.tolist(), triggers.edge.tolist()) == ([5, 9], [3, 3], [1, 0])
    assert recording.triggers == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (making.dat([], ("Version 2",), 40), "events of type 40 and 8 bytes"),
        (b"% Version 2\n", "holds a header and no data"),
        (making.dat([], ("Version two",), 12), "DAT of version two"),
    ],
)
def test_dat_files_that_are_refused(tmp_path: Path, data: bytes, message: str):
    path = tmp_path / "file.dat"
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"file\.dat: .*{message}"):
        open_recording(path)
