"""Izhikevich's neuron: its resting points, its presets' patterns, its integration."""

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.network.models.izhikevich import PRESETS, IzhikevichParameters, IzhikevichPopulation
from tests.network.models.comparison import network_of, silent, state_of


def population(preset: str, bias: float = 0.0) -> dict:
    return {"model": "izhikevich", "size": 1, "parameters": {"preset": preset, "bias_mv_per_ms": bias}}


def intervals(preset: str, bias: float, steps: int = 1000) -> np.ndarray:
    return np.diff(np.flatnonzero(silent(network_of(population(preset, bias)), steps)[:, 0]))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_rest_where_they_begin(preset):
    network = network_of(population(preset))
    before = state_of(network)
    assert not silent(network, 500).any()
    for name, values in state_of(network).items():
        assert values == pytest.approx(before[name], abs=1e-3)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_fire_steadily_when_driven(preset):
    assert intervals(preset, 10.0).size > 10


def test_a_neuron_without_a_resting_point_begins_where_the_papers_code_does():
    parameters = {"b": 0.3}
    network = network_of({"model": "izhikevich", "size": 1, "parameters": parameters})
    assert state_of(network)["potential"][0] == -65
    assert state_of(network)["recovery"][0] == pytest.approx(-65 * 0.3)
    assert silent(network, 200).any()


def test_regular_spiking_adapts():
    first, *_, last = intervals("regular_spiking", 10.0)
    assert first < 0.85 * last


def test_intrinsic_bursting_begins_with_a_burst():
    first, *rest = intervals("intrinsically_bursting", 10.0)
    assert first <= 6
    assert min(rest) > 25


def test_chattering_repeats_bursts():
    found = intervals("chattering", 10.0)
    assert ((found <= 6) | (found >= 40)).all()
    assert (found <= 6).sum() >= 20
    assert (found >= 40).sum() >= 15


def test_fast_spiking_is_fast_and_does_not_adapt():
    found = intervals("fast_spiking", 10.0)
    assert found[10:].mean() < 20 < intervals("regular_spiking", 10.0).mean()
    assert found[10:30].mean() == pytest.approx(found[-20:].mean(), rel=0.2)


def test_low_threshold_spiking_fires_where_regular_spiking_does_not_and_adapts():
    assert intervals("regular_spiking", 2.0).size == 0
    assert intervals("low_threshold_spiking", 2.0).size > 5
    found = intervals("low_threshold_spiking", 10.0)
    assert found[0] < 0.5 * found[-10:].mean()


def test_thalamo_cortical_neurons_rebound_from_hyperpolarization():
    network = network_of(population("thalamo_cortical"), weight=-20.0)
    network.advance(200, np.arange(201), np.zeros(200, np.int32))
    assert state_of(network)["potential"][0] < -75
    spikes = np.flatnonzero(silent(network, 200)[:, 0])
    assert spikes.size >= 2
    assert spikes[1] < 20
    assert not silent(network, 500)[-300:].any()


def test_resonators_oscillate_below_threshold():
    network = network_of(population("resonator"), weight=1.0)
    rest = state_of(network)["potential"][0]
    network.advance(1, np.array([0, 1]), np.array([0], np.int32))
    potentials = []
    for _ in range(150):
        assert not silent(network, 1).any()
        potentials.append(float(state_of(network)["potential"][0]))
    swings = np.flatnonzero(np.diff(np.sign(np.array(potentials) - rest)))
    assert swings.size >= 3
    assert np.diff(swings)[:2] == pytest.approx(np.diff(swings)[0], abs=2)


def test_a_weight_is_a_current_for_one_step():
    """Two half steps of v at dt 0.5 ms, by hand, from the resting point (-70 mV, -14)."""
    network = network_of({"model": "izhikevich", "size": 1}, weight=6.0, dt_ms=0.5)
    network.advance(1, np.array([0, 1]), np.array([0], np.int32))
    v = -70.0
    for _ in range(2):
        v += 0.25 * (0.04 * v**2 + 5 * v + 140 + 14 + 6)
    assert state_of(network)["potential"][0] == pytest.approx(v, abs=1e-4)
    assert state_of(network)["recovery"][0] == pytest.approx(-14 + 0.5 * 0.02 * (0.2 * v + 14), abs=1e-5)


def test_presets_are_the_same_as_their_numbers():
    named = IzhikevichPopulation.model_validate(population("chattering"))
    spelt = {"model": "izhikevich", "size": 1, "parameters": {"a": 0.02, "b": 0.2, "c": -50.0, "d": 2.0}}
    assert named == IzhikevichPopulation.model_validate(spelt)
    assert named.model_dump()["parameters"] == IzhikevichParameters(c=-50.0, d=2.0).model_dump()
    changed = IzhikevichParameters.model_validate({"preset": "chattering", "d": 3.0})
    assert (changed.c, changed.d) == (-50.0, 3.0)


@pytest.mark.parametrize("preset", ["regular", 3, ["chattering"]])
def test_an_unknown_preset_is_refused(preset):
    with pytest.raises(UserError, match="preset must be one of regular_spiking"):
        validate(IzhikevichParameters, {"preset": preset}, "file.yaml")


def test_steps_longer_than_the_papers_are_refused():
    with pytest.raises(ValueError, match="dt_ms"):
        network_of(population("regular_spiking"), dt_ms=2.0)
