"""All that ``spikedrive bench events`` measures."""

import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from snn_core.errors import UserError
from spikedrive_benchmarks.events.streams import (
    GENERATED_EVENTS,
    NAMES,
    REAL_EVENTS,
    RECORDING,
    generated_stream,
    real_stream,
)
from spikedrive_benchmarks.events.tasks import PACKAGES, TASKS, available
from spikedrive_benchmarks.machine import machine
from spikedrive_benchmarks.processes import Process

Row = dict[str, Any]
Say = Callable[[str], None]


def measure(
    tasks: Sequence[str],
    libraries: Sequence[str],
    streams: Sequence[str],
    rounds: int,
    say: Say,
    recording: Path | None = None,
    real_events: int = REAL_EVENTS,
    generated_events: int = GENERATED_EVENTS,
) -> dict[str, Any]:
    """``machine``, ``rows`` and ``failed``.

    ``machine``: processor, versions.
    ``rows``: task, library, stream, ``mev_per_s`` with the lowest and highest, and ``agrees``. ``mev_per_s``: million
    events a second of CPU time, the median of the rounds. ``agrees``: whether the result was SpikeDrive's.
    ``failed``: task, library, stream and ``error`` where a library could not do a task.

    Args:
        tasks, libraries, streams: by name; none: all, of the libraries those that are installed.
        rounds: in each, all libraries of a task take their turn.
        say: told what is under way.
        recording: what the real stream is made of; None: ``RECORDING``, without which only the generated one is.
        real_events, generated_events: at least how many.

    Raises:
        UserError: a name that is not known, a library that is not installed, a recording that is none.
    """
    there = available()
    tasks = _chosen("task", tasks, list(TASKS))
    libraries = _chosen("library", libraries, list(PACKAGES))
    for library in libraries:
        if library not in there and len(libraries) < len(PACKAGES):
            raise UserError(f"--library {library}: not installed here; make bench-setup installs all that are compared")
    if not streams and not (recording or RECORDING).is_file():
        streams = ["generated"]
    streams = _chosen("stream", streams, list(NAMES))
    figures: dict[str, Any] = {"machine": machine(), "rows": [], "failed": []}
    with tempfile.TemporaryDirectory(prefix="spikedrive-bench-") as folder:
        for stream in streams:
            say(f"{stream} stream")
            if stream == "real":
                made = real_stream(recording or RECORDING, real_events)
            else:
                made = generated_stream(generated_events)
            made.save(Path(folder, stream))
            del made
        for task in tasks:
            names = [name for name in TASKS[task] if name in libraries and name in there]
            for stream in streams:
                rows, failed = compare(task, names, Path(folder, stream), rounds, say)
                figures["rows"] += rows
                figures["failed"] += failed
    return figures


def _chosen(option: str, names: Sequence[str], known: list[str]) -> list[str]:
    for name in names:
        if name not in known:
            raise UserError(f"--{option} {name}: expected one of {', '.join(known)}")
    return [name for name in known if not names or name in names]


def compare(
    task: str, libraries: Sequence[str], stream: Path, rounds: int, say: Say
) -> tuple[list[Row], list[dict[str, str]]]:
    """A row for each library, and the libraries that failed. Another library begins each round.

    stream: the folder of a saved one.
    """
    with ExitStack() as stack:
        workers: dict[str, Process] = {}
        failed = []
        for library in libraries:
            say(f"{task}, {stream.name}: {library}: first call")
            asked = {"task": task, "library": library, "folder": str(stream)}
            worker = stack.enter_context(Process(library, f"{__package__}.worker", asked))
            try:
                assert worker.about  # one after the other, so that none disturbs another
            except RuntimeError as error:
                if library == "spikedrive":
                    raise
                why = str(error).strip().splitlines()[-1]
                failed.append({"task": task, "library": library, "stream": stream.name, "error": why})
                continue
            workers[library] = worker
        taken: dict[str, list[float]] = {library: [] for library in workers}
        for turn in range(rounds):
            say(f"{task}, {stream.name}: round {turn + 1} of {rounds}")
            first = turn % max(len(workers), 1)
            order = list(workers)
            for library in order[first:] + order[:first]:
                taken[library].append(workers[library].ask("round"))
        return [_row(task, library, stream.name, workers, taken[library]) for library in workers], failed


def _row(task: str, library: str, stream: str, workers: dict[str, Process], seconds: Sequence[float]) -> Row:
    about = workers[library].about
    ours = workers["spikedrive"].about if "spikedrive" in workers else about
    return {
        "task": task,
        "library": library,
        "stream": stream,
        "mev_per_s": about["events"] * 1e-6 / statistics.median(seconds),
        "mev_per_s_lowest": about["events"] * 1e-6 / max(seconds),
        "mev_per_s_highest": about["events"] * 1e-6 / min(seconds),
        "events": about["events"],
        "agrees": about["summary"] == ours["summary"],
        "version": about["version"],
        "note": about["note"],
    }
