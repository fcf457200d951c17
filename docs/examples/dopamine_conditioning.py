"""Conditioning of one synapse by delayed reward: figure 1 of Izhikevich (2007), Cerebral Cortex 17:2443.

In a network of 800 regular spiking and 200 fast spiking neurons, each with 100 random targets, a reward follows one to
three seconds after a chosen neuron has spiked and, within 20 ms, another one that it reaches. Their synapse begins at 0
and is the only one that the reward singles out, though every synapse takes part in spurious coincidences while the
reward is on its way.

All constants are those of the author's program (daspnet.m, ModelDB 84167): STDP of 0.1 and -0.15 with 20 ms,
eligibility 1 s, dopamine 0.2 s and half a unit a reward above 0.002, weights from 0 to 4 in steps of 10 ms, noise
evenly between -6.5 and 6.5 mV/ms for each neuron and ms. What differs: all pairs of spikes count, not only nearest
ones; weights change in every step; the noise has 16 levels, and dopamine rises every 10 ms; a neuron reaches exactly 80
excitatory and 20 inhibitory ones, no one twice.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec

SIZES = {"excitatory": 800, "inhibitory": 200}
TARGETS = 100
CALL_STEPS = 10
NOISE_MV_PER_MS, NOISE_BITS = 13.0, 4
"""From lowest to highest; each bit is a population of inputs that spike in half of the steps."""
COINCIDENCE_MS = 20
REWARD_DELAY_MS = (1000, 3000)
BACKGROUND, DOPAMINE, DOPAMINE_DECAY = 0.002, 0.5, 0.995**CALL_STEPS
W_MAX = 4.0
RULE = {
    "name": "r_stdp",
    "learning_rate_per_ms": 0.1,
    "w_max_na": W_MAX,
    "a_plus": 0.1,
    "a_minus": 0.15,
    "tau_plus_ms": 20.0,
    "tau_minus_ms": 20.0,
    "tau_eligibility_ms": 1000.0,
    "tau_reward_ms": None,
}


def network(seed: int) -> Network:
    """The network, its plastic synapses at 1, the inhibitory ones fixed at 1; noise comes first among the populations.

    A neuron's current is the bits that spike, less half of what all of them would bring.
    """
    bits = range(1, NOISE_BITS + 1)
    bias = -NOISE_MV_PER_MS * (1 - 2.0**-NOISE_BITS) / 2
    populations = {
        f"{kind}_bit_{bit}": {"model": "spike_source", "size": SIZES[kind]} for kind in SIZES for bit in bits
    }
    for kind, preset in (("excitatory", "regular_spiking"), ("inhibitory", "fast_spiking")):
        parameters = {"preset": preset, "bias_mv_per_ms": bias}
        populations[kind] = {"model": "izhikevich", "size": SIZES[kind], "effect": kind, "parameters": parameters}
    to_inhibitory = TARGETS * SIZES["inhibitory"] // sum(SIZES.values())
    connections = [
        _fan("excitatory", "excitatory", TARGETS - to_inhibitory, RULE),
        _fan("excitatory", "inhibitory", to_inhibitory, RULE),
        _fan("inhibitory", "excitatory", TARGETS, None),
    ]
    for kind in SIZES:
        for bit in bits:
            noise = {"distribution": "constant", "value_na": NOISE_MV_PER_MS * 2.0**-bit}
            ends = {"pre": f"{kind}_bit_{bit}", "post": kind}
            connections.append({**ends, "pattern": {"kind": "one_to_one"}, "weights": noise})
    spec = {"name": "conditioning", "populations": populations, "connections": connections}
    return Network(NetworkSpec.model_validate(spec), seed)


def _fan(pre: str, post: str, degree: int, rule: dict | None) -> dict:
    """Every neuron onto some of the others."""
    return {
        "pre": pre,
        "post": post,
        "pattern": {"kind": "fixed_out_degree", "degree": degree, "allow_self": False},
        "weights": {"distribution": "constant", "value_na": 1.0},
        "rule": rule,
    }


class Run(NamedTuple):
    """What happened; a row for each second."""

    chosen: np.ndarray
    """Weight of the rewarded synapse, (seconds,)."""
    mean: np.ndarray
    """Mean of all plastic synapses onto excitatory neurons, (seconds,)."""
    rewards: int
    rate_hz: float
    final: np.ndarray
    """All these weights at the end."""


def simulate(seconds: int, seed: int = 0, rewarded: bool = True) -> Run:
    """Run the experiment; ``rewarded`` False gives the rewards at random times, as many as there would have been."""
    net, rng = network(seed), np.random.default_rng([seed, 1])
    pre, post = net.connection_pairs(0)
    first, second, synapse = int(pre[0]), int(post[0]), 0
    weights = net.connection_weights(0)
    weights[synapse] = 0.0
    net.set_weights(0, weights)
    n_noise = NOISE_BITS * sum(SIZES.values())
    place = list(net.spec.populations).index("excitatory")
    due: list[int] = []
    dopamine, last_first, rewards, spikes_seen = 0.0, -(10**9), 0, 0
    chosen, mean = np.zeros(seconds), np.zeros(seconds)
    for call in range(seconds * 1000 // CALL_STEPS):
        now = call * CALL_STEPS
        dopamine *= DOPAMINE_DECAY
        while due and due[0] <= now:
            dopamine += DOPAMINE
            due.pop(0)
        net.set_reward(BACKGROUND + dopamine)
        spiking = np.unpackbits(np.frombuffer(rng.bytes(CALL_STEPS * n_noise // 8), np.uint8)).reshape(-1, n_noise)
        offsets = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
        spikes = net.advance(CALL_STEPS, offsets, np.nonzero(spiking)[1].astype(np.int32))
        spikes_seen += spikes.time_us.size
        ours = (spikes.population == place) & ((spikes.neuron == first) | (spikes.neuron == second))
        for time_us, neuron in zip(spikes.time_us[ours].tolist(), spikes.neuron[ours].tolist(), strict=True):
            if neuron == first:
                last_first = time_us // 1000
            elif 0 < time_us // 1000 - last_first < COINCIDENCE_MS:
                wait = int(rng.integers(*REWARD_DELAY_MS))
                due.append(time_us // 1000 + (wait if rewarded else int(rng.integers(0, 60_000))))
                due.sort()
                rewards += 1
        if (now + CALL_STEPS) % 1000 == 0:
            weights = net.connection_weights(0)
            chosen[now // 1000], mean[now // 1000] = weights[synapse], weights.mean()
    rate = spikes_seen / sum(SIZES.values()) / seconds
    return Run(chosen, mean, rewards, rate, net.connection_weights(0))


def main(seconds: int = 3600) -> None:
    """Draw the chosen synapse over an hour, and all weights at their end."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "spikedrive"
    run = simulate(seconds)
    figure, (over_time, at_end) = plt.subplots(1, 2, figsize=(8.0, 3.0), layout="constrained", width_ratios=(2, 1))
    minutes = np.arange(1, seconds + 1) / 60
    over_time.plot(minutes, run.chosen, color="#c8502d", label="rewarded synapse")
    over_time.plot(minutes, run.mean, color="0.5", label="mean of all")
    over_time.set(xlabel="time (min)", ylabel="weight (mV/ms)", ylim=(0, W_MAX + 0.1))
    over_time.set_title(f"{run.rewards} rewards, each 1 to 3 s late; {run.rate_hz:.1f} Hz", fontsize=9)
    over_time.legend(frameon=False, fontsize=8)
    at_end.hist(run.final, bins=40, range=(0, W_MAX), color="0.5", log=True)
    at_end.axvline(run.chosen[-1], color="#c8502d")
    at_end.set(xlabel="weight at the end (mV/ms)", ylabel="synapses")
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
