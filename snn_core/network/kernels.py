"""The step of a whole network, as one kernel over flat arrays. Equations: see ``neurons`` and ``plasticity``.

All that call each other are in this file: numba's cache looks for changes only in the file of the called function.
"""

import numpy as np
from numba import njit

# Columns of the population table.
IS_NEURON, POPULATION_BEGIN, POPULATION_END = range(3)
# Columns of the connection table. Ranges of neurons count over all populations, in the order of the description.
PRE_BEGIN, PRE_END, POST_BEGIN, POST_END, SYNAPSE_BEGIN, PRE_TRACE_BEGIN, POST_TRACE_BEGIN, PLASTIC = range(8)


@njit(cache=True, nogil=True)
def _advance_lif(p, begin, end, potential, current, refractory, spiked, n_spiked):
    """Advance neurons ``begin`` to ``end`` by a step; append those that spike to ``spiked``; return the new count.

    p: (7,) float32, LifPropagators. potential, current: (neurons,) float32. refractory: (neurons,) int32, steps left.
    """
    membrane_decay, coupling, rest, reset, threshold = p[0], p[1], p[3], p[4], p[5]
    for i in range(begin, end):
        if refractory[i] > 0:
            refractory[i] -= 1
            continue
        v = rest + (potential[i] - rest) * membrane_decay + current[i] * coupling
        if v >= threshold:
            v = reset
            refractory[i] = np.int32(p[6])
            spiked[n_spiked] = i
            n_spiked += 1
        potential[i] = v
    return n_spiked


@njit(cache=True, nogil=True)
def _decay_traces(p, x_pre, x_post, eligibility):
    """Decay a connection's traces by a step. x_pre: (pre,), x_post: (post,), eligibility: (pre * post,), float32."""
    pre_decay, post_decay, eligibility_decay = p[0], p[1], p[2]
    for i in range(x_pre.size):
        x_pre[i] *= pre_decay
    for j in range(x_post.size):
        x_post[j] *= post_decay
    for k in range(eligibility.size):
        eligibility[k] *= eligibility_decay


@njit(cache=True, nogil=True)
def _presynaptic_spike(p, i, x_pre, x_post, mask, eligibility):
    """Neuron i spiked: its synapses lose A_minus x_post of eligibility, then its trace rises."""
    a_minus = p[5]
    begin = i * x_post.size
    for j in range(x_post.size):
        eligibility[begin + j] -= a_minus * x_post[j] * mask[begin + j]
    x_pre[i] += 1


@njit(cache=True, nogil=True)
def _postsynaptic_spike(p, j, x_pre, x_post, mask, eligibility):
    """Neuron j spiked: its synapses gain A_plus x_pre of eligibility, then its trace rises."""
    a_plus = p[4]
    for i in range(x_pre.size):
        k = i * x_post.size + j
        eligibility[k] += a_plus * x_pre[i] * mask[k]
    x_post[j] += 1


@njit(cache=True, nogil=True)
def _apply_reward(p, learning, reward, eligibility, weights):
    """Change the weights (pre * post,) by what eligibility and reward (post,) say in a step, then decay the reward."""
    reward_decay, gain, w_max = p[3], p[6], p[7]
    if learning:
        for begin in range(0, weights.size, reward.size):
            for j in range(reward.size):
                w = weights[begin + j] + gain * eligibility[begin + j] * reward[j]
                weights[begin + j] = min(max(w, np.float32(0)), w_max)
    for j in range(reward.size):
        reward[j] *= reward_decay


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
