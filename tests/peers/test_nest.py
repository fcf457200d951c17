"""Against NEST, which the field trusts: the same input gives the same spikes, weight changes and rates."""

import numpy as np
import pytest

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec

nest = pytest.importorskip("nest", reason="needs nest-simulator (make bench-setup)")
pytestmark = pytest.mark.peers

STEPS = 2000


@pytest.fixture(autouse=True)
def kernel() -> None:
    """A NEST without anything in it, with steps of 1 ms."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = 1.0
    nest.local_num_threads = 1


def description(populations: dict, connections: list[dict]) -> NetworkSpec:
    return NetworkSpec.model_validate({"name": "peer", "populations": populations, "connections": connections})


def constant(pre: str, post: str, value_na: float, **more) -> dict:
    return {"pre": pre, "post": post, "weights": {"distribution": "constant", "value_na": value_na}, **more}


def train(rng: np.random.Generator, inputs: int, probability: float, steps: int = STEPS) -> np.ndarray:
    """(steps, inputs) bool."""
    return rng.random((steps, inputs)) < probability


def advance(network: Network, spiking: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Population, neuron and step of each spike."""
    offsets = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
    spikes = network.advance(len(spiking), offsets, np.nonzero(spiking)[1].astype(np.int32) + first)
    return spikes.population, spikes.neuron, spikes.time_us // network.spec.dt_us - 1


def generators(spiking: np.ndarray, shift: int):
    """A parrot for each input; its spikes reach targets with a delay of 1 ms at ``shift`` + step + 1."""
    sources = nest.Create("spike_generator", spiking.shape[1])
    parrots = nest.Create("parrot_neuron", spiking.shape[1])
    for place, source in enumerate(sources):
        source.spike_times = np.flatnonzero(spiking[:, place]).astype(float) + shift
    nest.Connect(sources, parrots, "one_to_one", {"delay": 1.0})
    return parrots


LIF = {
    "tau_membrane_ms": 15.0,
    "tau_synapse_ms": 4.0,
    "resistance_mohm": 40.0,
    "rest_mv": -65.0,
    "reset_mv": -68.0,
    "threshold_mv": -50.0,
    "refractory_ms": 3.0,
}
NEST_LIF = {
    "tau_m": 15.0,
    "tau_syn_ex": 4.0,
    "tau_syn_in": 4.0,
    "C_m": 15.0 / 40.0 * 1000.0,  # pF: tau / R
    "E_L": -65.0,
    "V_m": -65.0,
    "V_reset": -68.0,
    "V_th": -50.0,
    "t_ref": 3.0,
}


def test_lif_spikes_in_the_same_steps() -> None:
    rng = np.random.default_rng(0)
    weights = rng.uniform(-0.2, 0.5, (20, 5)).astype(np.float32)
    spiking = train(rng, 20, 0.03)
    populations = {
        "input": {"model": "spike_source", "size": 20},
        "cells": {"model": "lif", "size": 5, "parameters": LIF},
    }
    network = Network(description(populations, [constant("input", "cells", 0.0)]), 0)
    network.set_weights(0, weights)
    _, neuron, step = advance(network, spiking, 0)

    # An input of ours acts in its own step: it leaves NEST's parrot a step before.
    parrots = generators(spiking, 2)
    cells = nest.Create("iaf_psc_exp", 5, NEST_LIF)
    nest.Connect(parrots, cells, "all_to_all", {"weight": weights.T.astype(float) * 1000.0, "delay": 1.0})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(STEPS + 10.0)
    times, senders = (recorder.events["times"] - 5).astype(int), recorder.events["senders"] - cells[0].global_id
    theirs = sorted(zip(times.tolist(), senders.tolist(), strict=True))
    ours = sorted(zip(step.tolist(), neuron.tolist(), strict=True))
    assert len(ours) > 100
    assert [spike for spike in ours if spike[0] < STEPS - 5] == [spike for spike in theirs if spike[0] < STEPS - 5]


