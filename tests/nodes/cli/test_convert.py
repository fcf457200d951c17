"""``spikedrive info`` and ``convert``, from the command line."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from snn_core.events.events import Events
from snn_core.events.recordings import open_recording, open_writer, write_recording
from spikedrive_nodes.cli.convert import parse_time
from spikedrive_nodes.cli.info import parse_size
from tests.events.streams import make_triggers, random_events
from tests.nodes.cli.spikedrive_command import SPIKEDRIVE, Say

WIDTH, HEIGHT = 64, 48
START_US = 1_700_000_000_000_000
EVENTS = random_events(np.random.default_rng(2), 20_000, WIDTH, HEIGHT, START_US, 20.0)
# Of ../shared/data: format, size, events, ON, sums of x and y, first and last time, triggers.
TRUTHS = {
    "dvxplorer_320x240.aedat4": (
        *("AEDAT4", 320, 240, 111954, 55023, 18342405, 15105898),
        *(1605537493718345, 1605537494308262, 0),
    ),
    "prophesee_gen3_evt2.raw": (
        *("RAW EVT2", 640, 480, 521252, 185861, 128979953, 216346680),
        *(913716224, 913812095, 0),
    ),
    "prophesee_gen41_evt3.raw": (
        *("RAW EVT3", 1280, 720, 219596, 115532, 159113225, 85638051),
        *(11718656, 11727467, 0),
    ),
}
KEYS = ("format", "width", "height", "events", "on", "sum_x", "sum_y", "first_us", "last_us", "triggers")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording with triggers."""
    path = tmp_path / "in" / "made.aedat4"
    path.parent.mkdir()
    with open_writer(path, WIDTH, HEIGHT, "Made_7") as writer:
        writer.write(EVENTS, make_triggers([(int(EVENTS.t[i]), 0, 1) for i in range(0, len(EVENTS), 2000)]))
    return path


def figures(said: tuple[int, str, str]) -> dict[str, Any]:
    code, out, err = said
    assert code == 0, err
    return json.loads(out)


def read(path: Path) -> Events:
    with open_recording(path) as recording:
        return Events.concatenate(list(recording))


@pytest.mark.recordings
@pytest.mark.parametrize("name", TRUTHS)
def test_info_of_real_recordings(say: Say, recordings: Path, name: str):
    info = figures(say("info", recordings / name, "--json", "-"))
    assert tuple(info[key] for key in KEYS) == TRUTHS[name]
    assert info["off"] == info["events"] - info["on"]
    assert (info["dropped_outside"], info["damaged_bytes"], info["unknown_words"]) == (0, 0, 0)


@pytest.mark.recordings
@pytest.mark.parametrize("ending", [".aedat4", ".raw", ".dat", ".h5", ".npz", ".csv", ".mcap"])
@pytest.mark.parametrize("name", TRUTHS)
def test_real_recordings_keep_their_figures_in_every_format(
    say: Say, recordings: Path, tmp_path: Path, name: str, ending: str
):
    out = tmp_path / f"converted{ending}"
    said = figures(say("convert", recordings / name, out, "--json", "-"))
    assert (said["events"], said["triggers"]) == (TRUTHS[name][3], 0)
    info = figures(say("info", out, "--json", "-", "--size", f"{TRUTHS[name][1]}x{TRUTHS[name][2]}"))
    assert tuple(info[key] for key in KEYS[1:]) == TRUTHS[name][1:]


def test_info_for_people(say: Say, path: Path):
    code, out, err = say("info", path)
    assert (code, err) == (0, "")
    text = " ".join(out.replace("│", " ").split())
    for said in ("AEDAT4", "Made_7", "events 20,000", "triggers 10", f"first_us {int(EVENTS.t[0]):,}", "time_jumps 0"):
        assert said in text
    assert "dropped" not in text


