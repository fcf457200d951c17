"""A task of another package: a body in one file that all of SpikeDrive takes, in process and over DDS."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.nodes.cli.spikedrive_command import SPIKEDRIVE

pytestmark = [pytest.mark.processes, pytest.mark.slow]

MOST_LINES = 60
SEED = 4
TASK = '''\
"""A gaze that is to follow a bright bar, which moves along x over a camera of 16 x 4 pixels."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from snn_core import Command, Events, Outcome, SimpleTask, TaskWindow, weighted

WIDTH, HEIGHT, EVENTS = 16, 4, 10  # EVENTS: of a pixel in a window
FURTHEST_PX, REACHED_S = 7.5, 4.0


class Gaze(SimpleTask):
    name = "gaze"
    summary = "Keep a moving bar in the middle of the view."
    channels = ("speed_px_s",)
    ranges: ClassVar = {"speed_px_s": (-60.0, 60.0)}
    state_names = ("gaze_px", "bar_px")
    sensor = (WIDTH, HEIGHT)
    network = str(Path(__file__).with_name("gaze.yaml"))

    def place(self, rng: np.random.Generator) -> None:
        self._phase = float(rng.uniform(0.0, 2.0 * np.pi))
        self._gaze_px = self._bar_px = 0.0
        self._since_s = 0.0

    def advance(self, command: Command, begin_us: int, end_us: int) -> Events:
        seconds = 1e-6 * (end_us - begin_us)
        self._since_s += seconds
        self._gaze_px += command["speed_px_s"] * seconds
        swing = np.sin(self._phase + np.pi * self._since_s) - np.sin(self._phase)
        self._bar_px = float(10.0 * swing)
        column = int(np.clip(np.floor(WIDTH / 2 + self._offset_px()), 0, WIDTH - 1))
        t = np.linspace(begin_us, end_us - 1, HEIGHT * EVENTS).astype(np.int64)
        x, on = np.full(t.size, column, np.uint16), np.ones(t.size, np.uint8)
        return Events(t, x, (np.arange(t.size) % HEIGHT).astype(np.uint16), on)

    def _offset_px(self) -> float:
        return self._bar_px - self._gaze_px

    def state(self) -> tuple[float, ...]:
        return self._gaze_px, self._bar_px

    def outcome(self) -> Outcome:
        if abs(self._offset_px()) > FURTHEST_PX:
            return Outcome.FAILED
        return Outcome.COMPLETED if self._since_s >= REACHED_S else Outcome.GOES_ON

    def signals(self, window: TaskWindow) -> dict[str, float]:
        offset = self._offset_px() / FURTHEST_PX
        near, far = (1.0, 1.0 - abs(offset)), (0.5, -float(abs(offset) > 0.5))
        return weighted("error", {"offset": (1.0, offset)}) | weighted("reward", {"near": near, "far": far})
