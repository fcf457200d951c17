"""What a run's drives come to, in plain words."""

import math
from collections.abc import Iterator, Mapping

from snn_core.tasks.lane.summary import LaneDrive
from snn_core.tasks.panels import plural, seconds

Drives = Mapping[str, LaneDrive | None]
"""``before``, ``training``, ``after``; None where there was no drive."""


def mm(value_m: float) -> str:
    """A length in mm, without its unit; a dash for nan."""
    if math.isnan(value_m):
        return "-"
    return f"{1e3 * value_m:.0f}" if abs(value_m) >= 0.1 else f"{1e3 * value_m:.1f}"


def headline(drives: Drives) -> str:
    """What was learnt, in one sentence."""
    before, training, after = (drives[name] for name in ("before", "training", "after"))
    if after is None:
        return "Training is not finished, or was not evaluated." if training else "Nothing has been driven yet."
    if after.failed == 0:
        if before is not None and before.failed:
            return "The robot learnt to keep its lane."
        also = before is not None and before.failed == 0
        return "The robot keeps its lane, before training and after it." if also else "The robot keeps its lane."
    if before is None:
        return "The robot does not keep its lane."
    if after.failed * before.seconds < before.failed * after.seconds:
        return "The robot leaves its lane less often than before training, but still does."
    return "The robot did not learn to keep its lane."


def sentences(drives: Drives, limit_m: float) -> Iterator[str]:
    """The figures behind the headline; ``limit_m`` is the deviation at which the robot is put back, m."""
    before, training, after = (drives[name] for name in ("before", "training", "after"))
    if training is not None:
        text = f"Training took {seconds(training.seconds)} s of simulated time"
        last = training.last_failed_s
        if last is None:
            yield f"{text} and had no reset."
        else:
            yield f"{text} and had {plural(training.failed, 'reset')}, the last after {seconds(last)} s."
    if after is not None:
        yield f"{'After it' if training else 'Trained'}, with frozen weights, the robot drove {_told(after)}."
    if before is not None:
        what = "The same robot before training" if after is not None else "Before training the robot"
        yield f"{what} drove {_told(before)}."
    if any(drive is not None and drive.failed for drive in (before, training, after)):
        yield (
            f"A reset puts the robot back once it is {mm(limit_m)} mm off its lane's centre, so that where there are "
            "resets the mean deviation hides how far it would have gone."
        )


def _told(drive: LaneDrive) -> str:
    return (
        f"{seconds(drive.seconds)} s with a mean deviation of {mm(drive.mean_abs_deviation_m())} mm from the lane's "
        f"centre, {plural(drive.failed, 'reset')} and {plural(drive.completed, 'lap')}"
    )
