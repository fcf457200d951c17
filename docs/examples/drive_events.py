"""Events of a file drive a network: a moving bar among noise, and the spikes of cells that only the bar excites."""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from snn_core import Events, Network, NetworkSpec, open_recording, windows, write_recording

WIDTH, HEIGHT, WINDOW_MS = 64, 48, 50
LIF = {"model": "lif", "size": WIDTH, "parameters": {"tau_membrane_ms": 10.0, "refractory_ms": 2.0}}
COLUMNS = {"pre": "columns", "post": "cells", "pattern": {"kind": "one_to_one"}}
COLUMNS |= {"weights": {"distribution": "constant", "value_na": 2.0}}
POPULATIONS = {"columns": {"model": "spike_source", "size": WIDTH}, "cells": LIF}
SPEC = NetworkSpec.model_validate({"name": "columns", "populations": POPULATIONS, "connections": [COLUMNS]})

rng, t = np.random.default_rng(0), np.arange(0, 2_000_000, 250)
bar = 32.0 + 28.0 * np.sin(2e-6 * np.pi * t) + rng.normal(0.0, 0.7, t.size)
x = np.where(rng.random(t.size) < 0.5, bar, rng.uniform(0, WIDTH, t.size)).astype(np.uint16)
y, polarity = rng.integers(0, HEIGHT, t.size, np.uint16), rng.integers(0, 2, t.size, np.uint8)
network = Network(SPEC, seed=0)
figure, (above, below) = plt.subplots(2, 1, figsize=(7.0, 4.2), sharex=True, sharey=True, layout="constrained")
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "bar.h5"
    write_recording(path, Events(t, x, y, polarity), WIDTH, HEIGHT)
    with open_recording(path) as recording:
        for begin_us, _, events in windows(recording, 1000 * WINDOW_MS):
            steps_us = begin_us + 1000 * np.arange(WINDOW_MS + 1)
            spikes = network.advance(WINDOW_MS, np.searchsorted(events.t, steps_us), events.x.astype(np.int32))
            above.plot(1e-6 * events.t, events.x, ",", color="0.4", rasterized=True)
            below.plot(1e-6 * spikes.time_us, spikes.neuron, ".", color="#c8502d", ms=3, rasterized=True)
above.set(ylabel="column of the event", title="The recording")
below.set(xlabel="time (s)", ylabel="cell", title="The spikes of the network", xlim=(0, 2), ylim=(0, WIDTH))
plt.rcParams["svg.hashsalt"] = "spikedrive"
figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})
