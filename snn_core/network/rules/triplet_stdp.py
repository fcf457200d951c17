"""Triplet STDP (Pfister and Gerstner 2006, Journal of Neuroscience 26:9673): what two spikes of one side do together.

    dr1/dt = -r1 / tau_plus,  dr2/dt = -r2 / tau_x,  at a presynaptic spike  r1, r2 := + 1 (all_to_all) or 1 (nearest)
    do1/dt = -o1 / tau_minus, do2/dt = -o2 / tau_y,  at a postsynaptic spike o1, o2 likewise
    at a presynaptic spike   w := w - w_scale o1 (a2_minus + a3_minus r2)
    at a postsynaptic spike  w := w + w_scale r1 (a2_plus  + a3_plus  o2)

clipped to [0, w_max]; r2 and o2 are read before the spike raises them.

``preset`` takes the amplitudes, pairing and slow time constants that the authors fitted (their tables 3 and 4) to
``visual_cortex`` or ``hippocampus``. ``_nearest`` follows where nearest spikes count, then ``_full`` for the model of
all four amplitudes. Without ``_full`` it is the minimal one, which does as well. tau_plus and tau_minus are 16.8 and
33.7 ms for all. The default is visual_cortex: there a2_plus = a3_minus = 0, so potentiation needs two postsynaptic
spikes.
"""

import math
from typing import Any, Literal

import numpy as np
from numba import njit
from pydantic import Field, model_validator

from snn_core.network.compiled import carray, float32_pointer, int32_pointer, int64_pointer, kernel
from snn_core.network.decay import decay
from snn_core.network.models.presets import filled_in
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


def _preset(
    pairing: str, plus: tuple[float, float], minus: tuple[float, float], tau_y: float, tau_x: float | None = None
) -> dict[str, Any]:
    """Amplitudes of pairs and triplets; tau_x does nothing where a3_minus is 0."""
    amplitudes = {"a2_plus": plus[0], "a3_plus": plus[1], "a2_minus": minus[0], "a3_minus": minus[1]}
    times = {"tau_y_ms": tau_y} | ({"tau_x_ms": tau_x} if tau_x else {})
    return {"pairing": pairing, **amplitudes, **times}


PRESETS = {
    "visual_cortex": _preset("all_to_all", (0.0, 6.5e-3), (7.1e-3, 0.0), tau_y=114.0),
    "visual_cortex_full": _preset("all_to_all", (5e-10, 6.2e-3), (7e-3, 2.3e-4), tau_y=125.0, tau_x=101.0),
    "visual_cortex_nearest": _preset("nearest", (0.0, 5e-2), (8e-3, 0.0), tau_y=40.0),
    "visual_cortex_nearest_full": _preset("nearest", (8.8e-11, 5.3e-2), (6.6e-3, 3.1e-3), tau_y=40.0, tau_x=714.0),
    "hippocampus": _preset("all_to_all", (5.3e-3, 8e-3), (3.5e-3, 0.0), tau_y=40.0),
    "hippocampus_full": _preset("all_to_all", (6.1e-3, 6.7e-3), (1.6e-3, 1.4e-3), tau_y=27.0, tau_x=946.0),
    "hippocampus_nearest": _preset("nearest", (4.6e-3, 9.1e-3), (3e-3, 0.0), tau_y=48.0),
    "hippocampus_nearest_full": _preset("nearest", (4.6e-3, 9.1e-3), (3e-3, 7.5e-9), tau_y=47.0, tau_x=575.0),
}

NEAREST = FREE
"""Of the record: 1 for nearest spikes."""


