"""``spikedrive bench frames``: what is measured, and how it is told."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from snn_core.sim.track import load_track
from snn_core.tasks.lane.task import SimulatorSettings
from spikedrive_benchmarks.frames import films, measure, rates
from spikedrive_benchmarks.frames.embedded import EmbeddedBackend
from spikedrive_benchmarks.frames.libraries import TASKS, available
from spikedrive_benchmarks.frames.tables import print_tables

SETTINGS = SimulatorSettings()
PAIRS = [(task, library) for task, libraries in TASKS.items() for library in libraries]


def embedded(frame_rate_hz: int) -> EmbeddedBackend:
    return EmbeddedBackend(load_track("meschede"), SETTINGS.camera, SETTINGS.robot, frame_rate_hz)


@pytest.mark.parametrize("rate_hz", [50, 100, 400])
def test_the_embedded_backend_gives_the_frames_of_an_interval(rate_hz: int) -> None:
    source = embedded(rate_hz)
    source.start()
    placed = source.place(load_track("meschede").pose(0))
    assert [frame.t_us for frame in placed.frames] == [0]
    assert set(np.unique(placed.frames[0].image)) >= {51, 102, 153}  # ground, background, paint
    seen = [source.step(1.0, 0.0, 20_000) for _ in range(3)]
    times = [frame.t_us for observation in seen for frame in observation.frames]
    assert times == list(range(1_000_000 // rate_hz, 60_001, 1_000_000 // rate_hz))
    assert [observation.state.t_us for observation in seen] == [20_000, 40_000, 60_000]
    assert seen[-1].state.v == pytest.approx(0.3)
    assert not np.array_equal(seen[-1].frames[-1].image, placed.frames[0].image)


def test_a_drive_stays_on_its_lane_and_knows_where_it_was() -> None:
    track = load_track("meschede")
    driven = rates.drive(embedded(100), track, 4.0)
    assert [frame.t_us for frame in driven.frames] == list(range(0, 4_000_001, 10_000))
    assert driven.states.shape == (4001, 5)
    assert np.abs(np.diff(driven.states[:, :3], axis=0)).max() < 0.005
    assert all(
        abs(track.locate(state[0], state[1], state[2], 0).deviation_m) < 0.1 for state in driven.states[::50].tolist()
    )
    moved = np.hypot(*np.diff(driven.states[:, :2], axis=0).T).sum()
    assert moved == pytest.approx(4 * rates.SPEED_M_S, rel=0.05)


def test_frames_see_what_the_embedded_camera_sees() -> None:
    row = rates.compare(200, SETTINGS, 2.0)
    assert row["frames"] == 400
    assert row["correlation"] > 0.98
    assert 0.95 < row["ratio"] < 1.05
    assert row["frames_per_s"] > 0
    assert row["real_time"] > 0


def test_the_lowest_rate_that_is_close_is_enough() -> None:
    def row(rate_hz: int, correlation: float, ratio: float) -> dict[str, float]:
        return {"rate_hz": rate_hz, "correlation": correlation, "ratio": ratio}

    assert rates.enough([row(50, 0.89, 1.0), row(100, 0.9, 1.51), row(400, 0.95, 1.5), row(200, 0.9, 0.67)]) == 200
    assert rates.enough([row(50, 0.89, 1.0), row(100, 0.99, 0.66)]) is None


@pytest.mark.parametrize(("task", "library"), PAIRS)
def test_libraries_agree(task: str, library: str) -> None:
    """Those with memory do to 1 %; what forgets between frames has fewer events."""
    if library not in available():
        pytest.skip(f"needs {library} (make bench-setup)")
    frames = films.FILMS["lane 128 x 128"](20)
    assert frames.shape == (21, 128, 128)
    counts = []
    for name in ("spikedrive", library):
        candidate = TASKS[task][name](frames)
        x, y, polarity = candidate.columns(candidate.run())
        counts.append(np.zeros((2, 128, 128), int))
        np.add.at(counts[-1], (polarity.astype(int), y, x), 1)
    ours, theirs = counts
    assert ours.sum() > 1000
    if library == "eventify-dvs":
        assert theirs.sum() < ours.sum()
        return
    assert theirs.sum() == pytest.approx(ours.sum(), rel=0.01)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99


@pytest.mark.processes
def test_rows_and_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "FILMS", {"lane 128 x 128": films.FILMS["lane 128 x 128"]})
    said: list[str] = []
    figures = measure.measure("embedded", [100], 1.0, 2, said.append, frames=20)
    assert {(row["task"], row["library"]) for row in figures["libraries"]} == {
        (task, library) for task, library in PAIRS if library in available()
    }
    for row in figures["libraries"]:
        assert row["frames_per_s"] > 0
        assert row["events"] > 0
        assert row["library"] != "spikedrive" or row["event_ratio"] == row["correlation"] == pytest.approx(1.0)
    assert figures["enough_hz"] == 100
    assert said
    console = Console(file=io.StringIO(), width=200)
    print_tables(json.loads(json.dumps(figures)), console)
    assert isinstance(console.file, io.StringIO)
    table = console.file.getvalue()
    assert all(text in table for text in ("spikedrive", "srgb", "enough: 100 frames a second"))
