"""The competitors simulate the workload that SpikeDrive is timed with."""

import pytest

from spikedrive_benchmarks.snn.processes import Worker, available
from spikedrive_benchmarks.snn.simulators import PACKAGES


@pytest.mark.peers
@pytest.mark.processes
@pytest.mark.parametrize("simulator", PACKAGES)
def test_peer_spikes_as_often(simulator):
    if simulator not in available():
        pytest.skip(f"needs {PACKAGES[simulator]} (make bench-setup)")
    counts = []
    for name in ("numba_dense", simulator):
        with Worker(name, "W1", 600) as worker:
            if name != "brian2":  # which begins with 300 steps of its own
                worker.ask("calls", 300)
            counts.append(worker.ask("calls", 300)["spikes"])
    assert counts[1] == pytest.approx(counts[0], rel=0.05)
