"""Runs of sweeps that take no time, or end their process. Imports little: each new worker imports it."""

import math
import os
import time
from pathlib import Path
from typing import Any

from snn_core.learning.sweep.job import Job, Result

RATE = "network.connections.0.rule.learning_rate_per_ms"
BEST_RATE = 1e-3


def rate_of(job: Job) -> float:
    """The learning rate of the first rule (nA/ms)."""
    network: Any = job["network"]
    return network["connections"][0]["rule"]["learning_rate_per_ms"]


def quick(job: Job) -> Result:
    """A run whose ``loss`` is smallest at BEST_RATE, and larger for later seeds."""
    loss = math.log10(rate_of(job) / BEST_RATE) ** 2 + 0.01 * job["seed"]
    return {"figures": {"loss": loss, "seed": job["seed"], "nothing": None}, "busy_s": 0.0}


def note(job: Job, folder: Path, what: str) -> int:
    """Write down that a run has begun, or ended, in a file that any process can add to. Returns how often, now."""
    path = folder / f"{what}_{job['seed']}_{rate_of(job):g}"
    with path.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len(path.read_text().splitlines())


def folder_of(job: Job) -> Path:
    """Where runs of a test may write: the frame_id of its simulator, which does nothing in one process."""
    return Path(str(job["simulator"]["frame_id"]))


def dies_at_first(job: Job) -> Result:
    """A run of seed 1 that ends its process when it is run for the first time."""
    if note(job, folder_of(job), "begun") == 1 and job["seed"] == 1:
        os._exit(3)
    return quick(job)


def dies_always(job: Job) -> Result:
    """A run of seed 1 that ends its process."""
    note(job, folder_of(job), "begun")
    if job["seed"] == 1:
        os._exit(3)
    return quick(job)


def slow(job: Job) -> Result:
    """A run that takes a second, and writes down when it begins and when it has ended."""
    note(job, folder_of(job), "begun")
    time.sleep(1.0)
    note(job, folder_of(job), "ended")
    return quick(job)
