"""AdEx: the firing patterns of Naud et al. 2008, its scheme against steps a hundred times finer, rheobase, refusals."""

import math

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.network.models.adex import PATTERN_CURRENTS_NA, PRESETS, AdexParameters
from tests.network.models.comparison import network_of, silent, state_of


def pattern(preset: str, dt_ms: float = 0.1, time_ms: float = 1000.0, current_na: float | None = None) -> np.ndarray:
    """Spike times (ms) of a preset under a constant current, by default the one that belongs to it."""
    parameters = {"preset": preset, "bias_current_na": current_na or PATTERN_CURRENTS_NA[preset]}
    network = network_of({"model": "adex", "size": 1, "parameters": parameters}, dt_ms=dt_ms)
    return (np.flatnonzero(silent(network, round(time_ms / dt_ms))[:, 0]) + 1) * dt_ms


def test_tonic_spiking_is_regular():
    intervals = np.diff(pattern("tonic_spiking"))
    assert intervals[10:].std() < 0.06
    assert intervals.min() > 0.9 * intervals.max()


def test_adaptation_slows_down():
    intervals = np.diff(pattern("adaptation"))
    assert (np.diff(intervals[:7]) > 0).all()
    assert intervals[-1] > 5 * intervals[0]


def test_initial_burst_then_tonic_spiking():
    intervals = np.diff(pattern("initial_burst"))
    assert intervals[:2].max() < 10
    assert intervals[3:].min() > 50


@pytest.mark.parametrize("preset", ["regular_bursting", "delayed_regular_bursting"])
def test_regular_bursting_repeats_bursts(preset):
    intervals = np.diff(pattern(preset))
    within, between = intervals[intervals < 20], intervals[intervals >= 20]
    assert within.size > 5
    assert between.size > 5
    assert between.min() > 5 * within.max()
    assert between[1:].std() < 0.05 * between.mean()


def test_delayed_patterns_begin_late():
    assert pattern("delayed_accelerating")[0] > 2 * pattern("adaptation")[0]
    assert pattern("delayed_regular_bursting")[0] > 50


def test_delayed_accelerating_speeds_up():
    intervals = np.diff(pattern("delayed_accelerating"))
    assert (np.diff(intervals[:20]) < 0.05).all()
    assert intervals[-1] < 0.5 * intervals[0]


def test_transient_spiking_stops():
    assert pattern("transient_spiking").size == 1


def test_irregular_spiking_does_not_settle():
    """At 0.16 nA, integrated finely, five intervals nearly repeat; at 0.155 nA nothing does."""
    intervals = np.diff(pattern("irregular_spiking", time_ms=3000.0))[50:]
    assert intervals.std() / intervals.mean() > 0.4
    assert np.abs(intervals[:-5] - intervals[5:]).max() < 3
    assert min(np.abs(intervals[:-k] - intervals[k:]).max() for k in range(1, 5)) > 10
    chaotic = np.diff(pattern("irregular_spiking", time_ms=3000.0, current_na=0.155))[50:]
    assert min(np.abs(chaotic[:-k] - chaotic[k:]).max() for k in range(1, 20)) > 5


def fine_spike_times(p: AdexParameters, time_ms: float, h: float) -> list[float]:
    """Spike times (ms) by Runge-Kutta steps of h from rest, without a limit of one spike a step."""
    leak, slope = p.leak_conductance_ns, p.slope_factor_mv

    def derivative(v: float, w_pa: float) -> tuple[float, float]:
        v = min(v, p.peak_mv)
        ionic = leak * (p.rest_mv - v + slope * math.exp((v - p.threshold_mv) / slope))
        drive = p.subthreshold_adaptation_ns * (v - p.rest_mv)
        return (ionic + 1000 * p.bias_current_na - w_pa) / p.capacitance_pf, (drive - w_pa) / p.tau_adaptation_ms

    v, w, times = p.rest_mv, 0.0, []
    for k in range(round(time_ms / h)):
        v1, w1 = derivative(v, w)
        v2, w2 = derivative(v + h / 2 * v1, w + h / 2 * w1)
        v3, w3 = derivative(v + h / 2 * v2, w + h / 2 * w2)
        v4, w4 = derivative(v + h * v3, w + h * w3)
        v, w = v + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4), w + h / 6 * (w1 + 2 * w2 + 2 * w3 + w4)
        if v >= p.peak_mv:
            v, w = p.reset_mv, w + p.spike_adaptation_pa
            times.append((k + 1) * h)
    return times


