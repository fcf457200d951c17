import struct
from pathlib import Path

import lz4.frame
import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.files.aedat4.writer import PACKET_EVENTS, Aedat4Writer
from snn_core.events.recordings import open_recording, write_recording
from tests.events.files.reading import counts, read
from tests.events.streams import make_events, make_triggers, random_events

WIDTH, HEIGHT = 64, 48
START_US = 1_700_000_000_000_000
INDEX_FIELD = 54  # where dv-processing's headers hold the place of the index, int64
COMPRESSIONS = ("NONE", "LZ4", "LZ4_HIGH", "ZSTD", "ZSTD_HIGH")


@pytest.fixture
def events() -> Events:
    return random_events(np.random.default_rng(9), 5 * PACKET_EVENTS + 77, WIDTH, HEIGHT, START_US)


def write_with_dv(path: Path, events: Events, compression: str = "LZ4", packet_events: int = 2000) -> None:
    import dv_processing as dv

    config = dv.io.MonoCameraWriter.EventOnlyConfig("Test_7", (WIDTH, HEIGHT), getattr(dv.CompressionType, compression))
    writer = dv.io.MonoCameraWriter(str(path), config)
    for first in range(0, len(events), packet_events):
        store = dv.EventStore()
        part = events[first : first + packet_events]
        columns = (part.t.tolist(), part.x.tolist(), part.y.tolist(), part.polarity.astype(bool).tolist())
        for event in zip(*columns, strict=True):
            store.push_back(*event)
        writer.writeEvents(store)
    del writer


def packets(data: bytes | bytearray) -> list[tuple[int, int]]:
    """Begin and size of each packet of a file by dv-processing, header included."""
    (header_size,) = struct.unpack_from("<I", data, 14)
    (index,) = struct.unpack_from("<q", data, INDEX_FIELD)
    found = []
    place = 18 + header_size
    while place < index:
        (size,) = struct.unpack_from("<i", data, place + 4)
        found.append((place, 8 + size))
        place += 8 + size
    return found


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_all_compressions_of_dv_processing(tmp_path: Path, events: Events, compression: str):
    path = tmp_path / "generated.aedat4"
    write_with_dv(path, events[:9000], compression)
    found, recording = read(path)
    assert found.equals(events[:9000])
    assert (recording.format, recording.camera, recording.width, recording.height) == (
        "AEDAT4",
        "Test_7",
        WIDTH,
        HEIGHT,
    )
    assert (counts(recording), recording.notes) == ({}, [])


def test_dv_processing_reads_what_is_written(tmp_path: Path, events: Events):
    import dv_processing as dv

    path = tmp_path / "written.aedat4"
    triggers = make_triggers([(START_US + 5, 0, 1), (START_US + 9, 0, 0)])
    with Aedat4Writer(path, WIDTH, HEIGHT, "A<B & C_1") as writer:
        writer.write(events[:100], triggers)
        writer.write(events[100:])
    recording = dv.io.MonoCameraRecording(str(path))
    assert (recording.getCameraName(), recording.getEventResolution()) == ("A<B & C_1", (WIDTH, HEIGHT))
    batches = []
    while (batch := recording.getNextEventBatch()) is not None:
        batches.append(batch.numpy())
    found = np.concatenate(batches)
    for ours, theirs in (("t", "timestamp"), ("x", "x"), ("y", "y"), ("polarity", "polarity")):
        assert np.array_equal(getattr(events, ours), found[theirs])
    assert len(batches) > 5
    edges = [(trigger.timestamp, trigger.type.name) for trigger in recording.getNextTriggerBatch()]
    assert edges == [
        (START_US + 5, "EXTERNAL_SIGNAL_RISING_EDGE"),
        (START_US + 9, "EXTERNAL_SIGNAL_FALLING_EDGE"),
    ]
    part = recording.getEventsTimeRange(int(events.t[9000]), int(events.t[30000]))  # by the index
    assert part.size() == int(np.searchsorted(events.t, events.t[30000]) - np.searchsorted(events.t, events.t[9000]))


def test_a_recording_without_events_is_a_recording(tmp_path: Path):
    path = tmp_path / "dark.aedat4"
    write_recording(path, Events.empty(), WIDTH, HEIGHT)
    found, recording = read(path)
    assert (len(found), recording.width, recording.height) == (0, WIDTH, HEIGHT)


