"""Closed forms of the integrate-and-fire models: responses to one spike, rates at constant current, adaptation."""

import math

import numpy as np
import pytest

from tests.network.models.comparison import network_of, silent, spiked, state_of
from tests.reference_models import linear_flow

PARAMETERS = {
    "tau_membrane_ms": 20.0,
    "resistance_mohm": 10.0,
    "rest_mv": -65.0,
    "reset_mv": -68.0,
    "threshold_mv": -50.0,
    "refractory_ms": 3.0,
}


def one_spike(network) -> np.ndarray:
    """Let the first source spike; who spiked in that step."""
    return spiked(network, network.advance(1, np.array([0, 1]), np.array([0], np.int32)), 1)[0]


def test_delta_synapse_jumps_by_its_weight_and_decays():
    network = network_of({"model": "lif_delta", "size": 1, "parameters": PARAMETERS}, weight=4.0)
    one_spike(network)
    for step in range(60):
        assert state_of(network)["potential"][0] == pytest.approx(-65 + 4 * math.exp(-step / 20), abs=1e-4)
        silent(network, 1)


def test_what_arrives_at_a_delta_synapse_in_the_refractory_period_is_lost():
    network = network_of({"model": "lif_delta", "size": 1, "parameters": PARAMETERS}, weight=20.0)
    spikes = [bool(one_spike(network)[0]) for _ in range(8)]
    assert spikes == [True, False, False, False, True, False, False, False]  # 20 mV are enough from -68 mV
    assert state_of(network)["potential"][0] == -68


@pytest.mark.parametrize("tau_synapse_ms", [2.0, 20.0, 30.0])
def test_alpha_current_peaks_at_its_weight_after_the_time_constant(tau_synapse_ms):
    population = {"model": "lif_alpha", "size": 1, "parameters": PARAMETERS | {"tau_synapse_ms": tau_synapse_ms}}
    network = network_of(population, weight=0.7, dt_ms=0.5)
    one_spike(network)
    currents, potentials = [], []
    for _ in range(200):
        potentials.append(state_of(network)["potential"][0])
        silent(network, 1)
        currents.append(state_of(network)["current"][0])  # at the beginning of the step
    time = 0.5 * np.arange(1, 201)
    alpha = 0.7 * time / tau_synapse_ms * np.exp(1 - time / tau_synapse_ms)
    assert currents == pytest.approx(alpha, abs=1e-6)
    assert max(currents) == pytest.approx(0.7, rel=1e-5)
    matrix = np.array([[-1 / 20, 10 / 20, 0], [0, -1 / tau_synapse_ms, 1], [0, 0, -1 / tau_synapse_ms]])
    start = np.array([0, 0, 0.7 * math.e / tau_synapse_ms])
    assert potentials == pytest.approx([-65 + linear_flow(matrix, start, t)[0] for t in time], abs=1e-4)


def test_the_alpha_potential_has_no_seam_where_its_closed_form_changes():
    def potential(tau_synapse_ms: float) -> float:
        population = {"model": "lif_alpha", "size": 1, "parameters": PARAMETERS | {"tau_synapse_ms": tau_synapse_ms}}
        network = network_of(population, weight=1.0)
        one_spike(network)
        silent(network, 20)
        return float(state_of(network)["potential"][0])

    # The series gives way to the closed form at a difference of the time constants by 25 %, for steps of 1 ms.
    around = [potential(tau) for tau in (24.9, 24.99, 25.0, 25.01, 25.1)]
    assert np.diff(around, 2) == pytest.approx(0, abs=2e-2)
    assert around[1] == pytest.approx(around[3], abs=2e-3)


def interval_ms(current_na: float, threshold_mv: float) -> float:
    """Between two spikes of a LIF neuron at a constant current, refractory period included (Gerstner et al. 2014,
    Neuronal Dynamics, section 1.3).
    """
    steady = 10.0 * current_na
    return 3.0 + 20.0 * math.log((steady + 3.0) / (steady - (threshold_mv + 65.0)))


@pytest.mark.parametrize("model", ["lif", "lif_delta", "lif_alpha", "lif_conductance"])
@pytest.mark.parametrize("current_na", [1.4, 1.52, 2.0, 4.0])
def test_rate_at_constant_current(model, current_na):
    population = {"model": model, "size": 1, "parameters": PARAMETERS | {"bias_current_na": current_na}}
    network = network_of(population, dt_ms=0.1)
    spikes = np.flatnonzero(silent(network, 20000)[:, 0])
    if current_na < 1.5:
        assert spikes.size == 0
    else:
        # A spike waits for the end of its step, and the refractory period counts from there.
        intervals = np.diff(spikes) * 0.1
        assert (intervals >= interval_ms(current_na, -50.0) - 1e-3).all()
        assert (intervals <= interval_ms(current_na, -50.0) + 0.1 + 1e-3).all()


