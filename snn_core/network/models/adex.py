"""The adaptive exponential integrate-and-fire neuron (Brette and Gerstner 2005, Journal of Neurophysiology 94: 3637).

    C           dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_T) / Delta_T) - w + I + I_bias
    tau_w       dw/dt = a (V - E_L) - w
    tau_synapse dI/dt = -I
    V >= V_peak: a spike, V <- V_reset, w <- w + b

A presynaptic spike raises I by its weight (nA). The current is exact. V and w take classical Runge-Kutta steps of
fourth order of at most 0.1 ms. The right-hand side sees V cut at V_peak, so that the upstroke ends in a finite number.
Where V reaches V_peak within such a substep, the moment is taken from the equation's solution with all but the
exponential kept constant: exp(-V / Delta_T) then follows a linear equation. V and w go on from their new values for the
rest of the substep. Spikes come within 0.1 ms, after 200 ms, of where steps a hundred times finer put them. A neuron
spikes at most once in a step of the network; should it come to V_peak again, it waits there for the next one. As in the
paper there is no refractory period.

``parameters: {preset: NAME}`` takes named values. ``brette_gerstner_2005`` are those of that paper, and the defaults.
The others are the firing patterns of Naud, Marcille, Clopath and Gerstner (2008, Biological Cybernetics 99: 335, figure
4). Their values are those of Brian2's example of that paper, adapted by P. Mueller so that the figures come out; the
paper's own table was not available. The currents (``PATTERN_CURRENTS_NA``) that evoke the patterns belong to them. Naud
et al. cut at 0 mV.
"""

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from snn_core.files import StrictModel
from snn_core.network.compiled import kernel
from snn_core.network.decay import without_negligible
from snn_core.network.models.base import FIRST, SIZE, NeuronModel, PopulationSpec
from snn_core.network.models.exponential import exponential
from snn_core.network.models.presets import filled_in
from snn_core.network.models.record import BLOCK, unpack

SUBSTEP_MS = 0.1
TILE = 512  # neurons whose state stays in the first cache while they take their substeps
MAX_EXPONENT = 60.0  # of the spike's upstroke at V_peak; float32 ends at 88


def _pattern(c, g, e, a, tau, b, reset) -> dict[str, float]:  # type: ignore[no-untyped-def]
    return {
        "capacitance_pf": c,
        "leak_conductance_ns": g,
        "rest_mv": e,
        "threshold_mv": -50.0,
        "slope_factor_mv": 2.0,
        "peak_mv": 0.0,
        "reset_mv": reset,
        "tau_adaptation_ms": tau,
        "subthreshold_adaptation_ns": a,
        "spike_adaptation_pa": b,
    }


PRESETS: dict[str, dict[str, float]] = {
    "brette_gerstner_2005": {},
    "tonic_spiking": _pattern(200.0, 10.0, -70.0, 2.0, 30.0, 0.0, -58.0),
    "adaptation": _pattern(200.0, 12.0, -70.0, 2.0, 300.0, 60.0, -58.0),
    "initial_burst": _pattern(130.0, 18.0, -58.0, 4.0, 150.0, 120.0, -50.0),
    "regular_bursting": _pattern(200.0, 10.0, -58.0, 2.0, 120.0, 100.0, -46.0),
    "delayed_accelerating": _pattern(200.0, 12.0, -70.0, -10.0, 300.0, 0.0, -58.0),
    "delayed_regular_bursting": _pattern(100.0, 10.0, -65.0, -10.0, 90.0, 30.0, -47.0),
    "transient_spiking": _pattern(100.0, 10.0, -65.0, 10.0, 90.0, 100.0, -47.0),
    "irregular_spiking": _pattern(100.0, 12.0, -60.0, -11.0, 130.0, 30.0, -48.0),
}
PATTERN_CURRENTS_NA = {
    "tonic_spiking": 0.5,
    "adaptation": 0.5,
    "initial_burst": 0.4,
    "regular_bursting": 0.21,
    "delayed_accelerating": 0.3,
    "delayed_regular_bursting": 0.11,
    "transient_spiking": 0.18,
    "irregular_spiking": 0.16,
}
"""The constant current of each of Naud's patterns, from rest."""


