"""All that ``spikedrive bench frames`` measures."""

import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from snn_core.sim.gazebo_settings import GazeboSettings
from snn_core.tasks.lane.task import SimulatorSettings
from spikedrive_benchmarks.frames import rates
from spikedrive_benchmarks.frames.films import FILMS
from spikedrive_benchmarks.frames.libraries import TASKS, available
from spikedrive_benchmarks.machine import machine
from spikedrive_benchmarks.processes import Process

Say = Callable[[str], None]


def measure(
    backend: str,
    rates_hz: Sequence[int],
    seconds: float,
    rounds: int,
    say: Say,
    frames: int = 200,
    render_engine: str = "",
) -> dict[str, Any]:
    """``machine``; ``libraries``: rows of ``compare_libraries`` for each task and film; ``rates``: rows of
    ``rates.compare`` for each rate; ``enough_hz``: the lowest that is enough, or None.

    Args:
        backend: what renders the frames of ``rates``: embedded, gz or gazebo_classic.
        rates_hz: frames a simulated second.
        seconds: how long the drives are (s, simulated).
        rounds: in each, all libraries of a task take their turn; 0: no libraries.
        say: told what is under way.
        frames: how long the libraries' films are, an even number.

        render_engine: of a server of gz; empty: its default.

    Raises:
        UserError: a Gazebo that does not start, or fails.
    """
    figures: dict[str, Any] = {"machine": machine(), "backend": backend, "libraries": [], "rates": []}
    with tempfile.TemporaryDirectory(prefix="spikedrive-bench-") as folder:
        for name, make in FILMS.items() if rounds else ():
            film = Path(folder, f"{name}.npy")
            say(name)
            np.save(film, make(frames))
            for task in TASKS:
                figures["libraries"] += compare_libraries(task, film, rounds, say)
    gazebo = GazeboSettings(render_engine=render_engine)
    settings = SimulatorSettings(backend=backend, gazebo=gazebo)  # type: ignore[arg-type]
    for rate_hz in rates_hz:
        say(f"{backend}: {rate_hz} frames a second")
        figures["rates"].append(rates.compare(rate_hz, settings, seconds))
    figures["enough_hz"] = rates.enough(figures["rates"])
    return figures


def compare_libraries(task: str, film: Path, rounds: int, say: Say) -> list[dict[str, Any]]:
    """A row for each library that is installed.

    ``frames_per_s``: of CPU time, the median of the rounds. ``events``: their number. ``event_ratio``: to SpikeDrive's.
    ``correlation``: with SpikeDrive's, of the counts of all pixels and polarities.
    """
    with ExitStack() as stack:
        workers: dict[str, Process] = {}
        counts: dict[str, np.ndarray] = {}
        for library in (name for name in TASKS[task] if name in available()):
            say(f"{task}, {film.stem}: {library}: first call")
            asked = {"task": task, "library": library, "film": str(film)}
            workers[library] = stack.enter_context(Process(library, f"{__package__}.worker", asked))
            counts[library] = np.load(workers[library].about["counts"])
        taken: dict[str, list[float]] = {library: [] for library in workers}
        for turn in range(rounds):
            say(f"{task}, {film.stem}: round {turn + 1} of {rounds}")
            order = list(workers)
            first = turn % len(order)
            for library in order[first:] + order[:first]:
                taken[library].append(workers[library].ask("round"))
        ours = counts["spikedrive"]
        return [
            {
                "task": task,
                "film": film.stem,
                "library": library,
                "version": worker.about["version"],
                "frames_per_s": worker.about["frames"] / statistics.median(taken[library]),
                "events": int(counts[library].sum()),
                "event_ratio": float(counts[library].sum() / ours.sum()),
                "correlation": float(np.corrcoef(counts[library].ravel(), ours.ravel())[0, 1]),
                "note": worker.about["note"],
            }
            for library, worker in workers.items()
        ]
