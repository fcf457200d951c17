"""Slow, obviously right twins of the learning rules: dense float64 matrices, every synapse touched in every step."""

import math
from typing import Any

import numpy as np


class ReferenceFixed:
    """Synapses whose weights do not change."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        self.weights, self.learning = weights, True

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        """Begin a step; a reward is given, (n_post,), when a window begins."""

    def read(self, step: int, i: int) -> np.ndarray:
        """The weights that a spike of i delivers, (n_post,)."""
        return self.weights[i]

    def arrive(self, step: int, i: int) -> None:
        """A spike of i has been delivered."""

    def learn(self, step: int, post_spikes: list[int], all_spikes: dict[str, list[int]]) -> None:
        """The step's spikes of the postsynaptic neurons, and of all by population."""

    def traces(self) -> dict[str, np.ndarray]:
        """By the names of ``Synapses.traces``."""
        return {}


class ReferenceRStdp(ReferenceFixed):
    """R-STDP: weights change in every step, and are clipped when a spike reads them and at their row's turn."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        n_pre, n_post = exists.shape
        self.rule, self.dt, self.exists = rule, dt_ms, exists
        self.x_pre, self.x_post, self.n = np.zeros(n_pre), np.zeros(n_post), np.zeros(n_post)
        self.c = np.zeros((n_pre, n_post))

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        rule, dt = self.rule, self.dt
        if reward is not None:
            self.n = np.array(reward, np.float64)
        self.x_pre *= math.exp(-dt / rule.tau_plus_ms)
        self.x_post *= math.exp(-dt / rule.tau_minus_ms)
        self.c *= math.exp(-dt / rule.tau_eligibility_ms)
        for i in range(len(self.weights)):
            if i % 100 == step % 100:
                self._clip(i)

    def _clip(self, i: int) -> None:
        self.weights[i] = np.clip(self.weights[i], 0, self.rule.w_max_na)

    def read(self, step: int, i: int) -> np.ndarray:
        self._clip(i)
        return self.weights[i]

    def arrive(self, step: int, i: int) -> None:
        self.c[i] -= self.rule.a_minus * self.x_post * self.exists[i]
        self.x_pre[i] += 1

    def learn(self, step: int, post_spikes: list[int], all_spikes: dict[str, list[int]]) -> None:
        rule, dt = self.rule, self.dt
        for j in post_spikes:
            self.c[:, j] += rule.a_plus * self.x_pre * self.exists[:, j]
            self.x_post[j] += 1
        rate = 1 / rule.tau_eligibility_ms + (1 / rule.tau_reward_ms if rule.tau_reward_ms else 0)
        if self.learning:
            self.weights += rule.learning_rate_per_ms * self.c * self.n * (1 - math.exp(-rate * dt)) / rate
        if rule.tau_reward_ms:
            self.n *= math.exp(-dt / rule.tau_reward_ms)

    def traces(self) -> dict[str, np.ndarray]:
        return {"eligibility": self.c, "x_pre": self.x_pre, "x_post": self.x_post, "reward": self.n}

    def seen_weights(self) -> np.ndarray:
        """The weights as someone outside sees them: clipped, and nothing changed."""
        return np.clip(self.weights, 0, self.rule.w_max_na)


class ReferencePair(ReferenceFixed):
    """Pair STDP, with scaling where the rule has it."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        self.rule, self.dt, self.exists = rule, dt_ms, exists
        n_pre, n_post = exists.shape
        self.x_pre, self.x_post, self.rates = np.zeros(n_pre), np.zeros(n_post), np.zeros(n_post)

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        self.x_pre *= math.exp(-self.dt / self.rule.tau_plus_ms)
        self.x_post *= math.exp(-self.dt / self.rule.tau_minus_ms)

    def _change(self, i: int, j: int, change: float) -> None:
        if self.learning and self.exists[i, j]:
            self.weights[i, j] = min(max(self.weights[i, j] + change, 0.0), self.rule.w_max_na)

    def _raised(self, trace: float) -> float:
        return 1.0 if self.rule.pairing == "nearest" else trace + 1.0

    def arrive(self, step: int, i: int) -> None:
        rule = self.rule
        for j, w in enumerate(self.weights[i]):
            scale = rule.learning_rate * rule.w_max_na * rule.a_minus
            self._change(i, j, -scale * (w / rule.w_max_na) ** rule.mu * self.x_post[j])
        self.x_pre[i] = self._raised(self.x_pre[i])

    def learn(self, step: int, post_spikes: list[int], all_spikes: dict[str, list[int]]) -> None:
        rule = self.rule
        for j in post_spikes:
            for i, w in enumerate(self.weights[:, j]):
                scale = rule.learning_rate * rule.w_max_na * rule.a_plus
                self._change(i, j, scale * (1 - w / rule.w_max_na) ** rule.mu * self.x_pre[i])
            self.x_post[j] = self._raised(self.x_post[j])
        self._scale(step, post_spikes)

    def _scale(self, step: int, post_spikes: list[int]) -> None:
        scaling = self.rule.scaling
        if scaling is None:
            return
        self.rates *= math.exp(-self.dt / scaling.tau_rate_ms)
        for j in post_spikes:
            self.rates[j] += 1000 / scaling.tau_rate_ms
        if self.learning and (step + 1) % round(scaling.interval_ms / self.dt) == 0:
            error = (scaling.target_rate_hz - self.rates) / scaling.target_rate_hz
            self.weights *= np.exp(scaling.rate_per_ms * scaling.interval_ms * error)
            np.minimum(self.weights, self.rule.w_max_na, out=self.weights)

    def traces(self) -> dict[str, np.ndarray]:
        return {"x_pre": self.x_pre, "x_post": self.x_post} | ({"rates": self.rates} if self.rule.scaling else {})


