"""AEDAT 1 to 3."""

from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.recordings import open_recording
from tests.events.files import making
from tests.events.files.reading import counts, read
from tests.events.streams import as_tuples, random_events

ROWS = as_tuples(random_events(np.random.default_rng(4), 3000, 128, 128, 1000))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("end_of_header", [True, False])
@pytest.mark.parametrize(
    ("chip", "width", "height"),
    [
        ("eu.seebetter.ini.chips.davis.DAVIS240C", 240, 180),
        ("eu.seebetter.ini.chips.davis.Davis346red", 346, 260),
        ("eu.seebetter.ini.chips.davis.Davis640", 640, 480),
    ],
)
def test_davis(tmp_path: Path, chip: str, width: int, height: int, end_of_header: bool):
    """Events from the upper left; the rest of the camera's samples are passed over."""
    records = []
    for i, (t, x, y, polarity) in enumerate(ROWS):
        records.append((making.davis_address(x, y, polarity, width, height), t))
        if i % 100 == 0:
            records += [(2**31 | i << 12, t), (2**31 | 0xC00, t), (2**10 | 5 << 12, t)]
    found, recording = read(write(tmp_path / "old.aedat", making.aedat2(records, chip, end_of_header)))
    assert as_tuples(found) == ROWS
    assert (recording.format, recording.camera) == ("AEDAT 2.0", chip.rpartition(".")[2])
    assert (recording.width, recording.height, recording.triggers) == (width, height, 30)
    assert (counts(recording), recording.notes) == ({}, ["samples of frames or of the IMU are not read"])


def test_dvs128_and_its_external_triggers(tmp_path: Path):
    records = [(making.dvs128_address(x, y, polarity), t) for t, x, y, polarity in ROWS]
    records.insert(7, (0x8000, ROWS[7][0]))
    path = write(tmp_path / "old.aedat", making.aedat2(records, "ch.unizh.ini.jaer.chip.retina.DVS128"))
    with open_recording(path) as recording:
        assert [row for batch in recording for row in as_tuples(batch)] == ROWS
        triggers = recording.take_triggers()
    assert (triggers.t.tolist(), recording.triggers, recording.width, recording.height) == ([ROWS[7][0]], 1, 128, 128)


def test_dvxplorer_has_its_origin_at_the_upper_left(tmp_path: Path):
    records = [(y << 22 | x << 12 | polarity << 11, t) for t, x, y, polarity in ROWS]
    chip = "ch.unizh.ini.jaer.chip.retina.DVXplorer"
    assert as_tuples(read(write(tmp_path / "old.aedat2", making.aedat2(records, chip)))[0]) == ROWS


def test_cameras_are_told_by_their_addresses(tmp_path: Path):
    """v2e's files, and many others, name no camera."""
    records = [(making.davis_address(x, y, polarity, 346, 260), t) for t, x, y, polarity in ROWS]
    records += [(making.davis_address(x, y, 1, 346, 260), ROWS[-1][0]) for x in (0, 345) for y in (0, 259)]
    found, recording = read(write(tmp_path / "v2e.aedat", making.aedat2(records, end_of_header=False)))
    assert (recording.width, recording.height) == (346, 260)
    assert as_tuples(found)[: len(ROWS)] == ROWS
    assert ["DAVIS" in note for note in recording.notes] == [True, False]
    assert "346 x 260 taken from the events" in recording.notes[1]

    found, recording = read(tmp_path / "v2e.aedat", (400, 300))
    assert (recording.width, recording.height) == (400, 300)
    assert as_tuples(found)[0] == (ROWS[0][0], ROWS[0][1] + 54, ROWS[0][2] + 40, ROWS[0][3])

    small = [(making.dvs128_address(x, y, polarity), t) for t, x, y, polarity in ROWS]
    found, recording = read(write(tmp_path / "small.aedat", making.aedat2(small)))
    assert (as_tuples(found), recording.width) == (ROWS, 128)
    assert "DVS128" in recording.notes[0]


def test_clocks_of_32_bits_are_unrolled(tmp_path: Path):
    times = [2**31 - 5, 2**31 + 5, 2**32 - 3, 2**32 + 4, 2**32 + 3, 2**32 + 9]
    records = [(making.dvs128_address(i, i, 1), t) for i, t in enumerate(times)]
    found, recording = read(write(tmp_path / "old.aedat", making.aedat2(records, "DVS128")))
    assert found.t.tolist() == [*times[:4], 2**32 + 4, 2**32 + 9]
    assert counts(recording) == {"steps_back": 1}


def test_aedat1(tmp_path: Path):
    records = [(making.dvs128_address(x, y, polarity), t) for t, x, y, polarity in ROWS]
    found, recording = read(write(tmp_path / "old.dat", making.aedat1(records)))
    assert (as_tuples(found), recording.format) == (ROWS, "AEDAT 1.0")


