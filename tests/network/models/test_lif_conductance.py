"""Conductance-based LIF: its scheme against steps a thousand times finer, and its steady states."""

import math

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.network.spec import NetworkSpec
from tests.network.models.comparison import network_of, silent, state_of

TAU, TAU_E, TAU_I, RESISTANCE = 20.0, 5.0, 10.0, 10.0  # ms, ms, ms, MOhm: the model's defaults, as are the potentials


def fine(v: float, g_e: float, g_i: float, time_ms: float, bias_na: float, substeps: int = 1000) -> float:
    """The potential after ``time_ms`` by Runge-Kutta steps of fourth order; conductances from their closed form."""

    def slope(v: float, t: float) -> float:
        excitatory = g_e * math.exp(-t / TAU_E) * (0 - v)
        inhibitory = g_i * math.exp(-t / TAU_I) * (-80 - v)
        return (-65 - v + RESISTANCE * (bias_na + excitatory + inhibitory)) / TAU

    h = time_ms / substeps
    for k in range(substeps):
        t = k * h
        k1 = slope(v, t)
        k2 = slope(v + h / 2 * k1, t + h / 2)
        k3 = slope(v + h / 2 * k2, t + h / 2)
        v += h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(v + h * k3, t + h))
    return v


def error_mv(dt_ms: float, g_e: float, g_i: float) -> float:
    """Largest difference over 20 ms after spikes on both channels."""
    parameters = {"threshold_mv": 100.0, "bias_current_na": 0.3}
    network = network_of({"model": "lif_conductance", "size": 1, "parameters": parameters}, dt_ms=dt_ms)
    network.set_weights(0, np.array([[g_e]]))
    network.set_weights(1, np.array([[g_i]]))
    network.advance(1, np.array([0, 2]), np.array([0, 1], np.int32))
    worst = 0.0
    for step in range(1, round(20 / dt_ms) + 1):
        expected = fine(-65.0, g_e, g_i, step * dt_ms, 0.3)
        worst = max(worst, abs(float(state_of(network)["potential"][0]) - expected))
        silent(network, 1)
    return worst


@pytest.mark.parametrize("conductances_us", [(0.1, 0.0), (0.1, 0.1), (0.3, 0.1)])
def test_error_against_fine_steps(conductances_us):
    """Conductances as large as the leak, and three times that; the error falls with the square of the step."""
    whole, half = error_mv(1.0, *conductances_us), error_mv(0.5, *conductances_us)
    assert whole < (0.01 if max(conductances_us) < 0.2 else 0.05)
    assert half < whole / 3.5 or half < 1e-4  # 4, but for float32's rounding


def test_excitatory_and_inhibitory_spikes_pull_towards_their_reversal_potentials():
    for spiking, towards in ((0, 0.0), (1, -80.0)):
        network = network_of({"model": "lif_conductance", "size": 1, "parameters": {"threshold_mv": 1.0}}, weight=100.0)
        network.advance(1, np.array([0, 1]), np.array([spiking], np.int32))
        assert state_of(network)["potential"][0] == pytest.approx(towards, abs=0.1)


def test_spikes_of_many_neurons_add_up_exactly():
    network = network_of({"model": "lif_conductance", "size": 2}, weight=0.01, sources=7)
    network.advance(1, np.array([0, 10]), np.arange(10, dtype=np.int32))  # 7 excitatory, 3 inhibitory
    state = state_of(network)
    assert state["excitatory_conductance"] == pytest.approx([0.07, 0.07])
    assert state["inhibitory_conductance"] == pytest.approx([0.03, 0.03])
    silent(network, 30)
    state = state_of(network)
    assert state["excitatory_conductance"] == pytest.approx([0.07 * math.exp(-30 / TAU_E)] * 2, rel=1e-5)
    assert state["inhibitory_conductance"] == pytest.approx([0.03 * math.exp(-30 / TAU_I)] * 2, rel=1e-5)


def test_a_silent_network_comes_to_rest_in_numbers_that_are_not_denormal():
    network = network_of({"model": "lif_conductance", "size": 2}, weight=0.01)
    network.advance(1, np.array([0, 2]), np.array([0, 1], np.int32))
    silent(network, 2000)
    state = state_of(network)
    assert (state["excitatory_conductance"] == 0).all()
    assert (state["inhibitory_conductance"] == 0).all()
    assert state["potential"] == pytest.approx([-65, -65], abs=1e-4)


def test_what_could_be_either_is_refused():
    description = {
        "name": "x",
        "populations": {"in": {"model": "spike_source", "size": 1}, "n": {"model": "lif_conductance", "size": 1}},
        "connections": [{"pre": "in", "post": "n", "weights": {"distribution": "constant", "value_na": 1.0}}],
    }
    with pytest.raises(UserError, match=r"populations\.in\.effect"):
        validate(NetworkSpec, description, "file.yaml")
