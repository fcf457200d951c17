"""The ``spikedrive`` command: what it writes, how it is interrupted, and what it says to wrong input."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from snn_core import __version__
from snn_core.control.checkpoint import controller_from_checkpoint, read_checkpoint
from snn_core.control.safety import SafetyLimits
from snn_core.events.events import Events
from snn_core.events.recordings import write_recording
from snn_core.network.spec import NETWORKS
from snn_core.sim.track import TRACKS
from spikedrive_nodes.cli import app as cli
from spikedrive_nodes.processes.node_processes import PARENT
from spikedrive_nodes.processes.shared_files import parameter_file

SPIKEDRIVE = str(Path(sys.executable).with_name("spikedrive"))
HELP = {
    "train": ("[default: 1000.0]", "(s)", "nA/ms", "out/train_SEED", "launch/config/lane.yaml", "the network's"),
    "demo": ("[default: out/demo]", "[default: 0]"),
    "evaluate": ("checkpoint", "[default: 300.0]", "(s)", "out/evaluate"),
    "replay": ("[default: 1]", "max", "launch/config/replay.yaml"),
    "info": ("AEDAT", "ROS bag", "WIDTHxHEIGHT"),
    "convert": (".aedat4, .raw (EVT3)", "--force", "TIME", "(us)", "[default: both]"),
    "launch": ("NAME:=VALUE", "demo, replay, robot, camera, event_filter or dvs_emulator"),
    "node": ("--ros-args", "parameters of NAME"),
    "report": ("out/demo",),
    "energy": ("report.json", "energy.yaml"),
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
Say = Callable[..., tuple[int, str, str]]
Change = Callable[[Any], object]


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Say:
    """Run the command in this process: its exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run, with ``figures.json`` in it; made by a process of its own."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    folder.mkdir()
    command = [SPIKEDRIVE, "train", "--seconds", "6", "--evaluation-seconds", "2", "--seed", "3"]
    command += ["--out", str(folder), "--json", str(folder / "figures.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return folder


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
    write_recording(path, _events(100), 32, 24)
    code, out, _ = say("info", path, "--json", "-")
    figures = json.loads(out)
    assert code == 0
    assert [figures[key] for key in ("format", "width", "height", "events", "on", "off", "first_us", "last_us")] == [
        *("AEDAT4", 32, 24, 100, 50, 50, 1000, 10_900)
    ]
    assert "10,900" in say("info", path)[1]


def _events(count: int) -> Events:
    index = np.arange(count)
    return Events(
        1000 + 100 * index.astype(np.int64),
        (index % 32).astype(np.uint16),
        (index % 24).astype(np.uint16),
        (index % 2).astype(np.uint8),
    )


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


# Bad input. One line that names file and key, code 2, nothing written.


def _change(data: Any, key: str, value: object) -> None:
    *path, last = key.split("/")
    for part in path:
        data = data[int(part)] if isinstance(data, list) else data[part]
    data[int(last) if isinstance(data, list) else last] = value


def _changed(source: Path, path: Path, key: str, value: object) -> Path:
    data = yaml.safe_load(source.read_text())
    if source.parent.name == "config":
        node, key = key.split("/", 1)
        _change(data[f"/**/{node}"]["ros__parameters"], key, value)
    else:
        _change(data, key, value)
    path.write_text(yaml.safe_dump(data))
    return path


def _refused(say: Say, tmp_path: Path, *arguments: object, named: tuple[str, ...]) -> None:
    """The command ends with one line that has all of ``named`` in it, and what was there stays as it was."""
    out, older = tmp_path / "out", tmp_path / "older.json"
    older.write_text("older")
    before = sorted(tmp_path.rglob("*"))
    where = ("--out", out) if arguments[0] in ("train", "evaluate") else ()
    target = ("--json", older) if arguments[0] != "report" else ()
    code, printed, err = say(*arguments, *where, *target)
    assert (code, printed) == (2, ""), err
    assert err.startswith("spikedrive: ")
    assert err.count("\n") == 1, err
    for word in named:
        assert word in err
    assert older.read_text() == "older"
    assert sorted(tmp_path.rglob("*")) == before


NETWORK = [
    ("colour", 1, "unknown key"),
    ("dt_ms", "fast", "number"),
    ("dt_ms", -1.0, "greater than 0"),
    ("dt_ms", float("nan"), "finite"),
    ("populations/motor/parameters/tau_membrane_ms", 0, "greater than 0"),
    ("connections/0/rule/name", "magic", "r_stdp"),
    ("encoder/pooling", {"sensor": [64, 64], "rows": 4, "columns": 8, "crop": {"top": 64}}, "rows of pixels"),
    ("decoder/population", "nobody", "must name a population"),
]
TRACK = [
    ("colour", 1, "unknown key"),
    ("lane_width", "wide", "number"),
    ("lane_width", -0.5, "greater than 0"),
    ("segments/0/straight", 4.0, "closes within 1 mm"),
    ("segments/0", {"spiral": 3.0}, "unknown key"),
    ("start", [0.0], "start"),
]
PARAMETERS = [
    ("simulator/colour", 1, "unknown key"),
    ("simulator/window_ms", "long", "integer"),
    ("simulator/window_ms", -5, "greater than or equal to 1"),
    ("simulator/camera", {"width": 0}, "camera.width"),
    ("reward/function", "joy", "signed"),
    ("reward/track", "tight", "that of the simulator"),
    ("controller/limits/max_speed_m_s", -1.0, "greater than 0"),
    ("controller/network", "nowhere", "lane_poisson"),
]


@pytest.mark.parametrize(("key", "value", "expected"), NETWORK)
def test_wrong_network(say: Say, tmp_path: Path, key: str, value: object, expected: str) -> None:
    path = _changed(NETWORKS / "lane.yaml", tmp_path / "mine.yaml", key, value)
    _refused(say, tmp_path, "train", "--network", path, named=(str(path), key.rpartition("/")[2], expected))


@pytest.mark.parametrize(("key", "value", "expected"), TRACK)
def test_wrong_track(say: Say, tmp_path: Path, trained: Path, key: str, value: object, expected: str) -> None:
    path = _changed(TRACKS / "meschede.yaml", tmp_path / "mine.yaml", key, value)
    named = (str(path), key.partition("/")[0], expected)
    _refused(say, tmp_path, "train", "--track", path, named=named)
    _refused(say, tmp_path, "evaluate", trained / "checkpoint.npz", "--track", path, named=named)


@pytest.mark.parametrize(("key", "value", "expected"), PARAMETERS)
def test_wrong_parameters(say: Say, tmp_path: Path, key: str, value: object, expected: str) -> None:
    path = _changed(parameter_file("lane"), tmp_path / "mine.yaml", key, value)
    node, _, last = key.partition("/")
    named = (expected,) if key == "controller/network" else (str(path), node, last.replace("/", "."), expected)
    _refused(say, tmp_path, "train", "--parameters", path, named=named)


@pytest.mark.parametrize("option", ["--network", "--track", "--parameters"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "No such file"),
        (b"", "expected"),
        (b"name: [lane\npopulations: {", "not valid YAML"),
        (bytes(range(128, 256)), "UTF-8"),
        (b"- 1\n- 2\n", "expected"),
    ],
)
def test_a_yaml_file_that_is_none(say: Say, tmp_path: Path, option: str, content: bytes | None, expected: str) -> None:
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    _refused(say, tmp_path, "train", option, path, named=(str(path), expected))


@pytest.mark.parametrize(
    ("file", "option"), [(NETWORKS / "lane.yaml", "--network"), (TRACKS / "meschede.yaml", "--track")]
)
def test_a_yaml_file_that_is_cut(say: Say, tmp_path: Path, file: Path, option: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(file.read_text()[: file.stat().st_size // 2])
    _refused(say, tmp_path, "train", option, path, named=(str(path),))


def test_what_does_not_fit_together(say: Say, tmp_path: Path, trained: Path) -> None:
    lane = parameter_file("lane")
    path = _changed(lane, tmp_path / "small.yaml", "simulator/camera", {"width": 64, "height": 64})
    _refused(say, tmp_path, "train", "--parameters", path, named=("'lane'", "128 x 128", "64 x 64"))
    path = _changed(lane, tmp_path / "short.yaml", "simulator/window_ms", 20)
    _refused(say, tmp_path, "train", "--parameters", path, named=("'lane'", "window_ms", "50", "20 ms"))
    checkpoint = trained / "checkpoint.npz"
    _refused(
        *(say, tmp_path, "train", "--checkpoint", checkpoint, "--network", "lane_poisson"),
        named=(str(checkpoint), "'lane'", "'lane_poisson'"),
    )
    _refused(
        *(say, tmp_path, "train", "--checkpoint", checkpoint, "--learning-rate", "0.1"), named=("--learning-rate",)
    )


def test_names_and_numbers_that_cannot_be(say: Say, tmp_path: Path, trained: Path) -> None:
    _refused(say, tmp_path, "train", "--network", "nowhere", named=("nowhere", "lane", "lane_poisson", "any_camera"))
    _refused(say, tmp_path, "train", "--track", "nowhere", named=("nowhere", "meschede", "tight", "s_bend"))
    _refused(say, tmp_path, "train", "--learning-rate", "inf", named=("learning_rate_per_ms", "finite"))
    for arguments in (("--seconds", "inf"), ("--seconds", "nan"), ("--evaluation-seconds", "1e9"), ("--seed", "-1")):
        code, out, err = say("train", "--out", tmp_path / "out", *arguments)
        assert (code, out) == (2, "")
        assert arguments[0] in err
        assert not (tmp_path / "out").exists()


def _without(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    "spoil", [None, _without, lambda data: b"", lambda data: b"hello", lambda data: data[:-1]], ids=str
)
def test_checkpoints_that_are_none(
    say: Say, tmp_path: Path, trained: Path, spoil: Callable[[bytes], bytes] | None
) -> None:
    path = tmp_path / "mine.npz"
    if spoil is not None:
        path.write_bytes(spoil((trained / "checkpoint.npz").read_bytes()))
    _refused(say, tmp_path, "train", "--checkpoint", path, named=(str(path), "checkpoint"))
    _refused(say, tmp_path, "evaluate", path, named=(str(path), "checkpoint"))


@pytest.mark.parametrize(
    ("value", "expected"), [(np.full((32, 2), np.nan, np.float32), "finite"), (np.zeros(3), "(32, 2)")]
)
def test_checkpoints_with_other_arrays(
    say: Say, tmp_path: Path, trained: Path, value: np.ndarray, expected: str
) -> None:
    with np.load(trained / "checkpoint.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    path = tmp_path / "mine.npz"
    np.savez(path, **{**arrays, "connections.0.u": value})  # pyright: ignore[reportArgumentType]
    _refused(say, tmp_path, "train", "--checkpoint", path, named=(str(path), "connections.0.u", expected))


@pytest.mark.parametrize("command", ["info", pytest.param("replay", marks=pytest.mark.ros)])
def test_recordings_that_are_none(say: Say, tmp_path: Path, command: str) -> None:
    path = tmp_path / "mine.aedat4"
    _refused(say, tmp_path, command, path, named=(str(path), "No such file"))
    write_recording(path, _events(50_000), 32, 24)
    whole = path.read_bytes()
    path.write_bytes(whole[:300])
    _refused(say, tmp_path, command, path, named=(str(path), "cut or damaged"))
    path.write_bytes(whole[:5])
    _refused(say, tmp_path, command, path, named=(str(path), "not a known recording"))
    path.write_bytes(b"t x y p\n" * 100)
    _refused(say, tmp_path, command, path, named=(str(path), "docs/events.md"))


@pytest.mark.ros
def test_replay_of_what_does_not_fit(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.aedat4"
    write_recording(path, _events(100), 32, 24)
    sizes = (str(path), "32 x 24", "128 x 128")
    _refused(say, tmp_path, "replay", path, "--network", "lane", named=sizes)
    _refused(say, tmp_path, "replay", path, "--rate", "quick", named=("--rate", "quick"))
    _refused(say, tmp_path, "replay", path, "--rate", "0", named=("--rate", "0"))
    _refused(say, tmp_path, "replay", path, "--checkpoint", tmp_path / "none.npz", named=("none.npz",))
    changed = _changed(parameter_file("replay"), tmp_path / "mine.yaml", "replay/packet_ms", "long")
    _refused(say, tmp_path, "replay", path, "--parameters", changed, named=(str(changed), "replay: packet_ms"))
    monkeypatch.setenv("ROS_DOMAIN_ID", "abc")
    _refused(say, tmp_path, "replay", path, named=("ROS_DOMAIN_ID", "0 to 232", "abc"))
    _refused(say, tmp_path, "train", "--dds", named=("ROS_DOMAIN_ID", "0 to 232", "abc"))


def test_runs_that_are_none(say: Say, tmp_path: Path, trained: Path) -> None:
    _refused(say, tmp_path, "report", tmp_path, named=(str(tmp_path), "report.json"))
    for name in ("report.json", "drives.npz"):
        (tmp_path / name).write_bytes(_without((trained / name).read_bytes()))
        _refused(say, tmp_path, "report", tmp_path, named=(str(tmp_path / name), "run it again"))
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    (tmp_path / "report.json").write_text('{"configuration": {"simulator": {}}}')
    _refused(say, tmp_path, "report", tmp_path, named=(str(tmp_path), "run it again"))


def test_places_that_cannot_be_written(say: Say, tmp_path: Path, trained: Path) -> None:
    file = tmp_path / "file"
    file.write_text("older")
    for arguments in (
        ("train", "--out", file),
        ("train", "--out", file / "below"),
        ("train", "--out", tmp_path / "out", "--json", tmp_path / "none" / "figures.json"),
        ("train", "--out", tmp_path / "out", "--json", tmp_path),
        ("evaluate", trained / "checkpoint.npz", "--out", file),
    ):
        code, out, err = say(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert str(arguments[-1]) in err
        assert file.read_text() == "older"
        assert sorted(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(say: Say, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    code, _, err = say("train", "--out", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert "no permission" in err


def test_a_process_of_its_own_ends_the_same(tmp_path: Path) -> None:
    command = [SPIKEDRIVE, "train", "--track", "nowhere", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("spikedrive: track 'nowhere': ")