class TripletStdp(RuleSpec):
    """Triplet STDP; see ``snn_core.network.rules.triplet_stdp``."""

    name: Literal["triplet_stdp"]  # type: ignore[assignment]
    w_max_na: float = Field(gt=0, description="weights are clipped to [0, w_max_na]")
    w_scale_na: float = Field(gt=0, description="weight that an amplitude of 1 stands for")
    pairing: Literal["all_to_all", "nearest"] = "all_to_all"
    a2_plus: float = Field(default=0.0, ge=0)
    a3_plus: float = Field(default=6.5e-3, ge=0)
    a2_minus: float = Field(default=7.1e-3, ge=0)
    a3_minus: float = Field(default=0.0, ge=0)
    tau_plus_ms: float = Field(default=16.8, gt=0)
    tau_x_ms: float = Field(default=101.0, gt=0)
    tau_minus_ms: float = Field(default=33.7, gt=0)
    tau_y_ms: float = Field(default=114.0, gt=0)
    scaling: ScalingSpec | None = Field(default=None, description="null: no synaptic scaling")

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        return filled_in(data, PRESETS)

    def bounds(self) -> tuple[float, float]:
        return 0.0, self.w_max_na


def _connect(wiring: Wiring) -> PlainRule:
    rule = wiring.rule
    taus = (rule.tau_plus_ms, rule.tau_x_ms, rule.tau_minus_ms, rule.tau_y_ms)
    amplitudes = (rule.a2_plus, rule.a3_plus, rule.a2_minus, rule.a3_minus)
    numbers = (
        *(math.exp(-wiring.dt_ms / tau) for tau in taus),
        *(rule.w_scale_na * amplitude for amplitude in amplitudes),
        rule.w_max_na,
    )
    synapses = PlainRule(wiring, numbers, _arrive, _learn, rates=range(4, 8), pre=("r1", "r2"), post=("o1", "o2"))
    synapses.record[NEAREST] = rule.pairing == "nearest"
    return add_scaling(synapses, rule.scaling, rule.w_max_na)


@njit(cache=True, nogil=True)
def _raise(traces, n, nearest):
    for row in range(2):
        traces[row, n] = np.float32(1) if nearest else traces[row, n] + np.float32(1)


@kernel
def _arrive(record, step, rows, count):
    n_pre, n_post = record[N_PRE], record[N_POST]
    p = carray(float32_pointer(record[PARAMETERS]), (9,))
    r = carray(float32_pointer(record[PRE_TRACES]), (2, n_pre))
    o = carray(float32_pointer(record[POST_TRACES]), (2, n_post))
    row_begin, post = int64_pointer(record[ROW_BEGIN]), int32_pointer(record[POST])
    weights = float32_pointer(record[WEIGHTS])
    for n in range(2):
        decay(r[n], p[n])
        decay(o[n], p[2 + n])
    touched = 0
    for n in range(count):
        i = rows[n]
        if record[LEARNING]:
            amplitude = p[6] + p[7] * r[1, i]
            for k in range(row_begin[i], row_begin[i + 1]):
                weights[k] = min(max(weights[k] - amplitude * o[0, np.int64(post[k])], np.float32(0)), p[8])
            touched += row_begin[i + 1] - row_begin[i]
        _raise(r, i, record[NEAREST])
    record[LEARNING_UPDATES] += touched
    record[MEMORY_BYTES] += 8 * touched
    return 0


@kernel
def _learn(record, step, spikes, count):
    n_pre, n_post = record[N_PRE], record[N_POST]
    p = carray(float32_pointer(record[PARAMETERS]), (9,))
    r = carray(float32_pointer(record[PRE_TRACES]), (2, n_pre))
    o = carray(float32_pointer(record[POST_TRACES]), (2, n_post))
    column_begin, column = int64_pointer(record[COLUMN_BEGIN]), int32_pointer(record[COLUMN])
    column_row, weights = int32_pointer(record[COLUMN_ROW]), float32_pointer(record[WEIGHTS])
    touched = 0
    for n in range(count):
        j = spikes[n] - record[POST_FIRST]
        if 0 <= j < n_post:
            if record[LEARNING]:
                amplitude = p[4] + p[5] * o[1, j]
                for c in range(column_begin[j], column_begin[j + 1]):
                    k = np.int64(column[c])
                    w = weights[k] + amplitude * r[0, np.int64(column_row[c])]
                    weights[k] = min(max(w, np.float32(0)), p[8])
                touched += column_begin[j + 1] - column_begin[j]
            _raise(o, j, record[NEAREST])
    record[LEARNING_UPDATES] += touched
    record[MEMORY_BYTES] += 16 * touched
    return 0


RULE = Rule(name="triplet_stdp", spec=TripletStdp, connect=_connect)