def test_events_off_the_sensor_are_dropped_and_steps_back_are_held(tmp_path: Path):
    """A camera's driver can write such a file; the library's writer refuses to, so a file is altered."""
    path = tmp_path / "odd.aedat4"
    write_with_dv(
        path, make_events([(1000, 1, 2, 1), (2345678, 3, 4, 0), (2400000, 5, 6, 1), (2400001, 7, 8, 1)]), "NONE"
    )
    data = path.read_bytes()
    for event, altered in [((2345678, 3, 4), (900, 3, 4)), ((2400000, 5, 6), (2400000, WIDTH, -6))]:
        assert data.count(struct.pack("<qhh", *event)) == 1
        data = data.replace(struct.pack("<qhh", *event), struct.pack("<qhh", *altered))
    path.write_bytes(data)
    found, recording = read(path)
    assert found.equals(make_events([(1000, 1, 2, 1), (1000, 3, 4, 0), (2400001, 7, 8, 1)]))
    assert counts(recording) == {"dropped_outside": 1, "steps_back": 1}


@pytest.mark.parametrize("compression", COMPRESSIONS[:2])
def test_a_cut_file_is_read_up_to_the_cut(tmp_path: Path, events: Events, compression: str):
    path = tmp_path / "cut.aedat4"
    write_with_dv(path, events[:20_000], compression)
    data = path.read_bytes()
    places = packets(data)
    for end, kept in (
        (places[3][0], 6000),
        (places[3][0] + 1, 6000),
        (places[4][0] - 1, 6000),
        (places[9][0] + 700, 18_000),
    ):
        path.write_bytes(data[:end])
        found, recording = read(path)
        assert found.equals(events[:kept])
        assert recording.damaged_bytes == end - places[kept // 2000][0]
        assert any("the file is cut" in note for note in recording.notes)


def test_a_recorder_that_was_killed_leaves_a_readable_file(tmp_path: Path, events: Events):
    """Its header says that there is no index yet (-1), and the last packet is cut."""
    path = tmp_path / "killed.aedat4"
    write_with_dv(path, events[:20_000])
    data = bytearray(path.read_bytes())
    end = packets(data)[5][0] + 100
    struct.pack_into("<q", data, INDEX_FIELD, -1)
    path.write_bytes(data[:end])
    found, recording = read(path)
    assert found.equals(events[:10_000])
    assert recording.notes == ["no index: the recorder did not finish the file"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_cut_in_its_header_is_refused_in_one_line(tmp_path: Path, events: Events, share: float):
    path = tmp_path / "generated.aedat4"
    write_with_dv(path, events[:100])
    header = packets(path.read_bytes())[0][0]
    path.write_bytes(path.read_bytes()[: 14 + int(share * (header - 14))])
    with pytest.raises(
        UserError, match=r"generated\.aedat4: the header of this AEDAT4 file is cut or damaged"
    ) as refusal:
        open_recording(path)
    assert "\n" not in str(refusal.value)


def test_a_damaged_packet_costs_its_own_events_only(tmp_path: Path, events: Events):
    path = tmp_path / "damaged.aedat4"
    write_with_dv(path, events[:20_000])
    data = path.read_bytes()
    places = packets(data)
    for place, octets in (
        (places[4][0] + 8, b"\0"),  # the frame's magic number
        (places[4][0] + 15, b"\xff\xff\xff\x7f"),  # the size of a block
        (places[4][0], b"\x07"),  # the stream
        (places[4][0] + 4, struct.pack("<i", -5)),  # the size of the packet
        (places[4][0] + 4, struct.pack("<i", 2**30)),
        (places[4][0] + 4, struct.pack("<i", 77)),
    ):
        path.write_bytes(data[:place] + octets + data[place + len(octets) :])
        found, recording = read(path)
        assert found.equals(Events.concatenate([events[:8000], events[10_000:20_000]]))
        assert 0 < recording.damaged_bytes <= places[4][1]


def test_bytes_too_many_and_too_few_between_packets_are_passed_over(tmp_path: Path, events: Events):
    path = tmp_path / "damaged.aedat4"
    write_with_dv(path, events[:20_000], "NONE")
    data = bytearray(path.read_bytes())
    place = packets(data)[4][0]
    struct.pack_into("<q", data, INDEX_FIELD, -1)
    for between in (bytes(3), b"\x04\x22\x4d\x18" * 5, bytes(range(256)) * 99):
        path.write_bytes(data[:place] + between + data[place:])
        found, recording = read(path)
        assert found.equals(events[:20_000])
        assert recording.damaged_bytes > len(between)  # and the index, which nothing tells from damage now
    path.write_bytes(data[:place] + data[place + 3 :])
    assert read(path)[0].equals(Events.concatenate([events[:8000], events[10_000:20_000]]))


def test_damaged_lz4_data_ends(tmp_path: Path, events: Events):
    """dv-processing 2.0 hangs on some of these."""
    path = tmp_path / "damaged.aedat4"
    write_with_dv(path, events[:6000])
    data = path.read_bytes()
    begin, size = packets(data)[1]
    rng = np.random.default_rng(2)
    for _ in range(100):
        damaged = bytearray(data)
        for place in rng.integers(begin + 19, begin + size, 4):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        found, recording = read(path)
        assert len(found) >= 4000 - recording.dropped_outside
        assert found[:2000].equals(events[:2000])


def test_packets_larger_than_the_buffers(tmp_path: Path, events: Events):
    path = tmp_path / "large.aedat4"
    repeated = Events.concatenate([events] * 4)
    repeated = Events(np.sort(repeated.t), repeated.x, repeated.y, repeated.polarity)
    write_with_dv(path, repeated, "LZ4", len(repeated))
    assert max(size for _, size in packets(path.read_bytes())) < len(repeated) * 16  # dv-processing cuts stores up

    header = path.read_bytes()[: packets(path.read_bytes())[0][0]]
    content = bytearray(
        b"\0\0\0\0\x10\0\0\0EVTS\0\0\x06\0\x08\0\x04\0\x06\0\0\0\x04\0\0\0" + struct.pack("<I", len(repeated))
    )
    rows = np.zeros(len(repeated), [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "<i4")])
    rows["t"], rows["x"], rows["y"], rows["p"] = repeated.t, repeated.x, repeated.y, repeated.polarity
    content += rows.tobytes()
    struct.pack_into("<I", content, 0, len(content) - 4)
    for packed in (lz4.frame.compress(bytes(content)), bytes(content)):
        assert len(packed) > 2**20
        path.write_bytes(header + struct.pack("<ii", 0, len(packed)) + packed)
        assert read(path)[0].equals(repeated)


def test_other_streams_are_named(tmp_path: Path):
    import dv_processing as dv

    path = tmp_path / "davis.aedat4"
    writer = dv.io.MonoCameraWriter(str(path), dv.io.MonoCameraWriter.DAVISConfig("DAVIS346_1", (32, 24)))
    store = dv.EventStore()
    for t in range(10):
        store.push_back(1000 + t, t, t, bool(t % 2))
    writer.writeEvents(store)
    writer.writeFrame(dv.Frame(1005, np.zeros((24, 32), np.uint8)))
    for kind in dv.TriggerType.__members__.values():
        writer.writeTrigger(dv.Trigger(1001 + kind.value, kind))
    del writer
    with open_recording(path) as recording:
        assert sum(map(len, recording)) == 10
        triggers = recording.take_triggers()
    assert recording.notes == ["streams that are not read: FRME, IMUS"]
    assert (recording.triggers, triggers.t.tolist(), triggers.edge.tolist()) == (
        5,
        [*range(1002, 1007)],
        [1, 0, 1, 1, 0],
    )


def test_a_recording_without_an_event_stream_is_refused(tmp_path: Path):
    import dv_processing as dv

    path = tmp_path / "frames.aedat4"
    writer = dv.io.MonoCameraWriter(str(path), dv.io.MonoCameraWriter.FrameOnlyConfig("Test_1", (32, 24)))
    writer.writeFrame(dv.Frame(5, np.zeros((24, 32), np.uint8)))
    del writer
    with pytest.raises(UserError, match=r"frames\.aedat4: no event stream"):
        open_recording(path)


def test_triggers_of_several_channels_are_said_to_be_mixed(tmp_path: Path):
    path = tmp_path / "triggers.aedat4"
    with Aedat4Writer(path, WIDTH, HEIGHT) as writer:
        writer.write(Events.empty(), make_triggers([(5, 0, 1), (6, 3, 0)]))
        writer.write(make_events([(7, 1, 1, 1)]), Triggers.uninitialised(0))
    assert writer.notes == ["AEDAT4 has no channels of triggers: those of 2 are mixed"]
    assert read(path)[1].triggers == 2


@pytest.mark.recordings
def test_the_real_recording_as_dv_processing_reads_it(recordings: Path):
    import dv_processing as dv

    path = recordings / "dvxplorer_320x240.aedat4"
    found, recording = read(path)
    library = dv.io.MonoCameraRecording(str(path))
    batches = []
    while (batch := library.getNextEventBatch()) is not None:
        batches.append(batch.numpy())
    theirs = np.concatenate(batches)
    for ours, name in (("t", "timestamp"), ("x", "x"), ("y", "y"), ("polarity", "polarity")):
        assert np.array_equal(getattr(found, ours), theirs[name])
    assert (recording.camera, counts(recording)) == ("DVXplorer_DXB00010", {})
