"""Neuron models against NEST's: the same spikes in, the same spikes out at the same times."""

import numpy as np
import pytest

from tests.network.models.comparison import network_of, silent, spiked

nest = pytest.importorskip("nest", reason="needs nest-simulator (make bench-setup)")
pytestmark = pytest.mark.peers

SHIFT_MS = 10
"""Silence before the first input: NEST's generators cannot spike at 0."""


def both(
    population: dict,
    nest_model: str,
    nest_parameters: dict,
    weights: tuple[float, float],
    nest_unit: float,
    acts_at_end: bool = False,
    dt_ms: float = 1.0,
    steps: int = 2000,
    per_ms: float = 0.03,
) -> tuple[np.ndarray, np.ndarray]:
    """(steps, neurons) spikes of ours and of NEST's under the same 20 random trains a channel.

    ``nest_unit`` turns our weights into NEST's. ``acts_at_end``: NEST lets a spike act in the step at whose end it
    arrives, not in the next.
    """
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = dt_ms
    rng = np.random.default_rng(5)
    size, network = 5, network_of(population | {"size": 5}, dt_ms=dt_ms, sources=20)
    neurons = nest.Create(nest_model, size, nest_parameters)
    channels = len(network.spec.connections)
    spiking = rng.random((steps, 20 * channels)) < per_ms * dt_ms
    for c in range(channels):
        values = rng.uniform(*weights, (20, size)).astype(np.float32)
        network.set_weights(c, values)
        sign = -1 if c == 1 else 1
        for place in range(20):
            train = np.flatnonzero(spiking[:, 20 * c + place])
            # A spike's time is the end of a step; the delay brings it on by one.
            times = (train + round(SHIFT_MS / dt_ms) - (0 if acts_at_end else 1)) * dt_ms
            source = nest.Create("spike_generator", params={"spike_times": np.round(times, 6)})
            matrix = sign * nest_unit * values[place][:, np.newaxis].astype(float)
            nest.Connect(source, neurons, syn_spec={"weight": matrix, "delay": dt_ms})
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Simulate(SHIFT_MS + steps * dt_ms)
    theirs = np.zeros((steps, size), bool)
    events = recorder.events
    step = np.round((events["times"] - SHIFT_MS) / dt_ms).astype(int) - 1
    theirs[step, events["senders"] - neurons.tolist()[0]] = True
    silent(network, round(SHIFT_MS / dt_ms))
    offsets = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
    inputs = np.nonzero(spiking)[1].astype(np.int32)
    return spiked(network, network.advance(steps, offsets, inputs), steps), theirs


def found_again(first: np.ndarray, second: np.ndarray, within_steps: int) -> float:
    """Share of the first's spikes beside which the second has one, at most so many steps away."""
    near = second.copy()
    for k in range(1, within_steps + 1):
        near[k:] |= second[:-k]
        near[:-k] |= second[k:]
    return float((first & near).sum() / first.sum())


def assert_alike(ours: np.ndarray, theirs: np.ndarray, same_step: float, next_step: float) -> None:
    """At least these shares of the spikes are found in the same step, and in the same or a neighbouring one, each in
    the other's.
    """
    shares = [min(found_again(ours, theirs, k), found_again(theirs, ours, k)) for k in (0, 1)]
    assert theirs.sum() > 10
    assert shares[0] >= same_step, shares
    assert shares[1] >= next_step, shares


OURS = {
    "tau_membrane_ms": 15.0,
    "resistance_mohm": 40.0,
    "rest_mv": -65.0,
    "reset_mv": -68.0,
    "threshold_mv": -50.0,
    "refractory_ms": 3.0,
    "bias_current_na": 0.05,
}
THEIRS = {
    "tau_m": 15.0,
    "C_m": 15.0 / 40.0 * 1000.0,  # pF: tau / R
    "E_L": -65.0,
    "V_m": -65.0,
    "V_reset": -68.0,
    "V_th": -50.0,
    "t_ref": 3.0,
    "I_e": 50.0,
}


def test_lif_delta_spikes_in_the_same_steps():
    ours, theirs = both({"model": "lif_delta", "parameters": OURS}, "iaf_psc_delta", THEIRS, (-2, 6), 1.0, True)
    assert theirs.sum() > 100
    assert (ours == theirs).all()


