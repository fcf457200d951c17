"""What is timed: a library's way to do a task on a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spikedrive_benchmarks.events.streams import Stream


@dataclass(frozen=True)
class Candidate:
    """A library's way to do a task.

    run: what is timed; its last result is given to ``summarise``.
    events: how many events one call takes, or gives.
    summarise: figures that all libraries must agree upon.
    note: what the reader of the table must know.
    """

    run: Callable[[], Any]
    events: int
    summarise: Callable[[Any], Mapping[str, int]]
    note: str = ""


Prepare = Callable[[Stream], Candidate]