class ReferenceTriplet(ReferencePair):
    """Triplet STDP."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        n_pre, n_post = exists.shape
        self.r2, self.o2 = np.zeros(n_pre), np.zeros(n_post)

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        super().begin(step, reward)
        self.r2 *= math.exp(-self.dt / self.rule.tau_x_ms)
        self.o2 *= math.exp(-self.dt / self.rule.tau_y_ms)

    def arrive(self, step: int, i: int) -> None:
        rule = self.rule
        for j in range(self.exists.shape[1]):
            self._change(i, j, -rule.w_scale_na * self.x_post[j] * (rule.a2_minus + rule.a3_minus * self.r2[i]))
        self.x_pre[i], self.r2[i] = self._raised(self.x_pre[i]), self._raised(self.r2[i])

    def learn(self, step: int, post_spikes: list[int], all_spikes: dict[str, list[int]]) -> None:
        rule = self.rule
        for j in post_spikes:
            for i in range(self.exists.shape[0]):
                self._change(i, j, rule.w_scale_na * self.x_pre[i] * (rule.a2_plus + rule.a3_plus * self.o2[j]))
            self.x_post[j], self.o2[j] = self._raised(self.x_post[j]), self._raised(self.o2[j])
        self._scale(step, post_spikes)

    def traces(self) -> dict[str, np.ndarray]:
        traces = {"r1": self.x_pre, "r2": self.r2, "o1": self.x_post, "o2": self.o2}
        return traces | ({"rates": self.rates} if self.rule.scaling else {})


class ReferenceGradient(ReferenceFixed):
    """What R-max and e-prop share: the membrane that each synapse would make alone, from its current on."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        self.rule, self.dt, self.exists, self.post = rule, dt_ms, exists, context.post
        self.delays, self.sign, self.bounds, self.p = context.delays, context.sign, context.bounds, self.post.p
        self.current, self.u, self.e = np.zeros(exists.shape), np.zeros(exists.shape), np.zeros(exists.shape)
        self.n = np.zeros(exists.shape[1])
        self.coming: dict[int, np.ndarray] = {}
        """Spikes whose current arrives in a step: step -> (n_pre, n_post)."""

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        if reward is not None:
            self.set_reward(np.array(reward, np.float64))
        state = self.post.variables()
        self.potential, self.held = state["potential"].copy(), state["refractory"] > 0
        self.step = step

    def set_reward(self, reward: np.ndarray) -> None:
        self.n = reward

    def arrive(self, step: int, i: int) -> None:
        for j in np.flatnonzero(self.exists[i]):
            arrivals = self.coming.setdefault(step + self.delays[i, j] - 1, np.zeros(self.exists.shape))
            arrivals[i, j] += self.sign

    def constants(self) -> tuple[float, float, float]:
        """Decay of the current, decay of the membrane, mV per nA of current."""
        tau_m, tau_s = self.p.tau_membrane_ms, self.p.tau_synapse_ms
        per_na = self.p.resistance_mohm * self.p.input_gain
        if self.post.euler():
            return 1 - self.dt / tau_s, 1 - self.dt / tau_m, per_na * self.dt / tau_m
        decay_m, decay_s = math.exp(-self.dt / tau_m), math.exp(-self.dt / tau_s)
        return decay_s, decay_m, per_na * tau_s / (tau_m - tau_s) * (decay_m - decay_s)

    def _filter(self) -> None:
        decay_s, decay_m, coupling = self.constants()
        self.current = self.current * decay_s + self.coming.pop(self.step, 0)
        self.u = self.u * decay_m + self.current * coupling

    def _clip(self) -> None:
        self.weights = np.where(self.exists, np.clip(self.weights, *self.bounds), 0)

    def _decay_reward(self) -> None:
        if self.rule.tau_reward_ms:
            self.n = self.n * math.exp(-self.dt / self.rule.tau_reward_ms)


