"""The step of a whole network, as one kernel over flat arrays."""

from numba import njit

from snn_core.network.neurons import _advance_lif
from snn_core.network.plasticity import _apply_reward, _decay_traces, _postsynaptic_spike, _presynaptic_spike

# Columns of the population table.
IS_NEURON, POPULATION_BEGIN, POPULATION_END = range(3)
# Columns of the connection table. Ranges of neurons count over all populations, in the order of the description.
PRE_BEGIN, PRE_END, POST_BEGIN, POST_END, SYNAPSE_BEGIN, PRE_TRACE_BEGIN, POST_TRACE_BEGIN, PLASTIC = range(8)


@njit(cache=True, nogil=True)
def _advance(
    steps,
    input_offsets,
    inputs,
    learning,
    populations,
    neuron_parameters,
    connections,
    synapse_parameters,
    potential,
    current,
    refractory,
    arriving,
    n_arriving,
    weights,
    mask,
    eligibility,
    x_pre,
    x_post,
    reward,
    spike_step,
    spike_neuron,
):
    """Advance by ``steps``; within each: decay, presynaptic spikes, neurons, postsynaptic spikes, reward.

    inputs[input_offsets[s] : input_offsets[s + 1]] spike at the start of step s, and so do, by a delay of one step, the
    neurons that spiked in the step before (``arriving``, the first ``n_arriving``). Spikes are written to
    ``spike_step`` and ``spike_neuron``, which must hold steps * neurons. Returns their number and the new
    ``n_arriving``.
    """
    n_spikes = 0
    for step in range(steps):
        for n in range(input_offsets[step], input_offsets[step + 1]):
            arriving[n_arriving] = inputs[n]
            n_arriving += 1

        for p in range(populations.shape[0]):
            if populations[p, IS_NEURON]:
                for i in range(populations[p, POPULATION_BEGIN], populations[p, POPULATION_END]):
                    current[i] *= neuron_parameters[p, 2]

        for c in range(connections.shape[0]):
            row = connections[c]
            n_pre, n_post = row[PRE_END] - row[PRE_BEGIN], row[POST_END] - row[POST_BEGIN]
            synapses = slice(row[SYNAPSE_BEGIN], row[SYNAPSE_BEGIN] + n_pre * n_post)
            pre_traces = x_pre[row[PRE_TRACE_BEGIN] : row[PRE_TRACE_BEGIN] + n_pre]
            post_traces = x_post[row[POST_TRACE_BEGIN] : row[POST_TRACE_BEGIN] + n_post]
            if row[PLASTIC]:
                _decay_traces(synapse_parameters[c], pre_traces, post_traces, eligibility[synapses])
            for n in range(n_arriving):
                i = arriving[n] - row[PRE_BEGIN]
                if 0 <= i < n_pre:
                    begin = row[SYNAPSE_BEGIN] + i * n_post
                    for j in range(n_post):
                        current[row[POST_BEGIN] + j] += weights[begin + j]
                    if row[PLASTIC]:
                        _presynaptic_spike(
                            synapse_parameters[c], i, pre_traces, post_traces, mask[synapses], eligibility[synapses]
                        )

        n_arriving = 0
        for p in range(populations.shape[0]):
            if populations[p, IS_NEURON]:
                n_arriving = _advance_lif(
                    neuron_parameters[p],
                    populations[p, POPULATION_BEGIN],
                    populations[p, POPULATION_END],
                    potential,
                    current,
                    refractory,
                    arriving,
                    n_arriving,
                )
        for n in range(n_arriving):
            spike_step[n_spikes] = step
            spike_neuron[n_spikes] = arriving[n]
            n_spikes += 1

        for c in range(connections.shape[0]):
            row = connections[c]
            if not row[PLASTIC]:
                continue
            n_pre, n_post = row[PRE_END] - row[PRE_BEGIN], row[POST_END] - row[POST_BEGIN]
            synapses = slice(row[SYNAPSE_BEGIN], row[SYNAPSE_BEGIN] + n_pre * n_post)
            pre_traces = x_pre[row[PRE_TRACE_BEGIN] : row[PRE_TRACE_BEGIN] + n_pre]
            post_slice = slice(row[POST_TRACE_BEGIN], row[POST_TRACE_BEGIN] + n_post)
            for n in range(n_arriving):
                j = arriving[n] - row[POST_BEGIN]
                if 0 <= j < n_post:
                    _postsynaptic_spike(
                        synapse_parameters[c], j, pre_traces, x_post[post_slice], mask[synapses], eligibility[synapses]
                    )
            _apply_reward(synapse_parameters[c], learning, reward[post_slice], eligibility[synapses], weights[synapses])
    return n_spikes, n_arriving
