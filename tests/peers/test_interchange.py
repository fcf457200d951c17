"""Against Norse and snnTorch: networks that went through NIR, either way, give the same spikes.

Layer n of theirs spikes n - 1 steps earlier than ours, since there a spike acts on the next layer in the same step.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from snn_core.network.interchange.nir_files import from_nir, to_nir
from snn_core.network.interchange.nir_neurons import Options
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec, SpikeSource

torch = pytest.importorskip("torch", reason="needs PyTorch (make bench-setup)")
pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

STEPS, INPUTS, HIDDEN, OUTPUTS = 2000, 20, 30, 10


@pytest.fixture
def spiking() -> np.ndarray:
    """(STEPS, INPUTS) bool, 5 spikes in 100 steps."""
    torch.manual_seed(1)
    return np.random.default_rng(0).random((STEPS, INPUTS)) < 0.05


def layer(n_in: int, n_out: int, scale: float, shift: float, bias: float = 0.0) -> Any:
    """Weights drawn by PyTorch, with one bias for all."""
    linear = torch.nn.Linear(n_in, n_out, bias=bool(bias))
    with torch.no_grad():
        linear.weight.mul_(scale).add_(shift)
        if bias:
            linear.bias.fill_(bias)
    return linear


def ours(network: Network, spiking: np.ndarray) -> list[np.ndarray]:
    """(STEPS, neurons) bool of each population of neurons."""
    spec = network.spec
    source = next(name for name, population in spec.populations.items() if isinstance(population, SpikeSource))
    offsets = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
    inputs = np.nonzero(spiking)[1].astype(np.int32) + network.span(source).start
    spikes = network.advance(len(spiking), offsets, inputs)
    found = []
    for place, population in enumerate(spec.populations.values()):
        if not isinstance(population, SpikeSource):
            fired = np.zeros((len(spiking), population.size), bool)
            of = spikes.population == place
            fired[spikes.time_us[of] // spec.dt_us - 1, spikes.neuron[of]] = True
            found.append(fired)
    return found


def differing(theirs: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> list[int]:
    """Spikes that only one of the two has, for each layer."""
    assert len(theirs) == len(found)
    return [int((t[: STEPS - n] != o[n:]).sum()) for n, (t, o) in enumerate(zip(theirs, found, strict=True))]


def run(modules: Sequence[Any], spiking: np.ndarray) -> list[np.ndarray]:
    """Spikes of each layer of neurons; modules keep their state, or return it."""
    states: list[Any] = [None] * len(modules)
    fired: list[list[Any]] = [[] for _ in modules]
    with torch.no_grad():
        for row in torch.tensor(spiking, dtype=torch.float32):
            signal = row
            for place, module in enumerate(modules):
                if isinstance(module, torch.nn.Linear):
                    signal = module(signal)
                    continue
                result = module(signal) if getattr(module, "init_hidden", False) else module(signal, states[place])
                signal, states[place] = result if isinstance(result, tuple) else (result, None)
                fired[place].append(signal)
    return [torch.stack(rows).numpy() > 0 for rows in fired if rows]


def describe(theirs: Sequence[np.ndarray], graph: Any, options: Options, spiking: np.ndarray) -> dict[str, list[int]]:
    """Spikes of each layer, and those that differ by euler and exactly."""
    table = {"spikes": [int(fired.sum()) for fired in theirs]}
    for integration in ("euler", "exact"):
        network = Network(from_nir(graph, options._replace(integration=integration)).spec(), 0)
        found = ours(network, spiking)
        table[integration] = differing(theirs, found)
        table[f"{integration} spikes"] = [int(fired.sum()) for fired in found]
    return table


def check(table: dict[str, list[int]], record_property: Any) -> None:
    """No difference by euler; what exact integration differs by is put on record."""
    record_property("spikes", table)
    print(table)
    assert min(table["spikes"]) > 1000
    assert table["euler"] == [0, 0]
    assert min(table["exact"]) > 0


# Norse


def norse_cells(cell: str) -> list[Any]:
    norse = pytest.importorskip("norse.torch", reason="needs Norse (make bench-setup)")
    parameters = getattr(norse, f"{cell.removesuffix('Cell')}Parameters")

    def neurons(n: int, tau_mem_inv: float) -> Any:
        own = {"tau_mem_inv": tau_mem_inv, "v_th": 1.0, "v_leak": 0.0}
        own |= {"tau_syn_inv": 200.0} if cell == "LIFCell" else {}
        return getattr(norse, cell)(parameters(**{key: torch.full((n,), value) for key, value in own.items()}))

    strength, bias = (20.0, 0.25) if cell == "LIFBoxCell" else (3.0, 0.0)
    return [
        layer(INPUTS, HIDDEN, strength, strength / 10, bias),
        neurons(HIDDEN, 100.0),
        layer(HIDDEN, OUTPUTS, strength / 4, strength / 20),
        neurons(OUTPUTS, 200.0),
    ]


@pytest.mark.parametrize(("cell", "spike"), [("LIFBoxCell", "pulse"), ("LIFCell", "jump")])
def test_a_network_of_norse_gives_the_same_spikes(cell, spike, spiking, record_property):
    modules = norse_cells(cell)
    norse = pytest.importorskip("norse.torch")
    norse_to_nir = pytest.importorskip("norse.torch.utils.export_nir").to_nir
    # With dt 1 the time constants come out in s, as from_nir of Norse reads them.
    graph = norse_to_nir(norse.SequentialState(*modules), torch.zeros(INPUTS), dt=1.0)
    options = Options(dt_ms=1.0, spike=spike)
    check(describe(run(modules, spiking), graph, options, spiking), record_property)


def euler_description(dt_ms: float, neurons: dict[str, float]) -> dict:
    parameters = {"rest_mv": 0.0, "reset_mv": 0.0, "threshold_mv": 1.0, "refractory_ms": 0.0} | neurons
    population = {"model": "lif", "integration": "euler", "parameters": parameters}
    return {
        "name": "peer",
        "dt_ms": dt_ms,
        "populations": {
            "input": {"model": "spike_source", "size": INPUTS},
            "hidden": {**population, "size": HIDDEN},
            "output": {**population, "size": OUTPUTS},
        },
    }


def network_of(dt_ms: float, strength: float, **neurons: float) -> Network:
    """Two layers for another simulator to read."""

    def weights(scale: float) -> dict:
        return {"distribution": "uniform", "low_na": -scale, "high_na": 2 * scale}

    connections = [
        {"pre": "input", "post": "hidden", "weights": weights(strength)},
        {"pre": "hidden", "post": "output", "weights": weights(strength / 4)},
    ]
    description = euler_description(dt_ms, neurons) | {"connections": connections}
    return Network(NetworkSpec.model_validate(description), 1)


@pytest.mark.parametrize(
    ("strength", "neurons"),
    [
        (20.0, {"tau_synapse_ms": 1.0, "resistance_mohm": 1.0, "tau_membrane_ms": 10.0}),
        (0.6, {"tau_synapse_ms": 5.0, "resistance_mohm": 2.0, "tau_membrane_ms": 10.0}),
    ],
    ids=["LIF", "CubaLIF"],
)
def test_norse_gives_the_same_spikes_for_a_network_of_ours(strength, neurons, spiking):
    norse_nir = pytest.importorskip("norse.torch.utils.import_nir", reason="needs Norse (make bench-setup)")
    network = network_of(1.0, strength, **neurons)
    model = norse_nir.from_nir(to_nir(network, target="norse").graph, dt=0.001)
    found = ours(network, spiking)
    state, fired = None, []
    with torch.no_grad():
        for row in torch.tensor(spiking, dtype=torch.float32):
            output, state = model(row, state)
            fired.append(output)
    assert found[-1].sum() > 1000
    assert differing([found[0], torch.stack(fired).numpy() > 0], found)[1] == 0


# snnTorch


def snntorch_neurons(name: str, n: int, **more: Any) -> Any:
    snntorch = pytest.importorskip("snntorch", reason="needs snnTorch (make bench-setup)")
    own = {"beta": torch.full((n,), 0.9), "threshold": torch.full((n,), 1.0), "init_hidden": True}
    own |= {"alpha": torch.full((n,), 0.8)} if "Synaptic" in name else {}
    return getattr(snntorch, name)(**own, **more)


@pytest.mark.parametrize(("mechanism", "late", "reset"), [("subtract", True, "subtract_late"), ("zero", False, "zero")])
def test_a_network_of_snntorch_gives_the_same_spikes(mechanism, late, reset, spiking, record_property):
    more = {"reset_mechanism": mechanism, "reset_delay": late}
    modules = [
        layer(INPUTS, HIDDEN, 2.0, 0.15),
        snntorch_neurons("Leaky", HIDDEN, **more),
        layer(HIDDEN, OUTPUTS, 0.33, 0.02),
        snntorch_neurons("Synaptic", OUTPUTS, **more),
    ]
    graph = pytest.importorskip("snntorch.export_nir").export_to_nir(torch.nn.Sequential(*modules), torch.zeros(INPUTS))
    check(describe(run(modules, spiking), graph, Options(dt_ms=0.1, reset=reset), spiking), record_property)


def test_a_recurrent_network_of_snntorch_gives_the_same_spikes(spiking):
    neurons = snntorch_neurons("RLeaky", HIDDEN, linear_features=HIDDEN, reset_mechanism="zero", reset_delay=False)
    with torch.no_grad():
        neurons.recurrent.bias.zero_()
        neurons.recurrent.weight.mul_(2)
    modules = [layer(INPUTS, HIDDEN, 2.0, 0.15), neurons]
    graph = pytest.importorskip("snntorch.export_nir").export_to_nir(torch.nn.Sequential(*modules), torch.zeros(INPUTS))
    network = Network(from_nir(graph, Options(dt_ms=0.1, reset="zero")).spec(), 0)
    theirs = run(modules, spiking)
    assert theirs[0].sum() > 1000
    assert differing(theirs, ours(network, spiking)) == [0]


@pytest.mark.parametrize(
    ("strength", "neurons"),
    [
        (5.0, {"tau_synapse_ms": 0.1, "resistance_mohm": 3.0, "tau_membrane_ms": 2.0}),
        (0.08, {"tau_synapse_ms": 0.5, "resistance_mohm": 20.0, "tau_membrane_ms": 2.0}),
    ],
    ids=["LIF", "CubaLIF"],
)
def test_snntorch_gives_the_same_spikes_for_a_network_of_ours(strength, neurons, spiking):
    snntorch_nir = pytest.importorskip("snntorch.import_nir", reason="needs snnTorch (make bench-setup)")
    network = network_of(0.1, strength, **neurons)
    model = snntorch_nir.import_from_nir(to_nir(network, target="snntorch").graph)
    found, fired = ours(network, spiking), []
    with torch.no_grad():
        for row in torch.tensor(spiking, dtype=torch.float32):
            output = model(row)
            while isinstance(output, tuple):
                output = output[0]
            fired.append(output)
    assert found[-1].sum() > 1000
    assert differing([found[0], torch.stack(fired).numpy() > 0], found)[1] == 0
