"""The check of files' lengths, in a checkout of its own."""

import subprocess
from pathlib import Path

import check_lengths
import pytest

LONGEST = "pass\n" * 400


def test_names_files_that_are_too_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("made/\n")
    for name, text in (("room/fits.py", LONGEST), ("made/ignored.py", LONGEST * 2), ("notes.md", LONGEST * 2)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert check_lengths.main(tmp_path) == 0
    assert capsys.readouterr().out == ""
    (tmp_path / "room/too_long.py").write_text(LONGEST + "pass\n")
    assert check_lengths.main(tmp_path) == 1
    said = capsys.readouterr().out
    assert said.startswith("room/too_long.py: 401 lines, expected at most 400")
    assert said.count("\n") == 1
