"""Quick versions of docs/examples: the known results hold."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from snn_core.network.rules.triplet_stdp import PRESETS, TripletStdp

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VISUAL_CORTEX = [preset for preset in PRESETS if preset.startswith("visual_cortex")]


@pytest.mark.parametrize("preset", VISUAL_CORTEX)
@pytest.mark.parametrize("gap_ms", [10, -10])
def test_triplet_rule_follows_the_frequency_as_slices_do(gap_ms: int, preset: str) -> None:
    """Within two standard errors of the measured changes, which range from -0.41 to 0.75."""
    example = load("triplet_frequency")
    slow = slice(1, None)  # 0.1 Hz takes ten minutes
    changes = np.array([example.weight_change(hz, gap_ms, preset) for hz in example.FREQUENCIES_HZ[slow]])
    assert np.all(np.abs(changes - example.MEASURED[gap_ms][slow]) < 2 * np.array(example.ERRORS[gap_ms][slow]))
    if gap_ms < 0:
        assert changes[0] < 0 < changes[-1]  # depression turns into potentiation


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("gap_ms", [10, -10])
def test_triplet_example_is_the_sum_over_its_spikes(gap_ms: int, preset: str) -> None:
    """At 20 Hz: each spike's change from the ages of all earlier ones, or of the last ones, in float64."""
    example = load("triplet_frequency")
    rule = TripletStdp(name="triplet_stdp", w_max_na=10.0, w_scale_na=1.0, **PRESETS[preset])
    pre = 50.0 * np.arange(10)
    post, change = pre + gap_ms, 0.0

    def trace(spikes: np.ndarray, now: float, tau_ms: float) -> float:
        ages = now - spikes[spikes < now]
        return float(np.exp(-(ages[-1:] if rule.pairing == "nearest" else ages) / tau_ms).sum())

    for now in pre:
        change -= trace(post, now, 33.7) * (rule.a2_minus + rule.a3_minus * trace(pre, now, rule.tau_x_ms))
    for now in post:
        change += trace(pre, now, 16.8) * (rule.a2_plus + rule.a3_plus * trace(post, now, rule.tau_y_ms))
    assert example.weight_change(20.0, gap_ms, preset, pairs=10) == pytest.approx(change, rel=1e-3, abs=1e-6)


@pytest.mark.slow
def test_delayed_reward_finds_the_synapse() -> None:
    """Izhikevich 2007, figure 1, cut to ten minutes: the rewarded synapse, which begins at 0, outgrows the others."""
    example = load("dopamine_conditioning")
    run = example.simulate(600)
    assert 0.8 < run.rate_hz < 2.0
    assert run.rewards > 10
    assert run.chosen[0] < 0.1
    assert run.mean[-1] < run.mean[0]
    assert run.chosen[-1] > 1.5 * run.mean[-1]
