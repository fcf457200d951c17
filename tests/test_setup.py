"""The house: packaging, lock, set-up, Makefile and image."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import set_up
import yaml

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.txt").read_text()


def requirement_name(line: str) -> str:
    return re.split(r"[=<>\[~!; ]", line, maxsplit=1)[0]


def test_every_package_folder_is_packaged() -> None:
    names = {"snn_core": "snn_core", "benchmarks": "spikedrive_benchmarks", "nodes": "spikedrive_nodes"}
    folders = {p.parent.relative_to(ROOT).parts for name in names for p in (ROOT / name).rglob("__init__.py")}
    packages = [".".join((names[top], *below)) for top, *below in folders]
    setuptools = PYPROJECT["tool"]["setuptools"]
    data = [name for name in setuptools["package-dir"] if "." in name]
    assert sorted(setuptools["packages"]) == sorted(packages + data)


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


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("ROS_DISTRO", "CXX")}
    done = subprocess.run(
        # Isolated and without site-packages: nothing is installed when it runs.
        [sys.executable, "-I", "-S", "-B", ROOT / "scripts" / "set_up.py"],
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


def test_the_set_up_can_say_no_to_an_old_python() -> None:
    setup = ROOT / "nodes" / "processes" / "setup"
    files = [ROOT / "scripts" / "set_up.py", ROOT / "nodes" / "__init__.py", setup.parent / "__init__.py"]
    for path in [*files, *setup.glob("*.py")]:
        ast.parse(path.read_text(), path, feature_version=(3, 7))


def test_make_prints_its_verbs() -> None:
    done = subprocess.run(["make", "-C", ROOT, "--no-print-directory"], capture_output=True, text=True, check=True)
    verbs = [line.split()[1] for line in done.stdout.splitlines()]
    others = ["test-peers", "lint", "format", "types", "examples", "bench", "bench-setup", "lock", "wheel", "clean"]
    gazebo = ["gazebo-classic", "clean-gazebo", "test-gazebo", "bench-gazebo"]
    assert sorted(verbs) == sorted(["help", "setup", "demo", "test", *others, *gazebo])


def test_every_path_that_the_image_copies_exists_and_all_that_is_packaged_is_copied() -> None:
    lines = (ROOT / "docker" / "Dockerfile").read_text().splitlines()
    copied = [part for line in lines if line.startswith("COPY ") for part in line.split()[2:-1]]
    assert len(copied) > 5
    assert [path for path in copied if not (ROOT / path).exists()] == []
    packaged = {"snn_core", *PYPROJECT["tool"]["setuptools"]["package-dir"].values()}
    assert {folder for folder in packaged if not any(Path(path).parts[0] == folder for path in copied)} == set()
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
