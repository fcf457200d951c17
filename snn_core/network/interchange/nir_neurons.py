"""Populations of LIF neurons as NIR's LIF and CubaLIF, and back.

NIR (Pedersen et al. 2024, Nature Communications, doi 10.1038/s41467-024-52259-9, table of primitives) has

    CubaLIF  tau_syn dI/dt = -I + w_in S,  tau_mem dv/dt = v_leak - v + r I
    LIF      tau dv/dt = v_leak - v + r S

In a simulator with time steps, S is the sum of weights of the spikes of a step, a pulse as long as the step. A spike
then raises I of a CubaLIF by w_in dt / tau_syn times its weight and moves v of a LIF by r dt / tau times its weight. So

- ``lif`` is a CubaLIF with w_in = input_gain tau_syn / dt,
- ``lif`` with euler and a tau_synapse of one step, whose current lasts for a step, is a LIF,
- ``lif_delta`` is a LIF with r = tau / dt.

Times are in s, as simulators write them; voltages (mV), resistances (Mohm) and currents (nA) are the same numbers here
and there.
"""

import math
from typing import Any, Literal, NamedTuple, TypeGuard

import nir
import numpy as np

from snn_core.errors import UserError
from snn_core.files import validate
from snn_core.network.interchange.nir_graph import Graph, Node, number_of, word_of
from snn_core.network.models import MODELS
from snn_core.network.models.base import PopulationSpec
from snn_core.network.models.discrete import Integration, Reset
from snn_core.network.models.lif import LifPopulation
from snn_core.network.models.lif_delta import LifDeltaPopulation

SAME = 1e-6
"""Relative difference that rounding to float32 may make."""


class Options(NamedTuple):
    """What a NIR file may leave open. None: as its metadata say, else what is named here."""

    dt_ms: float | None = None
    """None: nothing else, a file without it is refused."""
    integration: Integration | None = None
    """None: euler, as the simulators that write NIR have it."""
    reset: Reset | Literal["subtract_late"] | None = None
    """None: value. subtract_late: what snnTorch does unless told otherwise: the threshold is taken away a step late,
    after the decay."""
    refractory_ms: float | None = None
    """None: 0."""
    time_unit: Literal["s", "ms"] = "s"
    """Of time constants and delays."""
    spike: Literal["pulse", "jump"] = "pulse"
    """jump: a spike raises the current of a CubaLIF by w_in times its weight, however long a step is."""


Population = LifPopulation | LifDeltaPopulation
MODEL_CLASSES: dict[str, type[Population]] = {"lif": LifPopulation, "lif_delta": LifDeltaPopulation}


def has_node(population: PopulationSpec) -> TypeGuard[Population]:
    """Whether NIR has such neurons: of these models, not of those built on them."""
    return type(population) in MODEL_CLASSES.values()


"""The models that NIR has a node for."""


class Imported(NamedTuple):
    """A population as its node describes it."""

    population: Population
    weight_factor: float
    """What the weights onto it are multiplied by."""
    notes: list[str]


def seconds(ms: float) -> float:
    """ms in s."""
    return ms / 1000


def milliseconds(s: float, known: object = None) -> float:
    """s in ms, ``known`` where it is the same time, else the number of which ``seconds`` gives s.

    There always is one for an s that is a float32, since its 24 bits times 1000 fit into a float64. Of other float64
    numbers 2 in 100 have none; for these the nearest is one unit in the last place off.
    """
    if isinstance(known, int | float | np.integer | np.floating) and seconds(float(known)) == s:
        return float(known)
    nearest = s * 1000
    for ms in (nearest, math.nextafter(nearest, math.inf), math.nextafter(nearest, 0)):
        if seconds(ms) == s:
            return ms
    return nearest


def is_box(population: Population, dt_ms: float) -> bool:
    """Whether its synaptic current lasts for one step."""
    if not isinstance(population, LifPopulation):
        return False
    return population.integration == "euler" and population.parameters.tau_synapse_ms == dt_ms


def bias_input(population: Population, dt_ms: float) -> float:
    """The constant input of the node that comes to the same as ``bias_current_na``."""
    p, bias = population.parameters, population.parameters.bias_current_na
    if isinstance(population, LifDeltaPopulation):
        return p.resistance_mohm * bias * dt_ms / p.tau_membrane_ms
    return bias if is_box(population, dt_ms) else bias / _w_in(population, dt_ms)


def gain_of(population: Population) -> float:
    """``input_gain``, where the model has one."""
    return population.parameters.input_gain if isinstance(population, LifPopulation) else 1.0