def test_info_says_what_was_lost(say: Say, path: Path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    info = figures(say("info", path, "--json", "-"))
    assert 0 < info["events"] < len(EVENTS)
    assert info["damaged_bytes"] > 0
    assert "the file is cut" in info["notes"][0]
    assert "damaged_bytes" in say("info", path)[1]


def test_a_part_of_a_recording(say: Say, path: Path, tmp_path: Path):
    begin, end = int(EVENTS.t[5000]), int(EVENTS.t[15_000])
    out = tmp_path / "part.raw"
    code, _, err = say("convert", path, out, "--from", begin, "--to", end)
    inside = (EVENTS.t >= begin) & (EVENTS.t < end)
    assert code == 0
    assert f"part.raw: RAW EVT3, {np.count_nonzero(inside):,} events" in err
    assert read(out).equals(EVENTS[inside])
    with open_recording(out) as recording:
        list(recording)
        assert recording.triggers == 5
    said = figures(say("convert", path, tmp_path / "second.npz", "--from", "+100ms", "--to", "+0.25s", "--json", "-"))
    since = EVENTS.t - EVENTS.t[0]
    assert said["events"] == np.count_nonzero((since >= 100_000) & (since < 250_000))
    assert figures(say("convert", path, tmp_path / "none.npz", "--to", "5", "--json", "-"))["events"] == 0


def test_filters(say: Say, path: Path, tmp_path: Path):
    out = tmp_path / "filtered.npz"
    filters = ("--crop", "10,20,32,16", "--polarity", "on", "--refractory-us", "1000")
    said = figures(say("convert", path, out, *filters, "--json", "-"))
    found = read(out)
    assert (said["width"], said["height"], said["events"]) == (32, 16, len(found))
    assert set(said["filtered"]) == {"refractory", "polarity", "rectangle"} or len(said["filtered"]) == 3
    assert sum(said["filtered"].values()) + len(found) == len(EVENTS)
    assert found.polarity.all()
    assert 0 < len(found) < len(EVENTS) / 8
    said = figures(say("convert", path, tmp_path / "small.npz", "--spatial-factor", "4", "--json", "-"))
    assert (said["width"], said["height"], said["events"]) == (16, 12, len(EVENTS))


def test_notes_are_said(say: Say, path: Path, tmp_path: Path):
    code, out, err = say("convert", path, tmp_path / "made.csv")
    assert (code, out) == (0, "")
    assert "note: CSV holds no sensor size: read it with --size 64x48" in err
    assert "note: CSV holds no triggers: 10 left out" in err


def test_nothing_is_overwritten_without_force(say: Say, path: Path, tmp_path: Path):
    out = tmp_path / "mine.dat"
    out.write_text("mine")
    code, _, err = say("convert", path, out)
    assert (code, out.read_text()) == (2, "mine")
    assert err == f"spikedrive: {out}: exists already; choose another name, or overwrite it with --force\n"
    assert say("convert", path, out, "--force")[0] == 0
    assert read(out).equals(EVENTS)
    assert say("convert", out, out, "--force", "--to", "+1ms")[0] == 0
    assert 0 < len(read(out)) < 200
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in", "mine.dat"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--from", "soon"), ("--from", "soon", "expected a time")),
        (("--crop", "1,2,3"), ("convert: crop", "left,top,width,height")),
        (("--crop", "0,0,640,480"), ("640", "48")),
        (("--region", "1,1"), ("convert: region", "at least two corners")),
        (("--camera-info", "none.yaml"), ("none.yaml",)),
        (("--size", "64"), ("--size", "WIDTHxHEIGHT")),
        (("--spatial-factor", "0"), ("--spatial-factor",)),
    ],
)
def test_options_that_do_not_fit(say: Say, path: Path, tmp_path: Path, arguments, named):
    code, out, err = say("convert", path, tmp_path / "out.npz", *arguments)
    assert (code, out) == (2, "")
    text = " ".join(err.replace("│", " ").split())
    assert [name for name in named if name not in text] == []
    assert [file.name for file in tmp_path.iterdir()] == ["in"]


def test_files_that_cannot_be_converted(say: Say, path: Path, tmp_path: Path):
    for source, target, named in (
        (tmp_path / "none.raw", tmp_path / "out.raw", "none.raw: cannot be read"),
        (path, tmp_path / "out.mp4", "out.mp4: expected a name that ends in"),
        (path, tmp_path / "no" / "out.raw", "is not a folder; make it first"),
    ):
        code, _, err = say("convert", source, target)
        assert (code, len(err.splitlines())) == (2, 1)
        assert named in err


def test_ctrl_c_leaves_no_file(tmp_path: Path):
    source = tmp_path / "long.csv"
    write_recording(source, Events.concatenate([EVENTS] * 1), WIDTH, HEIGHT)
    lines = source.read_bytes()
    with source.open("ab") as file:
        for _ in range(100):
            file.write(lines.partition(b"\n")[2])
    command = [SPIKEDRIVE, "convert", str(source), str(tmp_path / "out.npz"), "--size", "64x48"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    assert [file.name for file in tmp_path.iterdir()] == ["long.csv"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", (5, False)),
        ("1700000000000001", (1_700_000_000_000_001, False)),
        ("1.5s", (1_500_000, False)),
        ("+20ms", (20_000, True)),
        ("-1.25ms", (-1250, False)),
        ("1700000000.123456s", (1_700_000_000_123_456, False)),
        ("7 us", (7, False)),
    ],
)
def test_times(text: str, expected: tuple[int, bool]):
    assert parse_time(text) == expected


def test_sizes():
    assert parse_size("640x480") == parse_size(" 640 X 480 ") == (640, 480)
    with pytest.raises(typer.BadParameter, match="expected WIDTHxHEIGHT"):
        parse_size("640")
