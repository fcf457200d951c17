"""Quick versions of docs/examples/f_i_curves.py: rates at some currents against theory."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_core.network.models.adex import PRESETS as ADEX_PRESETS
from snn_core.network.models.adex import AdexParameters
from snn_core.network.models.izhikevich import IzhikevichParameters

FILE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "f_i_curves.py"


@pytest.fixture(scope="module")
def example() -> Any:
    found = importlib.util.spec_from_file_location("f_i_curves", FILE)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("model", ["lif", "adaptive_lif", "lif_escape"])
@pytest.mark.parametrize("current_na", [1.2, 1.6, 2.5])
def test_constant_current(example, model, current_na):
    theory, own = example.CONSTANT[model]
    cells = example.population(model, 200 if model == "lif_escape" else 1, current_na, **own)
    # Counting whole spikes in 2 s is off by up to 0.5 Hz; 200 stochastic cells by 1 % and less.
    assert example.rate_hz(cells, 2000.0) == pytest.approx(theory(current_na), rel=0.02, abs=0.6)


@pytest.mark.parametrize("model", ["lif_delta", "lif"])
@pytest.mark.parametrize("current_na", [1.3, 2.0])
def test_poisson_driven(example, model, current_na):
    tau = example.NOISY[model]
    cells = example.population(model, 100, current_na, **({"tau_synapse_ms": tau} if tau else {}))
    assert example.noisy_rate_hz(cells, 2000.0) == pytest.approx(example.siegert_hz(current_na, tau), rel=0.04)


@pytest.mark.parametrize("preset", ["tonic_spiking", "adaptation", "brette_gerstner_2005", "regular_bursting"])
def test_adex_fires_from_its_rheobase_on(example, preset):
    assert preset in ADEX_PRESETS
    rheobase = example.adex_rheobase_na(AdexParameters.model_validate({"preset": preset}))
    settled = [
        example.rate_hz(
            {"model": "adex", "size": 1, "parameters": {"preset": preset, "bias_current_na": ratio * rheobase}}, 2000.0
        )
        for ratio in (0.9, 1.02)
    ]
    assert settled[0] == 0 < settled[1]


@pytest.mark.parametrize("preset", ["regular_spiking", "fast_spiking"])
def test_izhikevich_fires_from_its_rheobase_on(example, preset):
    rheobase = example.izhikevich_rheobase(IzhikevichParameters.model_validate({"preset": preset}))
    settled = [
        example.rate_hz(
            {"model": "izhikevich", "size": 1, "parameters": {"preset": preset, "bias_mv_per_ms": ratio * rheobase}},
            2000.0,
        )
        for ratio in (0.9, 1.02)
    ]
    assert settled[0] == 0 < settled[1]


def test_theories_meet_where_they_should(example):
    """Without adaptation, and with narrow escape noise, the closed forms are those of the plain neuron."""
    for current in (1.6, 2.5):
        assert example.lif_hz(current, 0.0) == example.lif_hz(current)
        assert example.adaptive_hz(current) < example.lif_hz(current)
    assert np.diff([example.siegert_hz(current) for current in np.linspace(0.5, 3, 20)]).min() > 0
    assert example.siegert_hz(5.0) == pytest.approx(example.lif_hz(5.0), rel=0.01)