def _w_in(population: LifPopulation, dt_ms: float) -> float:
    """w_in of its CubaLIF."""
    return _pulse(population.parameters.input_gain, population.parameters.tau_synapse_ms, dt_ms)


def _pulse(input_gain: float, tau_synapse_ms: float, dt_ms: float) -> float:
    """w_in with which a pulse of one step raises the current by ``input_gain``."""
    return input_gain * (tau_synapse_ms / dt_ms)


def _input_gain(w_in: float, tau_synapse_ms: float, dt_ms: float, known: float) -> float:
    """The gain of which ``_pulse`` gives w_in, as precise as that is: ``known``, 1, or the nearest."""
    precision = np.float32 if np.float32(w_in) == w_in else np.float64
    nearest = w_in / (tau_synapse_ms / dt_ms)
    for gain in (known, 1.0, nearest, math.nextafter(nearest, math.inf), math.nextafter(nearest, 0)):
        if precision(_pulse(gain, tau_synapse_ms, dt_ms)) == w_in:
            return gain
    return nearest


def to_node(population: Population, dt_ms: float, place: int) -> nir.NIRNode:
    """The node of a population, number ``place`` of its network; arrays are (size,) float64."""
    p = population.parameters

    def common(value: float) -> np.ndarray:
        return np.full(population.size, value, np.float64)

    metadata: dict[str, Any] = {
        "place": place,
        "model": population.model,
        "effect": population.effect,
        "dt_ms": dt_ms,
        "integration": population.integration,
        "reset": population.reset,
    }
    metadata |= {key: value for key, value in p.model_dump().items() if key not in ("rest_mv", "threshold_mv")}
    shared: dict[str, Any] = {
        "v_leak": common(p.rest_mv),
        "v_threshold": common(p.threshold_mv),
        "v_reset": common(0.0 if population.reset == "zero" else p.reset_mv),
        "metadata": metadata,
    }
    tau = common(seconds(p.tau_membrane_ms))
    if isinstance(population, LifDeltaPopulation):
        return nir.LIF(tau=tau, r=common(p.tau_membrane_ms / dt_ms), **shared)
    r = common(p.resistance_mohm)
    if is_box(population, dt_ms):
        return nir.LIF(tau=tau, r=r, **shared)
    tau_syn, w_in = population.parameters.tau_synapse_ms, common(_w_in(population, dt_ms))
    return nir.CubaLIF(tau_mem=tau, tau_syn=common(seconds(tau_syn)), r=r, w_in=w_in, **shared)


def from_node(graph: Graph, name: str, size: int, bias: np.ndarray, dt_ms: float, options: Options) -> Imported:
    """The population that a LIF or CubaLIF node describes. bias: constant input, (size,).

    Raises UserError, naming node and key, for parameters that differ between neurons or cannot be run.
    """
    node = graph.nodes[name]
    integration = options.integration or word_of(node.metadata, "integration", ("euler", "exact"))
    refractory_ms, threshold_mv = options.refractory_ms, graph.common(name, "v_threshold")
    tau_ms = _time(graph, name, "tau" if node.type == "LIF" else "tau_mem", "tau_membrane_ms", options)
    reset, reset_mv = _reset(graph, name, threshold_mv, dt_ms / tau_ms if tau_ms > 0 else 0.0, options)
    parameters = {
        "rest_mv": graph.common(name, "v_leak"),
        "threshold_mv": threshold_mv,
        "reset_mv": reset_mv,
        "refractory_ms": number_of(node.metadata, "refractory_ms", 0.0) if refractory_ms is None else refractory_ms,
        "tau_membrane_ms": tau_ms,
    }
    synapse = _box_or_delta if node.type == "LIF" else _exponential
    model, own, factor, notes = synapse(graph, name, dt_ms, options, integration, tau_ms)
    data = {
        "model": model,
        "size": size,
        "effect": effect_of(node),
        "parameters": parameters | own,
        "integration": integration,
        "reset": reset,
    }
    origin = f"{graph.origin}: node {name!r} ({node.type})"
    population = validate(MODEL_CLASSES[model], data, origin)
    population = _with_bias(graph, name, population, bias * factor, dt_ms, notes)
    try:
        MODELS[model].propagators(population, dt_ms)
    except ValueError as error:
        raise UserError(f"{origin}: {error}") from error
    return Imported(population, factor, notes)


def effect_of(node: Node) -> str:
    """The effect that the metadata tell of, else mixed."""
    return word_of(node.metadata, "effect", ("mixed", "excitatory", "inhibitory"))


