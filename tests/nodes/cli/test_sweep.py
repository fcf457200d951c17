"""``spikedrive sweep``: what it writes, how it is stopped and goes on, what it refuses."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.nodes.cli.spikedrive_command import SPIKEDRIVE, Say

RATE = "network.connections.0.rule.learning_rate_per_ms"


def write_spec(path: Path, **changes: Any) -> Path:
    """A sweep of four short runs of two learning rates."""
    spec = {
        "run": {"seconds": 2.0, "evaluation_seconds": 2.0},
        "seeds": [3, 4],
        "vary": {RATE: {"kind": "grid", "values": [5e-4, 2e-3]}},
        "sampler": {"name": "grid"},
        "objective": {"figure": "mean_abs_deviation_m"},
    }
    path.write_text(yaml.safe_dump(spec | changes))
    return path


def ended_runs(database: Path) -> set[tuple[int, str]]:
    """Trial and attribute of each run that the database has."""
    if not database.is_file():
        return set()
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        return set(
            connection.execute("SELECT trial_id, key FROM trial_user_attributes WHERE key LIKE 'seed %'").fetchall()
        )
    except sqlite3.OperationalError:  # it has no tables yet
        return set()
    finally:
        connection.close()


def start(file: Path, out: Path) -> subprocess.Popen[str]:
    """The command, in a process group of its own, as a shell starts it."""
    command = [SPIKEDRIVE, "sweep", str(file), "--out", str(out), "--workers", "2"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_is_stopped_and_the_same_command_goes_on(tmp_path: Path, signal_number: int, say: Say) -> None:
    file, out = write_spec(tmp_path / "a.yaml", run={"seconds": 20.0, "evaluation_seconds": 2.0}), tmp_path / "out"
    database = tmp_path / "out.db"
    first = start(file, out)
    while not ended_runs(database) and first.poll() is None:
        time.sleep(0.05)
    if signal_number == signal.SIGINT:
        os.killpg(first.pid, signal_number)  # as a terminal does
    else:
        os.kill(first.pid, signal_number)
    _, errors = first.communicate(timeout=60)
    before = ended_runs(database)
    assert first.returncode == (130 if signal_number == signal.SIGINT else -signal.SIGKILL), errors
    assert "Traceback" not in errors
    second = start(file, out)
    _, errors = second.communicate(timeout=200)
    assert second.returncode == 0, errors
    assert before < ended_runs(database)
    rows = json.loads((out / "table.json").read_text())["trials"]
    assert [(row["state"], row["seeds"]) for row in rows] == [("complete", [3, 4])] * 2
    code, text, _ = say("sweep", str(file), "--out", str(out), "--table", "--json", "-")
    assert code == 0
    assert json.loads(text)["trials"] == rows
    train_best(out, rows[0], tmp_path, say)


def train_best(out: Path, best: dict[str, Any], folder: Path, say: Say) -> None:
    """The files of the best set give ``train`` the same spikes."""
    files = ["--network", str(out / "best_network.yaml"), "--parameters", str(out / "best_parameters.yaml")]
    length = ["--seconds", "20", "--evaluation-seconds", "2", "--seed", "3", "--out", str(folder / "run")]
    code, _, errors = say("train", *files, *length, "--json", str(folder / "run.json"))
    assert code == 0, errors
    figures = json.loads((folder / "run.json").read_text())
    assert figures["spike_sha256"] == best["figures"][0]["spike_sha256"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--workers", "1", "--ray-address", "auto"], "--workers: not with --ray-address"),
        (["--table"], "no such database; run the sweep first"),
    ],
)
def test_options_that_do_not_go_are_refused(tmp_path: Path, say: Say, arguments: list[str], expected: str) -> None:
    file = write_spec(tmp_path / "a.yaml")
    code, _, errors = say("sweep", str(file), "--out", str(tmp_path / "out"), *arguments)
    assert code == 2
    assert expected in errors
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_is_refused_before_anything_is_written(tmp_path: Path, say: Say) -> None:
    file = write_spec(tmp_path / "a.yaml", seed=3)
    code, _, errors = say("sweep", str(file), "--out", str(tmp_path / "out"), "--workers", "1")
    assert code == 2
    assert f"{file}: seed: unknown key" in errors
    assert list(tmp_path.iterdir()) == [file]


def test_the_help_and_the_library_load_neither_ray_nor_optuna() -> None:
    program = (
        "import sys, snn_core; from snn_core import train; from spikedrive_nodes.cli.app import main\n"
        "try: main(['sweep', '--help'])\n"
        "except SystemExit: print(*({'ray', 'optuna', 'sqlalchemy', 'pebble'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []
    assert "--ray-address" in done.stdout


def test_the_rows_of_the_benchmark_are_listed_and_others_refused(say: Say) -> None:
    code, text, _ = say("benchmark", "--list")
    assert code == 0
    assert "lane_signed: Lane, an error's sign for each motor: last_reset_s <= 30" in text
    code, _, errors = say("benchmark", "lane")
    assert code == 2
    assert "row 'lane': expected one of lane_scalar, lane_signed" in errors
    code, _, errors = say("benchmark", "--workers", "2", "--ray-address", "auto")
    assert code == 2
    assert "--workers: not with --ray-address" in errors