class ReferenceRMax(ReferenceGradient):
    """R-max: the membrane of a synapse is 0 whenever that of its neuron is at its reset."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        self.mean = np.zeros(exists.shape[1])
        self.slow, self.count, self.was_learning = weights.copy(), 0, True

    def set_reward(self, reward: np.ndarray) -> None:
        if self.rule.consolidation_fraction:
            if self.learning:
                self.count += 1
                self.slow += max(self.rule.consolidation_fraction, 1 / self.count) * (self.weights - self.slow)
            elif self.was_learning:
                self.weights[:] = self.slow
            self.was_learning = self.learning
        fraction = self.rule.mean_reward_fraction or 0.0
        self.n = reward - self.mean
        self.mean = self.mean + fraction * (reward - self.mean)

    def learn(self, step: int, post_spikes: list[int], all_spikes: dict[str, list[int]]) -> None:
        rule, dt = self.rule, self.dt
        self._filter()
        self.e *= math.exp(-dt / rule.tau_eligibility_ms)
        for j, rate_hz in enumerate(self.post.variables()["escape_rate"]):
            expected = rate_hz * dt * 1e-3
            gradient = expected / math.expm1(expected) if j in post_spikes else -expected
            self.e[:, j] += gradient * self.u[:, j] / self.p.escape_width_mv * self.exists[:, j]
            if j in post_spikes or self.held[j]:
                self.u[:, j] = 0.0
        rate = 1 / rule.tau_eligibility_ms + (1 / rule.tau_reward_ms if rule.tau_reward_ms else 0)
        if self.learning:
            self.weights += rule.learning_rate_per_ms * self.e * self.n * (1 - math.exp(-rate * dt)) / rate
            self._clip()
        self._decay_reward()

    def traces(self) -> dict[str, np.ndarray]:
        return {"eligibility": self.e, "mean_reward": self.mean, "reward": self.n}


class ReferenceEProp(ReferenceGradient):
    """e-prop."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        self.adaptation = np.zeros(exists.shape)
        self.adaptive = "adaptation" in self.post.variables()

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        super().begin(step, reward)
        if self.adaptive:
            rho = math.exp(-self.dt / self.p.tau_adaptation_ms)
            self.raised = self.p.threshold_increase_mv * rho * self.post.variables()["adaptation"]

    def learn(self, step: int, post_spikes: list[int], all_spikes: dict[str, list[int]]) -> None:
        rule, p, dt = self.rule, self.p, self.dt
        self._filter()
        beta = p.threshold_increase_mv if self.adaptive else 0.0
        rho = math.exp(-dt / p.tau_adaptation_ms) if self.adaptive else 0.0
        span = p.threshold_mv - p.rest_mv
        _, decay_m, coupling = self.constants()
        rest = p.rest_mv + p.resistance_mohm * p.bias_current_na
        self.e *= math.exp(-dt / rule.tau_filter_ms)
        for j, current in enumerate(self.post.variables()["current"]):
            potential = rest + (self.potential[j] - rest) * decay_m + current * coupling
            threshold = p.threshold_mv + (self.raised[j] if self.adaptive else 0.0)
            psi = rule.damping / span * max(0.0, 1 - abs(potential - threshold) / span)
            if self.held[j]:
                psi = 0.0
            for i in np.flatnonzero(self.exists[:, j]):
                own = psi * (self.u[i, j] - beta * self.adaptation[i, j])
                self.e[i, j] += own
                self.adaptation[i, j] = rho * (self.adaptation[i, j] + own)
        if self.learning:
            self.weights -= rule.learning_rate_per_ms * dt * self.n * self.e
            self._clip()
        self._decay_reward()

    def traces(self) -> dict[str, np.ndarray]:
        adaptation = {"adaptation_eligibility": self.adaptation} if self.adaptive else {}
        return {"eligibility": self.e, "reward": self.n} | adaptation


