"""The neuron and the rule against solutions on paper."""

import math

import numpy as np
import pytest

from snn_core.network.models.lif import LifParameters, lif_propagators
from snn_core.network.network import Network
from tests.network.networks import LIF, RULE, spec
from tests.reference_models import lif_membrane

NO_INPUT = np.empty(0, np.int32)


def silent(network: Network, steps: int) -> None:
    """Advance without input."""
    network.advance(steps, np.zeros(steps + 1, np.int64), NO_INPUT)


def lif_network(weight_na: float = 0.0, rule: dict | None = None, **parameters) -> Network:
    """One input onto one neuron, and a second."""
    base = spec(1, 2)
    changed = base.model_dump()
    changed["populations"]["motor"]["parameters"] |= parameters
    changed["connections"][0] |= {"weights": {"distribution": "constant", "value_na": weight_na}, "rule": rule}
    return Network(type(base).model_validate(changed), 0)


def test_membrane_under_constant_current_follows_the_exponential():
    network = lif_network(bias_current_na=1.2)
    for step in range(1, 101):
        silent(network, 1)
        expected = -65.0 + 12.0 * (1 - math.exp(-step / 20.0))
        assert network.population_state("motor")["potential"][0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("current_na", [1.6, 2.0, 4.0])
@pytest.mark.parametrize("refractory_ms", [0.0, 2.0, 5.0])
def test_firing_rate_under_constant_current(current_na, refractory_ms):
    network = lif_network(bias_current_na=current_na, refractory_ms=refractory_ms, reset_mv=-65.0)
    drive = 10.0 * current_na
    to_threshold_ms = 20.0 * math.log(drive / (drive - 15.0))
    period_ms = math.ceil(to_threshold_ms - 1e-9) + refractory_ms  # spikes lie on the grid of 1 ms
    spikes = network.advance(2000, np.zeros(2001, np.int64), NO_INPUT)
    times = spikes.time_us[spikes.neuron == 0]
    assert set(np.diff(times)) == {round(period_ms * 1000)}
    assert times[0] == math.ceil(to_threshold_ms - 1e-9) * 1000


@pytest.mark.parametrize("tau_synapse_ms", [2.0, 5.0, 30.0])
def test_postsynaptic_potential_of_one_spike(tau_synapse_ms):
    network = lif_network(weight_na=1.0, tau_synapse_ms=tau_synapse_ms)
    network.advance(1, np.array([0, 1]), np.array([0], np.int32))
    parameters = LifParameters(**(LIF | {"tau_synapse_ms": tau_synapse_ms}))
    for step in range(1, 80):
        assert network.population_state("motor")["potential"][0] == pytest.approx(
            lif_membrane(-65.0, 1.0, parameters, step), abs=1e-4
        )
        silent(network, 1)


def test_equal_time_constants_are_the_limit_of_nearly_equal_ones():
    equal = lif_propagators(LifParameters(tau_membrane_ms=20.0, tau_synapse_ms=20.0), 1.0)
    nearly = lif_propagators(LifParameters(tau_membrane_ms=20.0, tau_synapse_ms=20.0002), 1.0)
    assert equal.current_to_membrane == pytest.approx(nearly.current_to_membrane, rel=1e-4)


def test_step_length_does_not_change_the_membrane():
    coarse = lif_propagators(LifParameters(**LIF), 1.0)
    fine = lif_propagators(LifParameters(**LIF), 0.1)
    v_coarse, v_fine, current = 0.0, 0.0, 1.0
    for _ in range(10):
        v_fine = v_fine * fine.membrane_decay + current * fine.current_to_membrane
        current *= fine.current_decay
    v_coarse = v_coarse * coarse.membrane_decay + 1.0 * coarse.current_to_membrane
    assert v_fine == pytest.approx(v_coarse, rel=1e-9)


@pytest.mark.parametrize("gap_ms", [1, 5, 30])
@pytest.mark.parametrize("tau_reward_ms", [None, 100.0])
def test_weight_change_of_a_pre_post_pair(gap_ms, tau_reward_ms):
    """A weak presynaptic spike, then the neuron is lifted over its threshold; a reward follows in the next window."""
    rule = RULE | {"tau_reward_ms": tau_reward_ms, "learning_rate_per_ms": 0.01, "a_plus": 0.7}
    network = lif_network(weight_na=0.5, rule=rule)
    network.advance(1, np.array([0, 1]), np.array([0], np.int32))
    silent(network, gap_ms - 1)
    network.population_state("motor")["potential"][0] = -40.0
    spikes = network.advance(1, np.array([0, 0]), NO_INPUT)
    assert spikes.time_us.tolist() == [(gap_ms + 1) * 1000]

    eligibility = 0.7 * math.exp(-gap_ms / 20.0)
    assert network.connection_eligibility(0)[0, 0] == pytest.approx(eligibility, rel=1e-5)
    silent(network, 20)
    network.set_reward(0.5)
    silent(network, 40)
    # c has decayed for 21 steps when the reward comes, then both decay for 40 ms.
    rate = 1 / 500.0 + (1 / tau_reward_ms if tau_reward_ms else 0.0)
    change = 0.01 * 0.5 * eligibility * math.exp(-21 / 500.0) * (1 - math.exp(-rate * 40)) / rate
    assert network.connection_weights(0)[0, 0] - 0.5 == pytest.approx(change, rel=1e-4)
    assert network.connection_weights(0)[0, 1] == 0.5


def test_eligibility_of_a_post_pre_pair_is_negative():
    network = lif_network(weight_na=0.0, rule=RULE | {"a_minus": 0.4})
    network.population_state("motor")["potential"][0] = -40.0
    silent(network, 1)
    silent(network, 9)
    network.advance(1, np.array([0, 1]), np.array([0], np.int32))
    assert network.connection_eligibility(0)[0, 0] == pytest.approx(-0.4 * math.exp(-10 / 20.0), rel=1e-5)


def test_all_pairs_of_spikes_count():
    network = lif_network(weight_na=0.0, rule=dict(RULE))
    for _ in range(3):
        network.advance(1, np.array([0, 1]), np.array([0], np.int32))
    network.population_state("motor")["potential"][0] = -40.0
    silent(network, 1)
    expected = sum(math.exp(-gap / 20.0) for gap in (1, 2, 3))
    assert network.connection_eligibility(0)[0, 0] == pytest.approx(expected, rel=1e-5)


def test_weights_are_clipped_at_both_ends():
    for reward, bound in ((1e6, 3.0), (-1e6, 0.0)):
        network = lif_network(weight_na=1.0, rule=dict(RULE))
        network.advance(1, np.array([0, 1]), np.array([0], np.int32))
        network.population_state("motor")["potential"][0] = -40.0
        network.set_reward(reward)
        silent(network, 5)
        assert network.connection_weights(0)[0, 0] == bound
