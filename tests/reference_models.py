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
    gain = p.resistance_mohm * p.input_gain * current_na * tau_s / (tau_m - tau_s)
    return rest + (v_mv - rest) * math.exp(-t_ms / tau_m) + gain * (math.exp(-t_ms / tau_m) - math.exp(-t_ms / tau_s))


def linear_flow(matrix: np.ndarray, state: np.ndarray, t: float) -> np.ndarray:
    """The solution of dx/dt = matrix x after t: the exponential's Taylor series, over a small time and squared up."""
    squarings = 10
    small, term = np.eye(len(state)), np.eye(len(state))
    for k in range(1, 20):
        term = term @ matrix * (t / 2**squarings / k)
        small = small + term
    for _ in range(squarings):
        small = small @ small
    return small @ state


def uniform(seed: int, step: int, neuron: int) -> float:
    """The number in [0, 1) that a stochastic model draws: splitmix64's output of seed and step, then of neuron."""

    def mix(z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    golden = 0x9E3779B97F4A7C15
    key = mix((seed + golden * (step + 1)) % 2**64)
    return (mix((key + golden * (neuron + 1)) % 2**64) >> 40) / 2**24


class ReferencePopulation:
    """What the twins share: a list of neurons, each a dict of its state by the model's names."""

    def __init__(self, population, dt_ms: float, seed: int) -> None:
        self.population, self.dt, self.seed = population, dt_ms, seed
        self.p: Any = getattr(population, "parameters", None)
        self.neurons = [self.at_rest() for _ in range(population.size)]
        self.margins = np.full(population.size, math.inf)
        """Smallest distance by which a spike of each neuron was, or was not, decided: mV, or a probability."""

    @property
    def margin(self) -> float:
        """Smallest distance of any neuron from its threshold: whether rounding could decide a spike."""
        return float(self.margins.min())

    def at_rest(self) -> dict[str, float]:
        """A neuron after an endless silence."""
        raise NotImplementedError

    def step_of(self, index: int, neuron: dict[str, float], step: int, arriving: np.ndarray) -> bool:
        """Advance a neuron by what arrives at it, (channels,); whether it spikes."""
        raise NotImplementedError

    def comparable(self) -> np.ndarray:
        """(size,) bool: neurons whose state changes slowly enough for float32 to follow it closely."""
        return np.ones(len(self.neurons), bool)

    def adopt(self, index: int, state: dict[str, np.ndarray]) -> None:
        """Go on from the model's state, after a spike that rounding may have decided."""
        self.neurons[index] = {name: float(state[name][index]) for name in self.neurons[index]}
        self.margins[index] = math.inf

    def decide(self, index: int, distance: float) -> bool:
        """Whether a neuron whose distance beyond its threshold is given spikes."""
        self.margins[index] = min(self.margins[index], abs(distance))
        return distance >= 0

    def advance(self, step: int, arriving: np.ndarray) -> list[int]:
        """A step with what arrives, (channels, size); the neurons that spike."""
        return [i for i, neuron in enumerate(self.neurons) if self.step_of(i, neuron, step, arriving[:, i])]

    def variables(self) -> dict[str, np.ndarray]:
        """The state by the model's names."""
        return {name: np.array([neuron[name] for neuron in self.neurons], float) for name in self.at_rest()}


class ReferenceLif(ReferencePopulation):
    """Population of ``snn_core.network.models.lif``."""

    def at_rest(self) -> dict[str, float]:
        return {"potential": self.p.rest_mv, "current": 0.0, "refractory": 0}

    def euler(self) -> bool:
        return getattr(self.population, "integration", "exact") == "euler"

    def receive(self, neuron: dict[str, float], arriving: np.ndarray) -> None:
        ratio = self.dt / self.p.tau_synapse_ms
        neuron["current"] = neuron["current"] * (1 - ratio if self.euler() else math.exp(-ratio)) + arriving[0]

    def moved(self, neuron: dict[str, float], arriving: np.ndarray) -> float:
        """The potential after a step without spikes."""
        p, v, current = self.p, neuron["potential"], neuron["current"]
        if not self.euler():
            return lif_membrane(v, current, p, self.dt)
        drive = p.rest_mv - v + p.resistance_mohm * (p.input_gain * current + p.bias_current_na)
        return v + self.dt / p.tau_membrane_ms * drive

    def threshold(self, neuron: dict[str, float]) -> float:
        return self.p.threshold_mv

    def spikes(self, index: int, neuron: dict[str, float], step: int) -> bool:
        return self.decide(index, neuron["potential"] - self.threshold(neuron))

    def reset(self, neuron: dict[str, float]) -> None:
        how = getattr(self.population, "reset", "value")
        taken_away = neuron["potential"] - (self.p.threshold_mv - self.p.reset_mv)
        neuron["potential"] = {"value": self.p.reset_mv, "zero": 0.0, "subtract": taken_away}[how]
        neuron["refractory"] = round(self.p.refractory_ms / self.dt)

    def step_of(self, index: int, neuron: dict[str, float], step: int, arriving: np.ndarray) -> bool:
        self.receive(neuron, arriving)
        if neuron["refractory"]:
            neuron["refractory"] -= 1
            return False
        neuron["potential"] = self.moved(neuron, arriving)
        spikes = self.spikes(index, neuron, step)
        if spikes:
            self.reset(neuron)
        return spikes


class ReferenceLifDelta(ReferenceLif):
    """Population of ``snn_core.network.models.lif_delta``."""

    def at_rest(self) -> dict[str, float]:
        return {"potential": self.p.rest_mv, "refractory": 0}

    def receive(self, neuron: dict[str, float], arriving: np.ndarray) -> None:
        pass

    def moved(self, neuron: dict[str, float], arriving: np.ndarray) -> float:
        rest = self.p.rest_mv + self.p.resistance_mohm * self.p.bias_current_na
        ratio = self.dt / self.p.tau_membrane_ms
        return rest + (neuron["potential"] - rest) * (1 - ratio if self.euler() else math.exp(-ratio)) + arriving[0]


class ReferenceLifAlpha(ReferenceLif):
    """Population of ``snn_core.network.models.lif_alpha``. ``current`` and ``rise`` are those at the step's beginning,
    with what arrived.
    """

    def at_rest(self) -> dict[str, float]:
        return super().at_rest() | {"rise": 0.0}

    def flow(self, v: float, current: float, rise: float) -> np.ndarray:
        """(V, I, X) a step later, V as the distance from rest."""
        tau_m, tau_s = self.p.tau_membrane_ms, self.p.tau_synapse_ms
        membrane = [-1 / tau_m, self.p.resistance_mohm * self.p.input_gain / tau_m, 0]
        matrix = np.array([membrane, [0, -1 / tau_s, 1], [0, 0, -1 / tau_s]])
        return linear_flow(matrix, np.array([v, current, rise]), self.dt)

    def receive(self, neuron: dict[str, float], arriving: np.ndarray) -> None:
        _, neuron["current"], neuron["rise"] = self.flow(0.0, neuron["current"], neuron["rise"])
        neuron["rise"] += arriving[0] * math.e / self.p.tau_synapse_ms

    def moved(self, neuron: dict[str, float], arriving: np.ndarray) -> float:
        rest = self.p.rest_mv + self.p.resistance_mohm * self.p.bias_current_na
        return rest + self.flow(neuron["potential"] - rest, neuron["current"], neuron["rise"])[0]


class ReferenceAdaptiveLif(ReferenceLif):
    """Population of ``snn_core.network.models.adaptive_lif``."""

    def at_rest(self) -> dict[str, float]:
        return super().at_rest() | {"adaptation": 0.0}

    def receive(self, neuron: dict[str, float], arriving: np.ndarray) -> None:
        super().receive(neuron, arriving)
        neuron["adaptation"] *= math.exp(-self.dt / self.p.tau_adaptation_ms)

    def threshold(self, neuron: dict[str, float]) -> float:
        return self.p.threshold_mv + self.p.threshold_increase_mv * neuron["adaptation"]

    def reset(self, neuron: dict[str, float]) -> None:
        super().reset(neuron)
        neuron["adaptation"] += 1


class ReferenceLifHomeostatic(ReferenceLif):
    """Population of ``snn_core.network.models.lif_homeostatic``; it needs no part for what rounding loses."""

    def at_rest(self) -> dict[str, float]:
        return super().at_rest() | {"threshold_offset": 0.0}

    def threshold(self, neuron: dict[str, float]) -> float:
        return self.p.threshold_mv + neuron["threshold_offset"]

    def step_of(self, index: int, neuron: dict[str, float], step: int, arriving: np.ndarray) -> bool:
        how = self.population.threshold_adaptation
        neuron["threshold_offset"] -= how.learning_rate_mv * how.target_rate_hz * self.dt / 1000
        spikes = super().step_of(index, neuron, step, arriving)
        if spikes:
            neuron["threshold_offset"] += how.learning_rate_mv
        return spikes

    def adopt(self, index: int, state: dict[str, np.ndarray]) -> None:
        super().adopt(index, state)
        self.neurons[index]["refractory"] = max(self.neurons[index]["refractory"] - 1, 0)

    def variables(self) -> dict[str, np.ndarray]:
        """All but ``refractory``, which the model counts from one more."""
        names = ("potential", "current", "threshold_offset")
        return {name: np.array([neuron[name] for neuron in self.neurons]) for name in names}


class ReferenceLifEscape(ReferenceLif):
    """Population of ``snn_core.network.models.lif_escape``."""

    def at_rest(self) -> dict[str, float]:
        return super().at_rest() | {"escape_rate": 0.0}

    def receive(self, neuron: dict[str, float], arriving: np.ndarray) -> None:
        super().receive(neuron, arriving)
        neuron["escape_rate"] = 0.0

    def spikes(self, index: int, neuron: dict[str, float], step: int) -> bool:
        exponent = (neuron["potential"] - self.p.threshold_mv) / self.p.escape_width_mv
        neuron["escape_rate"] = self.p.rate_at_threshold_hz * math.exp(min(exponent, 60))
        probability = -math.expm1(-neuron["escape_rate"] * self.dt / 1000)
        number = uniform(self.seed, step, index)
        self.margins[index] = min(self.margins[index], abs(probability - number))
        return number < probability


class ReferencePoisson(ReferencePopulation):
    """Population of ``snn_core.network.models.poisson``."""

    def at_rest(self) -> dict[str, float]:
        return {}

    def step_of(self, index: int, neuron: dict[str, float], step: int, arriving: np.ndarray) -> bool:
        probability, number = self.population.rate_hz * self.dt / 1000, uniform(self.seed, step, index)
        self.margins[index] = min(self.margins[index], abs(probability - number))
        return number < probability


class ReferenceLifConductance(ReferenceLif):
    """Population of ``snn_core.network.models.lif_conductance``: its scheme, with the means from their integrals."""

    def at_rest(self) -> dict[str, float]:
        conductances = {"excitatory_conductance": 0.0, "inhibitory_conductance": 0.0}
        return {"potential": self.p.rest_mv, **conductances, "refractory": 0}

    def receive(self, neuron: dict[str, float], arriving: np.ndarray) -> None:
        for channel, kind in enumerate(("excitatory", "inhibitory")):
            decay = math.exp(-self.dt / getattr(self.p, f"tau_{kind}_ms"))
            neuron[f"{kind}_conductance"] = neuron[f"{kind}_conductance"] * decay + arriving[channel]

    def moved(self, neuron: dict[str, float], arriving: np.ndarray) -> float:
        p = self.p
        held, total = p.rest_mv / p.resistance_mohm + p.bias_current_na, 1 / p.resistance_mohm
        for kind in ("excitatory", "inhibitory"):
            tau = getattr(p, f"tau_{kind}_ms")
            integral = neuron[f"{kind}_conductance"] * tau * (1 - math.exp(-self.dt / tau))
            held += integral / self.dt * getattr(p, f"{kind}_reversal_mv")
            total += integral / self.dt
        decay = math.exp(-self.dt * total * p.resistance_mohm / p.tau_membrane_ms)
        return held / total + (neuron["potential"] - held / total) * decay


class ReferenceIzhikevich(ReferencePopulation):
    """Population of ``snn_core.network.models.izhikevich``: the scheme of the paper's code.

    Above its threshold v runs away from any error, so the twin also follows how far float32 may have gone astray: the
    scheme's derivative carries the errors on, and each step adds ``ROUNDING``. Margins are beyond that.
    """

    ROUNDING = 4e-5
    """Of v or u in a step, mV or mV/ms: five units in the last place of 140, the largest term until v nears 30."""

    def __init__(self, population, dt_ms: float, seed: int) -> None:
        super().__init__(population, dt_ms, seed)
        self.errors = [(0.0, 0.0) for _ in self.neurons]
        """Of v and u."""

    def adopt(self, index: int, state: dict[str, np.ndarray]) -> None:
        super().adopt(index, state)
        self.errors[index] = (0.0, 0.0)

    def at_rest(self) -> dict[str, float]:
        p = self.p
        roots = np.roots([0.04, 5 - p.b, 140])
        v = float(min(roots.real)) if np.isreal(roots).all() else p.c
        return {"potential": v, "recovery": p.b * v}

    def step_of(self, index: int, neuron: dict[str, float], step: int, arriving: np.ndarray) -> bool:
        p, v, u = self.p, neuron["potential"], neuron["recovery"]
        error_v, error_u = self.errors[index]
        for _ in range(2):
            error_v = abs(1 + self.dt / 2 * (0.08 * v + 5)) * error_v + self.dt / 2 * error_u + self.ROUNDING
            v += self.dt / 2 * (0.04 * v**2 + 5 * v + 140 - u + arriving[0] + p.bias_mv_per_ms)
        error_u = abs(1 - self.dt * p.a) * error_u + self.dt * p.a * abs(p.b) * error_v + self.ROUNDING
        u += self.dt * p.a * (p.b * v - u)
        spikes = v >= 30
        self.margins[index] = min(self.margins[index], abs(v - 30) - error_v)
        neuron["potential"], neuron["recovery"] = (p.c, u + p.d) if spikes else (v, u)
        self.errors[index] = (0.0 if spikes else error_v, error_u)
        return spikes


class ReferenceAdex(ReferencePopulation):
    """Population of ``snn_core.network.models.adex``: its Runge-Kutta scheme."""

    def at_rest(self) -> dict[str, float]:
        return {"potential": self.p.rest_mv, "current": 0.0, "adaptation": 0.0, "spiked": 0}

    def comparable(self) -> np.ndarray:
        """All but those on their upstroke, where V runs by many mV in a hundredth of a ms."""
        return self.variables()["potential"] < self.p.threshold_mv + 4 * self.p.slope_factor_mv

    def slope(self, state: np.ndarray, current: float) -> np.ndarray:
        """d(V, w)/dt in mV/ms and nA/ms, with V cut at the peak."""
        p, v, w = self.p, min(state[0], self.p.peak_mv), state[1]
        upstroke = p.slope_factor_mv * math.exp((v - p.threshold_mv) / p.slope_factor_mv)
        ionic_pa = p.leak_conductance_ns * (p.rest_mv - v + upstroke)
        external_pa = 1000 * (current + p.bias_current_na - w)
        drive_na = p.subthreshold_adaptation_ns * (v - p.rest_mv) / 1000
        return np.array([(ionic_pa + external_pa) / p.capacitance_pf, (drive_na - w) / p.tau_adaptation_ms])

    def substep(self, v: float, w: float, current: float, h: float) -> np.ndarray:
        """(V, w) after a Runge-Kutta step of h (ms); ``current`` is that at its beginning."""
        middle, end = (current * math.exp(-t / self.p.tau_synapse_ms) for t in (h / 2, h))
        state = np.array([v, w])
        k1 = self.slope(state, current)
        k2 = self.slope(state + h / 2 * k1, middle)
        k3 = self.slope(state + h / 2 * k2, middle)
        k4 = self.slope(state + h * k3, end)
        return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def cut(self, v: float, w: float, current: float, h: float) -> tuple[float, float]:
        """(V, w) after a part of h (ms) in which V reaches the peak: to there by y = exp(-(V - V_T) / Delta_T), which
        falls at a nearly constant rate, and on from the reset by one Euler step.
        """
        p = self.p
        v1, w1 = self.slope(np.array([v, w]), current)
        y, y_peak = (math.exp(-(x - p.threshold_mv) / p.slope_factor_mv) for x in (min(v, p.peak_mv), p.peak_mv))
        upstroke = p.leak_conductance_ns / p.capacitance_pf * p.slope_factor_mv
        rest_of_slope = v1 - upstroke / y
        fall = (upstroke + rest_of_slope * (y + y_peak) / 2) / p.slope_factor_mv
        time = min(max((y - y_peak) / fall, 0), h)
        state = np.array([p.reset_mv, w + time * w1 + p.spike_adaptation_pa / 1000])
        state = state + (h - time) * self.slope(state, current * math.exp(-h / p.tau_synapse_ms))
        return min(state[0], p.peak_mv), state[1]

    def _tell_margin(self, index: int, neuron, current: float, h: float, reached: bool, after: float) -> None:
        """The upstroke is steep, so the margin is how far off the substep must have begun for the other outcome."""
        if after > self.p.threshold_mv:
            for nudge in (1e-1, 1e-2, 1e-3):
                for v in (neuron["potential"] - nudge, neuron["potential"] + nudge):
                    if (self.substep(v, neuron["adaptation"], current, h)[0] >= self.p.peak_mv) != reached:
                        self.margins[index] = min(self.margins[index], nudge)

    def step_of(self, index: int, neuron: dict[str, float], step: int, arriving: np.ndarray) -> bool:
        p = self.p
        neuron["current"] = neuron["current"] * math.exp(-self.dt / p.tau_synapse_ms) + arriving[0]
        neuron["spiked"] = 0
        substeps = math.ceil(self.dt / 0.1 - 1e-9)
        h = self.dt / substeps
        for k in range(substeps):
            v, current = neuron["potential"], neuron["current"] * math.exp(-k * h / p.tau_synapse_ms)
            after, w = self.substep(v, neuron["adaptation"], current, h)
            reached = after >= p.peak_mv
            self._tell_margin(index, neuron, current, h, reached, after)
            if reached and not neuron["spiked"]:
                neuron["potential"], neuron["adaptation"] = self.cut(v, neuron["adaptation"], current, h)
                neuron["spiked"] = 1
            else:
                neuron["potential"], neuron["adaptation"] = min(after, p.peak_mv), w
        return bool(neuron["spiked"])


REFERENCE_MODELS: dict[str, Any] = {
    "lif": ReferenceLif,
    "lif_delta": ReferenceLifDelta,
    "lif_alpha": ReferenceLifAlpha,
    "lif_conductance": ReferenceLifConductance,
    "adaptive_lif": ReferenceAdaptiveLif,
    "lif_homeostatic": ReferenceLifHomeostatic,
    "lif_escape": ReferenceLifEscape,
    "poisson": ReferencePoisson,
    "izhikevich": ReferenceIzhikevich,
    "adex": ReferenceAdex,
}
