"""The wheel, installed into an empty environment outside the checkout: first without ROS 2, then with it."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import set_up

import snn_core
from spikedrive_nodes.processes.node_processes import free_domain_id
from spikedrive_nodes.processes.setup import message_packages, prerequisites

ROOT = Path(__file__).resolve().parents[1]
EXTRA = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["ros"]
UV = set_up.VENV / "bin" / "uv"
TIMEOUT_S = 1500
"""Of a command; on a machine that does nothing else the longest takes a minute."""
EVENTS = "t,x,y,p\n" + "".join(f"{1000 * n},{n % 40},{n % 30},{n % 2}\n" for n in range(100))

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(2 * TIMEOUT_S)]


@dataclass(frozen=True)
class Installation:
    """An environment that the wheel is installed in, and the folder that its commands run in."""

    prefix: Path
    folder: Path
    domain_id: int

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        (folder,) = self.prefix.glob("lib/python3*/site-packages")
        return folder

    def install(self, requirement: str) -> None:
        """Install it and what it needs, in the versions of the lock."""
        command = [UV, "pip", "install", "--python", self.prefix / "bin" / "python"]
        command += ["--constraints", ROOT / "requirements.txt", requirement]
        offline = subprocess.run([*command, "--offline"], capture_output=True, check=False)
        if offline.returncode:  # not all is in uv's cache
            subprocess.run(command, check=True)

    def run(self, *arguments: object, path: str | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run ``spikedrive`` as a user does who has nothing of ROS 2 and no checkout, and expect an exit code."""
        commands = self.prefix / "bin"
        others = [part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != set_up.VENV / "bin"]
        environment = {
            "HOME": str(self.folder),
            "PATH": path if path is not None else os.pathsep.join([str(commands), *others]),
            "ROS_DOMAIN_ID": str(self.domain_id),
            "TERM": "dumb",
        }
        command = [str(commands / "spikedrive"), *map(str, arguments)]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done

    def figures(self, *arguments: object) -> dict[str, Any]:
        """What a command writes as JSON."""
        return json.loads(self.run(*arguments, "--json", "-").stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [UV, "build", "--quiet", "--offline", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*command, "--out-dir", folder, ROOT], check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An environment with the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("wheel")
    installation = Installation(folder / "environment", folder / "home", free_domain_id())
    installation.folder.mkdir()
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, installation.prefix], check=True)
    installation.install(str(wheel))
    lend_kernels(installation.site_packages / "snn_core")
    return installation


def lend_kernels(installed: Path) -> None:
    """Give an installed snn_core what numba has cached of this one: compiling it all takes more than a minute.

    numba's stamp of a source file is its digest, so that nothing that differs is used.
    """
    own = Path(snn_core.__file__).parent
    for path in own.rglob("__pycache__/*.nb[ic]"):
        lent = installed / path.relative_to(own)
        lent.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, lent)


@pytest.fixture(scope="module")
def trained(installation: Installation) -> dict[str, Any]:
    """What training in process says, before there is any ROS 2 in the environment."""
    assert not list(installation.site_packages.glob("*rclpy*"))
    return installation.figures("train", "--seconds", 2, "--evaluation-seconds", 0)


@pytest.fixture(scope="module")
def with_ros(installation: Installation, trained: dict[str, Any], wheel: Path) -> Installation:
    """The same environment with the extra ``ros`` and its message packages."""
    if prerequisites.system_ros(dict(os.environ)):
        pytest.skip("a system ROS 2 takes the place of the extra")
    said = installation.run("train", "--dds", code=2).stderr
    assert said.count("\n") == 1
    assert "rclpy: " in said
    assert said.endswith("run: pip install 'spikedrive[ros]' && spikedrive setup\n")
    said = installation.run("setup", code=2).stderr
    first, *others = sorted(EXTRA)
    assert said == (
        f"spikedrive: setup: missing: {first} and {len(others)} more of the extra ros; "
        "run: pip install 'spikedrive[ros]'\n"
    )

    installation.install(f"spikedrive[ros] @ {wheel.as_uri()}")
    said = installation.run("setup", path=str(installation.prefix / "bin"), code=2).stderr
    assert said == "spikedrive: setup: missing: a C++ compiler; on Debian or Ubuntu: sudo apt-get install g++\n"
    said = installation.run("train", "--dds", code=2).stderr
    assert said.endswith(": expected this Python package of ROS 2, found none; run: spikedrive setup\n")

    assert installation.run("setup").stdout.splitlines()[-1] == "setup: ready"
    return installation


