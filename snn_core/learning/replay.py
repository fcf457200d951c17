"""A recording through a controller in this process: what the nodes ``replay`` and ``controller`` do in lockstep."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snn_core.control.controller import Answer, Controller
from snn_core.events.player import PlayedWindow, Player
from snn_core.network.spec import SpikeSource
from snn_core.tasks.digests import DriveDigest

OnReplayed = Callable[[PlayedWindow, Answer], None]
"""Called with every window and what the controller answered."""


@dataclass(frozen=True)
class ReplayResult:
    """What came out of a recording.

    events, windows: how many. spikes: how many, of each population of neurons. end_us: (windows,) int64, end of each
    window (us). commands: (windows, channels) float64, in the order of ``controller.channels``. spike_sha256: as a
    drive's. wall_s: wall time (s).
    """

    events: int
    windows: int
    spikes: dict[str, int]
    end_us: np.ndarray
    commands: np.ndarray
    spike_sha256: str
    wall_s: float


def replay(recording: str | Path, controller: Controller, on_window: OnReplayed | None = None) -> ReplayResult:
    """Take ``controller`` through the events of a ``recording`` (a file or bag), window by window, with no signals.

    on_window: called with every window and the controller's answer. Raises UserError for a recording that cannot be
    read, or that is of another sensor than the network.
    """
    player = Player(Path(recording), controller.spec.window_us, other_topics=False)
    try:
        controller.connect_sensor(player.recording.width, player.recording.height)
        controller.start(controller.network.time_us)
        digest, events = DriveDigest(), 0
        ends: list[int] = []
        commands: list[tuple[float, ...]] = []
        counts = np.zeros(len(controller.spec.populations), np.int64)
        reached_us: int | None = None
        begin = time.perf_counter()
        for window in player:
            if window.begin_us != reached_us:
                controller.move_to(window.begin_us)
            answer = controller.step(window.events)
            reached_us = window.end_us
            digest.add(answer.end_us, (), answer.command, answer.spikes)
            counts += np.bincount(answer.spikes.population, minlength=counts.size)
            ends.append(answer.end_us)
            commands.append(answer.command.values)
            events += len(window.events)
            if on_window is not None:
                on_window(window, answer)
        wall_s = time.perf_counter() - begin
    finally:
        player.close()
    spikes = {
        name: int(count)
        for (name, population), count in zip(controller.spec.populations.items(), counts, strict=True)
        if not isinstance(population, SpikeSource)
    }
    return ReplayResult(
        events,
        len(ends),
        spikes,
        np.array(ends, np.int64),
        np.array(commands, np.float64).reshape(len(ends), len(controller.channels)),
        digest.spike_sha256,
        wall_s,
    )
