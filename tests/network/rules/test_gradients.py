"""R-max and e-prop are the gradients that they are said to be: finite differences of float64 neurons."""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.network.networks import spike_train

STEPS, INPUTS = 120, 4
CELL = {"tau_membrane_ms": 12.0, "tau_synapse_ms": 4.0, "resistance_mohm": 10.0, "bias_current_na": 0.5}
NEVER_MS = 1e9  # an eligibility that does not forget


class Case(NamedTuple):
    """One neuron with a few inputs that learns nothing, but keeps its eligibility."""

    network: Network
    offsets: np.ndarray
    inputs: np.ndarray
    sign: int

    def arriving(self, weights: np.ndarray) -> np.ndarray:
        """Current that arrives in each step, (STEPS,), nA."""
        current = np.zeros(STEPS)
        for step in range(STEPS):
            for i in self.inputs[self.offsets[step] : self.offsets[step + 1]]:
                at = step + self.network.connection_delays(0)[i] - 1
                if at < STEPS:
                    current[at] += self.sign * weights[i]
        return current

    def run(self) -> tuple[list[int], np.ndarray]:
        """Steps in which the neuron spikes, and the eligibility, (INPUTS,)."""
        spikes = self.network.advance(STEPS, self.offsets, self.inputs)
        steps = spikes.time_us // self.network.spec.dt_us - 1
        return steps.tolist(), self.network.connection_eligibility(0).ravel()


def case(rule: dict[str, Any], cell: dict[str, Any], effect: str, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 1.5, (INPUTS, 1))
    spec = {
        "name": "gradient",
        "populations": {
            "input": {"model": "spike_source", "size": INPUTS, "effect": effect},
            "cell": {"size": 1, **cell},
        },
        "connections": [
            {
                "pre": "input",
                "post": "cell",
                "delay_ms": [1.0, 20.0],
                "weights": {"distribution": "values", "values_na": weights.tolist()},
                "rule": {"w_min_na": 0.0, "w_max_na": 5.0, "learning_rate_per_ms": 0.0, **rule},
            }
        ],
    }
    network = Network(NetworkSpec.model_validate(spec), seed)
    offsets, inputs = spike_train(rng, STEPS, INPUTS, 0.08)
    return Case(network, offsets, inputs, -1 if effect == "inhibitory" else 1)


def parameters(network: Network) -> Any:
    """Of the cell, whatever its model."""
    cell: Any = network.spec.populations["cell"]
    return cell.parameters


def differences(function: Any, weights: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """d function / d weights by central differences."""
    steps = h * np.eye(len(weights))
    return np.array([(function(weights + step) - function(weights - step)) / (2 * h) for step in steps])


def membrane(arriving: np.ndarray, p: Any, held: list[range]) -> np.ndarray:
    """The potential of each step before a reset, (STEPS,), mV; held at the reset in the steps of these ranges."""
    decay_m, decay_s = math.exp(-1 / p.tau_membrane_ms), math.exp(-1 / p.tau_synapse_ms)
    coupling = p.resistance_mohm * p.tau_synapse_ms / (p.tau_membrane_ms - p.tau_synapse_ms) * (decay_m - decay_s)
    rest = p.rest_mv + p.resistance_mohm * p.bias_current_na
    current, v, potentials = 0.0, p.rest_mv, []
    for step, came in enumerate(arriving):
        current = current * decay_s + came
        v = p.reset_mv if any(step in steps for steps in held) else rest + (v - rest) * decay_m + current * coupling
        potentials.append(v)
        if any(step == steps.start - 1 for steps in held):
            v = p.reset_mv
    return np.array(potentials)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    effect=st.sampled_from(["excitatory", "inhibitory"]),
    refractory=st.integers(0, 5),
)
def test_r_max_eligibility_is_the_gradient_of_the_log_likelihood(seed: int, effect: str, refractory: int) -> None:
    cell = CELL | {"refractory_ms": refractory, "rate_at_threshold_hz": 150.0, "threshold_mv": -56.0}
    rule = {"name": "r_max", "tau_eligibility_ms": NEVER_MS}
    one = case(rule, {"model": "lif_escape", "parameters": cell}, effect, seed)
    p = parameters(one.network)
    weights = one.network.connection_weights(0).astype(float)
    spikes, eligibility = one.run()
    held = [range(step + 1, step + 1 + refractory) for step in spikes]

    def log_likelihood(values: np.ndarray) -> float:
        potentials = membrane(one.arriving(values), p, held)
        expected = 1e-3 * p.rate_at_threshold_hz * np.exp((potentials - p.threshold_mv) / p.escape_width_mv)
        silent = [s for s in range(STEPS) if s not in spikes and not any(s in steps for steps in held)]
        return float(np.sum(np.log(-np.expm1(-expected[spikes]))) - np.sum(expected[silent]))

    np.testing.assert_allclose(eligibility, differences(log_likelihood, weights), rtol=1e-3, atol=1e-3)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), effect=st.sampled_from(["excitatory", "inhibitory"]))
