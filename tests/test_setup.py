"""The house: packaging, lock, prerequisites, the corrected ROS wheels, Makefile and image."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import fix_ros_wheels
import prerequisites
import pytest
import python_headers
import set_up
import yaml

from tests.packages import offer

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.txt").read_text()


def requirement_name(line: str) -> str:
    return re.split(r"[=<>\[~!; ]", line, maxsplit=1)[0]


def test_every_package_folder_is_packaged() -> None:
    names = {"snn_core": "snn_core", "benchmarks": "spikedrive_benchmarks", "nodes": "spikedrive_nodes"}
    folders = {p.parent.relative_to(ROOT).parts for name in names for p in (ROOT / name).rglob("__init__.py")}
    packages = [".".join((names[top], *below)) for top, *below in folders]
    assert sorted(PYPROJECT["tool"]["setuptools"]["packages"]) == sorted(packages)


def test_the_lock_has_hashes_and_names_no_host_and_no_folder() -> None:
    bench = (ROOT / "requirements-bench.txt").read_text()
    assert re.findall(r"\w+://|\.(?:com|org|io)\b|/(?:home|root|tmp|usr)/", LOCK + bench) == []
    entries = re.findall(r"^\S+==.*(?:\n    --hash.*)*", LOCK, flags=re.MULTILINE)
    assert len(entries) > 100
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_holds_all_that_is_asked_for() -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    asked = PYPROJECT["project"]["dependencies"] + extras["dev"] + extras["ros"]
    asked += [line for line in (ROOT / "requirements.in").read_text().splitlines() if line and line[0] != "#"]
    pinned = {requirement_name(line) for line in LOCK.splitlines() if "==" in line}
    assert {requirement_name(line) for line in asked} - pinned == set()
    assert len(re.findall(r"^numpy==2\.3\.\d+ ", LOCK, flags=re.MULTILINE)) == 1


def test_a_part_of_the_lock_keeps_its_hashes() -> None:
    uv = set_up.locked(LOCK, keep=re.compile("uv=="))
    assert uv.startswith("uv==")
    assert uv.count("==") == 1
    assert uv.count("--hash=") > 1
    without_ros = set_up.locked(LOCK, drop=set_up.FROM_SYSTEM_ROS)
    assert "numba==" in without_ros
    assert "ros-" not in re.sub("#.*", "", without_ros)


@pytest.mark.parametrize(
    ("python", "system", "machine", "ros", "words"),
    [
        ((3, 10), "Linux", "x86_64", None, ["3.10", "3.11 to 3.14", "PYTHON=", "make setup"]),
        ((3, 15), "Linux", "x86_64", None, ["3.15", "3.11 to 3.14", "PYTHON=", "make setup"]),
        ((3, 12), "Linux", "aarch64", None, ["aarch64", "install ROS 2 Jazzy"]),
        ((3, 12), "Darwin", "x86_64", None, ["Darwin", "install ROS 2 Jazzy"]),
        ((3, 12), "Linux", "x86_64", "humble", ["humble", "Jazzy"]),
    ],
)
def test_what_cannot_work_is_refused_in_one_line_that_says_what_would_do(
    python: tuple[int, int], system: str, machine: str, ros: str | None, words: list[str]
) -> None:
    reason = prerequisites.refusal(python, system, machine, ros)
    assert reason is not None
    assert "\n" not in reason
    assert [word for word in words if word not in reason] == []


@pytest.mark.parametrize(("machine", "ros"), [("x86_64", None), ("x86_64", "jazzy"), ("aarch64", "jazzy")])
@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_what_can_work_is_not_refused(minor: int, machine: str, ros: str | None) -> None:
    assert prerequisites.refusal((3, minor), "Linux", machine, ros) is None


def test_ros_counts_as_sourced_only_when_it_is() -> None:
    assert prerequisites.system_ros({"ROS_DISTRO": "jazzy"}) is None
    assert prerequisites.system_ros({"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": "/opt/ros/jazzy"}) == "jazzy"


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("ROS_DISTRO", "CXX")}
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "set_up.py"],
        env=environment | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout == (
        "setup: missing: a C++ compiler, make, git; on Debian or Ubuntu: sudo apt-get install g++ make git\n"
    )


def test_missing_parts_of_python_are_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites.importlib.util, "find_spec", lambda name: None)
    lacks = prerequisites.missing((3, 13), tmp_path)
    assert lacks == {"venv and ensurepip": "python3.13-venv", "Python.h": "python3.13-dev"}


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian whose Python, the made-up 3.99.1, lacks its headers; its apt knows this folder of packages alone."""
    if not shutil.which("apt-get"):
        pytest.skip("needs apt, which Debian and Ubuntu have")
    monkeypatch.setattr(python_headers, "VERSION", "3.99.1")
    monkeypatch.setattr(python_headers, "OF_MACHINE", Path("/usr/include/python3.99"))
    monkeypatch.setattr(set_up, "VENV", tmp_path / "venv")
    monkeypatch.setattr(set_up, "ROOT", tmp_path)
    monkeypatch.setattr(set_up, "LOG", tmp_path / "setup.log")
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    for name in ("ROS_DISTRO", "AMENT_PREFIX_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("venv", "packages", "apt/lists/partial", "apt/cache/archives/partial", "apt/etc"):
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


def test_headers_that_the_machine_lacks_are_fetched_once(debian: Path, capsys: pytest.CaptureFixture[str]) -> None:
    offer_headers(debian, "1:3.99.2-1", "1:3.99.1-2+deb12u8")
    assert prerequisites.check(set_up.VENV) is None
    set_up.fetch_headers()
    set_up.fetch_headers()
    assert capsys.readouterr().out == (
        "setup: fetching Python's headers, which this machine lacks, into .venv "
        "(libpython3.99-dev=1:3.99.1-2+deb12u8)\n"
    )
    headers = python_headers.folder(set_up.VENV)
    assert set_up.VENV in headers.parents
    preprocess = ["c++", "-E", "-P", "-x", "c++", "-I", headers, "-"]
    done = subprocess.run(preprocess, input="#include <Python.h>\n", capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[-3:] == ["configured for x86_64", "from package 1:3.99.1-2+deb12u8", ""]
    assert [path.name for path in set_up.VENV.iterdir()] == [headers.parent.name]
    assert not list(set_up.VENV.rglob("*.a"))


@pytest.mark.parametrize("versions", [[], ["3.99.2-1"], ["3.99.1~rc1-1"]])
def test_headers_that_apt_does_not_have_for_this_very_python_are_named(debian: Path, versions: list[str]) -> None:
    offer_headers(debian, *versions)
    assert python_headers.package() is None
    python = f"python3.{sys.version_info[1]}"
    assert prerequisites.check(set_up.VENV) == (
        f"missing: Python.h; on Debian or Ubuntu: sudo apt-get install {python}-dev"
    )
    with pytest.raises(set_up.StepError, match=rf"^missing: Python\.h; .* {python}-dev$"):
        set_up.fetch_headers()


def test_headers_that_cannot_be_fetched_are_named_with_the_reason(debian: Path) -> None:
    offer_headers(debian, "3.99.1-1")
    next(debian.glob("*.deb")).unlink()
    assert prerequisites.check(set_up.VENV) is None
    with pytest.raises(set_up.StepError) as caught:
        set_up.fetch_headers()
    assert str(caught.value) == (
        f"missing: Python.h; on Debian or Ubuntu: sudo apt-get install python3.{sys.version_info[1]}-dev "
        "(fetching libpython3.99-dev=3.99.1-1 failed, setup.log says why)"
    )
    assert "libpython3.99-dev_3.99.1-1_amd64.deb" in set_up.LOG.read_text()
    assert list(set_up.VENV.iterdir()) == []


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
    debian: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(python_headers, "OF_MACHINE", debian)
    (debian / "Python.h").touch()
    set_up.fetch_headers()
    assert python_headers.folder(set_up.VENV) == debian
    assert capsys.readouterr().out == ""
    assert list(set_up.VENV.iterdir()) == []


def test_the_wheels_header_folders_are_corrected_once_and_for_any_python(tmp_path: Path) -> None:
    wheel = "/opt/python/cp313-cp313/"
    text = f'"{wheel}include/python3.13;{wheel}lib/python3.13/site-packages/numpy/_core/include;/opt/python/other"\n'
    folder = tmp_path / "venv" / "share" / "std_msgs" / "cmake"
    folder.mkdir(parents=True)
    in_cache = tmp_path / "in_cache.cmake"
    in_cache.write_text(text)
    installed = folder / "export.cmake"
    installed.hardlink_to(in_cache)

    assert fix_ros_wheels.fix(tmp_path / "venv", "/usr/include/python3.13", "/n/include") == [installed]
    assert installed.read_text() == '"/usr/include/python3.13;/n/include;/opt/python/other"\n'
    assert in_cache.read_text() == text
    assert fix_ros_wheels.fix(tmp_path / "venv", "/usr/include/python3.13", "/n/include") == []


def test_messages_that_the_system_ros_has_are_not_built_and_ours_are_not_taken_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_up, "WORKSPACE", tmp_path / "ros_ws")
    ours, system = tmp_path / "ros_ws" / "install" / "tf2_msgs", tmp_path / "ros"
    for prefix, name in ((ours, "tf2_msgs"), (system, "event_camera_msgs")):
        (prefix / "share" / name).mkdir(parents=True)
        (prefix / "share" / name / "package.xml").touch()
    assert set_up.packages_of_system_ros({"AMENT_PREFIX_PATH": f"{ours}:{system}"}) == ["event_camera_msgs"]


def test_stamps_know_what_changed_and_what_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_up.Stamps, "path", tmp_path / "stamps.json")
    made = tmp_path / "made"
    made.touch()
    set_up.Stamps().finish("step", "a")
    assert set_up.Stamps().up_to_date("step", "a", made)
    assert not set_up.Stamps().up_to_date("step", "b", made)
    assert not set_up.Stamps().up_to_date("other", "a", made)
    made.unlink()
    assert not set_up.Stamps().up_to_date("step", "a", made)
    (tmp_path / "stamps.json").write_text("{cut")
    assert not set_up.Stamps().up_to_date("step", "a")


