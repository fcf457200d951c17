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
        self.reward = np.zeros(n_post)

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        if reward is not None:
            self.reward = np.array(reward, np.float64)
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
        return {"x_pre": self.x_pre, "x_post": self.x_post, "reward": self.reward}


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
        return {"r1": self.x_pre, "r2": self.r2, "o1": self.x_post, "o2": self.o2, "reward": self.reward}


class ReferenceGradient(ReferenceFixed):
    """What R-max and e-prop share: the membrane that each input would make alone, by its two exponentials."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        self.rule, self.dt, self.exists, self.post = rule, dt_ms, exists, context.post
        self.p = self.post.p
        n_pre, n_post = exists.shape
        self.current, self.u, self.n = np.zeros(n_pre), np.zeros(n_pre), np.zeros(n_post)
        self.e = np.zeros((n_pre, n_post))

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        if reward is not None:
            self.set_reward(np.array(reward, np.float64))
        self.current *= math.exp(-self.dt / self.p.tau_synapse_ms)

    def set_reward(self, reward: np.ndarray) -> None:
        self.n = reward

    def arrive(self, step: int, i: int) -> None:
        self.current[i] += 1

    def _filter(self) -> None:
        tau_m, tau_s = self.p.tau_membrane_ms, self.p.tau_synapse_ms
        decay_m, decay_s = math.exp(-self.dt / tau_m), math.exp(-self.dt / tau_s)
        self.u = self.u * decay_m + self.current * self.p.resistance_mohm * tau_s / (tau_m - tau_s) * (
            decay_m - decay_s
        )

    def _clip(self) -> None:
        self.weights = np.where(self.exists, np.clip(self.weights, self.rule.w_min_na, self.rule.w_max_na), 0)

    def _decay_reward(self) -> None:
        if self.rule.tau_reward_ms:
            self.n = self.n * math.exp(-self.dt / self.rule.tau_reward_ms)


class ReferenceRMax(ReferenceGradient):
    """R-max."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        self.mean = np.zeros(exists.shape[1])

    def set_reward(self, reward: np.ndarray) -> None:
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
            self.e[:, j] += gradient * self.u / self.p.escape_width_mv * self.exists[:, j]
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

    def learn(self, step: int, post_spikes: list[int], all_spikes: dict[str, list[int]]) -> None:
        rule, p, dt = self.rule, self.p, self.dt
        self._filter()
        state = self.post.variables()
        adaptive = "adaptation" in state
        beta = p.threshold_increase_mv if adaptive else 0.0
        rho = math.exp(-dt / p.tau_adaptation_ms) if adaptive else 0.0
        span = p.threshold_mv - p.rest_mv
        self.e *= math.exp(-dt / rule.tau_filter_ms)
        for j in range(self.exists.shape[1]):
            threshold = p.threshold_mv + (beta * state["adaptation"][j] if adaptive else 0.0)
            psi = rule.damping / span * max(0.0, 1 - abs(state["potential"][j] - threshold) / span)
            if state["refractory"][j] > 0:
                psi = 0.0
            if j in post_spikes:
                psi = rule.damping / span
            for i in range(self.exists.shape[0]):
                if self.exists[i, j]:
                    before = self.adaptation[i, j]
                    self.e[i, j] += psi * (self.u[i] - beta * before)
                    self.adaptation[i, j] = psi * self.u[i] + (rho - psi * beta) * before
        if self.learning:
            self.weights -= rule.learning_rate_per_ms * dt * self.n * self.e
            self._clip()
        self._decay_reward()

    def traces(self) -> dict[str, np.ndarray]:
        return {"eligibility": self.e, "adaptation_eligibility": self.adaptation, "reward": self.n}


class ReferenceTd(ReferenceFixed):
    """TD-LTP; the critic's rate by its filter's impulse response, summed over all its spikes."""

    def __init__(self, rule, dt_ms: float, weights: np.ndarray, exists: np.ndarray, context: Any) -> None:
        super().__init__(rule, dt_ms, weights, exists, context)
        self.rule, self.dt, self.exists = rule, dt_ms, exists
        self.critic_size = context.spec.populations[rule.critic].size
        n_pre, n_post = exists.shape
        self.x_pre, self.n, self.e = np.zeros(n_pre), np.zeros(n_post), np.zeros((n_pre, n_post))
        self.critic_steps: list[int] = []
        self.value = 0.0

    def begin(self, step: int, reward: np.ndarray | None) -> None:
        if reward is not None:
            self.n = np.array(reward, np.float64)
        self.x_pre *= math.exp(-self.dt / self.rule.tau_plus_ms)

    def arrive(self, step: int, i: int) -> None:
        self.x_pre[i] += 1

    def learn(self, step: int, post_spikes: list[int], all_spikes: dict[str, list[int]]) -> None:
        rule, dt = self.rule, self.dt
        self.critic_steps += [step] * len(all_spikes[rule.critic])
        slow, fast, factor = rule.tau_rate_ms, rule.tau_rise_ms, 1000 * rule.value_per_hz / self.critic_size
        ages = (step - np.array(self.critic_steps, float)) * dt
        self.value = rule.value_offset + factor * float(np.sum(np.exp(-ages / slow) - np.exp(-ages / fast))) / (
            slow - fast
        )
        slope = factor * float(np.sum(np.exp(-ages / fast) / fast - np.exp(-ages / slow) / slow)) / (slow - fast)
        error = self.n + slope - self.value / rule.tau_discount_ms
        self.e *= math.exp(-dt / rule.tau_eligibility_ms)
        for j in post_spikes:
            self.e[:, j] += self.x_pre * self.exists[:, j]
        if self.learning:
            self.weights = np.clip(self.weights + rule.learning_rate_per_ms * dt * error * self.e, 0, rule.w_max_na)
        if rule.tau_reward_ms:
            self.n = self.n * math.exp(-dt / rule.tau_reward_ms)

    def traces(self) -> dict[str, np.ndarray]:
        return {"eligibility": self.e, "x_pre": self.x_pre, "reward": self.n, "value": np.array([self.value])}


REFERENCE_RULES: dict[str, Any] = {
    "r_stdp": ReferenceRStdp,
    "pair_stdp": ReferencePair,
    "triplet_stdp": ReferenceTriplet,
    "r_max": ReferenceRMax,
    "e_prop": ReferenceEProp,
    "td_stdp": ReferenceTd,
}
