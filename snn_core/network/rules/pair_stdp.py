"""Pair-based STDP: every pair of spikes, or nearest ones, by weight dependences from additive to multiplicative.

    dx_pre/dt  = -x_pre / tau_plus     at a presynaptic spike x_pre := x_pre + 1 (all_to_all) or 1 (nearest)
    dx_post/dt = -x_post / tau_minus   at a postsynaptic spike x_post likewise
    at a postsynaptic spike  w := w + learning_rate w_max a_plus  (1 - w / w_max)^mu x_pre
    at a presynaptic spike   w := w - learning_rate w_max a_minus (w / w_max)^mu     x_post

clipped to [0, w_max]. mu = 0 is additive, 1 multiplicative (Guetig, Aharonov, Rotter and Sompolinsky 2003, Journal of
Neuroscience 23:3697). ``nearest`` is the symmetric scheme: each spike is paired with the last one of the other side
(Morrison, Diesmann and Gerstner 2008, Biological Cybernetics 98:459, figure 7A).

``scaling`` adds homeostasis; see ``snn_core.network.rules.scaling``.
"""

import math
from typing import Literal

import numpy as np
from numba import njit
from pydantic import Field

from snn_core.network.compiled import carray, float32_pointer, int32_pointer, int64_pointer, kernel
from snn_core.network.decay import decay
from snn_core.network.rules.base import Rule, RuleSpec
from snn_core.network.rules.plain import COLUMN, COLUMN_BEGIN, COLUMN_ROW, FREE, POST_TRACES, PRE_TRACES, PlainRule
from snn_core.network.rules.scaling import ScalingSpec, add_scaling
from snn_core.network.synapses import (
    LEARNING,
    LEARNING_UPDATES,
    MEMORY_BYTES,
    N_POST,
    N_PRE,
    PARAMETERS,
    POST,
    POST_FIRST,
    ROW_BEGIN,
    WEIGHTS,
    Wiring,
)

NEAREST = FREE
"""Of the record: 1 for nearest pairs."""


class PairStdp(RuleSpec):
    """Pair-based STDP; see ``snn_core.network.rules.pair_stdp``."""

    name: Literal["pair_stdp"]  # type: ignore[assignment]
    w_max_na: float = Field(gt=0, description="weights are clipped to [0, w_max_na]")
    learning_rate: float = Field(default=0.01, ge=0, description="of w_max, at a trace of 1")
    pairing: Literal["all_to_all", "nearest"] = "all_to_all"
    mu: float = Field(default=0.0, ge=0, description="weight dependence: 0 additive, 1 multiplicative")
    a_plus: float = Field(default=1.0, ge=0)
    a_minus: float = Field(default=1.05, ge=0)
    tau_plus_ms: float = Field(default=20.0, gt=0)
    tau_minus_ms: float = Field(default=20.0, gt=0)
    scaling: ScalingSpec | None = Field(default=None, description="null: no synaptic scaling")

    def bounds(self) -> tuple[float, float]:
        return 0.0, self.w_max_na


def _connect(wiring: Wiring) -> PlainRule:
    rule = wiring.rule
    numbers = (
        math.exp(-wiring.dt_ms / rule.tau_plus_ms),
        math.exp(-wiring.dt_ms / rule.tau_minus_ms),
        rule.learning_rate * rule.w_max_na * rule.a_plus,
        rule.learning_rate * rule.w_max_na * rule.a_minus,
        rule.w_max_na,
        rule.mu,
    )
    synapses = PlainRule(wiring, numbers, _arrive, _learn, rates=(2, 3), pre=("x_pre",), post=("x_post",))
    synapses.record[NEAREST] = rule.pairing == "nearest"
    return add_scaling(synapses, rule.scaling, rule.w_max_na)


@njit(cache=True, nogil=True)
def _power(base, mu):
    if mu == np.float32(0):
        return np.float32(1)
    return base if mu == np.float32(1) else np.float32(base**mu)


@kernel
def _arrive(record, step, rows, count):
    n_pre, n_post = record[N_PRE], record[N_POST]
    p = carray(float32_pointer(record[PARAMETERS]), (6,))
    x_pre = carray(float32_pointer(record[PRE_TRACES]), (n_pre,))
    x_post = carray(float32_pointer(record[POST_TRACES]), (n_post,))
    row_begin, post = int64_pointer(record[ROW_BEGIN]), int32_pointer(record[POST])
    weights = float32_pointer(record[WEIGHTS])
    decay(x_pre, p[0])
    decay(x_post, p[1])
    minus, w_max, mu = p[3], p[4], p[5]
    touched = 0
    for n in range(count):
        i = rows[n]
        if record[LEARNING]:
            for k in range(row_begin[i], row_begin[i + 1]):
                w = weights[k] - minus * _power(weights[k] / w_max, mu) * x_post[np.int64(post[k])]
                weights[k] = min(max(w, np.float32(0)), w_max)
            touched += row_begin[i + 1] - row_begin[i]
        x_pre[i] = np.float32(1) if record[NEAREST] else x_pre[i] + np.float32(1)
    record[LEARNING_UPDATES] += touched
    record[MEMORY_BYTES] += 8 * touched
    return 0


@kernel
def _learn(record, step, spikes, count):
    n_pre, n_post = record[N_PRE], record[N_POST]
    p = carray(float32_pointer(record[PARAMETERS]), (6,))
    x_pre = carray(float32_pointer(record[PRE_TRACES]), (n_pre,))
    x_post = carray(float32_pointer(record[POST_TRACES]), (n_post,))
    column_begin, column = int64_pointer(record[COLUMN_BEGIN]), int32_pointer(record[COLUMN])
    column_row, weights = int32_pointer(record[COLUMN_ROW]), float32_pointer(record[WEIGHTS])
    plus, w_max, mu = p[2], p[4], p[5]
    touched = 0
    for n in range(count):
        j = spikes[n] - record[POST_FIRST]
        if 0 <= j < n_post:
            if record[LEARNING]:
                for c in range(column_begin[j], column_begin[j + 1]):
                    k = np.int64(column[c])
                    w = weights[k]
                    w += plus * _power(np.float32(1) - w / w_max, mu) * x_pre[np.int64(column_row[c])]
                    weights[k] = min(max(w, np.float32(0)), w_max)
                touched += column_begin[j + 1] - column_begin[j]
            x_post[j] = np.float32(1) if record[NEAREST] else x_post[j] + np.float32(1)
    record[LEARNING_UPDATES] += touched
    record[MEMORY_BYTES] += 16 * touched
    return 0


RULE = Rule(name="pair_stdp", spec=PairStdp, connect=_connect)