def test_e_prop_eligibility_is_the_gradient_of_the_softened_spike(seed: int, effect: str) -> None:
    """psi is the derivative of a softened spike; below the threshold nothing is reset, and the sum over a filter that
    does not forget is the derivative of what the neuron would have sent.
    """
    cell = CELL | {"threshold_mv": 20.0, "rest_mv": -65.0}
    rule = {"name": "e_prop", "damping": 0.4, "tau_filter_ms": NEVER_MS}
    one = case(rule, {"model": "lif", "parameters": cell}, effect, seed)
    p = parameters(one.network)
    span = p.threshold_mv - p.rest_mv
    weights = one.network.connection_weights(0).astype(float)
    spikes, eligibility = one.run()
    assert not spikes

    def softened(values: np.ndarray) -> float:
        x = 1 + (membrane(one.arriving(values), p, []) - p.threshold_mv) / span  # 0 at rest, 1 at the threshold
        return float(np.sum(0.4 * np.maximum(x, 0) ** 2 / 2))

    np.testing.assert_allclose(eligibility, differences(softened, weights), rtol=1e-3, atol=1e-4)


def test_e_prop_takes_the_membrane_before_its_reset() -> None:
    """A neuron that an input lifts half a span beyond the threshold has half of the pseudo-derivative's height."""
    cell = {"model": "lif", "parameters": CELL | {"bias_current_na": 0.0, "threshold_mv": -55.0, "rest_mv": -65.0}}
    one = case({"name": "e_prop", "tau_filter_ms": NEVER_MS, "w_max_na": 1e3}, cell, "excitatory", 0)
    unit = membrane(np.eye(1, STEPS)[0], parameters(one.network), [])[0] + 65.0
    one.network.set_weights(0, np.full(INPUTS, 15.0 / unit, np.float32))
    delay = int(one.network.connection_delays(0)[0])
    offsets = np.concatenate([[0], np.ones(delay, int)])
    spikes = one.network.advance(delay, offsets, np.zeros(1, np.int32))
    assert spikes.time_us.tolist() == [1000 * delay]
    expected = 0.3 / 10.0 * 0.5 * unit
    assert one.network.connection_eligibility(0)[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("rule", ["r_max", "e_prop"])
@pytest.mark.parametrize(("effect", "sign"), [("excitatory", 1), ("inhibitory", -1)])
def test_more_weight_makes_excitation_and_inhibition_do_the_opposite(rule: str, effect: str, sign: int) -> None:
    if rule == "r_max":
        cell: dict[str, Any] = {"model": "lif_escape", "parameters": CELL | {"rate_at_threshold_hz": 1e-3}}
    else:
        cell = {"model": "lif", "parameters": CELL | {"threshold_mv": -30.0}}
    _, eligibility = case({"name": rule}, cell, effect, 3).run()
    towards_spikes = 1 if rule == "e_prop" else -1  # R-max has seen that the neuron stayed silent
    assert (sign * towards_spikes * eligibility > 0).any()
    assert (sign * towards_spikes * eligibility >= 0).all()


@pytest.mark.parametrize("rule", ["r_max", "e_prop"])
@pytest.mark.parametrize("effect", ["excitatory", "inhibitory", "mixed"])
def test_magnitudes_stay_magnitudes(rule: str, effect: str) -> None:
    """Dale's principle holds although the rule's own bound lies below 0."""
    model = {"r_max": "lif_escape", "e_prop": "lif"}[rule]
    own = {"name": rule, "w_min_na": -1.0, "learning_rate_per_ms": 10.0}
    cell = {"model": model, "parameters": CELL | {"threshold_mv": -55.0, "bias_current_na": 1.8}}
    lowest = []
    for reward in (1.0, -1.0):
        one = case(own, cell, effect, 1)
        one.network.set_reward(reward)
        one.network.advance(STEPS, one.offsets, one.inputs)
        lowest.append(one.network.connection_weights(0).min())
    assert min(lowest) == (-1.0 if effect == "mixed" else 0.0)