@pytest.mark.parametrize("refractory_ms", [0.0, 1.0, 4.0])
@pytest.mark.parametrize(
    "model", ["lif", "lif_delta", "lif_alpha", "lif_conductance", "adaptive_lif", "lif_homeostatic"]
)
def test_refractory_neurons_hold_their_potential(model, refractory_ms):
    parameters = PARAMETERS | {"bias_current_na": 1000.0, "refractory_ms": refractory_ms}
    population = {"model": model, "size": 3, "parameters": parameters}
    if model == "lif_homeostatic":
        population["threshold_adaptation"] = {"target_rate_hz": 1.0, "learning_rate_mv": 1e-3}
    network = network_of(population)
    spikes = silent(network, 40)
    assert (spikes == (np.arange(40) % (1 + refractory_ms) == 0)[:, np.newaxis]).all()
    assert (state_of(network)["potential"] == np.float32(-68)).all()


def test_adaptation_is_the_sum_of_decaying_spikes():
    parameters = PARAMETERS | {"bias_current_na": 3.0, "tau_adaptation_ms": 150.0, "threshold_increase_mv": 0.8}
    network = network_of({"model": "adaptive_lif", "size": 1, "parameters": parameters})
    spikes = np.flatnonzero(silent(network, 400)[:, 0])
    adaptation = np.exp(-(399 - spikes) / 150.0).sum()
    assert state_of(network)["adaptation"][0] == pytest.approx(adaptation, rel=1e-5)


def test_adaptation_lowers_the_rate_to_where_threshold_and_rate_agree():
    """In the steady state the threshold at a spike is V_th + beta / (exp(T / tau_a) - 1), T the interval."""
    parameters = PARAMETERS | {"bias_current_na": 3.0, "tau_adaptation_ms": 150.0, "threshold_increase_mv": 0.8}
    network = network_of({"model": "adaptive_lif", "size": 1, "parameters": parameters}, dt_ms=0.1)
    intervals = np.diff(np.flatnonzero(silent(network, 30000)[:, 0])) * 0.1
    assert intervals[0] < intervals[1] < intervals[2] < 0.9 * intervals[-1]
    interval = 10.0
    for _ in range(200):
        interval = interval_ms(3.0, -50.0 + 0.8 / math.expm1(interval / 150.0))
    assert intervals[-20:].mean() == pytest.approx(interval, abs=0.11)


@pytest.mark.parametrize("bias_current_na", [0.5, 1.6, 4.0])
def test_homeostatic_thresholds_seek_the_target_rate(bias_current_na):
    """Below the rheobase, just above, and far above: the threshold goes where the neuron fires at 8 Hz."""
    population = {
        "model": "lif_homeostatic",
        "size": 2,
        "parameters": PARAMETERS | {"bias_current_na": bias_current_na},
        "threshold_adaptation": {"target_rate_hz": 8.0, "learning_rate_mv": 0.5},
    }
    network = network_of(population)
    silent(network, 100_000)
    assert silent(network, 20_000)[:, 0].sum() / 20.0 == pytest.approx(8.0, rel=0.02)


def test_homeostatic_offset_counts_every_step_however_small_its_share():
    """A step takes 1e-6 mV away, far below what float32 can add to 10 mV."""
    population = {
        "model": "lif_homeostatic",
        "size": 1,
        "parameters": PARAMETERS,
        "threshold_adaptation": {"target_rate_hz": 1.0, "learning_rate_mv": 1e-3},
    }
    network = network_of(population)
    network.population_state("neurons")["threshold_offset"][:] = 10.0
    silent(network, 200_000)
    assert state_of(network)["threshold_offset"][0] == pytest.approx(10.0 - 0.2, abs=2e-5)


def test_a_threshold_below_the_reset_does_not_break_the_refractory_period():
    population = {
        "model": "lif_homeostatic",
        "size": 1,
        "parameters": PARAMETERS,
        "threshold_adaptation": {"target_rate_hz": 1.0, "learning_rate_mv": 1e-3},
    }
    network = network_of(population)
    network.population_state("neurons")["threshold_offset"][:] = -30.0
    assert np.flatnonzero(silent(network, 13)[:, 0]).tolist() == [0, 4, 8, 12]


def test_homeostatic_thresholds_are_frozen_and_outlast_a_rest():
    population = {
        "model": "lif_homeostatic",
        "size": 2,
        "parameters": PARAMETERS | {"bias_current_na": 2.5},
        "threshold_adaptation": {"target_rate_hz": 5.0, "learning_rate_mv": 0.5},
    }
    network = network_of(population)
    silent(network, 500)
    learnt = state_of(network)["threshold_offset"]
    assert learnt.min() > 0.5
    network.rest()
    np.testing.assert_array_equal(state_of(network)["threshold_offset"], learnt)
    network.learning = False
    silent(network, 500)
    np.testing.assert_array_equal(state_of(network)["threshold_offset"], learnt)
    network.learning = True
    silent(network, 500)
    assert (state_of(network)["threshold_offset"] != learnt).all()
