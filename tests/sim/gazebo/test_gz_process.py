"""Processes of Gazebo Sim: which interpreter runs the helpers, what they say, and when they end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from snn_core.errors import UserError
from snn_core.sim.gazebo.gz import helper as gz_helper
from snn_core.sim.gazebo.gz.process import Helper, HelperPlan, find_python


def test_interpreter_that_does_not_exist() -> None:
    with pytest.raises(UserError, match=r"gazebo\.gz_python: .*'/nowhere/python'.*install gz-harmonic"):
        find_python("/nowhere/python")


@pytest.fixture
def bare_python(tmp_path: Path) -> str:
    """An interpreter that has the standard library and nothing else."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_interpreter_without_bindings(bare_python: str) -> None:
    with pytest.raises(UserError, match=r"No module named 'gz'.*install gz-harmonic") as caught:
        find_python(bare_python)
    assert "\n" not in str(caught.value)


def helper_plan(**other: int) -> HelperPlan:
    plan = HelperPlan(
        world="lane", robot="robot", cmd_vel_topic="/cmd", odometry_topic="/odometry", camera_topic="/camera",
        step_us=1000, width=4, height=2, slots=3, memory=os.memfd_create("frames"),
    )  # fmt: skip
    plan.update(other)  # type: ignore[typeddict-item]
    os.ftruncate(plan["memory"], gz_helper.HEADER_BYTES + plan["slots"] * plan["width"] * plan["height"])
    return plan


def test_helper_that_cannot_start_says_why_and_ends(bare_python: str, tmp_path: Path) -> None:
    plan = helper_plan()
    helper = Helper("listen", bare_python, plan, dict(os.environ), tmp_path / "log")
    os.close(plan["memory"])
    try:
        while (said := helper.read(10.0)) is not None:
            assert said == []
        assert "No module named 'gz'" in helper.log.read_text()
    finally:
        helper.stop()


def test_helper_ends_with_its_input_while_it_waits_for_a_server(gz_python: str, tmp_path: Path) -> None:
    apart = os.environ | {"GZ_PARTITION": f"test_{os.getpid()}", "GZ_IP": "127.0.0.1"}
    for role in ("control", "listen"):
        plan = helper_plan()
        helper = Helper(role, gz_python, plan, apart, tmp_path / "log")
        os.close(plan["memory"])
        if role == "control":
            assert helper.read(20.0) == [{"waiting": "/world/lane/control"}]
        helper.stop()
        assert helper.process.returncode == 0, role


PUBLISHER = """
import json, select, sys
sys.path.insert(0, {folder!r})
import gz_helper
sys.path.pop(0)
bindings = gz_helper.Bindings()
Image = bindings.message("image", "Image")
node = bindings.node()
publisher = node.advertise("/camera", Image)
while not select.select([sys.stdin], [], [], 0.05)[0]:
    publisher.publish(Image(width=1, height=1))
for width, height, format, data in json.loads(sys.stdin.readline()):
    image = Image(width=width, height=height, pixel_format_type=format, data=bytes(data))
    image.header.stamp.sec, image.header.stamp.nsec = 1, 2000
    publisher.publish(image)
sys.stdin.read()
"""


def test_listener_passes_frames_on_and_refuses_others(gz_python: str, tmp_path: Path) -> None:
    apart = os.environ | {"GZ_PARTITION": f"test_{os.getpid()}", "GZ_IP": "127.0.0.1"}
    plan = helper_plan()
    images = [(4, 2, 1, list(range(8))), (4, 2, 1, list(range(8, 16))), (2, 4, 1, [0] * 8), (4, 2, 3, [0] * 24)]
    wanted = [
        {"frame": [1_000_002, 0]},
        {"frame": [1_000_002, 1]},
        {"refused": "/camera: expected an image of (4, 2) px, found one of (2, 4) px"},
        {"refused": "/camera: expected pixels of format L8, found R8G8B8 in 24 bytes"},
    ]
    helper = Helper("listen", gz_python, plan, apart, tmp_path / "log")
    script = PUBLISHER.format(folder=str(Path(gz_helper.__file__).parent))
    publisher = subprocess.Popen([gz_python, "-c", script], env=apart, stdin=subprocess.PIPE)
    try:
        said = helper.read(30.0)
        assert said, helper.log.read_text()
        assert "found one of (1, 1) px" in said[0]["refused"]  # they have found each other
        assert publisher.stdin is not None
        publisher.stdin.write(json.dumps(images).encode() + b"\n")
        publisher.stdin.flush()
        while said[-1] != wanted[-1]:
            more = helper.read(30.0)
            assert more, helper.log.read_text()
            said += more
        assert said[-len(wanted) :] == wanted
        memory = os.pread(plan["memory"], 24, 0)
        assert int.from_bytes(memory[:8], sys.byteorder) == 2
        assert list(memory[8:]) == list(range(16))
    finally:
        publisher.kill()
        publisher.communicate()
        helper.stop()
        os.close(plan["memory"])