def _reset(graph: Graph, name: str, threshold_mv: float, decay: float, options: Options) -> tuple[Reset, float]:
    """What a spike does to V, and reset_mv. decay: dt / tau."""
    metadata = graph.nodes[name].metadata
    v_reset = graph.common(name, "v_reset") if "v_reset" in graph.nodes[name].values else 0.0
    reset = options.reset or word_of(metadata, "reset", ("value", "subtract", "zero"))
    if reset == "subtract_late":
        # The next decay, 1 - dt / tau, leaves the threshold of what is taken away now.
        return "subtract", threshold_mv * (1 - 1 / (1 - decay)) if decay < 1 else v_reset
    if reset == "zero" and v_reset and options.reset is None:
        reset = "value"  # the metadata are older than the parameter
    return reset, number_of(metadata, "reset_mv", v_reset) if reset == "zero" else v_reset


class _Synapse(NamedTuple):
    """How what arrives acts."""

    model: str
    parameters: dict[str, float]
    weight_factor: float
    notes: list[str]


def _box_or_delta(
    graph: Graph, name: str, dt_ms: float, options: Options, integration: Integration, tau_ms: float
) -> _Synapse:
    """The synapse of a LIF: by euler the same as in NIR, exactly one that moves V as much."""
    metadata = graph.nodes[name].metadata
    r = graph.common(name, "r")
    factor = r * dt_ms / tau_ms if tau_ms > 0 else 0.0
    same = math.isclose(factor, 1.0, rel_tol=SAME)
    if integration == "euler" and not (same and word_of(metadata, "model", ("lif", "lif_delta")) == "lif_delta"):
        return _Synapse("lif", {"tau_synapse_ms": dt_ms, "resistance_mohm": r}, 1.0, [])
    resistance = {"resistance_mohm": number_of(metadata, "resistance_mohm", r)}
    if same:
        return _Synapse("lif_delta", resistance, 1.0, [])
    note = (
        f"node {name!r}: integrated exactly, a spike moves V by its weight times r dt / tau = {factor:g}; weights are "
        f"multiplied by it"
    )
    return _Synapse("lif_delta", resistance, factor, [note])


def _exponential(
    graph: Graph, name: str, dt_ms: float, options: Options, integration: Integration, tau_ms: float
) -> _Synapse:
    """The synapse of a CubaLIF."""
    tau = _time(graph, name, "tau_syn", "tau_synapse_ms", options)
    r = graph.common(name, "r")
    w_in = graph.common(name, "w_in") if "w_in" in graph.nodes[name].values else 1.0
    if tau <= 0:
        raise graph.refuse(name, f"tau_syn: expected a time above 0, found {tau:g} ms")
    if options.spike == "pulse":
        gain = _input_gain(w_in, tau, dt_ms, number_of(graph.nodes[name].metadata, "input_gain", 1.0))
        notes = []
    else:
        gain = w_in
        notes = [
            f"node {name!r}: an export writes w_in {_pulse(gain, tau, dt_ms):g}: there a spike is a pulse of one step"
        ]
    return _Synapse("lif", {"tau_synapse_ms": tau, "resistance_mohm": r, "input_gain": gain}, 1.0, notes)


def _with_bias(
    graph: Graph, name: str, population: Population, bias: np.ndarray, dt_ms: float, notes: list[str]
) -> Population:
    """The population with the constant input as its bias current."""
    if not bias.any():
        return population
    if (bias != bias[0]).any():
        raise graph.refuse(
            name,
            f"bias: expected one constant input for all neurons of a population, found {bias.min():g} to "
            f"{bias.max():g}; train without bias, or split the population",
        )

    def biased(current: float) -> Population:
        parameters = population.parameters.model_copy(update={"bias_current_na": current})
        return population.model_copy(update={"parameters": parameters})

    value = float(bias[0])
    known = biased(number_of(graph.nodes[name].metadata, "bias_current_na", 0.0))
    if bias_input(known, dt_ms) == value:
        return known
    if isinstance(population, LifPopulation) and not is_box(population, dt_ms):
        notes.append(
            f"node {name!r}: its bias acts fully from the first step on; in NIR it comes through the synapse and takes "
            "some tau_syn to build up"
        )
    return biased(value / bias_input(biased(1.0), dt_ms))


def _time(graph: Graph, name: str, key: str, own_key: str, options: Options) -> float:
    """A time constant in ms."""
    value = graph.common(name, key)
    return value if options.time_unit == "ms" else milliseconds(value, graph.nodes[name].metadata.get(own_key))
