"""The backend of Gazebo Sim: in a real one where there is one; what it says where there is none, everywhere."""

import math
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.sim.gazebo.backend import WorldDisturbedError
from snn_core.sim.gazebo.description.world_sdf import write_world
from snn_core.sim.gazebo.gz.backend import GzBackend
from snn_core.sim.track import Pose, load_track
from snn_core.tasks.lane.task import SimulatorSettings
from tests.gazebos import RENDER_ENGINE
from tests.processes import alive, environment, gone

WINDOW_US = 50_000
START = Pose(0.5, -0.25, 0.3)


@pytest.fixture(scope="module")
def settings(gz_python: str) -> SimulatorSettings:
    """Those of a Gazebo Sim that is here."""
    return SimulatorSettings.model_validate(
        {"backend": "gz", "gazebo": {"gz_python": gz_python, "render_engine": RENDER_ENGINE, "answer_timeout_s": 10.0}}
    )


@pytest.fixture(scope="module")
def world(settings: SimulatorSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "lane.sdf"
    write_world(settings, load_track(settings.track), path, classic=False)
    return path


@pytest.fixture
def started(settings: SimulatorSettings, world: Path) -> Iterator[GzBackend]:
    backend = GzBackend(settings, world)
    try:
        backend.start()
        yield backend
    finally:
        backend.stop()


def test_no_gazebo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    backend = GzBackend(SimulatorSettings(backend="gz"), tmp_path / "lane.sdf")
    with pytest.raises(UserError, match="gz: there is no command gz in PATH: install gz-harmonic"):
        backend.start()
    backend.stop()
    assert backend.pids == []


def test_lockstep(started: GzBackend) -> None:
    placed = started.place(START)
    assert len(placed.frames) == 1
    assert placed.frames[0].t_us == placed.state.t_us
    assert math.dist(placed.state.pose, START) < 1e-3
    assert abs(placed.state.v) < 1e-3
    now_us = placed.state.t_us
    for _ in range(20):
        seen = started.step(0.5, 0.0, WINDOW_US)
        assert [frame.t_us for frame in seen.frames] == list(range(now_us + 10_000, now_us + WINDOW_US + 1, 10_000))
        now_us += WINDOW_US
        assert seen.state.t_us == now_us
    assert seen.state.v == pytest.approx(0.5, rel=0.02)
    assert seen.state.omega == pytest.approx(0.0, abs=0.02)
    x, y = seen.state.pose[0] - START.x, seen.state.pose[1] - START.y
    assert math.atan2(y, x) == pytest.approx(START.yaw, abs=0.02)
    assert not np.array_equal(seen.frames[-1].image, placed.frames[0].image)
    again = started.place(START)  # driving: it has to brake first
    assert math.dist(again.state.pose, START) < 1e-3
    assert np.abs(again.frames[0].image.astype(int) - placed.frames[0].image).max() <= 8


def test_two_runs_are_the_same(settings: SimulatorSettings, world: Path) -> None:
    runs = []
    for _ in range(2):
        backend = GzBackend(settings, world)
        try:
            backend.start()
            backend.place(START)
            seen = [backend.step(1.0, 1.0 - 0.1 * k, WINDOW_US) for k in range(20)]
        finally:
            backend.stop()
        runs.append(([one.state for one in seen], np.array([f.image for one in seen for f in one.frames])))
    assert runs[0][0] == runs[1][0]
    assert np.array_equal(runs[0][1], runs[1][1])


def test_free_running(started: GzBackend) -> None:
    started.place(START)
    started.run()
    started.send(0.5, 0.0)
    stamps: list[int] = []
    while len(stamps) < 50:
        seen = started.take(5.0)
        assert seen is not None
        stamps += [frame.t_us for frame in seen.frames]
        assert seen.state.t_us <= stamps[-1]
    assert np.all(np.diff(stamps) > 0)
    assert math.dist(seen.state.pose[:2], START[:2]) > 0.05
    placed = started.place(START)
    assert placed.frames[0].t_us > stamps[-1]
    assert math.dist(placed.state.pose, START) < 1e-3
    seen = started.take(5.0)
    assert seen is not None
    assert seen.frames[0].t_us > placed.frames[0].t_us
    assert started.counters == {"frames_lost": 0}


def test_image_of_another_size(settings: SimulatorSettings, world: Path) -> None:
    camera = settings.camera.model_copy(update={"width": 64})
    backend = GzBackend(settings.model_copy(update={"camera": camera}), world)
    try:
        with pytest.raises(UserError, match=r"/camera: expected an image of \(64, 128\) px, found one of \(128, 128\)"):
            backend.start()
    finally:
        backend.stop()


def test_world_without_a_camera(settings: SimulatorSettings, world: Path, tmp_path: Path) -> None:
    text, found = re.subn(r"<sensor .*?</sensor>", "", world.read_text(), flags=re.DOTALL)
    assert found == 1
    path = Path(shutil.copytree(world.parent, tmp_path / "world")) / world.name
    path.write_text(text)
    impatient = settings.gazebo.model_copy(update={"start_timeout_s": 8.0})
    backend = GzBackend(settings.model_copy(update={"gazebo": impatient}), path)
    try:
        with pytest.raises(UserError, match="gz: no /camera within 8 s; its log"):
            backend.start()
    finally:
        backend.stop()


def test_server_that_cannot_load_its_world(settings: SimulatorSettings, tmp_path: Path) -> None:
    path = tmp_path / "bad.sdf"
    path.write_text("<sdf>")
    backend = GzBackend(settings, path)
    try:
        with pytest.raises(UserError, match=r"gz: ended with code .*; its log .* ends: .*bad\.sdf") as caught:
            backend.start()
        assert "\n" not in str(caught.value)
    finally:
        backend.stop()


def test_server_killed(started: GzBackend) -> None:
    started.place(START)
    os.kill(started.pids[0], signal.SIGKILL)
    with pytest.raises(UserError, match="gz: was ended by signal 9"):
        started.step(0.5, 0.0, WINDOW_US)


@pytest.mark.parametrize("helper", [-2, -1])
def test_helper_killed(started: GzBackend, helper: int) -> None:
    started.place(START)
    os.kill(started.pids[helper], signal.SIGKILL)
    with pytest.raises(UserError, match=r"gz: its helper \((control|listen)\) has ended"):
        started.step(0.5, 0.0, WINDOW_US)


def test_server_stopped_and_continued(started: GzBackend) -> None:
    started.place(START)
    server = started.pids[0]
    os.kill(server, signal.SIGSTOP)
    waker = subprocess.Popen(["sh", "-c", f"sleep 2.5; kill -CONT {server}"])
    try:
        seen = started.step(0.5, 0.0, WINDOW_US)
    finally:
        waker.wait()
    assert len(seen.frames) == 5


def test_server_stopped_for_good(settings: SimulatorSettings, world: Path) -> None:
    impatient = settings.gazebo.model_copy(update={"answer_timeout_s": 2.0})
    backend = GzBackend(settings.model_copy(update={"gazebo": impatient}), world)
    pids: list[int] = []
    try:
        backend.start()
        pids = backend.pids
        os.kill(pids[0], signal.SIGSTOP)
        with pytest.raises(UserError, match=r"gz: .* within 2 s; its log"):
            backend.step(0.5, 0.0, WINDOW_US)
    finally:
        backend.stop()
    assert gone(pids, 1.0)


def world_control(started: GzBackend, request: str) -> None:
    """As a user would from a terminal."""
    subprocess.run(
        ["gz", "service", "-s", "/world/lane/control", "--reqtype", "gz.msgs.WorldControl", "--reptype",
         "gz.msgs.Boolean", "--timeout", "3000", "--req", request],
        env=environment(started.pids[0]),
        check=True,
        capture_output=True,
        timeout=20.0,
    )  # fmt: skip


@pytest.mark.parametrize("request_", ["pause: true, multi_step: 25", "pause: false", "reset: {all: true}"])
def test_world_moved_by_another(started: GzBackend, request_: str) -> None:
    started.place(START)
    world_control(started, request_)
    time.sleep(0.3)  # until the server has said so
    with pytest.raises(WorldDisturbedError, match="another"):
        started.step(0.0, 0.0, WINDOW_US)
    placed = started.place(START)
    assert math.dist(placed.state.pose, START) < 1e-3
    seen = started.step(0.5, 0.0, WINDOW_US)
    assert seen.state.t_us == placed.state.t_us + WINDOW_US


def test_attach(started: GzBackend, settings: SimulatorSettings, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partition = environment(started.pids[0])["GZ_PARTITION"]
    monkeypatch.setenv("GZ_IP", "127.0.0.1")
    other = settings.gazebo.model_copy(update={"attach": True, "gz_partition": partition})
    guest = GzBackend(settings.model_copy(update={"gazebo": other}), world)
    try:
        guest.start()
        assert math.dist(guest.place(START).state.pose, START) < 1e-3
        assert len(guest.step(0.5, 0.0, WINDOW_US).frames) == 5
    finally:
        guest.stop()
    assert alive(started.pids[0])


NODE = """
import sys, pathlib
from snn_core.sim.gazebo.gz.backend import GzBackend
from snn_core.tasks.lane.task import SimulatorSettings
backend = GzBackend(SimulatorSettings.model_validate_json(sys.argv[1]), pathlib.Path(sys.argv[2]))
backend.start()
print(*backend.pids, flush=True)
while True:
    backend.step(0.5, 0.0, 50000)
"""


def test_nothing_outlives_a_node_that_is_killed(settings: SimulatorSettings, world: Path) -> None:
    node = subprocess.Popen(
        [sys.executable, "-c", NODE, settings.model_dump_json(), str(world)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert node.stdout is not None
        ready, _, _ = select.select([node.stdout], [], [], 60.0)
        assert ready
        pids = [int(pid) for pid in node.stdout.readline().split()]
        assert len(pids) >= 3
    finally:
        node.kill()
        node.wait()
    assert gone(pids, 10.0)


def test_stop_leaves_nothing(settings: SimulatorSettings, world: Path) -> None:
    backend = GzBackend(settings, world)
    pids: list[int] = []
    try:
        backend.start()
        pids = backend.pids
    finally:
        backend.stop()
    assert gone(pids, 1.0)
    backend.stop()


def test_waiting_can_be_broken_off(settings: SimulatorSettings, world: Path) -> None:
    asked: list[str] = []

    def on_wait(what: str) -> None:
        asked.append(what)
        if len(asked) == 3:
            raise InterruptedError(what)

    backend = GzBackend(settings, world, on_wait)
    try:
        with pytest.raises(InterruptedError):
            backend.start()
    finally:
        backend.stop()
