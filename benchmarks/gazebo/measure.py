"""All that ``spikedrive bench gazebo`` measures."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from snn_core.errors import UserError
from spikedrive_benchmarks.gazebo import lockstep
from spikedrive_benchmarks.gazebo.setting import BACKENDS, EMBEDDED, Say, Setting, missing
from spikedrive_benchmarks.machine import machine

FREE_S = 60.0


def free(setting: Setting) -> list[lockstep.Row]:
    """Free running at real time over ROS 2, with a network that has learnt in the embedded simulator and goes on."""
    from spikedrive_benchmarks.gazebo.free_running import drive_freely

    controller, _ = setting.learnt(EMBEDDED, 0)
    setting.say(f"{setting.backend}: free running")
    return [{"what": "real time", **drive_freely(setting.evaluation(FREE_S), controller)}]


TASKS: dict[str, Callable[[Setting], list[lockstep.Row]]] = {
    "learn": lockstep.learn,
    "transfer": lockstep.transfer,
    "free": free,
    "speed": lockstep.speed,
    "repeat": lockstep.repeat,
}


def measure(
    backends: Sequence[str], tasks: Sequence[str], most_s: float, render_engine: str, say: Say
) -> dict[str, Any]:
    """``machine``, ``missing`` and ``rows``.

    ``missing``: why a Gazebo was left out, by name. ``rows``: those of each task, with ``backend``, ``task`` and
    ``load``. ``load``: mean number of runnable processes, over the last minute, at the task's end.

    Args:
        backends: gz, gazebo_classic; none: those found here.
        tasks: of TASKS.
        most_s: no drive is longer (s, simulated).
        render_engine: of Gazebo Sim; empty: its default.
        say: told what is under way.

    Raises:
        UserError: no Gazebo is here, or not one that was asked for; one does not start, or fails.
    """
    absent = {name: reason for name in BACKENDS if (reason := missing(name))}
    for name in backends:
        if name in absent:
            raise UserError(absent[name])
    found = [name for name in backends or BACKENDS if name not in absent]
    if not found:
        raise UserError("; ".join(absent.values()))
    figures: dict[str, Any] = {"machine": machine(), "missing": absent, "rows": []}
    for backend in found:
        setting = Setting(backend, render_engine, most_s, say)
        for task in tasks:
            rows = TASKS[task](setting)
            load = os.getloadavg()[0]
            figures["rows"] += [{"backend": backend, "task": task, **row, "load": load} for row in rows]
    return figures
