"""Bags that are cut or damaged give what is left, say what is lost, and never crash or hang."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.bags.bag_recording import BagRecording
from snn_core.events.bags.raw_messages import BagMessages
from tests.events.bags import bags, mcap_files
from tests.events.streams import random_events

WIDTH, HEIGHT = 320, 240
PACKETS = 40
INPUTS = 120  # damaged files of each kind
IN_ONE_STREAM = ("sqlite3 file", "mcap storage", "mcap file")  # little is left of one that is damaged
KINDS = [
    "sqlite3",
    "sqlite3 message",
    "sqlite3 file",
    "mcap",
    "mcap storage",
    "mcap file",
    "mcap lz4",
    "ros1",
    "ros1 lz4",
    "ros1 bz2",
]


@pytest.fixture(scope="module")
def sent() -> list[bags.Sent]:
    """Packets and arrays that each can stand for itself, and messages of another type."""
    events = random_events(np.random.default_rng(6), 4000, WIDTH, HEIGHT, start_us=1_000_000)
    messages = []
    for seq, part in enumerate(bags.cut_into(events, PACKETS)):
        messages.append(bags.packet(part, WIDTH, HEIGHT, seq, "mono"))
        messages.append(bags.array(part[:60], WIDTH, HEIGHT, topic="/arrays"))
        messages.append(bags.imu(messages[-1].time_ns, float(seq)))
    return messages


def write(folder: Path, sent: list[bags.Sent], kind: str) -> Path:
    storage, _, compression = kind.partition(" ")
    if storage == "ros1":
        return bags.write_rosbag1(folder / "a.bag", sent, compression or "none", chunk_bytes=12_000)
    if compression == "lz4":
        written = bags.only_file(bags.write_rosbag2(folder / "bag", sent, storage))
        body = mcap_files.chunks(mcap_files.data_records(written.read_bytes()), 20, "lz4")
        written.write_bytes(mcap_files.file(body))
        return written
    return bags.only_file(bags.write_rosbag2(folder / "bag", sent, storage, compression or "none"))


def check(path: Path, topic: str) -> tuple[int, str] | None:
    """Read a damaged bag: events that come, and what it says is lost; None where it is refused."""
    try:
        with BagRecording(path, topic) as recording:
            latest = np.iinfo(np.int64).min
            n = 0
            for events in recording:
                assert int(events.t[0]) >= latest
                assert np.all(events.t[1:] >= events.t[:-1])
                assert int(events.x.max()) < recording.width
                assert int(events.y.max()) < recording.height
                assert int(events.polarity.max()) <= 1
                latest = int(events.t[-1])
                n += len(events)
            said = "; ".join(recording.notes)
            assert "\n" not in said
            return n, said
    except UserError as error:
        refusal = str(error)
    assert "\n" not in refusal
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_cut_files(tmp_path: Path, sent: list[bags.Sent], kind: str):
    path = write(tmp_path, sent, kind)
    data = path.read_bytes()
    kept = []
    for share in (0.0, 0.001, 0.2, 0.4, 0.6, 0.8, 0.95):
        path.write_bytes(data[: round(share * len(data))])
        result = check(path, bags.TOPIC)
        if result is not None:
            assert result[1] or result[0] == 4000  # of an index alone nothing need be said
            kept.append(result[0])
    path.write_bytes(data)
    assert check(path, bags.TOPIC) == (4000, "")
    assert kept == sorted(kept)
    if kind not in IN_ONE_STREAM:
        assert len([n for n in kept if n > 0]) >= 3
        assert kept[-1] >= 2000


def damaged(rng: np.random.Generator, data: bytes) -> bytes:
    """Flip, overwrite, cut out, double, or cut off a few bytes, or many."""
    octets = np.frombuffer(data, np.uint8).copy()
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(0, len(octets)))
        if rng.random() < 0.3:  # headers and indices are small, but matter
            at = int(rng.choice([rng.integers(0, 5000), len(octets) - rng.integers(0, 5000)]))
        size = int(rng.choice([1, 4, 8, 64, 4096]))
        part = octets[at : at + size]
        match rng.integers(0, 7):
            case 0:
                part[:1] ^= np.uint8(1 << rng.integers(0, 8))
            case 1:
                part[:] = rng.integers(0, 256, len(part))
            case 2:
                part[:] = rng.choice([0, 255])
            case 3:
                octets = np.delete(octets, np.s_[at : at + size])
            case 4:
                octets = np.concatenate([octets[: at + size], octets[at:]])
            case 5:
                octets = octets[: max(at, 1)]
            case 6:
                other = octets[int(rng.integers(0, len(octets))) :][: len(part)]
                part[: len(other)] = other.copy()
        if not len(octets):
            break
    return octets.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files(tmp_path: Path, sent: list[bags.Sent], kind: str):
    path = write(tmp_path, sent, kind)
    data = path.read_bytes()
    rng = np.random.default_rng(11)
    kept: list[float] = []
    for i in range(INPUTS):
        path.write_bytes(damaged(rng, data))
        topic, n = [("/arrays", 60 * PACKETS), (bags.TOPIC, 4000)][i % 2]
        result = check(path, topic)
        kept.append(result[0] / n if result is not None else 0.0)
        if result is not None and not result[1]:
            assert result[0] > 0
    if kind not in IN_ONE_STREAM:
        assert np.mean(kept) > 0.3


@pytest.mark.parametrize("kind", ["sqlite3", "mcap lz4", "ros1"])
def test_all_topics_of_damaged_files(tmp_path: Path, sent: list[bags.Sent], kind: str):
    path = write(tmp_path, sent, kind)
    data = path.read_bytes()
    rng = np.random.default_rng(12)
    brought = 0
    for _ in range(INPUTS // 3):
        path.write_bytes(damaged(rng, data))
        try:
            with BagMessages(path) as messages:
                for message in messages:
                    assert message.topic in {topic.name for topic in messages.topics}
                    brought += 1
                said = "".join(messages.notes)
        except UserError as error:
            said = str(error)
        assert "\n" not in said
    assert brought > 10 * INPUTS


def test_damaged_metadata(tmp_path: Path, sent: list[bags.Sent]):
    folder = bags.write_rosbag2(tmp_path / "bag", sent)
    path = folder / "metadata.yaml"
    data = path.read_bytes()
    rng = np.random.default_rng(13)
    for _ in range(INPUTS):
        path.write_bytes(damaged(rng, data))
        result = check(folder, bags.TOPIC)
        assert result is not None
        assert result[0] == 4000


@pytest.mark.parametrize("kind", ["mcap lz4", "ros1", "ros1 lz4"])
def test_a_damaged_length_costs_no_more_than_its_chunk(tmp_path: Path, sent: list[bags.Sent], kind: str):
    """Without an index, too, which leaves nothing else to go by."""
    path = write(tmp_path, sent, kind)
    data = bytearray(path.read_bytes())
    if kind == "mcap lz4":  # it has no index, its checksums tell
        places = [match.start() + 1 for match in re.finditer(rb"\x06..\x00{6}", bytes(data), re.DOTALL)]
    else:
        at = data.index(b"index_pos=") + len(b"index_pos=")
        data[at : at + 8] = bytes(8)
        places = [match.end() for match in re.finditer(rb"size=....", bytes(data), re.DOTALL)]
    assert len(places) >= 5
    path.write_bytes(data)
    assert (check(path, bags.TOPIC) or (0,))[0] == 4000
    for at in places[1:-1]:  # the first has the names of the topics
        for change in (3, 1):  # far beyond the file, and within it
            octets = bytearray(data)
            octets[at + change] ^= 0x08
            path.write_bytes(octets)
            result = check(path, bags.TOPIC)
            assert result is not None
            assert result[1]
            assert result[0] >= 4000 * (1 - 2.5 / len(places))


@pytest.mark.parametrize("kind", ["mcap", "ros1", "sqlite3"])
def test_one_damaged_place_costs_little(tmp_path: Path, sent: list[bags.Sent], kind: str):
    """Whichever place it is: an index, a length, a message."""
    path = write(tmp_path, sent * 3 if kind == "mcap" else sent, kind)
    data = path.read_bytes()
    total = check(path, bags.TOPIC)
    assert total is not None
    for at in np.linspace(20, len(data) - 20, 150).astype(int):
        octets = bytearray(data)
        octets[at] ^= 0xFF
        path.write_bytes(octets)
        result = check(path, bags.TOPIC)
        if result is not None:
            assert result[0] >= 0.5 * total[0] or result[1]


def test_a_bag_that_swells_is_not_unpacked(tmp_path: Path, sent: list[bags.Sent], monkeypatch: pytest.MonkeyPatch):
    path = write(tmp_path, sent, "sqlite3 file")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("snn_core.events.bags.bag.SPARE_BYTES", usage.total)
    with pytest.raises(UserError, match=r"cannot be decompressed in .*: No space left on device; set TMPDIR"):
        BagRecording(path)
