"""Models that spike at random: rates, escape noise, independence, and that each number depends on its place alone."""

import math

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.network.chance import chi_square_bound
from tests.network.models.comparison import network_of, silent, state_of
from tests.reference_models import uniform

SIGMAS = 6.0  # a false alarm in 10^9


def draws(rate_hz: float = 500.0, steps: int = 4000, size: int = 100, seed: int = 1) -> np.ndarray:
    return silent(network_of({"model": "poisson", "size": size, "rate_hz": rate_hz}, seed=seed), steps)


@pytest.mark.parametrize("rate_hz", [0.0, 0.5, 20.0, 400.0, 1000.0])
def test_poisson_rate(rate_hz):
    found, expected = draws(rate_hz).sum(), 4000 * 100 * rate_hz / 1000
    spread = math.sqrt(expected * (1 - rate_hz / 1000))
    assert abs(found - expected) <= SIGMAS * spread


def test_poisson_neurons_and_steps_are_independent():
    """Pairs of neighbours, of steps, and of both: each combination as often as the others at a probability of 1/2."""
    spikes = draws()
    for earlier, later in (
        (spikes[:, :-1], spikes[:, 1:]),
        (spikes[:-1], spikes[1:]),
        (spikes[:-1, :-1], spikes[1:, 1:]),
        (spikes[:-1, 1:], spikes[1:, :-1]),
        (spikes[:, :-32], spikes[:, 32:]),
    ):
        counts = np.bincount((2 * earlier + later).ravel(), minlength=4)
        expected = earlier.size / 4
        assert ((counts - expected) ** 2 / expected).sum() < chi_square_bound(4)


def test_poisson_counts_in_windows_are_binomial():
    counts = draws(rate_hz=50.0, steps=4000).reshape(80, 50, 100).sum(axis=1).ravel()
    assert counts.var() == pytest.approx(50 * 0.05 * 0.95, rel=SIGMAS * math.sqrt(2 / counts.size))


def test_numbers_fill_the_unit_interval_evenly():
    numbers = np.array([uniform(7, step, neuron) for step in range(100) for neuron in range(100)])
    counts = np.bincount((numbers * 50).astype(int), minlength=50)
    assert ((counts - 200) ** 2 / 200).sum() < chi_square_bound(50)
    assert 0 <= numbers.min() < numbers.max() < 1


@pytest.mark.parametrize("model", [{"model": "poisson", "rate_hz": 100.0}, {"model": "lif_escape"}])
def test_seeds_give_different_spikes_and_one_seed_the_same(model):
    population = model | {"size": 50}
    if model["model"] == "lif_escape":
        population["parameters"] = {"bias_current_na": 1.5}
    first, again, other = (silent(network_of(population, seed=seed), 500) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).mean() > 0.02


def test_a_step_can_be_computed_by_itself():
    """The spikes of step 1000 do not depend on whether the steps before were computed."""
    whole, alone = (network_of({"model": "poisson", "size": 200, "rate_hz": 100.0}) for _ in range(2))
    silent(whole, 1000)
    alone.rest(time_us=1_000_000)
    assert (silent(whole, 20) == silent(alone, 20)).all()


@pytest.mark.parametrize("bias_current_na", [1.0, 1.5, 1.8])
def test_escape_rate_of_a_membrane_that_is_held(bias_current_na):
    """With a reset to where the current holds the membrane it stays there, and rho with it: a Poisson process with dead
    time.
    """
    potential = -65 + 10 * bias_current_na
    parameters = {
        "bias_current_na": bias_current_na,
        "reset_mv": min(potential, -50.001),
        "threshold_mv": -50.0,
        "rate_at_threshold_hz": 50.0,
        "escape_width_mv": 2.0,
        "refractory_ms": 4.0,
        "tau_membrane_ms": 0.02,
    }
    network = network_of({"model": "lif_escape", "size": 200, "parameters": parameters})
    spikes = silent(network, 5000)
    rho = 50.0 * math.exp((potential + 50) / 2.0)
    state = state_of(network)
    free = state["escape_rate"] > 0
    assert state["escape_rate"][free] == pytest.approx(rho, rel=1e-3)
    probability = 1 - math.exp(-rho / 1000)
    expected = spikes.size * probability / (1 + 4 * probability)  # a spike takes four more steps
    assert spikes.sum() == pytest.approx(expected, abs=SIGMAS * math.sqrt(expected))


