"""What Gazebo Classic does on a busy machine, and that it is dealt with."""

import shutil
import subprocess
from pathlib import Path

import pytest

from snn_core.sim.gazebo.classic.install import ClassicInstall
from tests.gazebo_backends import TRACK, started

SLOW_CAMERA = Path(__file__).with_name("slow_camera.c")
STARTS = 4
pytestmark = pytest.mark.processes


def test_a_camera_that_is_slow_does_not_hold_up_the_start(
    gazebo_classic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = _compile(tmp_path)
    environment = ClassicInstall.environment
    monkeypatch.setattr(ClassicInstall, "environment", lambda self: environment(self) | {"LD_PRELOAD": str(library)})
    for _ in range(STARTS):
        with started(gazebo_classic, tmp_path, answer_timeout_s=6.0) as (backend, _):
            frames = backend.step(0.2, 0.0, 50_000).frames
        assert [frame.t_us for frame in frames] == [110_000, 120_000, 130_000, 140_000, 150_000]


@pytest.mark.parametrize("rate_hz", [25, 8])
def test_a_window_holds_whole_frames_at_any_rate(gazebo_classic: str, rate_hz: int, tmp_path: Path) -> None:
    period_us = 1_000_000 // rate_hz
    with started(gazebo_classic, tmp_path, frame_rate_hz=rate_hz) as (backend, _):
        placed_us = backend.place(TRACK.pose(0)).frames[-1].t_us
        frames = backend.step(0.2, 0.0, 2 * period_us).frames
        assert [frame.t_us for frame in frames] == [placed_us + period_us, placed_us + 2 * period_us]
        assert backend.counters["frames_lost"] == 0


def _compile(folder: Path) -> Path:
    """The library that holds a camera up."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    library = folder / "slow_camera.so"
    options = ["-O1", "-shared", "-fPIC", "-nostdlib", "-fno-stack-protector", "-DHELD_UP_US=1000"]
    subprocess.run([compiler, *options, "-o", library, SLOW_CAMERA], check=True)
    return library
