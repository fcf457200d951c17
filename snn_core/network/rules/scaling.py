"""Synaptic scaling: all synapses of a neuron grow while it fires too little, and shrink while it fires too much.

    tau_rate dr_j/dt = -r_j + (spikes of j)
    dw_ij/dt         = rate w_ij (r_target - r_j) / r_target

after Turrigiano et al. (1998, Nature 391:892) and van Rossum, Bi and Turrigiano (2000, Journal of Neuroscience 20:8812,
its term without the integral). It multiplies, so it keeps the ratios that a rule has learnt. It is applied every
``interval_ms``, by the exponential for the rate of that moment, since it needs every synapse. It is meant for
excitatory synapses: growing inhibitory ones silence a neuron all the more.
"""

import math

import numpy as np
from pydantic import Field

from snn_core.files import StrictModel
from snn_core.network.compiled import aligned, carray, float32_pointer, int32_pointer, int64_pointer, kernel
from snn_core.network.decay import decay
from snn_core.network.rules.plain import COLUMN, COLUMN_BEGIN, PlainRule
from snn_core.network.synapses import (
    LEARNING,
    LEARNING_UPDATES,
    MEMORY_BYTES,
    N_POST,
    POST_FIRST,
    RECORD_SIZE,
    WEIGHTS,
)

RATES, NUMBERS, INTERVAL = RECORD_SIZE - 3, RECORD_SIZE - 2, RECORD_SIZE - 1
"""Of the record, at its end, so that any rule may have them. RATES: (N_POST,) float32, Hz. NUMBERS: (5,) float32: decay
of the rate, what a spike adds to it (Hz), the target (Hz), the exponent of an interval, w_max. INTERVAL: steps."""


class ScalingSpec(StrictModel):
    """Synaptic scaling; see ``snn_core.network.rules.scaling``."""

    target_rate_hz: float = Field(gt=0)
    tau_rate_ms: float = Field(default=1000.0, gt=0)
    rate_per_ms: float = Field(default=1e-5, ge=0, description="relative growth of a silent neuron's weights")
    interval_ms: float = Field(default=100.0, gt=0)


def add_scaling(synapses: PlainRule, spec: ScalingSpec | None, w_max: float) -> PlainRule:
    """Let the synapses of a rule be scaled, too, where ``spec`` is given."""
    if spec is None:
        return synapses
    dt_ms, wiring = synapses.wiring.dt_ms, synapses.wiring
    if not synapses.record[COLUMN_BEGIN]:
        synapses.index_columns()
    rates = aligned(wiring.n_post)
    numbers = aligned(5)
    numbers[:] = (
        math.exp(-dt_ms / spec.tau_rate_ms),
        1000.0 / spec.tau_rate_ms,
        spec.target_rate_hz,
        spec.rate_per_ms * max(round(spec.interval_ms / dt_ms), 1) * dt_ms,
        w_max,
    )
    synapses.add_array(RATES, "rates", rates, shown=True)
    synapses.keep(numbers)
    synapses.record[NUMBERS] = numbers.ctypes.data
    synapses.record[INTERVAL] = max(round(spec.interval_ms / dt_ms), 1)
    synapses.homeostasis = _scale
    return synapses


@kernel
def _scale(record, step, spikes, count):
    n_post, interval = record[N_POST], record[INTERVAL]
    numbers = carray(float32_pointer(record[NUMBERS]), (5,))
    rates = carray(float32_pointer(record[RATES]), (n_post,))
    decay(rates, numbers[0])
    for n in range(count):
        j = spikes[n] - record[POST_FIRST]
        if 0 <= j < n_post:
            rates[j] += numbers[1]
    if (step + 1) % interval or not record[LEARNING]:
        return 0
    column_begin, column = int64_pointer(record[COLUMN_BEGIN]), int32_pointer(record[COLUMN])
    weights = float32_pointer(record[WEIGHTS])
    for j in range(n_post):
        factor = np.float32(math.exp(numbers[3] * (np.float32(1) - rates[j] / numbers[2])))
        for c in range(column_begin[j], column_begin[j + 1]):
            k = np.int64(column[c])
            weights[k] = min(weights[k] * factor, numbers[4])
    record[LEARNING_UPDATES] += column_begin[n_post]
    record[MEMORY_BYTES] += 12 * column_begin[n_post]
    return 0
