"""Steps of a set-up: stamps, digests, and the log of commands."""

import sys
from pathlib import Path

import pytest

from spikedrive_nodes.processes.setup.steps import Log, Stamps, StepError, contents


def test_stamps_know_what_changed_and_what_is_gone(tmp_path: Path) -> None:
    path, made = tmp_path / "stamps.json", tmp_path / "made"
    made.touch()
    Stamps(path).finish("step", "a")
    assert Stamps(path).up_to_date("step", "a", made)
    assert not Stamps(path).up_to_date("step", "b", made)
    assert not Stamps(path).up_to_date("other", "a", made)
    made.unlink()
    assert not Stamps(path).up_to_date("step", "a", made)
    path.write_text("{cut")
    assert not Stamps(path).up_to_date("step", "a")


def test_contents_change_with_a_files_bytes_and_name_and_not_with_what_python_caches(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    file = tmp_path / "below" / "a.msg"
    file.write_text("float64 x")
    first = contents(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").touch()
    assert contents(tmp_path) == first
    file.write_text("float64 y")
    second = contents(tmp_path)
    file.rename(tmp_path / "b.msg")
    assert len({tuple(found) for found in (first, second, contents(tmp_path))}) == 3


def test_a_command_that_fails_is_named_and_its_output_is_in_the_log(tmp_path: Path) -> None:
    log = Log(tmp_path / "setup.log")
    log.run("saying hello", [sys.executable, "-c", "import os; print('hello from', os.getcwd())"])
    with pytest.raises(StepError, match=f"^saying no failed, {log.path} says why$"):
        log.run("saying no", [sys.executable, "-c", "raise SystemExit('no')"])
    assert f"hello from {tmp_path}\n" in log.path.read_text()
    assert log.path.read_text().endswith("no\n")