class AdexParameters(StrictModel):
    """Adaptive exponential integrate-and-fire neuron; see ``snn_core.network.models.adex``."""

    capacitance_pf: float = Field(default=281.0, gt=0)
    leak_conductance_ns: float = Field(default=30.0, gt=0)
    rest_mv: float = Field(default=-70.6, description="E_L")
    threshold_mv: float = Field(default=-50.4, description="V_T, where the upstroke begins")
    slope_factor_mv: float = Field(default=2.0, gt=0, description="Delta_T")
    peak_mv: float = Field(default=20.0, description="V_peak, where a spike is cut")
    reset_mv: float = -70.6
    tau_adaptation_ms: float = Field(default=144.0, gt=0)
    subthreshold_adaptation_ns: float = Field(default=4.0, description="a")
    spike_adaptation_pa: float = Field(default=80.5, description="b")
    tau_synapse_ms: float = Field(default=5.0, gt=0)
    bias_current_na: float = 0.0

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        return filled_in(data, PRESETS)

    @model_validator(mode="after")
    def _the_upstroke_ends(self) -> "AdexParameters":
        if self.reset_mv >= self.peak_mv:
            raise ValueError(f"reset_mv must lie below peak_mv ({self.peak_mv}), found {self.reset_mv}")
        highest = self.threshold_mv + MAX_EXPONENT * self.slope_factor_mv
        if not self.threshold_mv < self.peak_mv <= highest:
            raise ValueError(
                f"peak_mv must lie between threshold_mv ({self.threshold_mv}) and {MAX_EXPONENT:g} slope_factor_mv "
                f"above it ({highest:g}), found {self.peak_mv}"
            )
        return self


class AdexPopulation(PopulationSpec):
    """A population of AdEx neurons with common parameters; weights are in nA."""

    model: Literal["adex"]  # type: ignore[assignment]
    parameters: AdexParameters = Field(default_factory=AdexParameters)


class AdexPropagators(NamedTuple):
    """What a substep needs; mV, ms, nA, all float32 in the kernel. ``upstroke_left_at_peak`` is exp(-(V_peak - V_T) /
    Delta_T), ``slope_after_reset`` dV/dt at V_reset without current and adaptation.
    """

    substeps: float
    substep: float
    leak_rate: float
    upstroke_rate: float
    current_to_rate: float
    rest: float
    threshold: float
    steepness: float
    peak: float
    reset: float
    adaptation_rate: float
    subthreshold_adaptation: float
    spike_adaptation: float
    bias_current: float
    current_decay: float
    half_substep_decay: float
    slope_factor: float
    upstroke_left_at_peak: float
    slope_after_reset: float


def adex_propagators(population: AdexPopulation, dt_ms: float) -> AdexPropagators:
    """The numbers of a step of ``dt_ms`` and of its substeps."""
    p = population.parameters
    substeps = math.ceil(dt_ms / SUBSTEP_MS - 1e-9)
    leak_rate = p.leak_conductance_ns / p.capacitance_pf
    upstroke_at_reset = p.slope_factor_mv * math.exp((p.reset_mv - p.threshold_mv) / p.slope_factor_mv)
    return AdexPropagators(
        substeps=substeps,
        substep=dt_ms / substeps,
        leak_rate=leak_rate,
        upstroke_rate=leak_rate * p.slope_factor_mv,
        current_to_rate=1000 / p.capacitance_pf,
        rest=p.rest_mv,
        threshold=p.threshold_mv,
        steepness=1 / p.slope_factor_mv,
        peak=p.peak_mv,
        reset=p.reset_mv,
        adaptation_rate=1 / p.tau_adaptation_ms,
        subthreshold_adaptation=p.subthreshold_adaptation_ns / 1000,
        spike_adaptation=p.spike_adaptation_pa / 1000,
        bias_current=p.bias_current_na,
        current_decay=math.exp(-dt_ms / p.tau_synapse_ms),
        half_substep_decay=math.exp(-dt_ms / substeps / 2 / p.tau_synapse_ms),
        slope_factor=p.slope_factor_mv,
        upstroke_left_at_peak=math.exp(-(p.peak_mv - p.threshold_mv) / p.slope_factor_mv),
        slope_after_reset=leak_rate * (p.rest_mv - p.reset_mv + upstroke_at_reset),
    )


@njit(cache=True, nogil=True)
def _receive(current_decay, current, spiked, arriving):
    for i in range(current.size):
        current[i] = without_negligible(current[i] * current_decay) + arriving[i]
        arriving[i] = np.float32(0)
        spiked[i] = np.float32(0)


