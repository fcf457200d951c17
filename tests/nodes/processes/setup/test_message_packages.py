"""Building message packages: the corrected wheels, and what need not be built."""

from pathlib import Path

from spikedrive_nodes.processes.setup import ros_wheels
from spikedrive_nodes.processes.setup.message_packages import Workspace


def test_the_wheels_header_folders_are_corrected_once_and_for_any_python(tmp_path: Path) -> None:
    wheel = "/opt/python/cp313-cp313/"
    text = f'"{wheel}include/python3.13;{wheel}lib/python3.13/site-packages/numpy/_core/include;/opt/python/other"\n'
    folder = tmp_path / "venv" / "share" / "std_msgs" / "cmake"
    folder.mkdir(parents=True)
    in_cache = tmp_path / "in_cache.cmake"
    in_cache.write_text(text)
    installed = folder / "export.cmake"
    installed.hardlink_to(in_cache)

    assert ros_wheels.fix(tmp_path / "venv", "/usr/include/python3.13", "/n/include") == [installed]
    assert installed.read_text() == '"/usr/include/python3.13;/n/include;/opt/python/other"\n'
    assert in_cache.read_text() == text
    assert ros_wheels.fix(tmp_path / "venv", "/usr/include/python3.13", "/n/include") == []


def test_messages_that_the_system_ros_has_are_not_built_and_ours_are_not_taken_for_them(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ros_ws", tmp_path / "ros_ws" / "src")
    ours, system = workspace.install / "tf2_msgs", tmp_path / "ros"
    for prefix, name in ((ours, "tf2_msgs"), (system, "event_camera_msgs")):
        (prefix / "share" / name).mkdir(parents=True)
        (prefix / "share" / name / "package.xml").touch()
    assert workspace.found_in(f"{ours}:{system}") == ["event_camera_msgs"]
    assert workspace.found_in("") == []
