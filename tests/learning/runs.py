"""Records of runs as training makes them, without training: a robot that sways along the lanes of a real track."""

from typing import Any

import numpy as np

from snn_core.control.spec import ControllerSpec, load_controller_spec
from snn_core.events.events import Events
from snn_core.learning.drive import columns_of
from snn_core.learning.record import RunRecord
from snn_core.network.network import Network, Spikes
from snn_core.network.spec import NetworkSpec
from snn_core.sim.track import Track, load_track
from snn_core.tasks.lane.rules import LaneRules, LaneTaskSpec, Placement
from snn_core.tasks.lane.signals import LaneSignals, Motion, RewardSettings, RewardTerms
from snn_core.tasks.lane.task import LaneTask, SimulatorSettings
from snn_core.tasks.log import DriveLog, WindowRow

WINDOW_US = 50_000
SPEED_M_S = 1.3
PULL = 0.06
"""Share of the deviation that is taken back in a window."""
REWARD = RewardSettings(terms=RewardTerms(centre=1.0, progress=2.0))
"""An error, and a reward of two terms."""


def make_drive(track: Track, task: LaneTaskSpec, sway_m: float, settled_sway_m: float, seed: int) -> np.ndarray:
    """Rows of a drive under the rules of ``task``, as long as it says.

    The deviation is a random walk drawn to the lane's centre, whose spread goes from sway to settled_sway.
    """
    rng, rules, signals = np.random.default_rng(seed), LaneRules(task, track), LaneSignals(REWARD, track)
    count, log = round(task.duration_s * 1e6) // WINDOW_US, DriveLog(columns_of(LaneTask))
    placement: Placement | None = rules.begin()
    along_m = deviation_m = 0.0
    for i in range(count):
        if placement is not None:
            along_m, deviation_m = placement.arc_length_m, 0.0
        spread_m = settled_sway_m + (sway_m - settled_sway_m) * np.exp(-i / (0.15 * count))
        deviation_m += -PULL * deviation_m + spread_m * np.sqrt(2 * PULL) * rng.normal()
        along_m += SPEED_M_S * WINDOW_US * 1e-6
        pose = track.pose(rules.lane, along_m, deviation_m)
        position = track.locate(*pose, rules.lane)
        step = rules.update((i + 1) * WINDOW_US, position)
        row = WindowRow(
            end_us=(i + 1) * WINDOW_US,
            goal=step.lane,
            placed=placement is not None,
            completed=step.laps,
            failed=step.resets,
            events=2000,
            state=(*pose, position.deviation_m),
            command=(SPEED_M_S, 0.1),
            signals=signals(position, Motion(SPEED_M_S, 0.1), step.lane),
        )
        log.add(row, Spikes.empty(), Events.empty())
        placement = step.placement
    return log.rows()


EARLIER_ROW = np.dtype(
    [
        ("end_us", np.int64),
        ("x_m", np.float64),
        ("y_m", np.float64),
        ("yaw_rad", np.float64),
        ("lane", np.uint8),
        ("placed", np.bool_),
        ("laps", np.uint32),
        ("resets", np.uint32),
        ("v_m_s", np.float64),
        ("omega_rad_s", np.float64),
        ("events", np.int64),
    ]
)
"""Rows of version 0.1.0, which knew no other task and recorded no signals."""


def as_earlier(record: RunRecord) -> None:
    """Turn a record into one of version 0.1.0."""
    now = {"lane": "goal", "laps": "completed", "resets": "failed"}
    for name, rows in record.drives.items():
        earlier = np.empty(rows.size, EARLIER_ROW)
        for field in EARLIER_ROW.names or ():
            earlier[field] = rows[now.get(field, field)]
        record.drives[name] = earlier
    del record.configuration["columns"]
    for connection in record.configuration["network"]["connections"]:
        connection["rule"].pop("signal")


