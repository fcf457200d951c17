"""A sweep over seeds and learning rates on the lane task, in processes: resets of each run, and their mean."""

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from snn_core import train

RATES_PER_MS = (0.0, 3e-4, 1.4e-3, 5e-3)
SEEDS = (0, 1, 2)


def resets(rate_per_ms: float, seed: int, seconds: float) -> int:
    """How often a robot left its lane while it learnt."""
    rows = train(seed=seed, seconds=seconds, evaluation_seconds=0, learning_rate_per_ms=rate_per_ms).rows()
    return int(rows["failed"][-1])


def main(seconds: float = 100.0) -> None:
    """Run all, and draw their resets."""
    rates, seeds = zip(*product(RATES_PER_MS, SEEDS), strict=True)
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(resets, rates, seeds, [seconds] * len(rates)))
    table = np.array(found).reshape(len(RATES_PER_MS), len(SEEDS))
    figure, axes = plt.subplots(figsize=(5.5, 3.0), layout="constrained")
    axes.plot(RATES_PER_MS, table, "o", color="0.6")
    axes.plot(RATES_PER_MS, table.mean(axis=1), color="#c8502d", label=f"mean of {len(SEEDS)} seeds")
    axes.set(xlabel="learning rate (nA/ms)", ylabel=f"resets in {seconds:g} s")
    axes.legend(frameon=False, fontsize=8)
    plt.rcParams["svg.hashsalt"] = "spikedrive"
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