def test_make_prints_its_verbs() -> None:
    done = subprocess.run(["make", "-C", ROOT, "--no-print-directory"], capture_output=True, text=True, check=True)
    verbs = [line.split()[1] for line in done.stdout.splitlines()]
    others = ["test-peers", "lint", "format", "types", "examples", "bench", "bench-setup", "lock", "clean"]
    gazebo = ["gazebo-classic", "clean-gazebo", "test-gazebo", "bench-gazebo"]
    assert sorted(verbs) == sorted(["help", "setup", "demo", "test", *others, *gazebo])


def test_every_path_that_the_image_copies_exists() -> None:
    lines = (ROOT / "docker" / "Dockerfile").read_text().splitlines()
    copied = [part for line in lines if line.startswith("COPY ") for part in line.split()[2:-1]]
    assert len(copied) > 5
    assert [path for path in copied if not (ROOT / path).exists()] == []
    entry = next(line for line in lines if line.startswith("ENTRYPOINT"))
    assert os.access(ROOT / entry.split('"')[1], os.X_OK)


def test_what_compose_starts_exists() -> None:
    services = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
    over = yaml.safe_load((ROOT / "docker" / "compose.gui.yaml").read_text())["services"]
    assert set(over) <= set(services)
    folders = {"spikedrive": ROOT / "launch", "spikedrive_gazebo": ROOT / "ros_ws/src/spikedrive_gazebo/launch"}
    for service in [*services.values(), *(services[name] | changes for name, changes in over.items())]:
        dockerfile = ROOT / "docker" / service["build"]["context"] / service["build"]["dockerfile"]
        assert f" AS {service['build']['target']}\n" in dockerfile.read_text()
        ros2, launch, package, name, *_ = service["command"]
        assert (ros2, launch) == ("ros2", "launch")
        assert (folders[package] / name).is_file()


def test_no_image_runs_as_root() -> None:
    stages = re.split(r"^FROM ", (ROOT / "docker" / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    assert len(stages) == 2
    for stage in stages:
        *_, last = re.findall(r"^USER (.*)$", stage, flags=re.MULTILINE)
        assert last == "1000:1000"
