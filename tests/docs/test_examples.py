"""Quick versions of docs/examples: the known results hold."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("gap_ms", [10, -10])
def test_triplet_rule_follows_the_frequency_as_slices_do(gap_ms: int) -> None:
    """Within two standard errors of the measured changes, which range from -0.41 to 0.75."""
    example = load("triplet_frequency")
    slow = slice(1, None)  # 0.1 Hz takes ten minutes
    changes = np.array([example.weight_change(hz, gap_ms) for hz in example.FREQUENCIES_HZ[slow]])
    assert np.all(np.abs(changes - example.MEASURED[gap_ms][slow]) < 2 * np.array(example.ERRORS[gap_ms][slow]))
    if gap_ms < 0:
        assert changes[0] < 0 < changes[-1]  # depression turns into potentiation


@pytest.mark.slow
def test_delayed_reward_finds_the_synapse() -> None:
    """Izhikevich 2007, figure 1, cut to ten minutes: the rewarded synapse outgrows the others."""
    example = load("dopamine_conditioning")
    run = example.simulate(600)
    assert run.rewards > 5
    assert run.chosen[0] < 0.1
    assert run.chosen[-1] > 1.5 * run.mean[-1]
    assert run.chosen[-1] > np.quantile(run.final, 0.9)