def evaluation(seconds: float) -> LaneTaskSpec:
    """Half of ``seconds`` on each lane."""
    return LaneTaskSpec(mode="evaluate", duration_s=seconds)


def make_events(seconds: float, rate_hz: float, seed: int, end_us: int) -> Events:
    """Events of some bars that wander over a sensor of 128 x 128 pixels, ending at ``end_us``."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(end_us - round(seconds * 1e6), end_us, round(seconds * rate_hz))).astype(np.int64)
    bar = rng.integers(0, 3, t.size)
    x = 20 + 40 * bar + 10 * np.sin(t * 1e-6 * (1 + bar)) + rng.normal(0, 2, t.size)
    polarity = (x - np.median(x) + rng.normal(0, 20, t.size) > 0).astype(np.uint8)
    return Events(t, np.clip(x, 0, 127).astype(np.uint16), rng.integers(40, 104, t.size).astype(np.uint16), polarity)


def make_spikes(spec: NetworkSpec, seconds: float, seed: int, end_us: int) -> Spikes:
    """Random spikes of all populations, ending at ``end_us``."""
    rng = np.random.default_rng(seed)
    sizes = [population.size for population in spec.populations.values()]
    counts = [round(40 * seconds * size) for size in sizes]
    time_us = rng.integers(end_us - round(seconds * 1e6), end_us, sum(counts)).astype(np.int64)
    population = np.repeat(np.arange(len(sizes), dtype=np.int32), counts)
    neuron = np.concatenate([rng.integers(0, n, c).astype(np.int32) for n, c in zip(sizes, counts, strict=True)])
    order = np.lexsort((neuron, population, time_us))
    return Spikes(time_us[order], population[order], neuron[order])


def make_record(
    spec: ControllerSpec | None = None, seconds: float = 60.0, delays: bool = True, seed: int = 0
) -> RunRecord:
    """A whole run on Meschede's track: before, training (three times as long) and after."""
    spec = spec or load_controller_spec("lane")
    track = load_track("meschede")
    training = LaneTaskSpec(duration_s=3 * seconds)
    drives = {
        "before": make_drive(track, evaluation(seconds), 0.15, 0.15, seed),
        "training": make_drive(track, training, 0.25, 0.007, seed + 1),
        "after": make_drive(track, evaluation(seconds), 0.006, 0.006, seed + 2),
    }
    rng = np.random.default_rng(seed)
    network = Network(spec, seed)
    before = [network.connection_matrix(c, absent=np.nan) for c in range(len(spec.connections))]
    after = [np.clip(w + rng.normal(0, 0.5, w.shape), 0, None).astype(np.float32) for w in before]
    end_us = int(drives["after"]["end_us"][-1])
    figures: dict[str, Any] = {
        "task": "lane",
        "seed": seed,
        "reward": "signed",
        "simulated_s": 3 * seconds,
        "wall_s": 6.25,
        "compile_s": 0.5,
        "resets": int(drives["training"]["failed"][-1]),
        "spike_sha256": "ab" * 32,
        "trajectory_sha256": "cd" * 32,
    }
    configuration = {
        "simulator": SimulatorSettings(seed=seed).model_dump(mode="json"),
        "reward": REWARD.model_dump(mode="json"),
        "controller": {"network": "lane", "seed": seed},
        "network": spec.model_dump(mode="json"),
        "columns": {name: list(names) for name, names in columns_of(LaneTask)._asdict().items()},
        "versions": {"python": "3.11.7", "numpy": "2.3.5", "numba": "0.62.1", "processor": "a processor"},
        "command": f"spikedrive train --task lane --seconds {3 * seconds:g} --seed {seed}",
    }
    delays_us = rng.lognormal(7.5, 0.4, 2000).astype(np.int64) if delays else np.empty(0, np.int64)
    events, spikes = make_events(3.0, 40_000.0, seed, end_us), make_spikes(spec, 3.0, seed, end_us)
    return RunRecord(figures, configuration, drives, before, after, events, spikes, delays_us)
