"""A camera that takes frames next to the embedded camera, along the same path: events pool by pool."""

import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from snn_core.control.encoders.pooling import make_pooling
from snn_core.control.spec import load_controller_spec
from snn_core.events.pooling import Pooling
from snn_core.sim.event_pixel import Events
from snn_core.sim.frames import FrameEvents
from snn_core.sim.gazebo.backend import Frame, Observation
from snn_core.sim.gazebo.description.world_sdf import write_world
from snn_core.sim.gazebo.gazebo_world import make_backend
from snn_core.sim.robot import TICK_US
from snn_core.sim.track import LanePosition, Pose, Track, load_track
from snn_core.sim.world import World
from snn_core.tasks.lane.task import SimulatorSettings
from spikedrive_benchmarks.frames.embedded import EmbeddedBackend

RATES_HZ = (50, 100, 200, 400)
STEP_US = 20_000
"""A command is kept for so long: a period of the lowest rate."""
SPEED_M_S = 1.2
LEAST_CORRELATION, LARGEST_FACTOR = 0.9, 1.5
"""What makes a rate enough: the correlation of counts, and the factor between the rates of events."""


class FrameSource(Protocol):
    """What is needed of a Backend (see there): frames in lockstep."""

    def start(self) -> None: ...

    def place(self, pose: Pose) -> Observation: ...

    def step(self, v: float, omega: float, duration_us: int) -> Observation: ...

    def stop(self) -> None: ...


@contextmanager
def frame_source(settings: SimulatorSettings) -> Iterator[FrameSource]:
    """The backend of the settings, started, and ended afterwards. Raises UserError."""
    track = load_track(settings.track)
    with tempfile.TemporaryDirectory(prefix="spikedrive-bench-") as folder:
        source: FrameSource
        if settings.backend == "embedded":
            source = EmbeddedBackend(track, settings.camera, settings.robot, settings.gazebo.frame_rate_hz)
        else:
            world = Path(folder, "lane.sdf")
            write_world(settings, track, world, classic=settings.backend == "gazebo_classic")
            source = make_backend(settings, world)
        try:
            source.start()
            yield source
        finally:
            source.stop()


class Drive(NamedTuple):
    """What was seen on a drive, and where: times from 0 (us); states float64 (ticks + 1, 5), see World.film."""

    frames: list[Frame]
    states: np.ndarray
    wall_s: float


def drive(source: FrameSource, track: Track, seconds: float) -> Drive:
    """Drive along lane 0, weaving a little, and keep all frames."""
    first = source.place(track.pose(0))
    begin_us, frames = first.frames[-1].t_us, list(first.frames)
    seen = [first.state]
    steps = round(1e6 * seconds / STEP_US)
    begin = time.perf_counter()
    for step in range(steps):
        if step == 1:
            begin = time.perf_counter()  # the first one may compile
        position = track.locate(*seen[-1].pose, 0)
        observation = source.step(SPEED_M_S, _turn_rate(position, 1e-6 * STEP_US * step), STEP_US)
        frames += observation.frames
        seen.append(observation.state)
    wall_s = (time.perf_counter() - begin) * steps / (steps - 1)
    known_us = np.array([state.t_us - begin_us for state in seen])
    columns = np.array([(*state.pose, state.v, state.omega) for state in seen])
    columns[:, 2] = np.unwrap(columns[:, 2])
    ticks_us = np.arange(0, known_us[-1] + 1, TICK_US)
    states = np.column_stack([np.interp(ticks_us, known_us, column) for column in columns.T])
    return Drive([Frame(frame.t_us - begin_us, frame.image) for frame in frames], states, wall_s)


def _turn_rate(position: LanePosition, t_s: float) -> float:
    """Of a driver who sees where the robot is (rad/s), and weaves by some cm, so that edges move in all ways."""
    follow = position.curvature_1_m - 4.0 * position.deviation_m - 3.0 * position.heading_error_rad
    return SPEED_M_S * follow + 0.4 * math.sin(2.0 * math.pi * 0.5 * t_s)


