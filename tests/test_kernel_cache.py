"""numba's cache on disk, with copies of snn_core whose sources change between one process and the next."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import snn_core
from snn_core.kernel_cache import KEPT_VERSIONS

pytestmark = [pytest.mark.processes, pytest.mark.slow]

SCREEN = """
import numpy as np
from snn_core.events.events import FIELD_TYPES, Events
from snn_core.events.files.screen import Screen

event = Events(*(np.full(1, 2000 if name == "t" else 1, dtype) for name, dtype in FIELD_TYPES.items()))
print(len(Screen(8, 8)(event)))
"""
"""An event at 2000 us goes through kernels of files/screen.py, which hold MAX_TIME of files/limits.py."""
ADD_FIELD = """
from {layout} import FIELD
from numba import njit

@njit(cache=True)
def add_field(x):
    return x + FIELD
"""
ADD_ONE = "from {} import add_field\nprint([add_field(1), sum(add_field.stats.cache_hits.values())])"
PART = """
from snn_core.layout import FIELD
from snn_core.network.compiled import kernel

@kernel
def add_field(record, step, spikes, count):
    return step + FIELD
"""
CALL_PART = """\
from ctypes import CFUNCTYPE, c_int64, c_void_p
from part import add_field
print(CFUNCTYPE(c_int64, c_void_p, c_int64, c_void_p, c_int64)(add_field.address)(None, 1, None, 0))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a copy of snn_core, in it a kernel that holds a constant of another file; nothing is compiled."""
    folder = tmp_path / "checkout"
    shutil.copytree(Path(snn_core.__file__).parent, folder / "snn_core", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "snn_core" / "layout.py").write_text("FIELD = 3\n")
    (folder / "snn_core" / "adder.py").write_text(ADD_FIELD.format(layout="snn_core.layout"))
    return folder


def start(script: str, checkout: Path, **variables: str) -> subprocess.Popen[str]:
    """A process that finds the copy before the installed package."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"PYTHONPATH": str(checkout), "NUMBA_CACHE_DIR": str(checkout.parent / "cache")} | variables
    # Python tells an old .pyc by its source's size and whole seconds, which is too coarse here: -B writes none.
    command = [sys.executable, "-B", "-c", script]
    return subprocess.Popen(command, env=environment, cwd=checkout, stdout=subprocess.PIPE, text=True)


def run(script: str, checkout: Path, **variables: str) -> object:
    """What the script prints."""
    with start(script, checkout, **variables) as process:
        return json.loads(process.communicate()[0])


def add_one(checkout: Path, first: str = "", **variables: str) -> object:
    """What the copy's kernel gives for 1, and its cache hits."""
    return run(first + ADD_ONE.format("snn_core.adder"), checkout, **variables)


def cached(checkout: Path, pattern: str) -> list[Path]:
    return sorted((checkout.parent / "cache").rglob(pattern))


def test_a_kernel_holds_the_new_value_of_another_files_constant(checkout: Path):
    assert run(SCREEN, checkout) == 1
    limits = checkout / "snn_core/events/files/limits.py"
    limits.write_text(f"{limits.read_text()}\nMAX_TIME = 1000\n")
    assert run(SCREEN, checkout) == 0


def test_a_kernel_is_compiled_once_for_each_version_of_the_sources(checkout: Path):
    assert add_one(checkout) == [4, 0]
    assert add_one(checkout, first="import numba\n", NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator") == [4, 1]
    (checkout / "snn_core/layout.py").write_text("FIELD = 7\n")
    assert add_one(checkout, first="import numba\n", NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator") == [8, 0]
    (checkout / "snn_core/layout.py").write_text("FIELD = 3\n")
    assert add_one(checkout) == [4, 1]


def test_a_version_is_the_content_of_all_sources_whatever_their_times(checkout: Path):
    def digest() -> object:
        return run("from snn_core.kernel_cache import source_digest\nprint(f'\"{source_digest()}\"')", checkout)

    layout, added = checkout / "snn_core/layout.py", checkout / "snn_core/learning/added.py"
    first = digest()
    os.utime(layout, (10**9, 10**9))
    assert digest() == first
    layout.write_text("FIELD = 7\n")
    os.utime(layout, (10**9, 10**9))
    assert digest() != first
    layout.write_text("FIELD = 3\n")
    added.write_text("")
    assert digest() != first
    added.unlink()
    added.symlink_to("nowhere.py")
    assert digest() == first


def test_two_checkouts_may_share_a_cache_folder(checkout: Path):
    other = shutil.copytree(checkout, checkout.parent / "other")
    (other / "snn_core/layout.py").write_text("FIELD = 7\n")
    together = [start(ADD_ONE.format("snn_core.adder"), folder) for folder in (checkout, other)]
    assert [json.loads(process.communicate()[0]) for process in together] == [[4, 0], [8, 0]]


def test_where_the_package_cannot_be_written_the_users_folder_is_used(checkout: Path):
    (checkout / "snn_core/__pycache__").write_text("")  # root may write to any folder, but not to a file as to one
    home = checkout.parent / "home"
    assert add_one(checkout, NUMBA_CACHE_DIR="", XDG_CACHE_HOME=str(home)) == [4, 0]
    assert len(list(home.rglob("adder.*.nbi"))) == 1


def test_entries_of_the_latest_versions_stay_and_older_ones_go(checkout: Path):
    folder = checkout / "snn_core/__pycache__"
    folder.mkdir()
    older = [folder / f"adder.add_field-5-snn_core-{n:016x}.py311.nbi" for n in range(KEPT_VERSIONS + 2)]
    others = [folder / "adder.add_field-5.py311.nbi", folder / f"{older[-1].name}.tmp.0123456789abcdef"]
    for age, file in enumerate([*older, *others]):
        file.write_bytes(b"")
        os.utime(file, (10**9 - age, 10**9 - age))
    assert add_one(checkout, NUMBA_CACHE_DIR="") == [4, 0]
    assert [file for file in older if file.exists()] == older[: KEPT_VERSIONS - 1]
    assert all(file.exists() for file in others)
    assert len(list(folder.glob("adder.*.nbi"))) == KEPT_VERSIONS + 1


def test_functions_of_other_packages_are_cached_as_by_numba_alone(checkout: Path):
    (checkout / "layout.py").write_text("FIELD = 3\n")
    (checkout / "adder.py").write_text(ADD_FIELD.format(layout="layout"))
    script = ADD_ONE.format("adder")
    assert run(script, checkout) == [4, 0]
    names = cached(checkout, "adder.*")
    assert run(f"import snn_core.adder\n{script}", checkout) == [4, 1]
    assert cached(checkout, "adder.*") == names


def test_a_part_of_another_package_is_compiled_again_when_its_file_or_snn_core_changes(checkout: Path):
    part = checkout / "part.py"
    part.write_text(PART)
    assert run(CALL_PART, checkout) == 4
    part.write_text(PART.replace("+ FIELD", "- FIELD"))
    assert run(CALL_PART, checkout) == -2
    (checkout / "snn_core/layout.py").write_text("FIELD = 7\n")
    assert run(CALL_PART, checkout) == -6


def test_importing_snn_core_does_not_import_numba(checkout: Path):
    assert run("import json, sys, snn_core\nprint(json.dumps('numba' in sys.modules))", checkout) is False
