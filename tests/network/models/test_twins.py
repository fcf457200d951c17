"""Every model against its float64 twin on random input: the same spikes, and the same state but for rounding."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.network.models import MODELS
from tests.network.models.comparison import compare

STEPS, NEURONS = 1050, 10
CURRENT, CONDUCTANCE, JUMP = (-0.5, 2.0), (0.0, 0.1), (-2.0, 8.0)
SEEKING = {"target_rate_hz": 20.0, "learning_rate_mv": 0.3}

CASES = {
    "lif": ({"model": "lif"}, CURRENT, 1e-3),
    "lif, euler": ({"model": "lif", "integration": "euler"}, CURRENT, 1e-3),
    "lif, subtract": ({"model": "lif", "reset": "subtract", "parameters": {"refractory_ms": 0.0}}, CURRENT, 1e-3),
    "lif, zero": (
        {"model": "lif", "integration": "euler", "reset": "zero", "parameters": {"rest_mv": 0.0, "threshold_mv": 15.0}},
        CURRENT,
        1e-3,
    ),
    "lif_delta": ({"model": "lif_delta", "parameters": {"bias_current_na": 0.5}}, JUMP, 1e-3),
    "lif_delta, euler, subtract": (
        {
            "model": "lif_delta",
            "integration": "euler",
            "reset": "subtract",
            "parameters": {"refractory_ms": 0.0, "reset_mv": -70.0},
        },
        JUMP,
        1e-3,
    ),
    "lif_alpha": ({"model": "lif_alpha"}, CURRENT, 1e-3),
    "lif_alpha, equal times": (
        {"model": "lif_alpha", "parameters": {"tau_synapse_ms": 20.0, "bias_current_na": 0.2}},
        CURRENT,
        1e-3,
    ),
    "lif_conductance": ({"model": "lif_conductance"}, CONDUCTANCE, 1e-3),
    "adaptive_lif": (
        {"model": "adaptive_lif", "parameters": {"threshold_increase_mv": 2.0, "tau_adaptation_ms": 100.0}},
        CURRENT,
        1e-3,
    ),
    "lif_homeostatic": ({"model": "lif_homeostatic", "threshold_adaptation": SEEKING}, CURRENT, 1e-3),
    "lif_escape": ({"model": "lif_escape"}, CURRENT, 1e-4),
    "poisson": ({"model": "poisson", "rate_hz": 40.0}, CURRENT, 1e-7),
    "izhikevich": ({"model": "izhikevich"}, (-4.0, 15.0), 0.0),
    "izhikevich, chattering": ({"model": "izhikevich", "parameters": {"preset": "chattering"}}, (-4.0, 15.0), 0.0),
    "adex": ({"model": "adex"}, (-0.2, 1.2), 1e-3),
    "adex, regular bursting": ({"model": "adex", "parameters": {"preset": "regular_bursting"}}, (-0.1, 0.4), 1e-3),
}
WORST = {"izhikevich": 0.05, "adex": 5e-3, "lif_escape": 1e-4}
"""Of 1 + the size of a variable: more where the dynamics carry rounding errors away, above a threshold."""


def test_every_model_has_a_case() -> None:
    assert {population["model"] for population, _, _ in CASES.values()} == set(MODELS)


@pytest.mark.parametrize("case", CASES)
def test_model_and_twin_agree(case) -> None:
    population, weights, margin = CASES[case]
    agreement = compare(population | {"size": NEURONS}, STEPS, weights, margin)
    assert agreement.neuron_steps > 10000
    assert agreement.spikes > 100
    assert agreement.worst < WORST.get(population["model"], 1e-5)


@given(
    model=st.sampled_from(["lif", "lif_delta", "lif_alpha", "adaptive_lif", "lif_escape", "lif_conductance"]),
    parameters=st.fixed_dictionaries(
        {
            "tau_membrane_ms": st.floats(5.0, 50.0),
            "refractory_ms": st.integers(0, 5).map(float),
            "reset_mv": st.floats(-75.0, -60.0),
            "bias_current_na": st.floats(-0.5, 1.0),
        }
    ),
    tau_synapse_ms=st.floats(1.0, 4.5),
    input_gain=st.floats(0.5, 2.0),
    dt_ms=st.sampled_from([0.1, 0.5, 1.0, 2.0]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=30)
def test_agreement_does_not_depend_on_parameters_or_step(
    model, parameters, tau_synapse_ms, input_gain, dt_ms, seed
) -> None:
    times = {"lif_delta": (), "lif_conductance": ("tau_excitatory_ms", "tau_inhibitory_ms")}
    parameters = parameters | dict.fromkeys(times.get(model, ("tau_synapse_ms",)), tau_synapse_ms)
    if model not in times:
        parameters["input_gain"] = input_gain
    weights = {"lif_delta": JUMP, "lif_conductance": CONDUCTANCE}.get(model, CURRENT)
    population = {"model": model, "size": 3, "parameters": parameters}
    agreement = compare(population, 200, weights, 1e-3 if model != "lif_escape" else 1e-4, dt_ms, seed)
    assert agreement.neuron_steps > 500
    assert agreement.worst < 1e-4
