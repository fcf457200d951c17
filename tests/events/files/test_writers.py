"""What is written is read again, by all formats alike; ``test_aedat4`` and others have what is particular to one."""

import csv
import errno
import io
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.events.recordings import WRITERS, open_recording, open_writer, write_recording
from tests.events.files.reading import counts, read
from tests.events.streams import make_events, make_triggers, random_events

WIDTH, HEIGHT = 346, 260
ENDINGS = (".aedat4", ".raw", ".dat", ".h5", ".npz", ".csv")
HOLD_TRIGGERS = (".aedat4", ".raw", ".h5", ".npz")
HOUR = 3_600_000_000
EVENTS = random_events(np.random.default_rng(6), 30_000, WIDTH, HEIGHT, 0)
CORNER = make_events([(int(EVENTS.t[-1]), WIDTH - 1, HEIGHT - 1, 1)])
EVENTS = Events.concatenate([EVENTS, CORNER])


def at(events: Events, start_us: int, stretch: int = 1) -> Events:
    return Events(events.t * stretch + start_us, events.x, events.y, events.polarity)


def write(path: Path, events: Events, triggers: Triggers | None = None, batch: int = 7000) -> list[str]:
    with open_writer(path, WIDTH, HEIGHT, "DAVIS346_1") as writer:
        done = 0
        for first in range(0, len(events), batch):
            part = events[first : first + batch]
            n = 0 if triggers is None else int(np.searchsorted(triggers.t, part.t[-1], "right"))
            writer.write(part, None if triggers is None else triggers[done:n])
            done = max(done, n)
    return writer.notes


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("start_us", "stretch"),
    [(0, 1), (1_700_000_000_000_000, 1), (2**24 - 1000, 1), (2**32 - 1000, 1), (5 * HOUR, 50_000), (-5_000_000, 1)],
)
def test_round_trips(tmp_path: Path, ending: str, start_us: int, stretch: int):
    """From unix times on, over rollovers, with silences of seconds, and before 0."""
    events = at(EVENTS, start_us, stretch)
    path = tmp_path / f"written{ending}"
    notes = write(path, events)
    found, recording = read(path)
    assert found.equals(events)
    assert (recording.width, recording.height, counts(recording)) == (WIDTH, HEIGHT, {})
    if ending == ".csv":
        assert notes == [
            f"CSV holds no sensor size: read it with --size {WIDTH}x{HEIGHT}",
            "CSV holds no camera's name",
        ]
    else:
        assert (recording.camera, notes) == ("DAVIS346_1", [])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_triggers(tmp_path: Path, ending: str):
    triggers = make_triggers([(int(t), 0, i % 2) for i, t in enumerate(EVENTS.t[5::300])])
    notes = write(tmp_path / f"written{ending}", EVENTS, triggers)
    with open_recording(tmp_path / f"written{ending}") as recording:
        found = Events.concatenate(list(recording))
        kept = recording.take_triggers()
    assert found.equals(EVENTS)
    if ending in HOLD_TRIGGERS:
        assert recording.triggers == len(triggers)
        for name in ("t", "channel", "edge"):
            assert np.array_equal(getattr(kept, name), getattr(triggers, name))
    else:
        assert (len(kept), recording.triggers) == (0, 0)
        assert f"{len(triggers)} left out" in notes[-1]


