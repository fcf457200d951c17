"""What is measured in lockstep. Each task returns rows: dicts with the key ``what`` and its figures."""

from typing import Any

from snn_core.learning.train import evaluate, evaluation_figures, train
from spikedrive_benchmarks.gazebo.driver import WatchedDriver, backend_wall_s
from spikedrive_benchmarks.gazebo.setting import EMBEDDED, Setting, new_controller

Row = dict[str, Any]
EVALUATE_S = 300.0
SPEED_S = 60.0
REPEAT_S = 60.0
SEEDS = (0, 1, 2)
TRACKS = ("meschede", "s_bend")


def learn(setting: Setting, seeds: tuple[int, ...] = SEEDS) -> list[Row]:
    """From scratch, signed reward, then frozen: figures as those of ``spikedrive train --json``, for each seed."""
    rows = []
    for seed in seeds:
        _, figures = setting.learnt(setting.backend, seed)
        rows.append({"what": f"seed {seed}", **figures, **_frozen(setting, setting.backend, seed, setting.backend)})
    return rows


def transfer(setting: Setting) -> list[Row]:
    """A network that was learnt in the embedded simulator drives here, frozen, and one that was learnt here there."""
    rows = []
    for learnt_in, driven_in in ((EMBEDDED, setting.backend), (setting.backend, EMBEDDED)):
        for track in TRACKS:
            figures = _frozen(setting, learnt_in, 0, driven_in, track)
            rows.append({"what": f"learnt: {learnt_in}, driven: {driven_in}, {track}", **figures})
    return rows


def _frozen(setting: Setting, learnt_in: str, seed: int, driven_in: str, track: str | None = None) -> Row:
    controller, _ = setting.learnt(learnt_in, seed)
    parameters = setting.parameters(EVALUATE_S, seed, driven_in, track)
    seconds = parameters.simulator.task.duration_s
    setting.say(f"{driven_in}: what seed {seed} learnt in {learnt_in} drives frozen for {seconds:g} s")
    figures = evaluation_figures(parameters.task, evaluate(parameters, controller, seconds, WatchedDriver()))
    setting.say(
        f"  {figures['evaluation_resets']} resets, {1000 * figures['mean_abs_deviation_m']:.1f} mm off on average"
    )
    return figures


def speed(setting: Setting) -> list[Row]:
    """Simulated seconds a second of wall time: of the whole loop while it learns, and of the backend's steps alone.

    The network has learnt in the embedded simulator, so that the robot is seldom re-placed.
    """
    parameters = setting.parameters(SPEED_S)
    controller = setting.learnt(EMBEDDED, 0)[0].copy()
    driver = WatchedDriver()
    setting.say(f"{setting.backend}: the whole loop")
    whole = train(parameters, controller, driver=driver)
    setting.say(f"{setting.backend}: the backend alone")
    alone_s = backend_wall_s(parameters, whole.log)
    return [
        {"what": "whole loop", "x_real_time": whole.simulated_s / whole.wall_s, "counters": driver.counters},
        {"what": "backend alone", "x_real_time": whole.simulated_s / alone_s, "counters": {}},
    ]


def repeat(setting: Setting) -> list[Row]:
    """Two runs from scratch with one seed: ``same``, or the first window in which spikes or path differ."""
    runs = []
    for number in (1, 2):
        setting.say(f"{setting.backend}: run {number} of 2 with one seed")
        parameters = setting.parameters(REPEAT_S)
        driver = WatchedDriver()
        train(parameters, new_controller(parameters), driver=driver)
        runs.append(driver.digests)
    first = first_difference(*runs)
    spikes, path = runs[0][-1]
    row: Row = {"what": "one seed twice", "windows": len(runs[0]), "same": first is None, "first_window_apart": first}
    return [row | {"spike_sha256": spikes, "trajectory_sha256": path}]


def first_difference(a: list[tuple[str, str]], b: list[tuple[str, str]]) -> int | None:
    """The first window after which the digests of two drives differ; None when they are the same to the end."""
    differing = (number for number, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    shorter = min(len(a), len(b))
    return next(differing, None if len(a) == len(b) else shorter)