def test_refractory_neurons_do_not_escape():
    parameters = {"bias_current_na": 100.0, "refractory_ms": 3.0}
    network = network_of({"model": "lif_escape", "size": 5, "parameters": parameters})
    for step in range(12):
        assert silent(network, 1).all() == (step % 4 == 0)
        assert (state_of(network)["escape_rate"] > 0).all() == (step % 4 == 0)


def test_a_membrane_far_above_threshold_has_a_finite_rate():
    parameters = {"bias_current_na": 1e6, "escape_width_mv": 0.01, "rate_at_threshold_hz": 1e6}
    network = network_of({"model": "lif_escape", "size": 3, "parameters": parameters})
    assert silent(network, 1).all()
    assert np.isfinite(state_of(network)["escape_rate"]).all()


def test_small_probabilities_are_not_rounded_away():
    """1 - exp(-x) at 5e-5, where float32 would keep three digits."""
    parameters = {
        "rate_at_threshold_hz": 0.05,
        "escape_width_mv": 1e4,
        "refractory_ms": 0.0,
    }
    network = network_of({"model": "lif_escape", "size": 2000, "parameters": parameters})
    expected = 2000 * 20000 * 5e-5
    assert silent(network, 20000).sum() == pytest.approx(expected, abs=SIGMAS * math.sqrt(expected))


def test_nothing_connects_to_a_poisson_population():
    populations = {"in": {"model": "spike_source", "size": 1}, "noise": {"model": "poisson", "size": 1, "rate_hz": 1.0}}
    weights = {"distribution": "constant", "value_na": 1.0}
    connections = [{"pre": "in", "post": "noise", "weights": weights}]
    with pytest.raises(UserError, match=r"connections\.0\.post.*takes input"):
        validate(NetworkSpec, {"name": "x", "populations": populations, "connections": connections}, "file.yaml")


def test_a_poisson_population_drives_a_membrane_as_shot_noise():
    """Mean and variance of a membrane that decays by a factor r a step and gets a binomial number of jumps in each."""
    populations = {
        "noise": {"model": "poisson", "size": 50, "rate_hz": 200.0},
        "neurons": {"model": "lif_delta", "size": 1, "parameters": {"threshold_mv": 100.0}},
    }
    weights = {"distribution": "constant", "value_na": 0.1}
    connections = [{"pre": "noise", "post": "neurons", "weights": weights}]
    description = {"name": "x", "populations": populations, "connections": connections}
    network = Network(NetworkSpec.model_validate(description), 1)
    silent(network, 500)
    potentials = []
    for _ in range(20000):
        silent(network, 1)
        potentials.append(state_of(network)["potential"][0])
    r, jumps, probability = math.exp(-1 / 20), 50, 0.2
    mean = -65 + 0.1 * jumps * probability / (1 - r)
    variance = 0.1**2 * jumps * probability * (1 - probability) / (1 - r**2)
    independent = 20000 / 40  # samples: the membrane forgets in 20 ms
    assert np.mean(potentials) == pytest.approx(mean, abs=SIGMAS * math.sqrt(variance / independent))
    assert np.var(potentials) == pytest.approx(variance, rel=SIGMAS * math.sqrt(2 / independent))


def test_poisson_refuses_more_than_a_spike_a_step():
    with pytest.raises(ValueError, match="rate_hz"):
        network_of({"model": "poisson", "size": 1, "rate_hz": 1001.0})
