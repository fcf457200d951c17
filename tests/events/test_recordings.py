import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.aedat4 import Aedat4Recording, write_aedat4
from snn_core.events.events import Events
from snn_core.events.recordings import open_recording, summarise

from .streams import make_events, random_events

WIDTH, HEIGHT = 64, 48
INDEX_POSITION = 54  # where an AEDAT4 header holds the position of the file's index, int64


@pytest.fixture
def events() -> Events:
    return random_events(np.random.default_rng(9), 25_000, WIDTH, HEIGHT, start_us=1_700_000_000_000_000)


@pytest.fixture
def path(tmp_path: Path, events: Events) -> Path:
    write_aedat4(tmp_path / "generated.aedat4", events, WIDTH, HEIGHT, camera="Test_7")
    return tmp_path / "generated.aedat4"


def test_round_trip(path: Path, events: Events):
    with open_recording(path) as recording:
        assert (recording.format, recording.camera) == ("AEDAT4", "Test_7")
        assert (recording.width, recording.height) == (WIDTH, HEIGHT)
        batches = list(recording)
        again = list(recording)
    assert len(batches) > 1
    assert Events.concatenate(batches).equals(events)
    assert Events.concatenate(again).equals(events)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_summary(path: Path, events: Events):
    with open_recording(path) as recording:
        info = summarise(recording)
    assert (info.events, info.on, info.off) == (25_000, int(events.polarity.sum()), int((events.polarity == 0).sum()))
    assert (info.first_us, info.last_us) == (events.t[0], events.t[-1])
    assert (info.sum_x, info.sum_y) == (events.x.sum(dtype=np.int64), events.y.sum(dtype=np.int64))
    assert info.duration_s == pytest.approx((events.t[-1] - events.t[0]) / 1e6)
    assert info.mean_rate_hz == pytest.approx(25_000 / info.duration_s)
    assert (info.dropped_outside, info.steps_back) == (0, 0)


def test_a_recording_without_events_is_a_recording(tmp_path: Path):
    path = tmp_path / "dark.aedat4"
    write_aedat4(path, Events.empty(), WIDTH, HEIGHT)
    with open_recording(path) as recording:
        info = summarise(recording)
    assert (info.events, info.first_us, info.last_us) == (0, None, None)
    assert (info.duration_s, info.mean_rate_hz) == (0.0, 0.0)


def test_content_counts_not_the_name(path: Path, events: Events):
    other = path.rename(path.with_name("recording of Müller.bin"))
    with open_recording(other) as recording:
        assert summarise(recording).events == len(events)


def test_events_off_the_sensor_are_dropped_and_steps_back_are_held(tmp_path: Path):
    """A camera's driver can write such a file; the library's writer refuses to, so a file is altered."""
    import dv_processing as dv

    path = tmp_path / "odd.aedat4"
    config = dv.io.MonoCameraWriter.EventOnlyConfig("Test_1", (WIDTH, HEIGHT), dv.CompressionType.NONE)
    writer = dv.io.MonoCameraWriter(str(path), config)
    store = dv.EventStore()
    for t, x, y, polarity in [(1000, 1, 2, True), (2345678, 3, 4, False), (2400000, 5, 6, True), (2400001, 7, 8, True)]:
        store.push_back(t, x, y, polarity)
    writer.writeEvents(store)
    del writer
    data = path.read_bytes()
    for event, altered in [((2345678, 3, 4), (900, 3, 4)), ((2400000, 5, 6), (2400000, WIDTH, -6))]:
        assert data.count(struct.pack("<qhh", *event)) == 1
        data = data.replace(struct.pack("<qhh", *event), struct.pack("<qhh", *altered))
    path.write_bytes(data)

    with open_recording(path) as recording:
        events = Events.concatenate(list(recording))
    assert events.equals(make_events([(1000, 1, 2, 1), (1000, 3, 4, 0), (2400001, 7, 8, 1)]))
    assert (recording.dropped_outside, recording.steps_back) == (1, 1)


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.02, 0.5, 0.99])
def test_a_cut_file_is_refused_in_one_line(path: Path, share: float):
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data) + 0.5)])
    with pytest.raises(UserError, match=r"generated\.aedat4: .*expected a whole") as refusal:
        open_recording(path)
    assert "\n" not in str(refusal.value)


