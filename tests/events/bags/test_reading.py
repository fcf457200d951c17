"""Bags of every kind give the events that were written, whatever is missing around them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from snn_core.errors import UserError
from snn_core.events.bags.bag import is_bag
from snn_core.events.bags.bag_recording import BagRecording
from snn_core.events.events import Events
from snn_core.events.recordings import open_recording
from snn_core.events.summary import summarise
from tests.events.bags import bags
from tests.events.streams import random_events

WIDTH, HEIGHT = 320, 240
START_US = 1_500_000_000_000_000


@pytest.fixture(scope="module")
def events() -> Events:
    return random_events(np.random.default_rng(9), 6000, WIDTH, HEIGHT, START_US)


def wrapped(events: Events) -> Events:
    """As a decoder of evt3 without an epoch sees them."""
    first = int(events.t[0])
    return Events(events.t - first + first % 2**24, events.x, events.y, events.polarity)


def messages(events: Events, kind: str, parts: int = 12) -> list[bags.Sent]:
    """The events in messages of a type, and another topic between them."""
    sent = []
    for seq, part in enumerate(bags.cut_into(events, parts)):
        if kind in (bags.DVS, bags.PROPHESEE):
            sent.append(bags.array(part, WIDTH, HEIGHT, kind))
        else:
            sent.append(bags.packet(part, WIDTH, HEIGHT, seq, "mono", kind))
        sent.append(bags.imu(sent[-1].time_ns + 1, float(seq)))
    return sent


def check(path: Path, events: Events, kind: str = bags.PACKET) -> BagRecording:
    with BagRecording(path) as recording:
        assert (recording.width, recording.height) == (WIDTH, HEIGHT)
        assert (recording.topic, recording.message_type, recording.camera) == (bags.TOPIC, kind, bags.FRAME)
        assert Events.concatenate(list(recording)).equals(events)
        assert Events.concatenate(list(recording)).equals(events)
        assert (recording.dropped_outside, recording.steps_back, recording.triggers) == (0, 0, 0)
        assert (recording.lost_packets, recording.dropped_messages, recording.unknown_words) == (0, 0, 0)
    return recording


@pytest.mark.parametrize("kind", [bags.PACKET, bags.OLD_PACKET, bags.DVS, bags.PROPHESEE])
@pytest.mark.parametrize(
    ("storage", "compression"),
    [
        ("sqlite3", "none"),
        ("sqlite3", "message"),
        ("sqlite3", "file"),
        ("mcap", "none"),
        ("mcap", "storage"),
        ("mcap", "message"),
        ("mcap", "file"),
    ],
)
def test_rosbag2(tmp_path: Path, events: Events, kind: str, storage: str, compression: str):
    folder = bags.write_rosbag2(tmp_path / "bag", messages(events, kind), storage, compression)
    for path in (folder, folder / "metadata.yaml", bags.only_file(folder)):
        assert is_bag(path)
        recording = check(path, events, kind)
        assert recording.format.startswith("rosbag2 sqlite3" if storage == "sqlite3" else "rosbag2 MCAP")
        assert recording.notes == []
    (folder / "metadata.yaml").unlink()
    assert is_bag(folder)
    assert check(folder, events, kind).notes == []


@pytest.mark.parametrize("kind", [bags.PACKET, bags.OLD_PACKET, bags.DVS, bags.PROPHESEE])
@pytest.mark.parametrize("compression", ["none", "lz4", "bz2"])
def test_ros1(tmp_path: Path, events: Events, kind: str, compression: str):
    path = bags.write_rosbag1(tmp_path / "a.bag", messages(events, kind), compression, chunk_bytes=10_000)
    assert is_bag(path)
    recording = check(path, events, kind)
    assert recording.format.startswith("ROS 1 bag")
    assert recording.notes == []


@pytest.mark.parametrize("kind", [bags.PACKET, bags.DVS])
def test_big_endian_messages(tmp_path: Path, events: Events, kind: str):
    check(bags.write_rosbag2(tmp_path / "bag", messages(events, kind), little_endian=False), events, kind)


@pytest.mark.parametrize("is_bigendian", [False, True])
def test_evt3(tmp_path: Path, events: Events, is_bigendian: bool):
    """Packets whose time base says nothing, as cameras' drivers send them."""
    parts = bags.cut_into(events, 10)
    sent = [bags.packet(part, WIDTH, HEIGHT, seq, is_bigendian=is_bigendian) for seq, part in enumerate(parts)]
    check(bags.write_rosbag2(tmp_path / "bag", sent), wrapped(events))


