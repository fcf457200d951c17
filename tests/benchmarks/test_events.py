"""``spikedrive bench events``: what is measured agrees, and how it is told."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from snn_core.errors import UserError
from spikedrive_benchmarks.events import measure as measuring
from spikedrive_benchmarks.events.measure import measure
from spikedrive_benchmarks.events.streams import Stream, generated_stream, real_stream
from spikedrive_benchmarks.events.tables import print_tables
from spikedrive_benchmarks.events.tasks import PACKAGES, TASKS, available
from spikedrive_nodes.cli import app as cli

KEYS = {"task", "library", "stream", "mev_per_s", "agrees", "version"}
LIBRARIES = [(task, library) for task, libraries in TASKS.items() for library in libraries]


def quiet(text: str) -> None:
    """Progress that no one looks at."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short generated stream."""
    folder = tmp_path_factory.mktemp("streams") / "generated"
    generated_stream(30_000).save(folder)
    return folder


def test_a_saved_stream_is_the_same(saved: Path) -> None:
    stream, loaded = generated_stream(30_000), Stream.load(saved)
    assert loaded.events.equals(stream.events)
    assert (loaded.name, loaded.width, loaded.height) == ("generated", 640, 480)
    assert [len(part) for part in loaded.parts(14_000)] == [14_000, 14_000, 2000]


@pytest.mark.recordings
def test_the_real_stream_repeats_a_recording(recordings: Path) -> None:
    stream = real_stream(recordings / "prophesee_gen41_evt3.raw", 300_000)
    once = 219_596
    assert len(stream.events) == 2 * once
    assert (np.diff(stream.events.t) >= 0).all()
    assert np.array_equal(stream.events.x[:once], stream.events.x[once:])
    assert set(stream.words) == {"evt3", "evt2"}


@pytest.mark.parametrize(("task", "library"), LIBRARIES)
def test_every_library_gives_what_spikedrive_gives(task: str, library: str, saved: Path) -> None:
    if library not in available():
        pytest.skip(f"needs {PACKAGES[library]} (make bench-setup)")
    stream = Stream.load(saved)
    ours, theirs = (TASKS[task][name](stream) for name in ("spikedrive", library))
    assert ours.events == theirs.events == len(stream.events)
    assert dict(theirs.summarise(theirs.run())) == dict(ours.summarise(ours.run()))


@pytest.mark.processes
def test_rows_and_table() -> None:
    tasks = ["mono_decode", "pool"]
    figures = measure(tasks, ["spikedrive", "numpy"], ["generated"], 2, quiet, generated_events=20_000)
    rows = figures["rows"]
    assert [(row["task"], row["library"]) for row in rows] == [
        (t, one) for t in tasks for one in ("spikedrive", "numpy")
    ]
    assert figures["failed"] == []
    for row in rows:
        assert row.keys() >= KEYS
        assert row["agrees"]
        assert row["events"] == 20_000
        assert 0 < row["mev_per_s_lowest"] <= row["mev_per_s"] <= row["mev_per_s_highest"]
    console = Console(file=io.StringIO(), width=200)
    print_tables(json.loads(json.dumps(figures)), console)
    assert isinstance(console.file, io.StringIO)
    table = console.file.getvalue()
    assert all(task in table for task in tasks)
    assert f"numpy {np.__version__}" in table


@pytest.mark.processes
def test_a_library_that_fails_is_told(saved: Path) -> None:
    rows, failed = measuring.compare("pool", ["spikedrive", "evt3"], saved, 1, quiet)
    assert [row["library"] for row in rows] == ["spikedrive"]
    assert failed == [{"task": "pool", "library": "evt3", "stream": "generated", "error": "KeyError: 'evt3'"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "evt4_decode"], f"--task evt4_decode: expected one of {', '.join(TASKS)}"),
        (["--library", "metavision"], f"--library metavision: expected one of {', '.join(PACKAGES)}"),
        (["--stream", "imagined"], "--stream imagined: expected one of real, generated"),
        (["--stream", "real", "--recording", "/none.raw"], "/none.raw: cannot be read: No such file or directory; exp"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], message: str, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["bench", "events", *arguments])
    assert end.value.code == 2
    assert f"spikedrive: {message}" in capsys.readouterr().err


@pytest.mark.skipif(len(available()) == len(PACKAGES), reason="needs a library that is not installed; all are")
def test_a_library_that_is_not_installed_is_refused() -> None:
    missing = next(name for name in PACKAGES if name not in available())
    with pytest.raises(UserError, match=f"--library {missing}: not installed here; make bench-setup"):
        measure([], [missing], [], 1, quiet)


@pytest.mark.processes
def test_the_command_writes_rows_as_json(tmp_path: Path, capsys) -> None:
    path = tmp_path / "bench.json"
    options = ["--task", "pool", "--stream", "generated", "--generated-events", "5000", "--rounds", "1"]
    with pytest.raises(SystemExit) as end:
        cli.main(["bench", "events", *options, "--json", str(path)])
    assert not end.value.code
    rows = json.loads(path.read_text())["rows"]
    assert [(row["task"], row["library"], row["stream"]) for row in rows] == [
        ("pool", "spikedrive", "generated"),
        ("pool", "numpy", "generated"),
    ]
    assert "pool" in capsys.readouterr().out
