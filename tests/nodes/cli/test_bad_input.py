"""What the ``spikedrive`` command says to wrong input: one line that names file and key, code 2, nothing written."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from snn_core.control.spec import NETWORKS
from snn_core.events.recordings import write_recording
from snn_core.sim.track import TRACKS
from spikedrive_nodes.processes.shared_files import parameter_file
from tests.nodes.cli.spikedrive_command import SPIKEDRIVE, Say, few_events


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
    ("simulator/window_ms", "long", "number"),
    ("simulator/window_ms", -5, "greater than 0"),
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
    "spoil",
    [None, _without, lambda data: b"", lambda data: b"hello", lambda data: data[:-1]],
    ids=["missing", "half", "empty", "text", "cut"],
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
    write_recording(path, few_events(50_000), 32, 24)
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
    write_recording(path, few_events(100), 32, 24)
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