RULE = {
    "name": "r_stdp",
    "learning_rate_per_ms": 1e-3,
    "w_max_na": 1000.0,
    "a_plus": 1.0,
    "a_minus": 1.0,
    "tau_plus_ms": 17.0,
    "tau_minus_ms": 17.0,
    "tau_eligibility_ms": 300.0,
    "tau_reward_ms": None,
}


def apart(rng: np.random.Generator, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of the two sides of a synapse, (steps, 1) bool, never both in one step: NEST leaves such pairs out."""
    pre, post = train(rng, 1, 0.03, steps), train(rng, 1, 0.02, steps)
    return pre & ~post, post


def our_weight(pre: np.ndarray, post: np.ndarray, rewards: np.ndarray, start_na: float) -> float:
    """The weight after these spikes, with a reward for each 100 ms."""
    at_once = LIF | {"tau_synapse_ms": 0.05, "refractory_ms": 0.0, "reset_mv": -65.0}
    populations = {
        "pre": {"model": "spike_source", "size": 1},
        "driver": {"model": "spike_source", "size": 1},
        "post": {"model": "lif", "size": 1, "parameters": at_once},
    }
    # The driver makes the neuron spike in its own step; the plastic synapse is too weak to.
    weak = constant("pre", "post", start_na, rule=RULE)
    network = Network(description(populations, [weak, constant("driver", "post", 1e5)]), 0)
    spiking = np.hstack([pre, post])
    for window, reward in enumerate(rewards):
        steps = slice(window * 100, window * 100 + 100)
        network.set_reward(float(reward))
        population, _, step = advance(network, spiking[steps], 0)
        assert step.tolist() == (window * 100 + np.flatnonzero(post[steps, 0])).tolist()
        assert (population == 2).all()
    return float(network.connection_weights(0)[0, 0])


@pytest.mark.parametrize("seed", range(4))
def test_weight_change_of_r_stdp(seed: int) -> None:
    """Given spikes on both sides of a synapse and a reward that changes every 100 ms, far from the bounds."""
    rng = np.random.default_rng(seed)
    pre, post = apart(rng, STEPS)
    rewards = rng.normal(size=STEPS // 100)
    ours, theirs = (weight(pre, post, rewards, 10.0) - 10.0 for weight in (our_weight, nest_weight))
    print(f"weight change {ours:.7g} nA, NEST {theirs:.7g}")
    assert abs(ours) > 1e-3
    assert ours == pytest.approx(theirs, rel=2e-4)


def test_at_a_bound_the_two_differ_by_where_they_clip() -> None:
    """NEST clips at every update, we when a spike reads the weight and at its turn; both stay within the bounds."""
    differences = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        pre, post = apart(rng, STEPS)
        rewards = -20 * rng.normal(size=STEPS // 100)
        ours, theirs = (weight(pre, post, rewards, 0.5) for weight in (our_weight, nest_weight))
        print(f"weight {ours:.5g} nA, NEST {theirs:.5g}")
        assert min(ours, theirs) >= 0
        differences.append(abs(ours - theirs) / max(ours, theirs, 1e-9))
    assert 0 < max(differences) < 0.5


def nest_weight(pre: np.ndarray, post: np.ndarray, rewards: np.ndarray, start_na: float) -> float:
    """The same by stdp_dopamine_synapse. Its delay is dendritic and counts for the postsynaptic spikes: with 1 ms they
    come a step later, so the presynaptic ones are given a step later.
    """
    nest.ResetKernel()
    early, late = generators(pre, 3), generators(post, 2)
    dopamine = nest.Create("parrot_neuron")
    transmitter = nest.Create("volume_transmitter", params={"deliver_interval": 1})
    nest.Connect(dopamine, transmitter)
    parameters = {
        "volume_transmitter": transmitter,
        "tau_c": RULE["tau_eligibility_ms"],
        "tau_plus": RULE["tau_plus_ms"],
        "A_plus": RULE["learning_rate_per_ms"],
        "A_minus": RULE["learning_rate_per_ms"],
        "Wmin": 0.0,
        "Wmax": RULE["w_max_na"],
        "b": 0.0,
    }
    nest.CopyModel("stdp_dopamine_synapse", "learning", parameters)
    late.tau_minus = RULE["tau_minus_ms"]
    nest.Connect(
        early, late, "one_to_one", {"synapse_model": "learning", "weight": start_na, "delay": 1.0, "receptor_type": 1}
    )
    nest.Simulate(4.0)
    for reward in rewards:
        nest.SetDefaults("learning", {"b": -float(reward)})
        nest.Simulate(100.0)
    synapse = nest.GetConnections(early, late)
    return float(synapse.weight)


BALANCED = {"excitatory": 800, "inhibitory": 200}
DEGREE, DELAY_MS = 0.1, 2.0


def test_rates_of_a_balanced_network() -> None:
    """1000 LIF neurons, the connectivity, delays and Poisson inputs of both the same: rates of 4 s, each population."""
    rng = np.random.default_rng(5)
    steps, n = 4000, 1000
    pairs = {name: np.nonzero(rng.random((size, n)) < DEGREE) for name, size in BALANCED.items()}
    weight = {"excitatory": 0.08, "inhibitory": 0.4}
    outside, outside_hz = 0.25, 1500.0
    cell = LIF | {"tau_membrane_ms": 20.0, "tau_synapse_ms": 2.0, "refractory_ms": 2.0, "reset_mv": -65.0}
    populations = {
        "outside": {"model": "spike_source", "size": n},
        "cells": {"model": "lif", "size": n, "parameters": cell},
    }
    counts = rng.poisson(outside_hz * 1e-3, (steps, n))
    # Two populations that share their targets would need four connections; signed weights need one.
    pre = np.concatenate([pairs["excitatory"][0], 800 + pairs["inhibitory"][0]])
    post = np.concatenate([pairs["excitatory"][1], pairs["inhibitory"][1]])
    signed = np.where(pre < 800, weight["excitatory"], -weight["inhibitory"]).astype(np.float32)
    spec = description(
        populations,
        [
            constant("outside", "cells", outside, pattern={"kind": "one_to_one"}),
            constant(
                "cells",
                "cells",
                0.0,
                pattern={"kind": "explicit", "pre": pre.tolist(), "post": post.tolist()},
                delay_ms=DELAY_MS,
            ),
        ],
    )
    network = Network(spec, 0)
    network.set_weights(1, signed)
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])
    inputs = np.concatenate([np.repeat(np.arange(n), row) for row in counts]).astype(np.int32)
    spikes = network.advance(steps, offsets, inputs)
    ours = np.bincount(spikes.neuron, minlength=n) / (steps * 1e-3)

    sources = nest.Create("spike_generator", n)
    for place, source in enumerate(sources):
        busy = np.flatnonzero(counts[:, place])
        source.set(spike_times=busy + 3.0, spike_multiplicities=counts[busy, place])
    parameters = NEST_LIF | {
        "tau_m": 20.0,
        "C_m": 500.0,
        "tau_syn_ex": 2.0,
        "tau_syn_in": 2.0,
        "t_ref": 2.0,
        "V_reset": -65.0,
    }
    cells = nest.Create("iaf_psc_exp", n, parameters)
    nest.Connect(sources, cells, "one_to_one", {"weight": outside * 1000.0, "delay": 1.0})
    ids = np.array(cells.tolist())
    nest.Connect(ids[pre], ids[post], "one_to_one", {"weight": signed * 1000.0, "delay": np.full(pre.size, DELAY_MS)})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(steps + 4.0)
    theirs = np.bincount(recorder.events["senders"] - ids[0], minlength=n) / (steps * 1e-3)
    for name, part in (("excitatory", slice(0, 800)), ("inhibitory", slice(800, n))):
        print(f"{name}: {ours[part].mean():.3f} Hz, NEST {theirs[part].mean():.3f} Hz")
        assert 2.0 < ours[part].mean() < 100.0
        assert ours[part].mean() == pytest.approx(theirs[part].mean(), rel=0.02)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.9