class ReferenceTd(ReferenceFixed):
    """TD-LTP; the critic's rate and the eligibility by their filters' impulse responses, summed over all spikes."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        self.rule, self.dt, self.exists, self.bounds = rule, dt_ms, exists, context.bounds
        self.critic_size = context.spec.populations[rule.critic].size
        self.pre_steps: list[list[int]] = [[] for _ in range(len(exists))]
        self.n = np.zeros(exists.shape[1])
        self.critic_steps: list[int] = []
        self.spikes: list[tuple[int, int, np.ndarray]] = []
        """Step, neuron and presynaptic traces of each postsynaptic spike."""
        self.value = rule.value_offset

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        if reward is not None:
            self.n = np.array(reward, np.float64)
        self.step = step

    def arrive(self, step: int, i: int) -> None:
        self.pre_steps[i].append(step)

    @staticmethod
    def kernel(age: np.ndarray | float, tau: float, rise: float) -> np.ndarray:
        return (np.exp(-np.asarray(age) / tau) - np.exp(-np.asarray(age) / rise)) / (tau - rise)

    def x_pre(self) -> np.ndarray:
        ages = [(self.step - np.array(steps, float)) * self.dt for steps in self.pre_steps]
        return np.array([float(np.sum(np.exp(-age / self.rule.tau_plus_ms))) for age in ages])

    def eligibility(self) -> tuple[np.ndarray, np.ndarray]:
        """Its slow and its fast exponential."""
        rule, slow, fast = self.rule, np.zeros(self.exists.shape), np.zeros(self.exists.shape)
        rise = rule.tau_eligibility_rise_ms
        height = rule.tau_eligibility_ms / (rule.tau_eligibility_ms - rise) if rise else 1.0
        for step, j, x_pre in self.spikes:
            age = (self.step - step) * self.dt
            slow[:, j] += height * x_pre * math.exp(-age / rule.tau_eligibility_ms)
            fast[:, j] += height * x_pre * math.exp(-age / rise) if rise else 0.0
        return slow * self.exists, fast * self.exists

    def learn(self, step: int, post_spikes: list[int], all_spikes: dict[str, list[int]]) -> None:
        rule, dt, before = self.rule, self.dt, self.value
        self.critic_steps += [step] * len(all_spikes[rule.critic])
        ages = (step - np.array(self.critic_steps, float)) * dt
        rate_hz = 1000 * float(np.sum(self.kernel(ages, rule.tau_rate_ms, rule.tau_rise_ms))) / self.critic_size
        self.value = rule.value_offset + rule.value_per_hz * rate_hz
        error = self.n + (self.value - before) / dt - self.value / rule.tau_discount_ms
        self.spikes += [(step, j, self.x_pre()) for j in post_spikes]
        if self.learning:
            slow, fast = self.eligibility()
            change = rule.learning_rate_per_ms * dt * error * (slow - fast)
            self.weights = np.where(self.exists, np.clip(self.weights + change, *self.bounds), 0)
        if rule.tau_reward_ms:
            self.n = self.n * math.exp(-dt / rule.tau_reward_ms)

    def traces(self) -> dict[str, np.ndarray]:
        slow, fast = self.eligibility()
        rise = self.rule.tau_eligibility_rise_ms
        eligibility = {"eligibility_slow": slow, "eligibility_fast": fast} if rise else {"eligibility": slow}
        return eligibility | {"x_pre": self.x_pre(), "reward": self.n, "value": np.array([self.value])}


REFERENCE_RULES: dict[str, Any] = {
    "r_stdp": ReferenceRStdp,
    "pair_stdp": ReferencePair,
    "triplet_stdp": ReferenceTriplet,
    "r_max": ReferenceRMax,
    "e_prop": ReferenceEProp,
    "td_stdp": ReferenceTd,
}
