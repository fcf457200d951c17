"""The ``spikedrive`` command: what it writes, and how it is interrupted."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from snn_core import __version__
from snn_core.control.checkpoint import controller_from_checkpoint, read_checkpoint
from snn_core.control.safety import SafetyLimits
from snn_core.events.recordings import write_recording
from spikedrive_nodes.cli import app as cli
from spikedrive_nodes.cli.launch import launch_names
from spikedrive_nodes.node_table import NODES
from spikedrive_nodes.processes.node_processes import PARENT
from spikedrive_nodes.processes.shared_files import parameter_file
from tests.nodes.cli.spikedrive_command import SPIKEDRIVE, Say, few_events

HELP = {
    "train": ("[default: 1000.0]", "(s)", "nA/ms", "out/train_SEED", "launch/config/lane.yaml", "the network's"),
    "demo": ("[default: out/demo]", "[default: 0]"),
    "evaluate": ("checkpoint", "[default: 300.0]", "(s)", "out/evaluate"),
    "replay": ("[default: 1]", "max", "launch/config/replay.yaml"),
    "info": ("AEDAT", "ROS bag", "WIDTHxHEIGHT"),
    "convert": (".aedat4, .raw (EVT3)", "--force", "TIME", "(us)", "[default: both]"),
    "launch": ("NAME:=VALUE", "without NAME, list them"),
    "node": ("--ros-args", "parameters of NAME", ", ".join(NODES)),
    "road": ("[default: 0]", "KEY=VALUE", "those of generated:SEED", ".svg"),
    "report": ("out/demo",),
    "energy": ("report.json", "energy.yaml"),
    "sweep": ("docs/sweep.md", "out/sweep_NAME", "--ray-address"),
    "benchmark": ("[ROW]...", "--quick", "out/benchmark", "--ray-address"),
    "version": ("version",),
}
"""What the help of each command says, among other things."""
TRAINING_KEYS = {
    "task": str,
    "seed": int,
    "reward": str,
    "simulated_s": float,
    "wall_s": float,
    "compile_s": float,
    "resets": int,
    "last_reset_s": (float, type(None)),
    "laps": int,
    "spike_sha256": str,
    "trajectory_sha256": str,
}
COUNTED_KEYS = {"operations": dict, "network_size": dict}
"""In one process only."""
EVALUATION_KEYS = {
    "evaluation_s": float,
    "mean_abs_deviation_m": float,
    "max_abs_deviation_m": float,
    "evaluation_resets": int,
}


def _figures(text: str, keys: dict[str, Any]) -> dict[str, Any]:
    figures = json.loads(text)
    for key, kind in keys.items():
        assert isinstance(figures[key], kind), key
    return figures


# What it prints and writes


@pytest.mark.parametrize("command", list(HELP))
def test_help_says_defaults_and_units(say: Say, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = say(command, "--help")
    assert (code, err) == (0, "")
    text = " ".join(out.replace("│", " ").split())
    assert "Usage: " in text
    for words in HELP[command]:
        assert words in text


def test_help_lists_every_command(say: Say) -> None:
    code, out, _ = say("--help")
    assert code == 0
    assert all(command in out for command in HELP)


def test_launch_without_a_name_lists_the_launch_files(say: Say) -> None:
    code, out, err = say("launch")
    assert (code, err) == (0, "")
    for name in launch_names():
        assert re.search(rf"{name} +│ \w", out)


@pytest.mark.ros
@pytest.mark.processes
def test_a_node_runs_and_its_exit_code_is_passed_on() -> None:
    command = [SPIKEDRIVE, "node", "reward", "--ros-args", "-p", "track:=no_such_track"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("reward: track: ")


def test_version(say: Say) -> None:
    assert say("version") == (0, f"{__version__}\n", "")


def test_train_writes_figures_checkpoint_and_report(trained: Path) -> None:
    figures = _figures((trained / "figures.json").read_text(), TRAINING_KEYS | COUNTED_KEYS | EVALUATION_KEYS)
    assert (figures["task"], figures["seed"], figures["reward"]) == ("lane", 3, "signed")
    assert (figures["simulated_s"], figures["evaluation_s"]) == (6.0, 2.0)
    assert all(len(figures[key]) == 64 for key in ("spike_sha256", "trajectory_sha256"))
    assert read_checkpoint(trained / "checkpoint.npz").time_us == 6_000_000
    assert (trained / "report.html").read_text().startswith("<!doctype html>")


def test_train_prints_json_alone_and_ends_with_the_first_whole_window(say: Say, tmp_path: Path) -> None:
    code, out, err = say(
        *("train", "--seconds", 0.33, "--evaluation-seconds", 0, "--track", "tight", "--network", "lane_poisson"),
        *("--out", tmp_path / "a" / "b", "--json", "-"),
    )
    figures = _figures(out, TRAINING_KEYS)
    assert code == 0
    assert figures["simulated_s"] == 0.35
    assert not set(figures) & set(EVALUATION_KEYS)
    assert str(tmp_path / "a" / "b" / "report.html") in err


def test_training_at_rate_0_leaves_the_weights_as_drawn(say: Say, tmp_path: Path) -> None:
    say("train", "--seconds", 1, "--evaluation-seconds", 0, "--seed", 5, "--out", tmp_path, "--learning-rate", 0)
    with np.load(tmp_path / "drives.npz") as record:
        np.testing.assert_array_equal(record["weights_after_0"], record["weights_before_0"])


def _weights(checkpoint: Path) -> np.ndarray:
    return controller_from_checkpoint(checkpoint, SafetyLimits()).network.connection_weights(0)


def test_a_checkpoint_is_gone_on_from(say: Say, trained: Path, tmp_path: Path) -> None:
    arguments = ("train", "--seconds", 1, "--evaluation-seconds", 0, "--checkpoint", trained / "checkpoint.npz")
    code, _, _ = say(*arguments, "--out", tmp_path)
    assert code == 0
    learnt = _weights(trained / "checkpoint.npz")
    with np.load(tmp_path / "drives.npz") as record:
        np.testing.assert_array_equal(record["weights_before_0"], learnt)
        assert not np.array_equal(record["weights_after_0"], learnt)


def test_a_parameter_file_may_name_the_checkpoint(say: Say, trained: Path, tmp_path: Path) -> None:
    data = yaml.safe_load(parameter_file("lane").read_text())
    data["/**/controller"]["ros__parameters"]["checkpoint"] = str(trained / "checkpoint.npz")
    path = tmp_path / "parameters.yaml"
    path.write_text(yaml.safe_dump(data))
    say("train", "--seconds", 0.05, "--evaluation-seconds", 0, "--parameters", path, "--out", tmp_path)
    with np.load(tmp_path / "drives.npz") as record:
        np.testing.assert_array_equal(record["weights_before_0"], _weights(trained / "checkpoint.npz"))


def test_evaluate_compares_with_initial_weights_and_trains_the_controls(
    say: Say, trained: Path, tmp_path: Path
) -> None:
    arguments = ("evaluate", trained / "checkpoint.npz", "--seconds", 1, "--controls-seconds", 1, "--track", "s_bend")
    code, out, err = say(*arguments, "--out", tmp_path, "--json", "-")
    figures = _figures(out, EVALUATION_KEYS)
    assert code == 0, err
    assert figures["before_evaluation_s"] == figures["evaluation_s"] == 1.0
    assert [control["control"] for control in figures["controls"]] == ["no-learning", "shuffled-reward", "dark"]
    assert "Without what learning needs" in (tmp_path / "report.html").read_text()


def test_report_is_made_again(say: Say, trained: Path) -> None:
    page = trained / "report.html"
    page.unlink()
    assert say("report", trained) == (0, f"{page}\n", "")
    assert page.is_file()


def test_info_counts(say: Say, tmp_path: Path) -> None:
    path = tmp_path / "few.aedat4"
    write_recording(path, few_events(100), 32, 24)
    code, out, _ = say("info", path, "--json", "-")
    figures = json.loads(out)
    assert code == 0
    assert [figures[key] for key in ("format", "width", "height", "events", "on", "off", "first_us", "last_us")] == [
        *("AEDAT4", 32, 24, 100, 50, 50, 1000, 10_900)
    ]
    assert "10,900" in say("info", path)[1]


# Ctrl-C


def _children_of(pid: int) -> list[str]:
    """Commands of the processes that were started with ``pid`` as the process that they belong to."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{PARENT}={pid}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_text())
        except OSError:
            continue
    return found


