"""What simulators that read NIR make of it: a network that one of them would change is refused by name.

Read from the sources of Norse 1.1.0 (norse.torch.utils.import_nir) and snnTorch 1.0.0 (snntorch.import_nir), and
compared with them in the peers' tests.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal

from snn_core.errors import UserError
from snn_core.network.interchange.nir_neurons import Population, gain_of, has_node, is_box
from snn_core.network.spec import NetworkSpec

Target = Literal["norse", "snntorch"]
SNNTORCH_DT_MS = 0.1


def check_target(spec: NetworkSpec, target: Target | None) -> None:
    """Raises UserError, naming population or connection and key, for what the target would drop or change."""
    if target is None:
        return
    name = {"norse": "Norse", "snntorch": "snnTorch"}[target]
    if target == "snntorch" and spec.dt_ms != SNNTORCH_DT_MS:
        raise UserError(f"dt_ms: {name} reads every graph with steps of {SNNTORCH_DT_MS} ms, found {spec.dt_ms:g}")
    for key, population in spec.populations.items():
        if has_node(population):
            dropped = _dropped_by_norse if target == "norse" else _dropped_by_snntorch
            for what, expected, found in (*_dropped_by_both(population), *dropped(population, spec.dt_ms)):
                raise UserError(f"populations.{key}: {what}: {name} drops it; expected {expected}, found {found}")
    for place, connection in enumerate(spec.connections):
        key = f"connections.{place} ({connection.pre} -> {connection.post})"
        if connection.pre in _reached(spec, connection.post):
            raise UserError(f"{key}: recurrent: {name} does not always read loops as they are; expected none")
        if connection.delay_ms is not None and _longest(connection.delay_ms) > spec.dt_ms * (1 + 1e-6):
            raise UserError(f"{key}: delay_ms: {name} drops it; expected null, found {connection.delay_ms}")


Dropped = Iterator[tuple[str, str, Any]]


def _reached(spec: NetworkSpec, population: str) -> list[str]:
    """The population and all that its spikes come to."""
    reached = [population]
    for name in reached:  # grows meanwhile
        reached += {c.post for c in spec.connections if c.pre == name}.difference(reached)
    return reached


def _longest(delay_ms: float | tuple[float, float]) -> float:
    return max(delay_ms) if isinstance(delay_ms, tuple) else delay_ms


def _dropped_by_both(population: Population) -> Dropped:
    p = population.parameters
    if population.integration != "euler":
        yield "integration", "euler", population.integration
    if p.refractory_ms:
        yield "parameters.refractory_ms", "0", p.refractory_ms
    if population.reset == "subtract":
        yield "reset", "zero", population.reset
    if population.reset == "value" and p.reset_mv != 0:
        yield "parameters.reset_mv", "0", p.reset_mv


def _dropped_by_norse(population: Population, dt_ms: float) -> Dropped:
    """Norse reads a LIF with R = 1, has no w_in, and lets the current of a CubaLIF decay towards v_leak."""
    p = population.parameters
    if is_box(population, dt_ms):
        if p.resistance_mohm != 1:
            yield "parameters.resistance_mohm", "1 (Norse's LIF has no other)", p.resistance_mohm
    elif population.model == "lif_delta":
        if p.tau_membrane_ms != dt_ms:
            yield "model", "lif with tau_synapse_ms of a step and resistance_mohm 1", population.model
    elif p.rest_mv != 0:
        yield "parameters.rest_mv", "0 (Norse lets the current decay to it)", p.rest_mv
    elif gain_of(population) != 1:
        yield "parameters.input_gain", "1", gain_of(population)


def _dropped_by_snntorch(population: Population, dt_ms: float) -> Dropped:
    p = population.parameters
    if p.rest_mv != 0:
        yield "parameters.rest_mv", "0", p.rest_mv
    if population.model == "lif" and not is_box(population, dt_ms):
        gain = p.tau_membrane_ms / dt_ms
        if not math.isclose(p.resistance_mohm, gain, rel_tol=1e-6):
            yield "parameters.resistance_mohm", f"tau_membrane_ms / dt_ms, {gain:g}", p.resistance_mohm
        if gain_of(population) != 1:
            yield "parameters.input_gain", "1", gain_of(population)
