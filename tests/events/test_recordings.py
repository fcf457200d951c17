"""Recordings of all formats alike."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.recordings import open_recording, write_recording
from tests.events.streams import random_events

WIDTH, HEIGHT = 64, 48
ENDINGS = (".aedat4", ".raw", ".dat", ".h5", ".npz", ".csv", ".mcap")


@pytest.fixture
def events() -> Events:
    return random_events(np.random.default_rng(9), 25_000, WIDTH, HEIGHT, start_us=1_700_000_000_000_000)


@pytest.mark.parametrize("ending", ENDINGS)
def test_content_counts_not_the_name(tmp_path: Path, events: Events, ending: str):
    path = tmp_path / f"written{ending}"
    write_recording(path, events, WIDTH, HEIGHT)
    for name in ("recording of Müller", "recording.txt", "recording.xyz"):
        path = path.rename(tmp_path / name)
        with open_recording(str(path), (WIDTH, HEIGHT)) as recording:
            assert Events.concatenate(list(recording)).equals(events)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_recording_can_be_read_again_and_knows_how_far_it_is(tmp_path: Path, events: Events, ending: str):
    path = tmp_path / f"written{ending}"
    write_recording(path, events, WIDTH, HEIGHT)
    with open_recording(path) as recording:
        next(iter(recording))
        for _ in range(2):
            found, fractions = [], []
            for batch in recording:
                found.append(batch)
                fractions.append(recording.fraction_read)
            assert Events.concatenate(found).equals(events)
            assert fractions == sorted(fractions)
            assert 0 <= fractions[0] <= fractions[-1] <= 1
    with pytest.raises(ValueError, match="the recording is closed"):
        next(iter(recording))


def test_files_that_are_none(tmp_path: Path):
    with pytest.raises(UserError, match=r"missing\.aedat4: cannot be read: No such file or directory"):
        open_recording(tmp_path / "missing.aedat4")
    with pytest.raises(UserError, match=r"cannot be read: Is a directory"):
        open_recording(tmp_path)
    (tmp_path / "empty.raw").touch()
    with pytest.raises(UserError, match=r"empty\.raw: is empty; expected a recording"):
        open_recording(tmp_path / "empty.raw")
    (tmp_path / "notes.aedat4").write_text("no recording at all")
    with pytest.raises(UserError, match=r"notes\.aedat4: not a known recording; docs/events\.md lists the formats"):
        open_recording(str(tmp_path / "notes.aedat4"))


def test_libraries_are_loaded_only_when_they_are_needed():
    code = (
        "import sys, snn_core.events.recordings; "
        "sys.exit(bool({'dv_processing', 'h5py', 'lz4', 'rosbags', 'numba'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode in (0, 1)