def _wait_until_it_drives(process: subprocess.Popen[str], display: Path) -> None:
    def shown() -> str:
        written = display.read_bytes().decode(errors="ignore")  # it may end within a character
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)

    deadline = time.monotonic() + 120
    while not re.search(r"[1-9]\d* s simulated", shown()):
        assert process.poll() is None, shown()
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.processes
@pytest.mark.parametrize("options", [[], pytest.param(["--dds"], marks=pytest.mark.ros)], ids=["in process", "dds"])
def test_ctrl_c_keeps_what_was_learnt_and_leaves_no_process(options: list[str], tmp_path: Path) -> None:
    out, display = tmp_path / "out", tmp_path / "display"
    command = [SPIKEDRIVE, "train", "--seconds", "100000", "--out", str(out), "--json", "-", *options]
    with display.open("w") as stderr:
        # A display as on a terminal, else rich shows its bar at the end only.
        environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "120"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)
    try:
        _wait_until_it_drives(process, display)
        assert len(_children_of(process.pid)) == (3 if options else 0)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()  # its nodes end with it
    assert process.returncode == cli.INTERRUPTED, display.read_text()
    assert "Traceback" not in display.read_text()
    assert _children_of(process.pid) == []
    figures = _figures(printed, TRAINING_KEYS)
    assert figures["simulated_s"] > 0
    assert "evaluation_s" not in figures
    assert read_checkpoint(out / "checkpoint.npz").time_us > 0
    assert (out / "report.html").is_file()
