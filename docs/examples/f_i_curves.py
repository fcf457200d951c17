"""Firing rate against input (F-I curves) of the neuron models, beside what theory says.

Left: at a constant current the rates of the leaky, the adaptive and the stochastic integrate-and-fire neuron have
closed forms: an interval's logarithm, its fixed point with the threshold, and the mean of a survival function. Middle:
with balanced Poisson spikes besides the current the membrane nearly is a diffusion, whose rate is Siegert's (1951,
Physical Review 81: 617), with the correction of Fourcaud and Brunel (2002, Neural Computation 14: 2057) for synapses
that are not short. Right: the rates of AdEx and Izhikevich's neuron have no closed form, but the current has at which
rest ends, where the fixed point loses its stability (Naud et al. 2008, Biological Cybernetics 99: 335, for AdEx).
"""

import math
from pathlib import Path

import numpy as np

from snn_core.network.models.adex import AdexParameters
from snn_core.network.models.izhikevich import IzhikevichParameters
from snn_core.network.models.lif import LifParameters
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec

LIF = LifParameters(reset_mv=-60.0, refractory_ms=2.0)
ADAPTATION = {"tau_adaptation_ms": 100.0, "threshold_increase_mv": 1.5}
ESCAPE = {"rate_at_threshold_hz": 100.0, "escape_width_mv": 2.0}
INPUTS, INPUT_HZ, JUMP_MV, INHIBITION = 100, 40.0, 0.2, 2.0
"""Excitatory inputs of a neuron, twice the inhibitory ones; their rate; what a spike is worth; how much more if
inhibitory, so that the means cancel."""
SIGMA_MV = math.sqrt(LIF.tau_membrane_ms / 1000 * JUMP_MV**2 * INPUTS * INPUT_HZ * (1 + INHIBITION**2 / 2))
ZETA = 1.4603545  # -zeta(1 / 2), Riemann's
DT_MS = 0.1


def population(model: str, size: int, current_na: float, **own: float) -> dict:
    """Cells with the membrane of ``LIF`` and a constant current."""
    parameters = LIF.model_dump() | own | {"bias_current_na": current_na}
    if model == "lif_delta":
        del parameters["tau_synapse_ms"], parameters["input_gain"]
    return {"model": model, "size": size, "parameters": parameters}


def rate_hz(cells: dict, time_ms: float) -> float:
    """Mean rate of cells that get no spikes."""
    return _rate({"cells": cells}, [], time_ms)


