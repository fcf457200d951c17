"""``spikedrive replay``: what the controller receives and answers, over ROS 2, with processes of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_core.events.events import Events
from snn_core.events.recordings import write_recording

pytestmark = [pytest.mark.ros, pytest.mark.processes]
WIDTH, HEIGHT, SECONDS = 64, 48, 1.5
KEYS = {
    "events_received": int,
    "events_per_s": float,
    "packets_received": int,
    "packets_lost": int,
    "windows": int,
    "spikes": dict,
    "commands_published": int,
    "delay_p50_us": int,
    "delay_p99_us": int,
}


def _moving_edge() -> Events:
    """A bright bar that crosses the sensor again and again: ON at its front, OFF at its back, noise all over."""
    rng = np.random.default_rng(0)
    n = 60_000
    t = np.sort(rng.integers(2_000_000, 2_000_000 + round(SECONDS * 1e6), n)).astype(np.int64)
    front = (t * 1e-6 * 40) % WIDTH
    polarity = rng.integers(0, 2, n)
    x = np.where(rng.random(n) < 0.05, rng.integers(0, WIDTH, n), (front - 6 * (1 - polarity)) % WIDTH)
    return Events(t, x.astype(np.uint16), rng.integers(0, HEIGHT, n).astype(np.uint16), polarity.astype(np.uint8))


def _replay(file: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "spikedrive_nodes.cli", "replay", str(file), "--json", "-", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    for key, kind in KEYS.items():
        assert isinstance(figures[key], kind), key
    return figures


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "edge.aedat4"
    write_recording(path, _moving_edge(), WIDTH, HEIGHT)
    return path


@pytest.fixture(scope="module")
def lockstep(recording: Path) -> dict[str, Any]:
    return _replay(recording, "--rate", "max")


def _check_received(figures: dict[str, Any]) -> None:
    assert figures["events_received"] == len(_moving_edge())
    assert figures["packets_lost"] == figures["events_outside"] == figures["events_out_of_order"] == 0
    assert figures["commands_published"] > 0
    assert figures["windows"] >= SECONDS / 0.05 - 1
    assert 0 <= figures["delay_p50_us"] <= figures["delay_p99_us"]


def test_lockstep(lockstep: dict[str, Any]) -> None:
    _check_received(lockstep)
    assert lockstep["events_late"] == 0
    assert lockstep["spikes"]["motor"] > 0


def test_lockstep_gives_the_same_spikes_again(recording: Path, lockstep: dict[str, Any]) -> None:
    again = _replay(recording, "--rate", "max")
    for key in ("spikes", "windows", "packets_received"):
        assert again[key] == lockstep[key], key


def test_in_event_time(recording: Path) -> None:
    _check_received(_replay(recording, "--rate", "1"))


@pytest.mark.recordings
@pytest.mark.parametrize("rate", ["max", "2"])
def test_a_real_recording(recordings: Path, rate: str) -> None:
    figures = _replay(recordings / "dvxplorer_320x240.aedat4", "--rate", rate)
    assert figures["events_received"] == 111_954
    assert figures["packets_lost"] == 0
    assert figures["commands_published"] > 0
    assert sum(figures["spikes"].values()) > 0
