"""The examples of docs/library.md: each is short, runs by itself, and draws its picture."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PAGE = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
LONGEST = 39
"""Lines."""
SIMULATED_S = {"drive_events": None, "own_reward": 5, "own_rule": None, "own_task": 5, "sweep": 1}
"""By example, the time to give it; None: it takes no argument and is quick."""


@pytest.mark.parametrize("name", SIMULATED_S)
def test_it_is_short_and_its_first_line_says_what_it_shows(name: str) -> None:
    lines = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST
    assert re.fullmatch(r'"""\w.{40,}\."""', lines[0])


@pytest.mark.slow
@pytest.mark.timeout(900)  # the first one may have to compile all kernels
@pytest.mark.parametrize(("name", "seconds"), SIMULATED_S.items())
def test_it_draws_its_picture(name: str, seconds: int | None, tmp_path: Path) -> None:
    for file in EXAMPLES.glob(f"{name}.*"):
        if file.suffix != ".svg":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    command = [sys.executable, f"{name}.py", *([] if seconds is None else [str(seconds)])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=880, check=False)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
    picture = ET.fromstring(text)
    assert picture.tag.endswith("svg")
    assert any(element.get("id", "").startswith("line2d") for element in picture.iter())
    assert "<dc:date>" not in text


@pytest.mark.parametrize("name", SIMULATED_S)
def test_the_page_shows_its_picture_and_names_its_file(name: str) -> None:
    assert f"](examples/{name}.svg)" in PAGE
    assert f"](examples/{name}.py)" in PAGE
    assert (EXAMPLES / f"{name}.svg").is_file()