def sources() -> set[str]:
    """What the wheel is to hold, by the folders of the checkout."""
    folders = {"snn_core": "snn_core", "nodes": "spikedrive_nodes", "benchmarks": "spikedrive_benchmarks"}
    folders |= {"launch": "spikedrive_nodes/launch"}
    folders |= {f"ros_ws/src/{name}": f"spikedrive_nodes/ros_ws/src/{name}" for name in message_packages.NAMES}
    files = {
        f"{packaged}/{path.relative_to(ROOT / folder)}"
        for folder, packaged in folders.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {name for name in files if not name.endswith(".md")}


def test_the_wheel_holds_every_file_of_its_packages_and_has_no_other_name(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in names} == {"snn_core", "spikedrive_benchmarks", "spikedrive_nodes"}
    assert set(names) == sources()


def test_without_checkout_and_ros_it_trains_evaluates_and_reports(
    installation: Installation, trained: dict[str, Any]
) -> None:
    run = installation.folder / "out" / "train_0"
    assert trained["simulated_s"] == 2
    again = installation.figures("train", "--seconds", 5, "--evaluation-seconds", 5)
    assert (again["simulated_s"], again["evaluation_s"]) == (5, 5)
    assert again["spike_sha256"] != trained["spike_sha256"]
    evaluated = installation.figures("evaluate", run / "checkpoint.npz", "--seconds", 2)
    assert evaluated["evaluation_s"] == 2
    (run / "report.html").unlink()
    installation.run("report", run)
    assert "<html" in (run / "report.html").read_text()


def test_without_checkout_and_ros_it_reads_writes_and_replays_recordings(installation: Installation) -> None:
    (installation.folder / "events.csv").write_text(EVENTS)
    source = "events.csv"
    for target in ("events.h5", "events.mcap", "events.raw"):
        installation.run("convert", source, target)
        source = target
    assert installation.figures("info", source)["events"] == 100
    replayed = installation.figures("replay", source, "--in-process")
    assert replayed["events_received"] == 100


def test_without_checkout_and_ros_it_exports_measures_and_lists_launch_arguments(installation: Installation) -> None:
    installation.run("nir", "export", "lane", "lane.nir", "--drop-plasticity")
    assert (installation.folder / "lane.nir").stat().st_size > 1000
    assert "snn" in installation.run("bench", "--help").stdout
    measured = installation.figures("bench", "snn", "--workload", "lane", "--steps", 100, "--rounds", 1)
    assert len(measured["rows"]) == 2
    assert "params_file" in installation.run("launch", "robot", "--show-args").stdout


def test_with_the_extra_it_drives_over_dds_with_the_same_bits(with_ros: Installation, trained: dict[str, Any]) -> None:
    command = ["train", "--dds", "--seconds", 2, "--evaluation-seconds", 0, "--out", "dds"]
    over_dds = with_ros.figures(*command)
    for digest in ("spike_sha256", "trajectory_sha256"):
        assert over_dds[digest] == trained[digest]


def test_messages_are_built_once_and_those_of_another_version_are_refused(with_ros: Installation) -> None:
    packages_file = with_ros.site_packages / message_packages.PATHS_FILE
    folders = [Path(line) for line in packages_file.read_text().splitlines()]
    assert len(folders) == len(message_packages.NAMES)
    assert all(with_ros.prefix / "share" / "spikedrive" in folder.parents for folder in folders)
    built = [folder.stat().st_mtime_ns for folder in (*folders, packages_file)]
    assert with_ros.run("setup").stdout == "setup: ready\n"
    assert [folder.stat().st_mtime_ns for folder in (*folders, packages_file)] == built

    message = with_ros.site_packages / "spikedrive_nodes/ros_ws/src/spikedrive_msgs/msg/Spikes.msg"
    text = message.read_text()
    message.unlink()  # may be a link into the installer's cache
    message.write_text(f"{text}float64 new\n")
    said = with_ros.run("train", "--dds", code=2).stderr
    assert said.endswith("built for another version of SpikeDrive; run: spikedrive setup\n")
    message.write_text(text)
