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


REFERENCE_RULES: dict[str, Any] = {"r_stdp": ReferenceRStdp}