'''
NETWORK = """\
name: gaze
window_ms: 50.0
populations:
  eye: {model: spike_source, size: 16}
  right: &motor
    model: lif
    size: 1
    parameters: {tau_membrane_ms: 20.0, tau_synapse_ms: 5.0, resistance_mohm: 10.0, rest_mv: -65.0, reset_mv: -65.0,
                 threshold_mv: -50.0, refractory_ms: 2.0}
  left: *motor
connections:
  - &learns
    pre: eye
    post: right
    weights: {distribution: uniform, low_na: 2.0, high_na: 4.0}
    rule: {name: r_stdp, signal: error, learning_rate_per_ms: 1.0e-3, w_max_na: 8.0, tau_eligibility_ms: 100.0}
  - {<<: *learns, post: left}
encoder:
  code: event_driven
  population: eye
  events_per_spike: 4
  pooling: {sensor: [16, 4], rows: 1, columns: 16}
decoder:
  code: push_pull
  command:
    speed_px_s: {raises: right, lowers: left, low: -60.0, high: 60.0, full_rate_hz: 100.0, tau_ms: 50.0}
"""
METADATA = "Metadata-Version: 2.1\nName: gaze-of-others\nVersion: 1.0\n"
ENTRY_POINTS = "[spikedrive.tasks]\ngaze = gaze_of_others:Gaze\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of processes in which the package is installed."""
    folder = tmp_path_factory.mktemp("site")
    files = {
        "gaze_of_others/__init__.py": TASK,
        "gaze_of_others/gaze.yaml": NETWORK,
        "gaze_of_others-1.0.dist-info/METADATA": METADATA,
        "gaze_of_others-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    searched = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": searched}


def spikedrive(environment: dict[str, str], *arguments: object) -> str:
    """What ``spikedrive`` prints."""
    command = [SPIKEDRIVE, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def train(environment: dict[str, str], out: Path, *options: object) -> dict[str, Any]:
    arguments = ("train", "--task", "gaze", "--seconds", 5, "--seed", SEED, "--evaluation-seconds", 0)
    return json.loads(spikedrive(environment, *arguments, "--out", out, "--json", "-", *options))


@pytest.fixture(scope="module")
def trained(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of a training in process, and its figures."""
    out = tmp_path_factory.mktemp("trained")
    return out, train(environment, out)


def test_the_package_is_a_file_of_few_lines() -> None:
    assert len(TASK.splitlines()) <= MOST_LINES


def test_it_is_listed_with_what_it_is_driven_by(environment: dict[str, str]) -> None:
    said = " ".join(spikedrive(environment | {"COLUMNS": "200"}, "tasks").split())
    for words in ("lane", "gaze", "Keep a moving bar in the middle of the view.", "speed_px_s", "gaze.yaml"):
        assert words in said


@pytest.mark.ros
def test_over_dds_it_is_trained_to_the_same_bits(
    environment: dict[str, str], trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    _, figures = trained
    over_dds = train(environment, tmp_path, "--dds")
    assert figures["task"] == over_dds["task"] == "gaze"
    assert figures["simulated_s"] == over_dds["simulated_s"] == 5.0
    assert figures["failed"] > 0  # else that the body is placed again would go untested
    for key in ("spike_sha256", "trajectory_sha256", "failed", "completed", "last_failed_s"):
        assert over_dds[key] == figures[key], key


def test_the_report_tells_of_it(environment: dict[str, str], trained: tuple[Path, dict[str, Any]]) -> None:
    out, _ = trained
    page = (out / "report.html").read_text()
    assert "gaze task" in page
    for words in ("gaze_px", "bar_px", "error", "offset", "reward", "near", "far"):
        assert f">{words}</text>" in page  # of a figure


def test_it_is_learnt(environment: dict[str, str], trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out, _ = trained
    arguments = ("evaluate", out / "checkpoint.npz", "--task", "gaze", "--seconds", 20, "--seed", SEED)
    figures = json.loads(spikedrive(environment, *arguments, "--out", tmp_path, "--json", "-"))
    assert figures["evaluation_failed"] < figures["before_evaluation_failed"] // 2
    assert figures["evaluation_completed"] > figures["before_evaluation_completed"]


GYMNASIUM = """
import gymnasium, json
environment = gymnasium.make("snn_core.tasks.environment:SpikeDrive/Gaze-v0")
_, _ = environment.reset(seed=0)
_, reward, terminated, _, info = environment.step(environment.action_space.sample())
print(json.dumps([environment.action_space.shape, float(reward), bool(terminated), info["signals"]]))
"""


def test_gymnasium_makes_an_environment_of_it(environment: dict[str, str]) -> None:
    command = [str(Path(SPIKEDRIVE).with_name("python")), "-c", GYMNASIUM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    shape, reward, terminated, signals = json.loads(done.stdout)
    assert shape == [1]
    assert not terminated
    assert set(signals) == {"error", "error/offset", "reward", "reward/near", "reward/far"}
    assert reward == signals["reward"] == signals["reward/near"] + signals["reward/far"]
