"""``spikedrive nir`` and ``spikedrive weights``."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from snn_core.control.checkpoint import read_checkpoint
from snn_core.control.spec import load_controller_spec
from snn_core.network.network import Network
from spikedrive_nodes.cli import app as cli
from tests.network.networks import lif_population

Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Say:
    """Run ``spikedrive`` with these arguments; exit code and what it says on stderr."""

    def run(*arguments: object) -> tuple[int, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        return int(ended.value.code or 0), capfd.readouterr().err

    return run


def test_a_network_goes_out_and_comes_back(say: Say, tmp_path: Path) -> None:
    nir, yaml = tmp_path / "lane.nir", tmp_path / "lane.yaml"
    assert say("nir", "export", "lane", nir, "--seed", 3, "--drop-plasticity") == (0, "")
    assert say("nir", "import", nir, yaml) == (0, "")
    expected = Network(load_controller_spec("lane"), 3).connection_weights(0)
    np.testing.assert_array_equal(Network(load_controller_spec(str(yaml)), 0).connection_weights(0), expected)
    code, said = say("nir", "import", nir, yaml, "--dt-ms", 0.5, "--integration", "euler", "--reset", "zero")
    assert code == 2
    assert "threshold_mv" in said
    assert say("nir", "import", nir, yaml, "--dt-ms", 0.5, "--integration", "euler", "--refractory-ms", 1)[0] == 0
    spec = load_controller_spec(str(yaml))
    assert (spec.dt_ms, lif_population(spec, "motor").integration) == (0.5, "euler")
    assert lif_population(spec, "motor").parameters.refractory_ms == 1.0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nir", "export", "lane", "OUT.nir"), ("connections.0", "rule", "--drop-plasticity")),
        (("nir", "export", "lane", "OUT.nir", "--drop-plasticity", "--target", "norse"), ("motor", "integration")),
        (("nir", "export", "motorway", "OUT.nir"), ("motorway",)),
        (("nir", "export", "lane", "nowhere/OUT.nir", "--drop-plasticity"), ("nowhere",)),
        (("nir", "import", "none.nir", "OUT.yaml"), ("none.nir",)),
        (("nir", "import", "none.nir", "OUT.json"), ("OUT.json", ".yaml")),
        (("weights", "import", "none.npz", "lane", "OUT.npz"), ("none.npz",)),
        (("weights", "export", "none.npz", "OUT.npz"), ("none.npz",)),
    ],
)
def test_what_cannot_be_done_is_refused_and_writes_nothing(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], named: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = say(*arguments)
    assert code == 2
    assert said.startswith("spikedrive: ")
    assert said.count("\n") == 1
    assert all(name in said for name in named), said
    assert not list(tmp_path.iterdir())


def test_weights_go_out_and_into_a_checkpoint(say: Say, tmp_path: Path) -> None:
    weights, checkpoint, nir = (tmp_path / name for name in ("weights.npz", "checkpoint.npz", "network.nir"))
    assert say("weights", "export", "lane", weights, "--seed", 3) == (0, "")
    with np.load(weights) as opened:
        arrays = dict(opened)
    arrays["weights_0"] = np.full_like(arrays["weights_0"], 0.25)
    np.savez(weights, allow_pickle=False, **arrays)
    assert say("weights", "import", weights, "lane", checkpoint) == (0, "")
    assert read_checkpoint(checkpoint).spec == load_controller_spec("lane")
    assert say("weights", "export", checkpoint, weights) == (0, "")
    with np.load(weights) as opened:
        np.testing.assert_array_equal(opened["weights_0"], arrays["weights_0"])
    assert say("weights", "import", weights, checkpoint, checkpoint) == (0, "")
    assert say("nir", "export", checkpoint, nir, "--drop-plasticity") == (0, "")
    assert nir.is_file()
    code, said = say("weights", "import", weights, "lane_poisson", checkpoint)
    assert code == 2
    assert "--any-network" in said