@pytest.mark.parametrize("change", ["no identifier", "no files", "wrong names", "broken", "nested", "number", "empty"])
def test_metadata_that_says_little(tmp_path: Path, events: Events, change: str):
    folder = bags.write_rosbag2(tmp_path / "bag", messages(events, bags.PACKET))
    path = folder / "metadata.yaml"
    content = yaml.safe_load(path.read_text())
    if change == "no identifier":
        content["rosbag2_bagfile_information"]["storage_identifier"] = ""
    elif change == "no files":
        del content["rosbag2_bagfile_information"]["relative_file_paths"]
    elif change == "wrong names":
        content["rosbag2_bagfile_information"]["relative_file_paths"] = ["/old/place/other_0.db3"]
    text = yaml.safe_dump(content)
    text = {"broken": text[:200] + "\n\t: [", "nested": "[" * 5000, "number": "a: 0b_\n", "empty": ""}.get(change, text)
    path.write_text(text)
    recording = check(folder, events)
    assert bool(recording.notes) == (change != "no identifier")
    assert "\n" not in "".join(recording.notes)


def split(tmp_path: Path, events: Events, storage: str, compression: str = "none", files: int = 12) -> Path:
    """A bag of several files, as rosbag2 splits it, without metadata."""
    folder = tmp_path / "split"
    folder.mkdir()
    sent = messages(events, bags.PACKET)
    for number in range(files):
        part = sent[2 * number : 2 * number + 2]
        written = bags.only_file(bags.write_rosbag2(tmp_path / f"part{number}", part, storage, compression))
        suffix = "".join(written.suffixes)
        shutil.copy(written, folder / f"split_{number}{suffix}")
    return folder


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("compression", ["none", "file"])
def test_several_files(tmp_path: Path, events: Events, storage: str, compression: str):
    folder = split(tmp_path, events, storage, compression)
    names = sorted((entry.name for entry in folder.iterdir()), key=lambda name: int(name.split("_")[1].split(".")[0]))
    check(folder, events)
    information = {"relative_file_paths": [f"split/{name}" for name in names]}
    (folder / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": information}))
    assert check(folder, events).notes == []


def test_a_missing_file_of_several_is_named(tmp_path: Path, events: Events):
    folder = split(tmp_path, events, "sqlite3")
    names = [f"split_{number}.db3" for number in range(12)]
    information = {"relative_file_paths": names}
    (folder / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": information}))
    (folder / "split_4.db3").unlink()
    with BagRecording(folder) as recording:
        assert len(Events.concatenate(list(recording))) == 11 * 500
        assert recording.lost_packets == 1
        assert any("split_4.db3: is missing" in note for note in recording.notes)


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_file_of_several_that_is_no_bag_is_left_out(tmp_path: Path, events: Events, storage: str):
    folder = split(tmp_path, events, storage)
    suffix = next(folder.iterdir()).suffix
    (folder / f"split_4{suffix}").write_bytes(b"")
    with BagRecording(folder) as recording:
        assert len(Events.concatenate(list(recording))) == 11 * 500
        assert any(f"split_4{suffix}: not a bag" in note for note in recording.notes)
    for entry in folder.iterdir():
        entry.write_bytes(b"")
    assert "none of its 12 files can be read" in refused(folder)


def test_a_file_that_was_compressed_since_is_found(tmp_path: Path, events: Events):
    folder = bags.write_rosbag2(tmp_path / "bag", messages(events, bags.PACKET), compression="file")
    text = (folder / "metadata.yaml").read_text().replace(".db3.zstd", ".db3")
    (folder / "metadata.yaml").write_text(text)
    assert check(folder, events).notes == []


def test_folders_of_several_bags_are_refused(tmp_path: Path, events: Events):
    for name in ("one", "two"):
        bags.write_rosbag2(tmp_path / name, messages(events, bags.PACKET))
        shutil.copy(bags.only_file(tmp_path / name), tmp_path)
    with pytest.raises(UserError, match=r"holds several bags and no metadata.yaml.*one\.db3, two\.db3"):
        BagRecording(tmp_path)


def refused(path: Path, topic: str | None = None) -> str:
    with pytest.raises(UserError) as refusal:
        BagRecording(path, topic)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_what_is_no_bag_is_refused(tmp_path: Path, events: Events):
    text = tmp_path / "notes.bag"
    text.write_text("nothing")
    assert not is_bag(text)
    assert "not a bag" in refused(text)
    assert "cannot be read: No such file" in refused(tmp_path / "missing.bag")
    assert not is_bag(tmp_path)
    assert "no .db3 or .mcap file" in refused(tmp_path)
    with pytest.raises(UserError, match="No such file"):
        is_bag(tmp_path / "missing.bag")


@pytest.mark.parametrize("write", [bags.write_rosbag1, bags.write_rosbag2])
def test_topics(tmp_path: Path, events: Events, write: Callable):
    left, right = (
        [bags.packet(part, WIDTH, HEIGHT, seq, "mono", topic=f"/{side}/events") for seq, part in enumerate(parts)]
        for side, parts in (("left", bags.cut_into(events, 3)), ("right", bags.cut_into(events[:1000], 2)))
    )
    others = [bags.imu(1000 * START_US, 0.0)]
    both = write(tmp_path / "both.bag", [*left, *right, *others])
    message = refused(both)
    assert "several topics of events" in message
    assert f"/left/events ({bags.PACKET}), /right/events ({bags.PACKET})" in message
    for topic in ("/right/events", "right/events"):
        with BagRecording(both, topic) as recording:
            assert Events.concatenate(list(recording)).equals(events[:1000])
    assert "no events on topic /imu that can be read; its topics: /left/events" in refused(both, "/imu")
    assert f"no topic of events that can be read; its topics: /imu ({bags.IMU})" in refused(
        write(tmp_path / "none.bag", others)
    )


@pytest.mark.parametrize("encoding", ["evt3", "mono"])
def test_lost_packets_are_counted(tmp_path: Path, events: Events, encoding: str):
    parts = bags.cut_into(events, 10)
    sent = [bags.packet(part, WIDTH, HEIGHT, 40 + seq, encoding) for seq, part in enumerate(parts)]
    left = [*sent[:3], *sent[5:9]]
    with BagRecording(bags.write_rosbag2(tmp_path / "bag", left)) as recording:
        read = Events.concatenate(list(recording))
    assert recording.lost_packets == 2
    kept = Events.concatenate([*parts[:3], *parts[5:9]])
    assert read.equals(kept if encoding == "mono" else wrapped(kept))


def test_seq_that_is_not_in_use_or_begins_anew_loses_nothing(tmp_path: Path, events: Events):
    parts = bags.cut_into(events, 6)
    sent = [bags.packet(part, WIDTH, HEIGHT, seq) for seq, part in zip([0, 0, 0, 8, 9, 1], parts, strict=True)]
    with BagRecording(bags.write_rosbag2(tmp_path / "bag", sent)) as recording:
        assert len(Events.concatenate(list(recording))) == len(events)
    assert recording.lost_packets == 7


@pytest.mark.parametrize("kind", [bags.PACKET, bags.DVS])
def test_messages_of_another_sensor_are_dropped(tmp_path: Path, events: Events, kind: str):
    parts = bags.cut_into(events, 6)
    if kind == bags.PACKET:
        sent = [bags.packet(part, WIDTH, HEIGHT, seq, "mono") for seq, part in enumerate(parts)]
        sent[2] = bags.packet(parts[2], WIDTH // 2, HEIGHT, 2, "mono")
        sent[0] = bags.packet(parts[0], WIDTH, HEIGHT, 0, "evt3")
    else:
        sent = [bags.array(part, WIDTH, HEIGHT) for part in parts]
        sent[0], sent[2] = (bags.array(parts[i], WIDTH, 2 * HEIGHT) for i in (0, 2))
    with BagRecording(bags.write_rosbag2(tmp_path / "bag", sent)) as recording:
        read = Events.concatenate(list(recording))
    assert (recording.width, recording.height) == (WIDTH, HEIGHT)
    assert read.equals(Events.concatenate([parts[1], *parts[3:]]))
    assert (recording.dropped_messages, recording.lost_packets) == (2, 0)


@pytest.mark.parametrize("kind", [bags.PACKET, bags.DVS])
def test_a_size_that_is_not_given_is_found(tmp_path: Path, events: Events, kind: str):
    parts = bags.cut_into(events, 3)
    if kind == bags.PACKET:
        sent = [bags.packet(part, 0, 0, seq, "mono") for seq, part in enumerate(parts)]
    else:
        sent = [bags.array(part, 0, 0) for part in parts]
    path = bags.write_rosbag2(tmp_path / "bag", sent)
    assert "320 x 240 taken from the events" in check(path, events, kind).notes[0]
    with BagRecording(path, size=(400, 300)) as recording:
        assert (recording.width, recording.height) == (400, 300)
        assert Events.concatenate(list(recording)).equals(events)
        assert recording.notes == []


@pytest.mark.parametrize("write", [bags.write_rosbag1, bags.write_rosbag2])
def test_an_impossible_size_is_refused(tmp_path: Path, events: Events, write: Callable):
    path = write(tmp_path / "a.bag", [bags.array(events[:10], 70_000, 240)])
    assert "sensor width 70000: expected 1 to 32768" in refused(path)


def test_an_unknown_encoding_is_refused(tmp_path: Path):
    sent = [bags.raw_packet(np.zeros(8, np.uint8), WIDTH, HEIGHT, 0, "zip")]
    assert "encoding 'zip' is unknown" in refused(bags.write_rosbag2(tmp_path / "bag", sent))


def test_packets_without_events_are_a_recording(tmp_path: Path):
    sent = [bags.raw_packet(np.empty(0, np.uint8), WIDTH, HEIGHT, seq, log_ns=seq) for seq in range(3)]
    sent += [bags.array(Events.empty(), WIDTH, HEIGHT, topic="/dvs")]
    path = bags.write_rosbag2(tmp_path / "bag", sent)
    for topic in (bags.TOPIC, "/dvs"):
        with BagRecording(path, topic) as recording:
            assert list(recording) == []
            assert (recording.width, recording.height) == (WIDTH, HEIGHT)


def test_triggers_are_not_taken_for_events(tmp_path: Path, events: Events):
    parts = bags.cut_into(events, 4)
    sent = [bags.packet(part, WIDTH, HEIGHT, seq) for seq, part in enumerate(parts)]
    sent += [bags.raw_packet(np.array([0xA001, 0xA100], "<u2").view(np.uint8), WIDTH, HEIGHT, 4, log_ns=1600 * 10**15)]
    with BagRecording(bags.write_rosbag2(tmp_path / "bag", sent)) as recording:
        assert Events.concatenate(list(recording)).equals(wrapped(events))
        triggers = recording.take_triggers()
    assert recording.triggers == 2
    last_us = int(wrapped(events).t[-1])
    assert list(zip(triggers.t, triggers.channel, triggers.edge, strict=True)) == [(last_us, 0, 1), (last_us, 1, 0)]


@pytest.mark.parametrize("topic", ["/camera/trigger", "/other/trigger"])
def test_triggers_of_a_topic_beside_the_events(tmp_path: Path, events: Events, topic: str):
    """As the drivers publish them that send `mono`."""
    parts = bags.cut_into(events, 4)
    sent = [bags.packet(part, WIDTH, HEIGHT, seq, "mono") for seq, part in enumerate(parts)]
    for seq, part in enumerate(parts):
        time_ns = 1000 * int(part.t[-1])
        words = np.array([(seq % 2) << 63 | 5000, 6000], "<u8").view(np.uint8)
        sent.append(
            bags.raw_packet(words, WIDTH, HEIGHT, seq, "trigger", topic=topic, time_base_ns=time_ns, log_ns=time_ns)
        )
    with BagRecording(bags.write_rosbag2(tmp_path / "bag", sent)) as recording:
        assert recording.topic == bags.TOPIC
        assert Events.concatenate(list(recording)).equals(events)
        triggers = recording.take_triggers()
        assert len(recording.take_triggers()) == 0
    if topic == "/other/trigger":
        assert (recording.triggers, len(triggers)) == (0, 0)
        return
    assert recording.triggers == 8
    assert triggers.t.tolist() == [int(part.t[-1]) + us for part in parts for us in (5, 6)]
    assert triggers.edge.tolist() == [0, 0, 1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("kind", [bags.PACKET, bags.DVS])
def test_a_clock_that_begins_anew_is_followed(tmp_path: Path, events: Events, kind: str):
    """Time goes on, and nothing but one packet is held."""
    old, new = events[:3000], events[3000:]
    new = Events(new.t - START_US, new.x, new.y, new.polarity)
    parts = [*bags.cut_into(old, 6), *bags.cut_into(new, 6)]
    log_ns = [1000 * int(part.t[0]) for part in bags.cut_into(events, 12)]
    if kind == bags.PACKET:
        sent = [bags.packet(part, WIDTH, HEIGHT, seq, "mono", log_ns=log_ns[seq]) for seq, part in enumerate(parts)]
    else:
        sent = [bags.array(part, WIDTH, HEIGHT)._replace(time_ns=log_ns[i]) for i, part in enumerate(parts)]
    with BagRecording(bags.write_rosbag2(tmp_path / "bag", sent)) as recording:
        read = Events.concatenate(list(recording))
    assert (len(read), recording.restarts, recording.steps_back) == (6000, 1, 1)
    assert np.all(read.t[1:] >= read.t[:-1])
    assert np.array_equal(np.diff(read.t[:3000]), np.diff(old.t))
    assert np.array_equal(np.diff(read.t[3500:]), np.diff(new.t[500:]))
    assert read.t[-1] - old.t[-1] <= new.t[-1] - new.t[0]


@pytest.mark.parametrize("write", [bags.write_rosbag1, bags.write_rosbag2])
def test_the_fraction_that_is_read_grows_to_1(tmp_path: Path, events: Events, write: Callable):
    with BagRecording(write(tmp_path / "a.bag", messages(events, bags.DVS))) as recording:
        fractions = [recording.fraction_read for _ in recording]
        assert recording.fraction_read == 1
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    if write is bags.write_rosbag2:
        assert fractions[0] < 0.2


def test_open_recording_opens_bags(tmp_path: Path, events: Events):
    folder = bags.write_rosbag2(tmp_path / "bag", messages(events, bags.PACKET), "mcap")
    for path in (folder, bags.only_file(folder), bags.write_rosbag1(tmp_path / "a.bag", messages(events, bags.DVS))):
        with open_recording(path) as recording:
            assert summarise(recording).events == len(events)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        open_recording(tmp_path / "missing")


def test_a_closed_recording_is_not_read(tmp_path: Path, events: Events):
    recording = BagRecording(bags.write_rosbag2(tmp_path / "bag", messages(events, bags.PACKET)))
    recording.close()
    recording.close()
    with pytest.raises(ValueError, match="closed"):
        iter(recording)