@pytest.mark.parametrize("ending", ENDINGS)
def test_recordings_without_events(tmp_path: Path, ending: str):
    path = tmp_path / f"dark{ending}"
    write_recording(path, Events.empty(), WIDTH, HEIGHT)
    if ending in (".h5", ".npz", ".csv"):
        return  # nothing in them says what they are
    found, recording = read(path)
    assert (len(found), recording.width, recording.height) == (0, WIDTH, HEIGHT)


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_file_is_overwritten_unless_asked(tmp_path: Path, ending: str):
    path = tmp_path / f"mine{ending}"
    path.write_text("mine")
    with pytest.raises(UserError, match=rf"mine\{ending}: exists already; .*--force"):
        open_writer(path, WIDTH, HEIGHT)
    assert path.read_text() == "mine"
    write_recording(path, EVENTS, WIDTH, HEIGHT, overwrite=True)
    assert len(read(path)[0]) == len(EVENTS)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_comes_meanwhile_is_kept(tmp_path: Path, ending: str):
    path = tmp_path / f"mine{ending}"
    writer = open_writer(path, WIDTH, HEIGHT)
    writer.write(EVENTS[:10])
    path.write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        writer.close()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "mine"


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_exception_leaves_no_file(tmp_path: Path, ending: str):
    def begin_and_break_off() -> None:
        with open_writer(tmp_path / f"half{ending}", WIDTH, HEIGHT) as writer:
            writer.write(EVENTS[:100])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin_and_break_off()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(5, 0, 0, 0), (4, 0, 0, 0)], "sorted by time"),
        ([(0, 0, 0, 0)], "sorted by time"),
        ([(5, WIDTH, 0, 0)], "on the sensor of 346 x 260 pixels"),
        ([(5, 0, HEIGHT, 0)], "on the sensor of 346 x 260 pixels"),
    ],
)
def test_unfit_events_are_not_written(tmp_path: Path, ending: str, rows, message: str):
    def write_both() -> None:
        with open_writer(tmp_path / f"unfit{ending}", WIDTH, HEIGHT) as writer:
            writer.write(make_events([(3, 1, 1, 1)]))
            writer.write(make_events(rows))

    with pytest.raises(ValueError, match=message):
        write_both()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ending", "side"),
    [(".aedat4", 32768), (".raw", 2049), (".dat", 16385), (".h5", 32769), (".npz", 0), (".csv", 40000)],
)
def test_sensors_that_a_format_cannot_hold(tmp_path: Path, ending: str, side: int):
    with pytest.raises(UserError, match=rf"large\{ending}: .* cannot hold a sensor of {side} x 5 pixels"):
        open_writer(tmp_path / f"large{ending}", side, 5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_paths_that_cannot_be_written(tmp_path: Path, ending: str):
    with pytest.raises(UserError, match=r"cannot be written: .* is not a folder"):
        open_writer(tmp_path / "no" / f"file{ending}", WIDTH, HEIGHT)
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(UserError, match=r"is a folder|exists already"):
        open_writer(tmp_path / f"folder{ending}", WIDTH, HEIGHT, overwrite=True)


class FullDisk(io.BytesIO):
    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("ending", [".raw", ".dat", ".aedat4"])
def test_a_full_disk_is_said_in_one_line(tmp_path: Path, ending: str):
    writer: Any = open_writer(tmp_path / f"large{ending}", WIDTH, HEIGHT)
    writer._target.file.close()
    writer._target.file = FullDisk()
    with pytest.raises(UserError, match=rf"large\{ending}: cannot be written: No space left on device"), writer:
        writer.write(EVENTS)
    assert list(tmp_path.iterdir()) == []


def test_endings_that_are_unknown(tmp_path: Path):
    with pytest.raises(UserError, match=r"events\.mp4: expected a name that ends in \.aedat4, \.raw"):
        open_writer(tmp_path / "events.mp4", WIDTH, HEIGHT)
    assert {*ENDINGS, ".mcap", ".hdf5", ""} == set(WRITERS)


def test_raw_tells_of_triggers_that_it_cannot_hold_or_that_come_late(tmp_path: Path):
    with open_writer(tmp_path / "file.raw", WIDTH, HEIGHT) as writer:
        writer.write(EVENTS[:100], make_triggers([(0, 99, 1)]))
        writer.write(EVENTS[100:], make_triggers([(0, 1, 1)]))
    assert [note.split(":")[0] for note in writer.notes] == [
        "1 triggers came late and are written at the time of the event before",
        "RAW EVT3 has 16 channels of triggers",
    ]
    assert read(tmp_path / "file.raw")[1].triggers == 1


def test_raw_and_dat_say_what_silences_do(tmp_path: Path):
    events = make_events([(0, 1, 1, 1), (HOUR, 1, 1, 1), (25 * HOUR + 1, 1, 1, 1)])
    with pytest.raises(UserError, match=r"file\.raw: evt3: .* without an event.*choose another format"):
        write_recording(tmp_path / "file.raw", events, 8, 8)
    notes = write_recording(tmp_path / "file.dat", events, 8, 8)
    assert "after 2 silences of over 35 minutes" in notes[0]


def test_dsec_layout(tmp_path: Path):
    path = tmp_path / "events.h5"
    events = at(EVENTS, 1_700_000_000_000_000)
    write(path, events)
    file: Any
    with h5py.File(path) as file:
        t = file["events/t"][:]
        assert (t.dtype, file["events/x"].dtype, file["events/p"].dtype) == (np.uint32, np.uint16, np.uint8)
        assert np.array_equal(t + file["t_offset"][()], events.t)
        index = file["ms_to_idx"][:]
        assert len(index) == int(t[-1]) // 1000 + 1
        for ms in (0, 1, len(index) // 2, len(index) - 1):
            assert t[index[ms]] >= 1000 * ms
            assert index[ms] == 0 or t[index[ms] - 1] < 1000 * ms


def test_csv_lines(tmp_path: Path):
    rows = [(-5, 0, 0, 0), (0, 1, 2, 1), (2**62, 345, 259, 1)]
    write_recording(tmp_path / "events.csv", make_events(rows), WIDTH, HEIGHT)
    with (tmp_path / "events.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["t", "x", "y", "p"], *([str(value) for value in row] for row in rows)]
