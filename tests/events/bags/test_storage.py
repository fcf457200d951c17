"""The files of bags in their variety: without an index, unordered, compressed, by other writers."""

import shutil
import sqlite3
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.bags import storage
from snn_core.events.bags.bag_recording import BagRecording
from snn_core.events.bags.mcap_bag import McapFile
from snn_core.events.bags.rosbag1 import Rosbag1File
from snn_core.events.bags.sqlite3_bag import Sqlite3File
from snn_core.events.bags.storage import Damage, Message, Part, in_order_of_time
from snn_core.events.events import Events
from tests.events.bags import bags, mcap_files
from tests.events.streams import random_events

WIDTH, HEIGHT = 320, 240
READERS = {".db3": Sqlite3File, ".mcap": McapFile, ".bag": Rosbag1File}


@pytest.fixture(scope="module")
def sent() -> list[bags.Sent]:
    events = random_events(np.random.default_rng(4), 3000, WIDTH, HEIGHT, 1_600_000_000_000_000)
    packets = [bags.packet(part, WIDTH, HEIGHT, seq, "mono") for seq, part in enumerate(bags.cut_into(events, 30))]
    imus = [bags.imu(each.time_ns + 5, float(seq)) for seq, each in enumerate(packets)]
    return [each for pair in zip(packets, imus, strict=True) for each in pair]


def read(path: Path, topics: tuple[str, ...] = (bags.TOPIC, "/imu")) -> tuple[list[tuple[str, int, bytes]], Damage]:
    """Topic, time and bytes of all messages of a file, and what was damaged."""
    file = READERS[path.suffix](path)
    wanted = [number for number, topic in file.connections.items() if topic.name in topics]
    damage = Damage()
    damage.include(file.damage)
    messages = [
        (file.connections[message.connection].name, message.time_ns, bytes(message.data))
        for message in file.messages(wanted, damage)
    ]
    return messages, damage


def expected(sent: list[bags.Sent], ros1: bool = False) -> list[tuple[str, int, bytes]]:
    """In order of time; those of one time as they were sent."""
    return [
        (each.topic, each.time_ns, bags.serialise(each, ros1)) for each in sorted(sent, key=lambda each: each.time_ns)
    ]


def mcap_records(tmp_path: Path, sent: list[bags.Sent]) -> list[mcap_files.Record]:
    written = bags.only_file(bags.write_rosbag2(tmp_path / "source", sent, "mcap"))
    return mcap_files.data_records(written.read_bytes())


def shuffled(sent: list[bags.Sent], seed: int) -> list[bags.Sent]:
    return [sent[i] for i in np.random.default_rng(seed).permutation(len(sent))]


@pytest.mark.parametrize("kind", ["sqlite3", "mcap", "ros1", "one topic after the other"])
def test_messages_come_in_order_of_time(tmp_path: Path, sent: list[bags.Sent], kind: str):
    if kind == "one topic after the other":
        sent = sorted(sent, key=lambda each: each.topic)
        path = bags.write_rosbag1(tmp_path / "a.bag", sent, chunk_bytes=2000)
    else:
        sent = shuffled(sent, 3)
        if kind == "ros1":
            path = bags.write_rosbag1(tmp_path / "a.bag", sent, chunk_bytes=2000)
        else:
            path = bags.only_file(bags.write_rosbag2(tmp_path / "bag", sent, kind))
    messages, damage = read(path)
    assert messages == expected(sent, ros1=path.suffix == ".bag")
    assert read(path, ("/imu",))[0] == [each for each in messages if each[0] == "/imu"]
    assert not damage


@pytest.mark.parametrize("compression", ["", "lz4", "zstd"])
@pytest.mark.parametrize("crc", [False, True])
@pytest.mark.parametrize("is_closed", [False, True])
def test_mcap_without_a_summary(tmp_path: Path, sent: list[bags.Sent], compression: str, crc: bool, is_closed: bool):
    body = mcap_files.chunks(mcap_records(tmp_path, sent), 9, compression, crc)
    path = tmp_path / "a.mcap"
    path.write_bytes(mcap_files.file(body, is_closed))
    messages, damage = read(path)
    assert messages == expected(sent)
    assert bool(damage) == (not is_closed)
    assert damage.dropped_bytes == 0


@pytest.mark.parametrize("is_ordered", [False, True])
@pytest.mark.parametrize("run_bytes", [100, 3000])
def test_mcap_without_chunks(
    tmp_path: Path, sent: list[bags.Sent], is_ordered: bool, run_bytes: int, monkeypatch: pytest.MonkeyPatch
):
    """As rosbag2 writes them with its preset "fastwrite"; rosbags reads them only in order."""
    monkeypatch.setattr("snn_core.events.bags.mcap_bag.RUN_BYTES", run_bytes)
    sent = sent if is_ordered else shuffled(sent, 4)
    content = mcap_records(tmp_path, sent)
    attachment = mcap_files.record(mcap_files.ATTACHMENT, bytes(10_000))
    body = b"".join(mcap_files.record(*each) for each in content[:30])
    body += attachment + b"".join(mcap_files.record(*each) for each in content[30:])
    path = tmp_path / "a.mcap"
    path.write_bytes(mcap_files.file(body))
    messages, damage = read(path)
    assert messages == expected(sent)
    assert not damage


