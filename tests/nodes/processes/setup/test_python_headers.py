"""Python's headers, fetched for a machine that lacks them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spikedrive_nodes.processes.setup import prerequisites, python_headers
from spikedrive_nodes.processes.setup.message_packages import Environment
from spikedrive_nodes.processes.setup.steps import Log, StepError
from tests.packages import offer


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An empty one."""
    (tmp_path / "venv").mkdir()
    return Environment(tmp_path / "venv", Path(sys.executable), tmp_path / "venv" / "site-packages")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Its log."""
    return Log(tmp_path / "setup.log", "setup.log")


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian whose Python, the made-up 3.99.1, lacks its headers; its apt knows this folder of packages alone."""
    if not shutil.which("apt-get"):
        pytest.skip("needs apt, which Debian and Ubuntu have")
    monkeypatch.setattr(python_headers, "VERSION", "3.99.1")
    monkeypatch.setattr(python_headers, "OF_MACHINE", Path("/usr/include/python3.99"))
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    for name in ("ROS_DISTRO", "AMENT_PREFIX_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("packages", "apt/lists/partial", "apt/cache/archives/partial", "apt/etc"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "apt" / "status").touch()
    (tmp_path / "apt" / "etc" / "sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/packages ./\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc "{tmp_path}/apt/etc"; Dir::State "{tmp_path}/apt"; Dir::State::status "{tmp_path}/apt/status"; '
        f'Dir::Cache "{tmp_path}/apt/cache"; APT::Architecture "amd64"; APT::Sandbox::User ""; Dir::Log "{tmp_path}";'
    )
    return tmp_path / "packages"


def headers_of(version: str) -> dict[str, str]:
    return {
        "usr/include/python3.99/Python.h": f'#include "pyconfig.h"\nfrom package {version}\n',
        "usr/include/python3.99/pyconfig.h": "#include <x86_64-linux-gnu/python3.99/pyconfig.h>\n",
        "usr/include/x86_64-linux-gnu/python3.99/pyconfig.h": "configured for x86_64\n",
        "usr/lib/libpython3.99.a": "large",
    }


def offer_headers(packages: Path, *versions: str) -> None:
    """Make packages of headers for Python 3.99, divided into two folders as Debian does, and let apt know them."""
    offer(packages, *(("libpython3.99-dev", version, headers_of(version)) for version in versions))
    subprocess.run(["apt-get", "update"], capture_output=True, check=True)


def test_headers_that_the_machine_lacks_are_fetched_once(
    debian: Path, environment: Environment, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    offer_headers(debian, "1:3.99.2-1", "1:3.99.1-2+deb12u8")
    assert prerequisites.check(environment.prefix) is None
    environment.fetch_headers(log)
    environment.fetch_headers(log)
    assert capsys.readouterr().out == (
        "setup: fetching Python's headers, which this machine lacks, into venv (libpython3.99-dev=1:3.99.1-2+deb12u8)\n"
    )
    headers = python_headers.folder(environment.prefix)
    assert environment.prefix in headers.parents
    preprocess = ["c++", "-E", "-P", "-x", "c++", "-I", headers, "-"]
    done = subprocess.run(preprocess, input="#include <Python.h>\n", capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[-3:] == ["configured for x86_64", "from package 1:3.99.1-2+deb12u8", ""]
    assert [path.name for path in environment.prefix.iterdir()] == [headers.parent.name]
    assert not list(environment.prefix.rglob("*.a"))


@pytest.mark.parametrize("versions", [[], ["3.99.2-1"], ["3.99.1~rc1-1"]])
def test_headers_that_apt_does_not_have_for_this_very_python_are_named(
    debian: Path, environment: Environment, log: Log, versions: list[str]
) -> None:
    offer_headers(debian, *versions)
    assert python_headers.package() is None
    python = f"python3.{sys.version_info[1]}"
    assert prerequisites.check(environment.prefix) == (
        f"missing: Python.h; on Debian or Ubuntu: sudo apt-get install {python}-dev"
    )
    with pytest.raises(StepError, match=rf"^missing: Python\.h; .* {python}-dev$"):
        environment.fetch_headers(log)


def test_headers_that_cannot_be_fetched_are_named_with_the_reason(
    debian: Path, environment: Environment, log: Log
) -> None:
    offer_headers(debian, "3.99.1-1")
    next(debian.glob("*.deb")).unlink()
    assert prerequisites.check(environment.prefix) is None
    with pytest.raises(StepError) as caught:
        environment.fetch_headers(log)
    assert str(caught.value) == (
        f"missing: Python.h; on Debian or Ubuntu: sudo apt-get install python3.{sys.version_info[1]}-dev "
        "(fetching libpython3.99-dev=3.99.1-1 failed, setup.log says why)"
    )
    assert "libpython3.99-dev_3.99.1-1_amd64.deb" in log.path.read_text()
    assert list(environment.prefix.iterdir()) == []


def test_headers_are_not_fetched_without_apt_or_for_a_python_that_is_not_the_distributions(
    debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_headers(debian, "3.99.1-1")
    assert python_headers.package() == "libpython3.99-dev=3.99.1-1"
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(python_headers, "OF_MACHINE", Path("/opt/include/python3.99"))
        assert python_headers.package() is None
    monkeypatch.setenv("PATH", str(debian))
    assert python_headers.package() is None


def test_headers_of_the_machine_are_taken_and_nothing_is_fetched(
    debian: Path,
    environment: Environment,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(python_headers, "OF_MACHINE", debian)
    (debian / "Python.h").touch()
    environment.fetch_headers(log)
    assert python_headers.folder(environment.prefix) == debian
    assert capsys.readouterr().out == ""
    assert list(environment.prefix.iterdir()) == []
