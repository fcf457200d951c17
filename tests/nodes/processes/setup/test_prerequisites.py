"""What a machine must have: what is refused, and what is missing."""

from pathlib import Path

import pytest

from spikedrive_nodes.processes.setup import prerequisites


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


def test_missing_parts_of_python_are_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites.importlib.util, "find_spec", lambda name: None)
    lacks = prerequisites.missing((3, 13), tmp_path)
    assert lacks == {"venv and ensurepip": "python3.13-venv", "Python.h": "python3.13-dev"}