def test_lif_alpha_spikes_in_the_same_steps():
    population = {"model": "lif_alpha", "parameters": OURS | {"tau_synapse_ms": 4.0}}
    parameters = THEIRS | {"tau_syn_ex": 4.0, "tau_syn_in": 4.0}
    ours, theirs = both(population, "iaf_psc_alpha", parameters, (-0.1, 0.4), 1000.0)
    assert theirs.sum() > 100
    assert (ours == theirs).all()


@pytest.mark.parametrize(("dt_ms", "same_step", "next_step"), [(0.1, 0.99, 1.0), (1.0, 0.95, 0.97)])
def test_lif_conductance_spikes_at_nearly_the_same_times(dt_ms, same_step, next_step):
    """NEST integrates with adaptive steps; ours is of second order in dt, and a step of 1 ms shows it."""
    times = {"tau_excitatory_ms": 4.0, "tau_inhibitory_ms": 8.0}
    population = {"model": "lif_conductance", "parameters": OURS | times}
    capacitance = THEIRS["C_m"]
    parameters = {name: value for name, value in THEIRS.items() if name != "tau_m"} | {
        "g_L": capacitance / 15.0,
        "tau_syn_ex": 4.0,
        "tau_syn_in": 8.0,
        "E_ex": 0.0,
        "E_in": -80.0,
    }
    steps = round(2000 / dt_ms)
    ours, theirs = both(population, "iaf_cond_exp", parameters, (0, 0.02), 1000.0, dt_ms=dt_ms, steps=steps)
    assert_alike(ours, theirs, same_step, next_step)


@pytest.mark.parametrize(
    ("preset", "same_step", "next_step"),
    [("regular_spiking", 1.0, 1.0), ("chattering", 0.97, 0.99), ("fast_spiking", 0.93, 0.95)],
)
def test_izhikevich_spikes_in_the_same_steps(preset, same_step, next_step):
    """The same scheme in float32 and float64: where v comes close to its threshold, rounding decides."""
    from snn_core.network.models.izhikevich import PRESETS

    population = {"model": "izhikevich", "parameters": {"preset": preset, "bias_mv_per_ms": 3.0}}
    numbers = PRESETS[preset]
    start = {"V_m": -70.0, "U_m": -70.0 * numbers["b"]}
    own = {"consistent_integration": False, "V_th": 30.0, "I_e": 0.0}
    parameters = {**numbers, **start, **own}
    ours, theirs = both(population | {"parameters": {"preset": preset}}, "izhikevich", parameters, (-4, 12), 1.0, True)
    assert_alike(ours, theirs, same_step, next_step)


@pytest.mark.parametrize(
    ("preset", "dt_ms", "next_step"),
    [
        ("brette_gerstner_2005", 0.1, 1.0),
        ("brette_gerstner_2005", 1.0, 1.0),
        ("adaptation", 0.1, 1.0),
        ("adaptation", 1.0, 1.0),
        ("regular_bursting", 0.1, 0.69),
        ("regular_bursting", 1.0, 0.99),
    ],
)
def test_adex_spikes_at_nearly_the_same_times(preset, dt_ms, next_step):
    """NEST integrates with adaptive steps, and within a burst a difference grows from spike to spike."""
    from snn_core.network.models.adex import AdexParameters

    p = AdexParameters.model_validate({"preset": preset, "bias_current_na": 0.3})
    parameters = {
        "C_m": p.capacitance_pf,
        "g_L": p.leak_conductance_ns,
        "E_L": p.rest_mv,
        "V_m": p.rest_mv,
        "V_th": p.threshold_mv,
        "Delta_T": p.slope_factor_mv,
        "V_peak": p.peak_mv,
        "V_reset": p.reset_mv,
        "tau_w": p.tau_adaptation_ms,
        "a": p.subthreshold_adaptation_ns,
        "b": p.spike_adaptation_pa,
        "tau_syn_ex": 5.0,
        "tau_syn_in": 5.0,
        "I_e": 300.0,
        "t_ref": 0.0,
        "gsl_error_tol": 1e-9,
    }
    population = {"model": "adex", "parameters": {"preset": preset, "bias_current_na": 0.3}}
    steps = round(1000 / dt_ms)
    ours, theirs = both(population, "aeif_psc_exp", parameters, (-0.05, 0.2), 1000.0, dt_ms=dt_ms, steps=steps)
    assert_alike(ours, theirs, 0.4, next_step)
