"""Pair and triplet STDP against NEST's synapses, on the same spike trains."""

from typing import Any

import numpy as np
import pytest

from tests.network.rules.scripted import play, scripted

nest = pytest.importorskip("nest", reason="needs nest-simulator (make bench-setup)")
pytestmark = pytest.mark.peers

STEPS, DELAY_MS, START, W_MAX = 3000, 1.0, 1.0, 2.0
BEGIN_MS = 1000.0
"""Of the trains: stdp_nn_symm_synapse takes time 0 for a presynaptic spike."""
PAIR = {"name": "pair_stdp", "w_max_na": W_MAX, "learning_rate": 0.02, "a_minus": 0.9, "tau_minus_ms": 30.0}
TRIPLET = {
    "name": "triplet_stdp",
    "w_max_na": W_MAX,
    "w_scale_na": 1.0,
    "a2_plus": 4e-3,
    "a3_plus": 6e-3,
    "a2_minus": 7e-3,
    "a3_minus": 2e-3,
    "tau_minus_ms": 30.0,
}
NEST_PAIR = {"lambda": 0.02, "alpha": 0.9, "Wmax": W_MAX, "tau_plus": 20.0}
NEST_TRIPLET = {
    "Aplus": 4e-3,
    "Aplus_triplet": 6e-3,
    "Aminus": 7e-3,
    "Aminus_triplet": 2e-3,
    "tau_plus": 16.8,
    "tau_plus_triplet": 101.0,
    "Wmax": W_MAX,
}


def trains(seed: int) -> tuple[list[int], list[int]]:
    """Steps in which presynaptic spikes arrive, the last one after all others, and in which the neuron spikes.

    None are the same: NEST leaves out pairs of one instant.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(STEPS - 100)[:120]
    return [*sorted(chosen[:60].tolist()), STEPS - 1], sorted(chosen[60:].tolist())


def nest_weight(synapse: dict[str, Any], pre: list[int], post: list[int]) -> float:
    """The weight after the last presynaptic spike. A spike of the neuron reaches the synapse a delay later."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = 1.0
    parrots = nest.Create("parrot_neuron", 2)
    parrots[1].tau_minus = 30.0
    if "triplet" in synapse["synapse_model"]:
        parrots[1].tau_minus_triplet = 114.0
    for parrot, steps, earlier in zip(parrots, (pre, post), (0.0, DELAY_MS), strict=True):
        source = nest.Create("spike_generator", params={"spike_times": np.array(steps) + BEGIN_MS - earlier})
        nest.Connect(source, parrot, syn_spec={"delay": 1.0})
    # Receptor 1 of a parrot takes spikes and repeats none.
    own = {"weight": START, "delay": DELAY_MS, "receptor_type": 1}
    nest.Connect(parrots[0], parrots[1], syn_spec=own | synapse)
    nest.Simulate(BEGIN_MS + STEPS + 50.0)
    return nest.GetConnections(parrots[0], parrots[1]).weight


@pytest.mark.parametrize(
    ("rule", "synapse"),
    [
        (PAIR, {"synapse_model": "stdp_synapse", "mu_plus": 0.0, "mu_minus": 0.0, **NEST_PAIR}),
        (PAIR | {"mu": 1.0}, {"synapse_model": "stdp_synapse", "mu_plus": 1.0, "mu_minus": 1.0, **NEST_PAIR}),
        (PAIR | {"mu": 0.4}, {"synapse_model": "stdp_synapse", "mu_plus": 0.4, "mu_minus": 0.4, **NEST_PAIR}),
        (
            PAIR | {"mu": 0.4, "pairing": "nearest"},
            {"synapse_model": "stdp_nn_symm_synapse", "mu_plus": 0.4, "mu_minus": 0.4, **NEST_PAIR},
        ),
        (TRIPLET, {"synapse_model": "stdp_triplet_synapse", **NEST_TRIPLET}),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_weight_ends_where_nests_does(rule: dict[str, Any], synapse: dict[str, Any], seed: int) -> None:
    pre, post = trains(seed)
    ours = float(play(scripted(rule, [START]), {0: pre}, post, STEPS)[0])
    theirs = nest_weight(synapse, pre, post)
    print(f"{synapse['synapse_model']}: {ours:.6f} / {theirs:.6f} nA")
    assert abs(theirs - START) > 1e-2
    assert ours == pytest.approx(theirs, abs=1e-5)
