"""What the rules share that follow a gradient through the membrane: what each presynaptic neuron has brought to it.

    tau_synapse  di_i/dt = -i_i, at an arriving spike i_i := i_i + 1 (-1 from an inhibitory population)
    tau_membrane du_i/dt = -u_i + R i_i

is the membrane of an integrate-and-fire neuron that hears i alone, at a weight of 1 nA, and is never reset. A synapse
whose current takes a delay sees the u_i of as many steps before, so the last ones are kept.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from snn_core.network.compiled import aligned, carray, float32_pointer, int64_pointer, kernel, uint8_pointer
from snn_core.network.decay import decay, without_negligible
from snn_core.network.models.lif import LifPropagators
from snn_core.network.rules.plain import AWAKE, FREE, PRE_TRACES, SCRATCH, PlainRule
from snn_core.network.synapses import (
    DELAY,
    DELAYS,
    N_POST,
    N_PRE,
    PARAMETERS,
    POST_PITCH,
    POST_STATE,
    ROW_BEGIN,
    SIGN,
    Wiring,
)

PAST, PAST_STEPS, ROW, POTENTIAL, REFRACTORY = range(FREE, FREE + 5)
"""Of the record. PAST: address of (N_PRE, PAST_STEPS) float32, u_i of a step at step mod PAST_STEPS. ROW: address of
float32 scratch for the longest row. POTENTIAL, REFRACTORY: their places among the postsynaptic variables."""
FREE_OF_MEMBRANE = FREE + 5
OWN_NUMBERS = 3
"""Of the parameters: decay of i_i, decay of u_i and what i_i adds to u_i come first, then those of the rule."""
SCRATCH_ROWS = 3
OWN, POTENTIAL_BEFORE, HELD_BEFORE = range(SCRATCH_ROWS)
"""Of the scratch: a row for the rule; the postsynaptic neurons' potential, and the steps for which they are clamped, as
they were before the step.
"""


def bounds_are_ordered(rule: Any) -> Any:
    """Raises ValueError for a rule whose w_min_na does not lie below its w_max_na."""
    if rule.w_min_na >= rule.w_max_na:
        raise ValueError(f"w_min_na must lie below w_max_na ({rule.w_max_na}), found {rule.w_min_na}")
    return rule


class MembraneRule(PlainRule):
    """A rule that reads u_i, in mV / ``unit_mv`` per nA.

    Its kernel has to keep AWAKE: the steps for which a row still has to be touched, PAST_STEPS after one in which u_i
    or a synapse's trace was not 0.
    """

    def __init__(
        self,
        wiring: Wiring,
        membrane: LifPropagators,
        unit_mv: float,
        parameters: Sequence[float],
        learn: Any,
        **traces: Any,
    ) -> None:
        numbers = (membrane.current_decay, membrane.membrane_decay, membrane.current_to_membrane / unit_mv)
        super().__init__(
            wiring,
            (*numbers, *parameters),
            _arrive,
            learn,
            pre=("current", "potential"),
            rewarded=True,
            columns=False,
            scratch=SCRATCH_ROWS,
            **traces,
        )
        steps = int(np.max(wiring.delay_steps, initial=1))
        self.record[PAST_STEPS] = steps
        self.add_array(PAST, "past_potentials", aligned((wiring.n_pre, steps)))
        assert wiring.rows is not None
        longest = int(np.diff(wiring.rows.row_begin).max(initial=0))
        self.record[ROW] = self._address(np.zeros(longest), np.float32)
        self.record[POTENTIAL], self.record[REFRACTORY] = self.variable("potential"), self.variable("refractory")


@njit(cache=True, nogil=True)
def _filter(current, potential, past, now, membrane_decay, coupling):
    for i in range(current.size):
        potential[i] = without_negligible(potential[i] * membrane_decay + current[i] * coupling)
        past[i, now] = potential[i]


@kernel
def _arrive(record, step, rows, count):
    n_pre, n_post, pitch = record[N_PRE], record[N_POST], record[POST_PITCH]
    p = carray(float32_pointer(record[PARAMETERS]), (OWN_NUMBERS,))
    traces = carray(float32_pointer(record[PRE_TRACES]), (2, n_pre))
    past = carray(float32_pointer(record[PAST]), (n_pre, record[PAST_STEPS]))
    awake = int64_pointer(record[AWAKE])
    current = traces[0]
    decay(current, p[0])
    for n in range(count):
        current[rows[n]] += np.float32(record[SIGN])
        awake[rows[n]] = record[PAST_STEPS]
    _filter(current, traces[1], past, step % record[PAST_STEPS], p[1], p[2])
    state = float32_pointer(record[POST_STATE])
    scratch = carray(float32_pointer(record[SCRATCH]), (SCRATCH_ROWS, n_post))
    for j in range(n_post):
        scratch[POTENTIAL_BEFORE, j] = state[record[POTENTIAL] * pitch + j]
        scratch[HELD_BEFORE, j] = state[record[REFRACTORY] * pitch + j]
    return 0


@njit(cache=True, nogil=True)
def arrived(record, step, i, u):
    """u_i as each synapse of row i sees it after its delay, into ``u``."""
    past_steps = record[PAST_STEPS]
    past = carray(float32_pointer(record[PAST] + 4 * i * past_steps), (past_steps,))
    if record[DELAYS]:
        delays = uint8_pointer(record[DELAYS] + int64_pointer(record[ROW_BEGIN])[i])
        for k in range(u.size):
            at = step % past_steps + 1 - np.int64(delays[k])
            u[k] = past[at if at >= 0 else at + past_steps]
    else:
        u[:] = past[(step + past_steps - record[DELAY]) % past_steps]