def test_other_files_are_refused(tmp_path: Path):
    missing = tmp_path / "missing.aedat4"
    with pytest.raises(UserError, match=r"missing\.aedat4: cannot be read: No such file or directory"):
        open_recording(missing)
    with pytest.raises(UserError, match="Is a directory"):
        open_recording(tmp_path)
    text = tmp_path / "notes.aedat4"
    text.write_text("no recording at all")
    with pytest.raises(UserError, match=r"notes\.aedat4: not a known recording; expected an AEDAT4 file"):
        open_recording(str(text))


def test_a_recording_without_an_event_stream_is_refused(tmp_path: Path):
    import dv_processing as dv

    path = tmp_path / "frames.aedat4"
    writer = dv.io.MonoCameraWriter(str(path), dv.io.MonoCameraWriter.FrameOnlyConfig("Test_1", (32, 24)))
    writer.writeFrame(dv.Frame(5, np.zeros((24, 32), np.uint8)))
    del writer
    with pytest.raises(UserError, match=r"frames\.aedat4: no event stream"):
        open_recording(path)


def test_a_recorder_that_was_killed_leaves_a_readable_file(path: Path, events: Events):
    """Its header says that there is no index yet (-1), and the last packet is cut."""
    data = bytearray(path.read_bytes())
    (index_at,) = struct.unpack_from("<q", data, INDEX_POSITION)
    assert len(data) // 2 < index_at < len(data)
    struct.pack_into("<q", data, INDEX_POSITION, -1)
    path.write_bytes(data[: index_at // 2])
    with open_recording(path) as recording:
        read = Events.concatenate(list(recording))
    assert 0 < len(read) < len(events)
    assert read.equals(events[: len(read)])


def test_a_closed_recording_says_so(path: Path):
    recording = open_recording(path)
    recording.close()
    with pytest.raises(ValueError, match="the recording is closed"):
        next(iter(recording))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(5, 0, 0, 0), (4, 0, 0, 0)], "sorted by time"),
        ([(-1, 0, 0, 0)], "not negative"),
        ([(5, WIDTH, 0, 0)], "on the sensor of 64 x 48 pixels"),
        ([(5, 0, HEIGHT, 0)], "on the sensor of 64 x 48 pixels"),
    ],
)
def test_unfit_events_are_not_written(tmp_path: Path, rows, message: str):
    with pytest.raises(ValueError, match=message):
        write_aedat4(tmp_path / "unfit.aedat4", make_events(rows), WIDTH, HEIGHT)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_paths_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"events\.bin: expected a name that ends in \.aedat4"):
        write_aedat4(tmp_path / "events.bin", Events.empty(), WIDTH, HEIGHT)
    with pytest.raises(UserError, match=r"cannot be written: No such file or directory"):
        write_aedat4(tmp_path / "no" / "events.aedat4", Events.empty(), WIDTH, HEIGHT)


def test_the_library_is_loaded_only_when_a_recording_is_opened():
    code = "import sys, snn_core.events.recordings; sys.exit('dv_processing' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.recordings
def test_real_recording(recordings: Path):
    with Aedat4Recording(recordings / "dvxplorer_320x240.aedat4") as recording:
        info = summarise(recording)
    assert (info.format, info.camera, info.width, info.height) == ("AEDAT4", "DVXplorer_DXB00010", 320, 240)
    assert (info.events, info.on, info.off) == (111954, 55023, 56931)
    assert (info.sum_x, info.sum_y) == (18342405, 15105898)
    assert (info.first_us, info.last_us) == (1605537493718345, 1605537494308262)
    assert (info.dropped_outside, info.steps_back) == (0, 0)
