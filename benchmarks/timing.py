"""Timing side by side: the candidates take turns, so that what slows the machine slows them all."""

import statistics
import time
from collections.abc import Callable, Mapping


def cpu_seconds(candidates: Mapping[str, tuple[Callable[[], object], int]], rounds: int = 15) -> dict[str, float]:
    """Median CPU time of one call of each candidate, s.

    candidates: name: (function, calls a round; more for a quick one). Each is called once before, uncounted.
    """
    for function, _ in candidates.values():
        function()
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            function, calls = candidates[name]
            begin = time.process_time()
            for _ in range(calls):
                function()
            taken[name].append((time.process_time() - begin) / calls)
    return {name: statistics.median(values) for name, values in taken.items()}