def noisy_rate_hz(cells: dict, time_ms: float) -> float:
    """Mean rate of cells that each get their own Poisson spikes."""
    size = JUMP_MV
    if cells["model"] == "lif":  # a current whose charge is worth the jump
        size *= LIF.tau_membrane_ms / LIF.resistance_mohm / cells["parameters"]["tau_synapse_ms"]
    populations, connections = {"cells": cells}, []
    for effect, inputs, factor in (("excitatory", INPUTS, 1.0), ("inhibitory", INPUTS // 2, INHIBITION)):
        populations[effect] = {"model": "poisson", "size": 20 * inputs, "rate_hz": INPUT_HZ, "effect": effect}
        pattern = {"kind": "fixed_in_degree", "degree": inputs}
        weights = {"distribution": "constant", "value_na": factor * size}
        connections.append({"pre": effect, "post": "cells", "pattern": pattern, "weights": weights})
    return _rate(populations, connections, time_ms)


def _rate(populations: dict, connections: list[dict], time_ms: float) -> float:
    description = {"name": "f_i", "dt_ms": DT_MS, "populations": populations, "connections": connections}
    network = Network(NetworkSpec.model_validate(description), 1)
    count = 0
    for duration in (300.0, time_ms):  # the first for the cells to settle
        steps = round(duration / DT_MS)
        spikes = network.advance(steps, np.zeros(steps + 1, np.int64), np.empty(0, np.int32))
        count = int((spikes.population == 0).sum())
    return 1000 * count / populations["cells"]["size"] / time_ms


def lif_hz(current_na: float, raised_mv: float = 0.0) -> float:
    """Rate at a constant current with a threshold raised by some mV."""
    steady = LIF.rest_mv + LIF.resistance_mohm * current_na
    left = steady - LIF.threshold_mv - raised_mv
    if left <= 0:
        return 0.0
    return 1000 / (LIF.refractory_ms + LIF.tau_membrane_ms * math.log((steady - LIF.reset_mv) / left))


def adaptive_hz(current_na: float) -> float:
    """The rate at which the threshold, raised by the spikes of all intervals before, gives that rate."""
    low, high = 1e-3, 1000 / LIF.refractory_ms
    for _ in range(100):
        middle = (low + high) / 2
        left = math.exp(-1000 / middle / ADAPTATION["tau_adaptation_ms"])  # of a spike's increase, an interval later
        raised = ADAPTATION["threshold_increase_mv"] * left / (1 - left)
        low, high = (middle, high) if lif_hz(current_na, raised) > middle else (low, middle)
    return low if low > 0.01 else 0.0


def escape_hz(current_na: float) -> float:
    """From the mean interval: the refractory period and the integral of the survival function."""
    steady, step_ms = LIF.rest_mv + LIF.resistance_mohm * current_na, 0.01
    potential = steady + (LIF.reset_mv - steady) * np.exp(-np.arange(0, 1000, step_ms) / LIF.tau_membrane_ms)
    above = (potential - LIF.threshold_mv) / ESCAPE["escape_width_mv"]
    hazard = ESCAPE["rate_at_threshold_hz"] / 1000 * np.exp(above)
    survival = np.exp(-step_ms * (np.cumsum(hazard) - hazard / 2))
    beyond = survival[-1] / hazard[-1]  # the membrane stays where it is after a second
    return 1000 / (LIF.refractory_ms + step_ms * survival.sum() + float(beyond))


def siegert_hz(current_na: float, tau_synapse_ms: float = 0.0) -> float:
    """Rate of a LIF neuron with white noise of ``SIGMA_MV``, or noise filtered by a short synapse, and a current.

    Such a synapse shifts both bounds. White noise that is looked at once a step crosses a threshold as if that were
    higher (Broadie, Glasserman and Kou 1997, Mathematical Finance 7: 325).
    """
    mean = LIF.rest_mv + LIF.resistance_mohm * current_na
    shift = ZETA * math.sqrt(tau_synapse_ms / LIF.tau_membrane_ms / 2)
    low, high = ((bound - mean) / SIGMA_MV + shift for bound in (LIF.reset_mv, LIF.threshold_mv))
    if not tau_synapse_ms:
        high += ZETA * math.sqrt(DT_MS / LIF.tau_membrane_ms / (2 * math.pi))
    width = (high - low) / 2000
    x = low + width * (np.arange(2000) + 0.5)
    integral = width * sum(math.exp(v * v) * math.erfc(-v) if v > -20 else -1 / v / math.sqrt(math.pi) for v in x)
    return 1000 / (LIF.refractory_ms + LIF.tau_membrane_ms * math.sqrt(math.pi) * integral)


def adex_rheobase_na(p: AdexParameters) -> float:
    """The constant current at which the resting point of AdEx vanishes or becomes unstable, whichever comes first."""
    gain = p.subthreshold_adaptation_ns / p.leak_conductance_ns
    tau = p.capacitance_pf / p.leak_conductance_ns
    # exp((V - V_T) / Delta_T) there: 1 + a / g_L at a saddle-node, 1 + tau_m / tau_w at a Hopf bifurcation.
    growth = 1 + min(gain, tau / p.tau_adaptation_ms)
    v = p.threshold_mv + p.slope_factor_mv * math.log(growth)
    return p.leak_conductance_ns / 1000 * ((1 + gain) * (v - p.rest_mv) - p.slope_factor_mv * growth)


def izhikevich_rheobase(p: IzhikevichParameters) -> float:
    """The same for Izhikevich's neuron, mV/ms: a Hopf bifurcation where a < b, else a saddle-node."""
    v = (min(p.a, p.b) - 5) / 0.08
    return -(0.04 * v * v + (5 - p.b) * v + 140)


CONSTANT = {
    "lif": (lif_hz, {}),
    "adaptive_lif": (adaptive_hz, ADAPTATION),
    "lif_escape": (escape_hz, ESCAPE),
}
NOISY = {"lif_delta": 0.0, "lif": 1.0}
"""Time constant of the synapse, ms."""
COLOURS = ("#1f6fb4", "#c8502d", "#3a8a4d")


def main() -> None:
    """Draw the three pictures, about half a minute."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams |= {"svg.hashsalt": "spikedrive", "svg.fonttype": "none"}
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.5), layout="constrained")
    fine, points = np.linspace(0.8, 3.0, 200), np.linspace(0.8, 3.0, 12)
    for colour, (model, (theory, own)) in zip(COLOURS, CONSTANT.items(), strict=True):
        left.plot(fine, [theory(current) for current in fine], color=colour, lw=1)
        cells = 100 if model == "lif_escape" else 1
        rates = [rate_hz(population(model, cells, current, **own), 3000.0) for current in points]
        left.plot(points, rates, "o", ms=4, color=colour, label=model)
    left.set(title="constant current", xlabel="current (nA)", ylabel="rate (Hz)")
    for colour, (model, tau) in zip(COLOURS, NOISY.items(), strict=False):
        own = {"tau_synapse_ms": tau} if tau else {}
        middle.plot(fine, [siegert_hz(current, tau) for current in fine], color=colour, lw=1)
        rates = [noisy_rate_hz(population(model, 100, current, **own), 2000.0) for current in points]
        middle.plot(points, rates, "o", ms=4, color=colour, label=f"{model}, {tau:g} ms" if tau else model)
    middle.set(title=f"and Poisson spikes ({SIGMA_MV:.1f} mV)", xlabel="current (nA)")
    _draw_patterns(right)
    for axes in (left, middle, right):
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


def _draw_patterns(axes) -> None:  # type: ignore[no-untyped-def]
    """AdEx and Izhikevich's neuron, each from its rheobase on: currents in units of it."""
    ratios = np.linspace(0.8, 3.0, 23)
    for colour, preset in zip(COLOURS, ("tonic_spiking", "adaptation"), strict=False):
        rheobase = adex_rheobase_na(AdexParameters.model_validate({"preset": preset}))
        cells = [{"preset": preset, "bias_current_na": ratio * rheobase} for ratio in ratios]
        rates = [rate_hz({"model": "adex", "size": 1, "parameters": own}, 3000.0) for own in cells]
        axes.plot(ratios, rates, "o-", ms=3, lw=0.8, color=colour, label=f"adex, {preset}")
    for colour, preset in zip(("0.2", "0.6"), ("regular_spiking", "fast_spiking"), strict=True):
        rheobase = izhikevich_rheobase(IzhikevichParameters.model_validate({"preset": preset}))
        cells = [{"preset": preset, "bias_mv_per_ms": ratio * rheobase} for ratio in ratios]
        rates = [rate_hz({"model": "izhikevich", "size": 1, "parameters": own}, 3000.0) for own in cells]
        axes.plot(ratios, rates, "s-", ms=3, lw=0.8, color=colour, label=f"izhikevich, {preset}")
    axes.axvline(1, color="0.8", lw=0.8)
    axes.set(title="from where rest ends", xlabel="current / rheobase")


if __name__ == "__main__":
    main()
