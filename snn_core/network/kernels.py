"""The step of a whole network: what calls the kernels of its neuron models and synapses, and in which order."""

import numpy as np
from numba import njit

from snn_core.network.compiled import call_kernel

# Columns of the population table.
ADVANCE, POPULATION_RECORD = range(2)
# Columns of the connection table. A range of neurons counts over all populations, in the order of the description.
PRE_BEGIN, PRE_END, CONNECTION_RECORD, DELIVER, DELIVER_ALWAYS, ARRIVE, LEARN, HOMEOSTASIS = range(8)


@njit(cache=True, nogil=True)
def advance(
    steps: int,
    first_step: int,
    input_offsets: np.ndarray,
    inputs: np.ndarray,
    populations: np.ndarray,
    connections: np.ndarray,
    arriving: np.ndarray,
    n_arriving: int,
    rows: np.ndarray,
    spike_step: np.ndarray,
    spike_neuron: np.ndarray,
) -> tuple[int, int]:
    """Advance by ``steps``; within each: spikes arrive at synapses, neurons advance, rules learn from their spikes.

    inputs[input_offsets[s] : input_offsets[s + 1]] arrive in step s, and so do the neurons that spiked in the step
    before (``arriving``, the first ``n_arriving``). ``populations`` and ``connections`` hold addresses of kernels (0
    for none) and records. ``arriving`` and ``rows`` must hold all neurons and the inputs of a step, ``spike_step`` and
    ``spike_neuron`` steps * neurons. Returns the number of spikes and the new ``n_arriving``.
    """
    n_spikes = 0
    for s in range(steps):
        step = first_step + s
        for n in range(input_offsets[s], input_offsets[s + 1]):
            arriving[n_arriving] = inputs[n]
            n_arriving += 1

        for c in range(connections.shape[0]):
            begin, end, record = connections[c, PRE_BEGIN], connections[c, PRE_END], connections[c, CONNECTION_RECORD]
            count = 0
            for n in range(n_arriving):
                if begin <= arriving[n] < end:
                    rows[count] = arriving[n] - begin
                    count += 1
            if count or connections[c, DELIVER_ALWAYS]:
                call_kernel(connections[c, DELIVER], record, step, rows.ctypes.data, count)
            if connections[c, ARRIVE]:
                call_kernel(connections[c, ARRIVE], record, step, rows.ctypes.data, count)

        n_arriving = 0
        for p in range(populations.shape[0]):
            if populations[p, ADVANCE]:
                record = populations[p, POPULATION_RECORD]
                n_arriving = call_kernel(populations[p, ADVANCE], record, step, arriving.ctypes.data, n_arriving)
        for n in range(n_arriving):
            spike_step[n_spikes] = step
            spike_neuron[n_spikes] = arriving[n]
            n_spikes += 1

        for c in range(connections.shape[0]):
            if connections[c, LEARN]:
                record = connections[c, CONNECTION_RECORD]
                call_kernel(connections[c, LEARN], record, step, arriving.ctypes.data, n_arriving)
            if connections[c, HOMEOSTASIS]:
                record = connections[c, CONNECTION_RECORD]
                call_kernel(connections[c, HOMEOSTASIS], record, step, arriving.ctypes.data, n_arriving)
    return n_spikes, n_arriving
