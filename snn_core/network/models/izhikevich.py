"""The neuron of Izhikevich (2003, IEEE Transactions on Neural Networks 14: 1569).

    dv/dt = 0.04 v^2 + 5 v + 140 - u + I
    du/dt = a (b v - u)
    v >= 30 mV: a spike, v <- c, u <- u + d

v in mV, t in ms; u and I are in mV/ms. A presynaptic spike adds its weight to I for the step in which it arrives, as in
the code that the paper prints. So a weight moves v by about weight times dt, and its effect depends on dt. The
integration is the paper's, too: two forward Euler half steps of v, then one step of u with the new v (NEST's
``izhikevich`` does the same with ``consistent_integration`` off). The paper's step is 1 ms, longer ones are refused. A
neuron spikes in the step that takes v to 30 mV; the paper's code finds it at the beginning of the next one.

``parameters: {preset: NAME}`` takes the paper's values (its figure 2) for regular_spiking (RS), intrinsically_bursting
(IB), chattering (CH), fast_spiking (FS), thalamo_cortical (TC), resonator (RZ) or low_threshold_spiking (LTS).
"""

import math
from typing import Any, Literal

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from snn_core.files import StrictModel
from snn_core.network.compiled import kernel
from snn_core.network.models.base import FIRST, SIZE, NeuronModel, PopulationSpec
from snn_core.network.models.presets import filled_in
from snn_core.network.models.record import BLOCK, unpack

MAX_DT_MS = 1.0

PRESETS = {
    "regular_spiking": {"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0},
    "intrinsically_bursting": {"a": 0.02, "b": 0.2, "c": -55.0, "d": 4.0},
    "chattering": {"a": 0.02, "b": 0.2, "c": -50.0, "d": 2.0},
    "fast_spiking": {"a": 0.1, "b": 0.2, "c": -65.0, "d": 2.0},
    "thalamo_cortical": {"a": 0.02, "b": 0.25, "c": -65.0, "d": 0.05},
    "resonator": {"a": 0.1, "b": 0.26, "c": -65.0, "d": 2.0},
    "low_threshold_spiking": {"a": 0.02, "b": 0.25, "c": -65.0, "d": 2.0},
}


class IzhikevichParameters(StrictModel):
    """Izhikevich's neuron, with his letters; see ``snn_core.network.models.izhikevich``. Regular spiking by default."""

    a: float = Field(default=0.02, gt=0, description="rate of recovery, 1/ms")
    b: float = Field(default=0.2, description="coupling of recovery to v, 1/ms")
    c: float = Field(default=-65.0, lt=30, description="v after a spike, mV")
    d: float = Field(default=8.0, description="what a spike adds to u, mV/ms")
    bias_mv_per_ms: float = Field(default=0.0, description="constant I, mV/ms")

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        return filled_in(data, PRESETS)


class IzhikevichPopulation(PopulationSpec):
    """A population of Izhikevich neurons with common parameters; weights are in mV/ms."""

    model: Literal["izhikevich"]  # type: ignore[assignment]
    parameters: IzhikevichParameters = Field(default_factory=IzhikevichParameters)


def izhikevich_propagators(population: IzhikevichPopulation, dt_ms: float) -> tuple[float, ...]:
    """dt / 2 (ms), a dt, b, c, d, constant I.

    Raises:
        ValueError: a step longer than the paper's 1 ms.
    """
    p = population.parameters
    if dt_ms > MAX_DT_MS:
        raise ValueError(f"model izhikevich needs a dt_ms of at most {MAX_DT_MS:g}, found {dt_ms:g}")
    return dt_ms / 2, p.a * dt_ms, p.b, p.c, p.d, p.bias_mv_per_ms


def izhikevich_rest(parameters: IzhikevichParameters) -> dict[str, float]:
    """The stable fixed point without input; where there is none, v = c and u = b v, where the paper's code begins."""
    linear = 5 - parameters.b
    discriminant = linear**2 - 4 * 0.04 * 140
    v = parameters.c if discriminant < 0 else (-linear - math.sqrt(discriminant)) / (2 * 0.04)
    return {"potential": v, "recovery": parameters.b * v}


@njit(cache=True, nogil=True)
def _integrate(p, potential, recovery, arriving):
    half_dt, a_dt, b, bias = p[0], p[1], p[2], p[5]
    for i in range(potential.size):
        v, u = potential[i], recovery[i]
        current = arriving[i] + bias
        arriving[i] = np.float32(0)
        v = v + half_dt * ((np.float32(0.04) * v + np.float32(5)) * v + np.float32(140) - u + current)
        v = v + half_dt * ((np.float32(0.04) * v + np.float32(5)) * v + np.float32(140) - u + current)
        potential[i] = v
        recovery[i] = u + a_dt * (b * v - u)


@njit(cache=True, nogil=True)
def _spike(p, potential, recovery, first, spikes, count):
    """Reset the neurons that have reached 30 mV and append their numbers; most blocks have none."""
    c, d = p[3], p[4]
    for begin in range(0, potential.size, BLOCK):
        end = min(begin + BLOCK, potential.size)
        reached = False
        for i in range(begin, end):
            reached |= potential[i] >= np.float32(30)
        if reached:
            for i in range(begin, end):
                if potential[i] >= np.float32(30):
                    potential[i] = c
                    recovery[i] += d
                    spikes[count] = first + i
                    count += 1
    return count


@kernel
def _advance(record, step, spikes, count):
    n = record[SIZE]
    p, state, arriving = unpack(record, step, 6, 2, 1)
    potential, recovery = state[0][:n], state[1][:n]
    _integrate(p, potential, recovery, arriving[0][:n])
    return _spike(p, potential, recovery, record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="izhikevich",
    spec=IzhikevichPopulation,
    variables=("potential", "recovery"),
    channels=("current",),
    propagators=izhikevich_propagators,
    initial=lambda population: izhikevich_rest(population.parameters),
    advance=_advance,
)
