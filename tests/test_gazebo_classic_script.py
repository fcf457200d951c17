"""``make gazebo-classic``, with the machine's own apt and packages made here: what it leaves and what it says."""

import shutil
from pathlib import Path

import gazebo_classic
import pytest

from tests.packages import offer

FILES = {"usr/bin/gzserver": "a server", "usr/share/doc/gazebo/copyright": "long"}
SAYS = (
    "gazebo-classic: packages of an older Debian or Ubuntu come from this machine's mirror into a folder of their own, "
    "without root\n"
)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages in the mirror's place; the project is the folder above it."""
    if not shutil.which("apt-get"):
        pytest.skip("needs apt, which Debian and Ubuntu have")
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.setattr(gazebo_classic, "ROOT", tmp_path)
    monkeypatch.setattr(gazebo_classic, "FOLDER", tmp_path / "build" / "gazebo-classic")
    monkeypatch.setattr(gazebo_classic, "PACKAGES", ["gazebo", "dash"])
    monkeypatch.setattr(gazebo_classic, "source_line", lambda: f"deb [trusted=yes] copy:{packages} ./\n")
    (tmp_path / "apt.conf").write_text('APT::Architecture "amd64";')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    return packages


def offer_all(mirror: Path) -> None:
    messages = {"usr/include/time.proto": "a message"}
    offer(mirror, ("gazebo", "11", FILES), ("dash", "1", {"bin/dash": "a shell"}), ("libgazebo-dev", "11", messages))


def test_packages_are_unpacked_into_a_folder_of_their_own(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    offer_all(mirror)
    assert gazebo_classic.main() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "gazebo-classic: ready in build/gazebo-classic"
    folder = gazebo_classic.FOLDER
    assert (folder / "usr/bin/gzserver").read_text() == "a server"
    assert (folder / "usr/include/time.proto").read_text() == "a message"
    assert (folder / "bin/sh").read_text() == "a shell"
    assert not (folder / "usr/share/doc").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["gazebo-classic", "gazebo-classic.log"]


def test_what_is_there_is_not_fetched_again(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    offer_all(mirror)
    assert gazebo_classic.main() == 0
    shutil.rmtree(mirror)
    capsys.readouterr()
    assert gazebo_classic.main() == 0
    assert capsys.readouterr().out == "gazebo-classic: ready in build/gazebo-classic\n"


@pytest.mark.parametrize("lost", ["Packages", "gazebo_11_amd64.deb", "libgazebo-dev_11_amd64.deb"])
def test_what_cannot_be_had_leaves_nothing_but_the_log(
    mirror: Path, capsys: pytest.CaptureFixture[str], lost: str
) -> None:
    offer_all(mirror)
    (mirror / lost).unlink()
    assert gazebo_classic.main() == 1
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "gazebo-classic: apt-get failed, build/gazebo-classic.log says why"
    assert [path.name for path in gazebo_classic.FOLDER.parent.iterdir()] == ["gazebo-classic.log"]
    assert lost.partition("_")[0] in (gazebo_classic.FOLDER.parent / "gazebo-classic.log").read_text()


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        (("fedora", "43"), "expected Debian or Ubuntu with apt-get; elsewhere install Gazebo Classic 11 by hand"),
        (("debian", "woody"), "the machine's apt knows no mirror of debian woody; see /etc/apt/sources.list"),
    ],
)
def test_a_machine_that_has_no_such_packages(
    release: tuple[str, str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not shutil.which("apt-get"):
        pytest.skip("needs apt, which Debian and Ubuntu have")
    monkeypatch.setattr(gazebo_classic, "FOLDER", tmp_path / "gazebo-classic")
    monkeypatch.setattr(gazebo_classic, "ROOT", tmp_path)
    monkeypatch.setattr(gazebo_classic, "machine_release", lambda: release)
    assert gazebo_classic.main() == 1
    assert capsys.readouterr().out == f"{SAYS}gazebo-classic: {reason}\n"
    assert list(tmp_path.iterdir()) == []
