"""A file format of another package, found by its entry point."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from snn_core import plugins
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.recordings import open_recording, write_recording

FORMAT = '''\
"""Files that begin with OTHERS: a number in 8 bytes for each event, the pixel on row 0 that it is of."""

import numpy as np

from snn_core import Events
from snn_core.events.files.base import FileRecording, read_head

def sniff(path, size):
    return Recording(path, size) if read_head(path, 6) == b"OTHERS" else None

class Recording(FileRecording):
    format = "of others"

    def __init__(self, path, size):
        super().__init__(path)
        self._find_size(size)

    def _read(self, file):
        file.seek(6)
        x = np.frombuffer(file.read(), np.int64)
        zeros = np.zeros(x.size, np.uint8)
        screen = self._screen()
        yield screen(Events(np.arange(x.size), x.astype(np.uint16), zeros.astype(np.uint16), zeros))
'''
X = np.array([3, 1, 6], np.int64)
Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package with this entry point, as pip does."""

    def install(entry_point: str) -> None:
        folder = tmp_path / "site" / "format_of_others-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: format-of-others\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[spikedrive.formats]\n{entry_point}\n")
        (folder.parent / "format_of_others.py").write_text(FORMAT)
        monkeypatch.syspath_prepend(str(folder.parent))
        plugins._all.cache_clear()

    yield install
    monkeypatch.undo()
    sys.modules.pop("format_of_others", None)
    plugins._all.cache_clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "recording.xyz"
    path.write_bytes(b"OTHERS" + X.tobytes())
    return path


def test_its_files_are_read_and_shipped_formats_as_before(install: Install, path: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a known recording"):
        open_recording(path)
    install("others = format_of_others")
    with open_recording(path, (8, 4)) as recording:
        assert (recording.format, recording.width, recording.height) == ("of others", 8, 4)
        events = Events.concatenate(list(recording))
    np.testing.assert_array_equal(events.x, X)
    write_recording(tmp_path / "ours.npz", events, 8, 4)
    with open_recording(tmp_path / "ours.npz") as recording:
        assert Events.concatenate(list(recording)).equals(events)


def test_a_file_that_it_does_not_know_either_is_refused(install: Install, path: Path) -> None:
    install("others = format_of_others")
    path.write_bytes(b"NOBODY" + X.tobytes())
    with pytest.raises(UserError, match="not a known recording"):
        open_recording(path)


@pytest.mark.parametrize(
    ("entry_point", "expected"),
    [
        (
            "others = format_of_others:Recording",
            r"spikedrive\.formats: others: expected a module with a function",
        ),
        (
            "others = format_of_nobody",
            r"format-of-others: entry point spikedrive\.formats: .* cannot be imported",
        ),
    ],
)
def test_an_entry_point_that_is_no_reader_is_named(
    install: Install, path: Path, entry_point: str, expected: str
) -> None:
    install(entry_point)
    with pytest.raises(UserError, match=expected):
        open_recording(path)
