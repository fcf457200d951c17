"""Bags that are written give the same events again, to this project and to rosbags."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Writer

from snn_core.errors import UserError
from snn_core.events.bags.bag_recording import BagRecording
from snn_core.events.bags.writer import MAX_PACKET_EVENTS, BagWriter
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.recordings import open_recording, open_writer
from tests.events.bags import bags
from tests.events.streams import make_events, random_events

WIDTH, HEIGHT = 346, 260
TYPE_HASH = "RIHS01_d6fa176260b1f37e5a40845305315e150a0f18191241eb64f407442aa29844aa"  # as real bags have it
DAY_US = 24 * 3600 * 10**6


def write(path: Path, batches: list[Events], encoding: str = "evt3", triggers: Triggers | None = None) -> BagWriter:
    with BagWriter(path, WIDTH, HEIGHT, "davis", encoding=encoding) as writer:
        for batch in batches:
            writer.write(batch, triggers)
            triggers = None
    return writer


def read(path: Path) -> Events:
    with BagRecording(path) as recording:
        events = Events.concatenate(list(recording))
        assert (recording.width, recording.height, recording.camera) == (WIDTH, HEIGHT, "davis")
        assert (recording.notes, recording.lost_packets, recording.steps_back, recording.restarts) == ([], 0, 0, 0)
    return events


def rosbags_packets(path: Path) -> list[tuple[int, Any]]:
    """Time of recording and message of all packets, as rosbags reads them."""
    with AnyReader([path]) as reader:
        return [
            (time_ns, reader.deserialize(data, connection.msgtype)) for connection, time_ns, data in reader.messages()
        ]


@pytest.mark.parametrize("name", ["bag", "bag.mcap"])
@pytest.mark.parametrize("encoding", ["evt3", "mono"])
@pytest.mark.parametrize("start_us", [0, 5, 2**24 - 100, 1_700_000_000_000_000])
def test_round_trip(tmp_path: Path, name: str, encoding: str, start_us: int):
    events = random_events(np.random.default_rng(1), 90_000, WIDTH, HEIGHT, start_us, mean_interval_us=0.2)
    path = tmp_path / name
    write(path, bags.cut_into(events, 7), encoding)
    assert read(path).equals(events)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    if name == "bag":
        assert sorted(entry.name for entry in path.iterdir()) == ["bag.mcap", "metadata.yaml"]


@pytest.mark.parametrize("encoding", ["evt3", "mono"])
def test_others_read_it(tmp_path: Path, encoding: str):
    """Packets stand for themselves, and say when they were."""
    events = random_events(np.random.default_rng(2), 40_000, WIDTH, HEIGHT, 10**15, mean_interval_us=2)
    write(tmp_path / "bag", bags.cut_into(events, 50), encoding)
    packets = rosbags_packets(tmp_path / "bag")
    assert [message.seq for _, message in packets] == list(range(len(packets)))
    assert len(packets) == pytest.approx((events.t[-1] - events.t[0]) / 10_000, abs=2)
    begin = 0
    for time_ns, message in packets:
        assert (message.width, message.height, message.encoding) == (WIDTH, HEIGHT, encoding)
        assert (message.is_bigendian, message.header.frame_id) == (False, "davis")
        decoded = make_decoder(encoding, WIDTH, HEIGHT).decode(message.events, message.time_base)
        part = events[begin : begin + len(decoded)]
        begin += len(decoded)
        assert np.array_equal(decoded.t % 2**24, part.t % 2**24)
        assert np.array_equal(decoded.x, part.x)
        assert message.time_base == 1000 * part.t[0] == message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        assert time_ns == 1000 * part.t[-1]
        assert part.t[-1] - part.t[0] < 10_000
    assert begin == len(events)


def test_metadata(tmp_path: Path):
    write(tmp_path / "bag", [make_events([(5, 1, 2, 1), (40_000, 3, 4, 0)])])
    information = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert (information["storage_identifier"], information["relative_file_paths"]) == ("mcap", ["bag.mcap"])
    assert (information["message_count"], information["starting_time"]["nanoseconds_since_epoch"]) == (2, 5000)
    (topic,) = information["topics_with_message_count"]
    assert (topic["message_count"], topic["topic_metadata"]["name"]) == (2, "/event_camera/events")
    assert topic["topic_metadata"]["type"] == bags.PACKET
    assert topic["topic_metadata"]["type_description_hash"] == TYPE_HASH


def test_many_events_at_once_are_cut_by_their_number(tmp_path: Path):
    n = 2 * MAX_PACKET_EVENTS + 5
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, WIDTH, n, np.uint16), rng.integers(0, HEIGHT, n, np.uint16)
    events = Events(np.full(n, 77, np.int64), x, y, np.ones(n, np.uint8))
    write(tmp_path / "bag", [events])
    packets = rosbags_packets(tmp_path / "bag")
    assert len(packets) == 3
    assert max(len(message.events) for _, message in packets) <= 2**18
    assert read(tmp_path / "bag").equals(events)


@pytest.mark.parametrize("encoding", ["evt3", "mono"])
@pytest.mark.parametrize("silence_us", [2**23, 2**24, 5 * 2**24 + 3, DAY_US, 3 * DAY_US])
def test_silences_keep_their_length(tmp_path: Path, encoding: str, silence_us: int):
    events = make_events([(7, 1, 2, 1), (7 + silence_us, 3, 4, 0), (9 + silence_us, 5, 6, 1)])
    write(tmp_path / "bag", [events], encoding)
    assert read(tmp_path / "bag").equals(events)


def test_triggers(tmp_path: Path):
    events = random_events(np.random.default_rng(4), 3000, WIDTH, HEIGHT, 10**9, mean_interval_us=20)
    t = np.sort(np.random.default_rng(5).choice(events.t, 50))
    t[-1] = events.t[-1] + 50_000
    triggers = Triggers(t, np.arange(50, dtype=np.uint16) % 3, np.arange(50, dtype=np.uint8) % 2)
    path = tmp_path / "bag"
    writer = write(path, [events], triggers=triggers)
    assert writer.notes == []
    with BagRecording(path) as recording:
        assert Events.concatenate(list(recording)).equals(events)
        taken = recording.take_triggers()
        assert recording.triggers == 50
    for name in ("t", "channel", "edge"):
        assert np.array_equal(getattr(taken, name), getattr(triggers, name))
    writer = write(tmp_path / "mono", [events], "mono", triggers)
    assert writer.notes == ["mono holds no triggers: 50 left out"]
    assert read(tmp_path / "mono").equals(events)


def test_late_triggers_are_held(tmp_path: Path):
    with BagWriter(tmp_path / "bag", WIDTH, HEIGHT) as writer:
        writer.write(make_events([(0, 1, 2, 1), (50_000, 3, 4, 0)]))
        writer.write(make_events([(60_000, 5, 6, 1)]), Triggers(np.array([-1, 5]), np.zeros(2, "u2"), np.ones(2, "u1")))
    with BagRecording(tmp_path / "bag") as recording:
        assert sum(map(len, recording)) == 3
        assert recording.triggers == 2
        assert recording.steps_back == 0


def test_without_events(tmp_path: Path):
    write(tmp_path / "bag", [Events.empty()])
    assert len(read(tmp_path / "bag")) == 0


def test_an_error_leaves_nothing(tmp_path: Path):
    events = make_events([(5, 1, 2, 1)])
    write(tmp_path / "bag", [events])

    def fail() -> None:
        with BagWriter(tmp_path / "bag", WIDTH, HEIGHT, overwrite=True) as writer:
            writer.write(make_events([(8, 3, 4, 0)]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [entry.name for entry in tmp_path.iterdir()] == ["bag"]
    assert read(tmp_path / "bag").equals(events)


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "write", full)
    with pytest.raises(UserError, match=r"bag: cannot be written: No space left on device"):
        write(tmp_path / "bag", [make_events([(5, 1, 2, 1)])])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["bag", "bag.mcap"])
def test_what_is_there_stays_unless_it_may_go(tmp_path: Path, name: str):
    path = tmp_path / name
    write(path, [make_events([(5, 1, 2, 1)])])
    with pytest.raises(UserError, match=f"{name}: exists already; choose another name, or overwrite it with --force"):
        BagWriter(path, WIDTH, HEIGHT)
    events = make_events([(8, 3, 4, 0)])
    with BagWriter(path, WIDTH, HEIGHT, "davis", overwrite=True) as writer:
        writer.write(events)
    assert read(path).equals(events)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_folders_that_are_no_bags_are_never_replaced(tmp_path: Path):
    (tmp_path / "work.mcap").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "notes.txt").write_text("keep")
    for name in ("work", "work.mcap"):
        with pytest.raises(UserError, match="is a folder, and no bag"):
            BagWriter(tmp_path / name, WIDTH, HEIGHT, overwrite=True)
    with pytest.raises(UserError, match="is not a folder; make it first"):
        BagWriter(tmp_path / "missing" / "bag", WIDTH, HEIGHT)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["work", "work.mcap"]


def test_what_cannot_be_held_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="evt3 cannot hold a sensor of 2049 x 10 pixels; expected 1 to 2048 a side"):
        BagWriter(tmp_path / "bag", 2049, 10)
    for rows, error, text in [
        ([(-1, 1, 2, 1)], UserError, "event at -1 us"),
        ([(2**31 * 10**6, 1, 2, 1)], UserError, "event at 2147483648000000 us"),
        ([(5, 1, 2, 1), (4, 1, 2, 1)], ValueError, "sorted by time"),
        ([(5, WIDTH, 2, 1)], ValueError, "must lie on the sensor"),
    ]:
        with pytest.raises(error, match=text):
            write(tmp_path / "bag", [make_events(rows)])
    assert list(tmp_path.iterdir()) == []


def test_by_the_name_of_the_file(tmp_path: Path):
    events = random_events(np.random.default_rng(6), 100, WIDTH, HEIGHT)
    with open_writer(tmp_path / "a.mcap", WIDTH, HEIGHT) as writer:
        writer.write(events)
    with open_recording(tmp_path / "a.mcap") as recording:
        assert Events.concatenate(list(recording)).equals(events)