@njit(cache=True, nogil=True, error_model="numpy")
def _substep(p, share, potential, current, adaptation, spiked):
    """A Runge-Kutta step of V and w; ``share`` is what is left by now of the current at the step's beginning."""
    h, leak, upstroke, gain, rest, threshold, steepness = p[1], p[2], p[3], p[4], p[5], p[6], p[7]
    peak, reset, rate, coupling, increment, bias, half_decay = p[8], p[9], p[10], p[11], p[12], p[13], p[15]
    slope_factor, left_at_peak, slope_after_reset = p[16], p[17], p[18]
    half_of_one, one, two = np.float32(0.5), np.float32(1), np.float32(2)
    half, sixth = half_of_one * h, h * np.float32(1 / 6)
    for i in range(potential.size):
        v, w, flowing = potential[i], adaptation[i], current[i] * share
        middle = flowing * half_decay
        ending = middle * half_decay

        x = min(v, peak)
        grown = exponential((x - threshold) * steepness)
        drift = leak * (rest - x) + gain * (flowing + bias - w)
        v1 = drift + upstroke * grown
        w1 = rate * (coupling * (x - rest) - w)
        x, y = min(v + half * v1, peak), w + half * w1
        v2 = leak * (rest - x) + upstroke * exponential((x - threshold) * steepness) + gain * (middle + bias - y)
        w2 = rate * (coupling * (x - rest) - y)
        x, y = min(v + half * v2, peak), w + half * w2
        v3 = leak * (rest - x) + upstroke * exponential((x - threshold) * steepness) + gain * (middle + bias - y)
        w3 = rate * (coupling * (x - rest) - y)
        x, y = min(v + h * v3, peak), w + h * w3
        v4 = leak * (rest - x) + upstroke * exponential((x - threshold) * steepness) + gain * (ending + bias - y)
        w4 = rate * (coupling * (x - rest) - y)

        v_after = min(v + sixth * (v1 + two * v2 + two * v3 + v4), peak)
        w_after = w + sixth * (w1 + two * w2 + two * w3 + w4)

        left = one / grown
        time = slope_factor * (left - left_at_peak) / (upstroke + half_of_one * drift * (left + left_at_peak))
        time = min(max(time, np.float32(0)), h)
        remaining = h - time
        w_reset = w + time * w1 + increment
        v_reset = reset + remaining * (slope_after_reset + gain * (ending + bias - w_reset))
        w_reset += remaining * rate * (coupling * (reset - rest) - w_reset)

        spikes = (v_after >= peak) & (spiked[i] == np.float32(0))
        potential[i] = min(v_reset, peak) if spikes else v_after
        adaptation[i] = w_reset if spikes else w_after
        spiked[i] = one if spikes else spiked[i]


@njit(cache=True, nogil=True)
def _integrate(p, potential, current, adaptation, spiked, arriving):
    for begin in range(0, potential.size, TILE):
        end = min(begin + TILE, potential.size)
        v, i, w, s = potential[begin:end], current[begin:end], adaptation[begin:end], spiked[begin:end]
        _receive(p[14], i, s, arriving[begin:end])
        share = np.float32(1)
        for _ in range(int(p[0])):
            _substep(p, share, v, i, w, s)
            share *= p[15] * p[15]


@njit(cache=True, nogil=True)
def _collect(spiked, first, spikes, count):
    """Append the numbers of the neurons that spiked; most blocks have none."""
    for begin in range(0, spiked.size, BLOCK):
        end = min(begin + BLOCK, spiked.size)
        any_spiked = False
        for i in range(begin, end):
            any_spiked |= spiked[i] > np.float32(0)
        if any_spiked:
            for i in range(begin, end):
                if spiked[i] > np.float32(0):
                    spikes[count] = first + i
                    count += 1
    return count


@kernel
def _advance(record, step, spikes, count):
    n = record[SIZE]
    p, state, arriving = unpack(record, step, 19, 4, 1)
    potential, current, adaptation, spiked = state[0][:n], state[1][:n], state[2][:n], state[3][:n]
    _integrate(p, potential, current, adaptation, spiked, arriving[0][:n])
    return _collect(spiked, record[FIRST], spikes, count)


MODEL = NeuronModel(
    name="adex",
    spec=AdexPopulation,
    variables=("potential", "current", "adaptation", "spiked"),
    channels=("current",),
    propagators=adex_propagators,
    initial=lambda population: {"potential": population.parameters.rest_mv},
    advance=_advance,
)