@pytest.mark.parametrize("preset", ["tonic_spiking", "adaptation", "initial_burst", "transient_spiking"])
@pytest.mark.parametrize("dt_ms", [0.1, 1.0])
def test_spike_times_against_fine_steps(preset, dt_ms):
    """A spike is told at the end of the network's step, and its time is off by less than 0.1 ms after 200 ms."""
    parameters = AdexParameters.model_validate({"preset": preset, "bias_current_na": PATTERN_CURRENTS_NA[preset]})
    expected = np.array(fine_spike_times(parameters, 200.0, 0.001))
    found = pattern(preset, dt_ms, 203.0)[: expected.size]
    late = found - expected
    assert late.min() > -0.05
    assert late.max() < 0.1 + dt_ms


@pytest.mark.parametrize("excess", [0.97, 1.03])
def test_rheobase_of_the_exponential_neuron(excess):
    """Without adaptation the current that makes it fire is g_L (V_T - E_L - Delta_T) (Fourcaud-Trocme et al. 2003)."""
    rheobase_na = 30.0 * (-50.4 + 70.6 - 2.0) / 1000
    parameters = {
        "subthreshold_adaptation_ns": 0.0,
        "spike_adaptation_pa": 0.0,
        "bias_current_na": excess * rheobase_na,
    }
    network = network_of({"model": "adex", "size": 1, "parameters": parameters})
    assert silent(network, 1000).any() == (excess > 1)


def test_subthreshold_response_to_a_spike_is_that_of_the_linearized_neuron():
    """Far below V_T: C dV/dt = -g_L (V - E_L) - w + I with tau_w dw/dt = a (V - E_L) - w, here with a = 0."""
    network = network_of({"model": "adex", "size": 1, "parameters": {"subthreshold_adaptation_ns": 0.0}}, weight=0.05)
    network.advance(1, np.array([0, 1]), np.array([0], np.int32))
    tau = 281.0 / 30.0
    for step in range(1, 60):
        away = 1000 * 0.05 / 281.0 * (math.exp(-step / tau) - math.exp(-step / 5.0)) / (1 / 5.0 - 1 / tau)
        # exp(-20.2 / 2) of the leak is left of the upstroke at rest.
        assert state_of(network)["potential"][0] == pytest.approx(-70.6 + away, abs=2e-3)
        silent(network, 1)


def test_overwhelming_currents_spike_in_every_step_and_stay_finite():
    parameters = {"bias_current_na": 1e5, "spike_adaptation_pa": 0.0, "subthreshold_adaptation_ns": 0.0}
    network = network_of({"model": "adex", "size": 3, "parameters": parameters})
    assert silent(network, 50).all()
    assert all(np.isfinite(values).all() for values in state_of(network).values())


def test_a_steep_upstroke_stays_finite():
    parameters = {"slope_factor_mv": 1.0, "threshold_mv": -50.0, "peak_mv": 10.0, "bias_current_na": 1.5}
    network = network_of({"model": "adex", "size": 2, "parameters": parameters})
    assert silent(network, 300).any()
    assert all(np.isfinite(values).all() for values in state_of(network).values())
    assert np.abs(state_of(network)["adaptation"]).max() < 2.0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"peak_mv": -60.0}, "peak_mv"),
        ({"peak_mv": 100.0}, "peak_mv"),
        ({"reset_mv": 30.0}, "reset_mv"),
        ({"slope_factor_mv": 0.0}, "slope_factor_mv"),
        ({"preset": "bursting"}, "preset must be one of brette_gerstner_2005"),
    ],
)
def test_what_cannot_be_is_refused(changes, expected):
    with pytest.raises(UserError, match=expected):
        validate(AdexParameters, changes, "file.yaml")


def test_presets_are_valid():
    assert {name: AdexParameters.model_validate({"preset": name}) for name in PRESETS}["brette_gerstner_2005"] == (
        AdexParameters()
    )