def test_mcap_with_a_damaged_summary(tmp_path: Path, sent: list[bags.Sent]):
    written = bags.only_file(bags.write_rosbag2(tmp_path / "bag", sent, "mcap"))
    data = bytearray(written.read_bytes())
    (start,) = struct.unpack_from("<Q", data, len(data) - 28)
    data[start : start + 40] = bytes(40)
    written.write_bytes(data)
    messages, damage = read(written)
    assert messages == expected(sent)
    assert not damage


def test_mcap_with_messages_of_ros1_and_idl_schemas(tmp_path: Path):
    events = random_events(np.random.default_rng(5), 200, WIDTH, HEIGHT)
    array, packet = bags.array(events, WIDTH, HEIGHT), bags.packet(events, WIDTH, HEIGHT, 0, "mono", topic="/packets")
    idl = "=" * 80 + "\nIDL: event_camera_msgs/msg/EventPacket\nmodule event_camera_msgs { wrong };\n"
    content = [
        mcap_files.schema(1, "dvs_msgs/EventArray", "ros1msg", "not needed"),
        mcap_files.channel(4, 1, "/arrays", "ros1"),
        mcap_files.schema(7, bags.PACKET, "ros2idl", idl),
        mcap_files.channel(5, 7, "/packets", "cdr"),
        mcap_files.message(4, 10, bags.serialise(array, ros1=True)),
        mcap_files.message(5, 11, bags.serialise(packet, ros1=False)),
    ]
    path = tmp_path / "a.mcap"
    path.write_bytes(mcap_files.file(mcap_files.chunk(content)))
    for topic in ("/arrays", "/packets"):
        with BagRecording(path, topic) as recording:
            assert Events.concatenate(list(recording)).equals(events)


def test_ros1_without_an_index(tmp_path: Path, sent: list[bags.Sent]):
    """What a recorder that was killed leaves: ``.bag.active``."""
    path = bags.write_rosbag1(tmp_path / "a.bag", sent, chunk_bytes=2000)
    data = bytearray(path.read_bytes())
    at = data.index(b"index_pos=") + len(b"index_pos=")
    (index,) = struct.unpack_from("<Q", data, at)
    data[at : at + 8] = bytes(8)
    path.write_bytes(data[:index])
    messages, damage = read(path)
    assert messages == expected(sent, ros1=True)
    assert (damage.dropped_bytes, damage.dropped_messages) == (0, 0)
    assert "no index" in str(damage)


def write_ahead(tmp_path: Path, sent: list[bags.Sent]) -> Path:
    """A file whose last messages are in the log that its recorder left beside it."""
    written = bags.only_file(bags.write_rosbag2(tmp_path / "bag", sent[:40]))
    connection = sqlite3.connect(written)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    for each in sent[40:]:
        topic = 1 if each.topic == bags.TOPIC else 2
        values = (topic, each.time_ns, bags.serialise(each, False))
        connection.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", values)
    connection.commit()
    folder = tmp_path / "killed"
    folder.mkdir()
    for name in (written.name, written.name + "-wal"):
        shutil.copy(written.parent / name, folder)
    connection.close()
    return folder / written.name


def test_sqlite3_with_a_write_ahead_log(tmp_path: Path, sent: list[bags.Sent]):
    path = write_ahead(tmp_path, sent)
    messages, damage = read(path)
    assert messages == expected(sent)
    assert not damage


def test_sqlite3_of_an_older_rosbag2(tmp_path: Path, sent: list[bags.Sent]):
    """Dashing's has no column for QoS; no index of times either, here."""
    path = tmp_path / "old.db3"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT)")
    connection.execute("CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)")
    for number, topic, kind in ((3, bags.TOPIC, bags.PACKET), (4, "/imu", bags.IMU)):
        connection.execute("INSERT INTO topics VALUES (?, ?, ?, 'cdr')", (number, topic, kind))
    for number, each in enumerate(shuffled(sent, 5)):
        values = (number, 3 if each.topic == bags.TOPIC else 4, each.time_ns, bags.serialise(each, False))
        connection.execute("INSERT INTO messages VALUES (?, ?, ?, ?)", values)
    connection.commit()
    connection.close()
    messages, damage = read(path)
    assert messages == expected(sent)
    assert not damage


parts = st.lists(st.lists(st.integers(0, 40), max_size=6), max_size=8)


@given(parts=parts)
def test_parts_are_merged_in_order_of_time(parts: list[list[int]]):
    messages = [[Message(time, part, b"") for time in times] for part, times in enumerate(parts)]
    read = list(in_order_of_time([Part(min(each)[0], 1, each.copy) for each in messages if each]))
    merged = [message for _, message in read]
    shares = [share for share, _ in read]
    assert shares == sorted(shares)
    assert not shares or 0 < shares[0] <= shares[-1] == 1
    assert sorted(merged) == sorted(message for each in messages for message in each)
    assert [message.time_ns for message in merged] == sorted(message.time_ns for message in merged)


def test_few_parts_are_in_memory_at_once(monkeypatch: pytest.MonkeyPatch):
    """Even where the beginnings of all are damaged."""
    monkeypatch.setattr(storage, "MAX_LOADED_BYTES", 300)
    loads: list[int] = []

    def part(number: int) -> Part:
        def load() -> list[Message]:
            loads.append(number)
            return [Message(1000 * number + i, number, b"") for i in range(5)]

        return Part(0, 100, load)

    taken = 0
    for _ in in_order_of_time([part(number) for number in range(50)]):
        taken += 1
        assert len(loads) <= 3 + taken // 5
    assert taken == 250