def frame_counts(driven: Drive, settings: SimulatorSettings, pooling: Pooling) -> tuple[np.ndarray, float]:
    """Events of the frames in each window and pool, int64 (windows, pools), and the CPU time of making them (s)."""
    camera = settings.camera
    first, *others = driven.frames

    def made() -> list[Events]:
        events = FrameEvents(settings.pixel, camera.width, camera.height, settings.seed)
        events.reset(first.image, first.t_us)
        return [events.update(frame.image, frame.t_us) for frame in others]

    made()  # compiles
    begin = time.process_time()
    parts = made()
    cpu_s = time.process_time() - begin
    events = Events.concatenate(parts)
    window_us = settings.window_us
    windows = (driven.states.shape[0] - 1) * TICK_US // window_us
    borders = np.searchsorted(events.t, window_us * np.arange(windows + 1))
    counts = [pooling.counts(events.x[a:b], events.y[a:b], events.polarity[a:b]) for a, b in pairwise(borders)]
    return np.array(counts, np.int64), cpu_s


def embedded_counts(driven: Drive, settings: SimulatorSettings, pooling: Pooling) -> np.ndarray:
    """The same of the embedded camera, which is carried along the path and looks as often as its picture moves."""
    window_us = settings.window_us
    track = load_track(settings.track)
    world = World(track, settings.camera, settings.pixel, settings.robot, settings.seed, window_us)
    world.pixels.reset(world.renderer.render(*driven.states[0, :3].tolist()), 0)
    ticks = window_us // TICK_US
    counts = []
    for begin in range(0, driven.states.shape[0] - ticks, ticks):
        events = world.film(driven.states[begin : begin + ticks + 1])
        counts.append(pooling.counts(events.x, events.y, events.polarity))
    return np.array(counts, np.int64)


def compare(rate_hz: int, settings: SimulatorSettings, seconds: float) -> dict[str, Any]:
    """A row: ``correlation`` of counts over windows and pools, ``ratio`` of events to the embedded camera's.

    ``events``: a simulated second. ``frames_per_s``: frames a second of CPU time made into events.
    ``real_time``: simulated a second of wall time, of the source alone.
    """
    # Frames come at whole steps of a Gazebo's physics.
    step_us = math.gcd(1_000_000 // rate_hz, settings.gazebo.physics_step_us)
    gazebo = settings.gazebo.model_copy(update={"frame_rate_hz": rate_hz, "physics_step_us": step_us})
    settings = settings.model_copy(update={"gazebo": gazebo})
    with frame_source(settings) as source:
        driven = drive(source, load_track(settings.track), seconds)
    encoder = load_controller_spec("lane").encoder
    assert encoder is not None
    pooling = make_pooling(encoder.pooling, settings.camera.width, settings.camera.height)
    counts, cpu_s = frame_counts(driven, settings, pooling)
    expected = embedded_counts(driven, settings, pooling)
    return {
        "rate_hz": rate_hz,
        "frames": len(driven.frames) - 1,
        "correlation": float(np.corrcoef(counts.ravel(), expected.ravel())[0, 1]),
        "ratio": float(counts.sum() / expected.sum()),
        "events": float(counts.sum() / seconds),
        "frames_per_s": (len(driven.frames) - 1) / cpu_s,
        "real_time": seconds / driven.wall_s,
    }


def enough(rows: list[dict[str, Any]]) -> int | None:
    """The lowest rate (Hz) that sees what the embedded camera sees; None when no one does."""
    close = [
        row["rate_hz"]
        for row in rows
        if row["correlation"] >= LEAST_CORRELATION and 1.0 / LARGEST_FACTOR <= row["ratio"] <= LARGEST_FACTOR
    ]
    return min(close, default=None)