def test_old_files_that_are_cut(tmp_path: Path):
    records = [(making.dvs128_address(x, y, polarity), t) for t, x, y, polarity in ROWS]
    data = making.aedat2(records, "DVS128")
    found, recording = read(write(tmp_path / "cut.aedat", data[:-13]))
    assert (as_tuples(found), counts(recording)) == (ROWS[:-2], {"damaged_bytes": 3})
    header = making.aedat2([], "DVS128")
    with pytest.raises(UserError, match=r"cut\.aedat: holds a header and no data"):
        open_recording(write(tmp_path / "cut.aedat", header + b"123"))


WORDS = [(making.polarity_word(x, y, polarity), t) for t, x, y, polarity in ROWS]
PACKETS = [making.aedat3_packet(WORDS[i : i + 250]) for i in range(0, len(WORDS), 250)]


def test_aedat31(tmp_path: Path):
    special = [(2 << 1 | 1, ROWS[0][0]), (3 << 1 | 1, ROWS[1][0]), (9 << 1 | 1, ROWS[2][0]), (2 << 1, ROWS[2][0])]
    frame = making.aedat3_packet([], kind=2)
    packets = [PACKETS[0], making.aedat3_packet(special, kind=0), frame, *PACKETS[1:]]
    path = write(tmp_path / "gesture.aedat", making.aedat3(packets))
    with open_recording(path) as recording:
        assert [row for batch in recording for row in as_tuples(batch)] == ROWS
        triggers = recording.take_triggers()
    assert (recording.format, recording.camera, recording.width) == ("AEDAT 3.1", "DVS128", 128)
    assert (triggers.channel.tolist(), triggers.edge.tolist(), recording.triggers) == ([0, 0, 2], [1, 0, 1], 3)
    assert counts(recording) == {}
    assert recording.notes == ["frames, samples of the IMU and other data are not read"]


def test_aedat30_has_its_origin_at_the_lower_left(tmp_path: Path):
    words = [(making.polarity_word(x, 259 - y, polarity), t) for t, x, y, polarity in ROWS]
    data = making.aedat3([making.aedat3_packet(words)], "DAVIS346B", "3.0")
    found, recording = read(write(tmp_path / "old.aedat", data))
    assert (as_tuples(found), recording.width, recording.height) == (ROWS, 346, 260)


def test_aedat3_with_times_left_out(tmp_path: Path):
    words = [(word, 1000 + i // 7 * 3) for i, (word, _) in enumerate(WORDS)]
    packets = [making.aedat3_compressed(words[:1000]), making.aedat3_packet(words[1000:])]
    found, recording = read(write(tmp_path / "packed.aedat", making.aedat3(packets)))
    assert as_tuples(found) == [(t, *row[1:]) for row, (_, t) in zip(ROWS, words, strict=True)]
    assert counts(recording) == {}


def test_aedat3_counts_overflows_invalid_events_and_resets(tmp_path: Path):
    late = [(making.polarity_word(1, 2, 1), 5), (making.polarity_word(1, 2, 1, valid=0), 6)]
    reset = making.aedat3_packet([(1 << 1 | 1, 0x7FFFFFFF)], kind=0)
    packets = [
        making.aedat3_packet(late, overflows=1),
        reset,
        making.aedat3_packet([(making.polarity_word(3, 4, 0), 9)]),
    ]
    found, recording = read(write(tmp_path / "late.aedat", making.aedat3(packets)))
    assert as_tuples(found) == [(2**31 + 5, 1, 2, 1), (2**31 + 5, 3, 4, 0)]
    assert counts(recording) == {"unknown_words": 1, "steps_back": 1, "restarts": 1}


def test_aedat3_reads_the_first_source(tmp_path: Path):
    packets = [PACKETS[0], making.aedat3_packet(WORDS[:5], source=2), *PACKETS[1:]]
    found, recording = read(write(tmp_path / "two.aedat", making.aedat3(packets)))
    assert (as_tuples(found), recording.notes) == (ROWS, ["of several sources only 1 is read"])


def test_aedat3_past_damage_and_cuts(tmp_path: Path):
    for damage in (b"\xff\xff", b"\x01\x00\x01\x00\x08\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\x7f"):
        broken = damage + PACKETS[3][len(damage) :]
        path = write(tmp_path / "broken.aedat", making.aedat3([*PACKETS[:3], broken, *PACKETS[4:]]))
        found, recording = read(path)
        assert as_tuples(found) == ROWS[:750] + ROWS[1000:]
        assert counts(recording) == {"damaged_bytes": len(PACKETS[3])}
    data = making.aedat3(PACKETS)
    found, recording = read(write(tmp_path / "cut.aedat", data[:-21]))
    assert (as_tuples(found), counts(recording)) == (ROWS[:-3], {"damaged_bytes": 21})
