"""Slow, obviously right twins of the neuron models: plain Python and float64, no propagator precomputed."""

import math
from typing import Any

import numpy as np


def lif_membrane(v_mv: float, current_na: float, p, t_ms: float) -> float:
    """The membrane ``t_ms`` later, from the solution of the two linear equations by a sum of exponentials (tau_m !=
    tau_s).
    """
    rest = p.rest_mv + p.resistance_mohm * p.bias_current_na
    tau_m, tau_s = p.tau_membrane_ms, p.tau_synapse_ms
    gain = p.resistance_mohm * current_na * tau_s / (tau_m - tau_s)
    return rest + (v_mv - rest) * math.exp(-t_ms / tau_m) + gain * (math.exp(-t_ms / tau_m) - math.exp(-t_ms / tau_s))


class ReferenceLif:
    """Population of ``snn_core.network.models.lif``."""

    def __init__(self, population, dt_ms: float, seed: int) -> None:
        self.p, self.dt = population.parameters, dt_ms
        self.neurons = [{"v": self.p.rest_mv, "i": 0.0, "left": 0} for _ in range(population.size)]
        self.margin = math.inf
        """Smallest distance of any membrane from its threshold, mV: whether rounding could decide a spike."""

    def advance(self, step: int, arriving: np.ndarray) -> list[int]:
        """A step with what arrives, (channels, size); the neurons that spike."""
        p, spikes = self.p, []
        for index, neuron in enumerate(self.neurons):
            neuron["i"] = neuron["i"] * math.exp(-self.dt / p.tau_synapse_ms) + arriving[0, index]
            if neuron["left"]:
                neuron["left"] -= 1
                continue
            neuron["v"] = lif_membrane(neuron["v"], neuron["i"], p, self.dt)
            self.margin = min(self.margin, abs(neuron["v"] - p.threshold_mv))
            if neuron["v"] >= p.threshold_mv:
                neuron["v"] = p.reset_mv
                neuron["left"] = round(p.refractory_ms / self.dt)
                spikes.append(index)
        return spikes

    def variables(self) -> dict[str, np.ndarray]:
        """The state by the model's names."""
        keys = {"potential": "v", "current": "i", "refractory": "left"}
        return {name: np.array([neuron[key] for neuron in self.neurons], float) for name, key in keys.items()}


REFERENCE_MODELS: dict[str, Any] = {"lif": ReferenceLif}
