"""What the rules share that change plain weights at once: compressed rows, a reverse index, traces that decay a step at
a time.

A rule's kernels get the record of ``synapses`` with these fields after FIRST_OF_RULE. Its traces cost a pass over the
neurons of both sides in every step, its weights only what its spikes touch, unless the rule says otherwise.

A presynaptic spike counts in the step in which it arrives (``synapses`` says what a delay adds). Where it arrives in
the step in which a postsynaptic neuron spikes, it comes first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from snn_core.network.compiled import aligned
from snn_core.network.compressed_rows import reverse
from snn_core.network.synapses import FIRST_OF_RULE, PARAMETERS, SparseSynapses, Wiring

(
    PRE_TRACES,
    POST_TRACES,
    ELIGIBILITY,
    REWARD,
    COLUMN_BEGIN,
    COLUMN,
    COLUMN_ROW,
    SCRATCH,
    SIGNALS,
    AWAKE,
) = range(FIRST_OF_RULE, FIRST_OF_RULE + 10)
"""Addresses, float32 where nothing else is said. PRE_TRACES: (pre traces, N_PRE). POST_TRACES: (post traces, N_POST).
ELIGIBILITY: (synapse traces, synapses). REWARD: (N_POST,). COLUMN_BEGIN: (N_POST + 1,) int64; COLUMN and COLUMN_ROW:
(synapses,) int32, the synapses of each postsynaptic neuron and their presynaptic neurons. SCRATCH: (scratch,
N_POST), for a rule to use within a step. SIGNALS: (signals,), what a rule keeps for the whole connection. AWAKE:
(N_PRE,) int64, in rules with synapse traces: 0 for a row whose traces are all 0, which a step may then skip."""
FREE = FIRST_OF_RULE + 10
"""From here on the record is the one rule's."""


class PlainRule(SparseSynapses):
    """Compressed rows that a rule changes at once.

    Args:
        parameters: the rule's numbers, float32 in the kernel.
        arrive, learn: its kernels.
        rates: places of the numbers that grow with the learning rate.
        pre, post, synapse, signals: names of its traces of each kind; ``traces`` shows them.
        rewarded: whether it has a reward.
        scratch: rows of its scratch.
        columns: whether it walks down the columns of the neurons that spike.
    """

    def __init__(
        self,
        wiring: Wiring,
        parameters: Sequence[float],
        arrive: Any,
        learn: Any,
        *,
        rates: Sequence[int] = (),
        pre: Sequence[str] = (),
        post: Sequence[str] = (),
        synapse: Sequence[str] = (),
        signals: Sequence[str] = (),
        rewarded: bool = False,
        columns: bool = True,
        scratch: int = 1,
    ) -> None:
        super().__init__(wiring)
        n_pre, n_post = wiring.n_pre, wiring.n_post
        self._named: dict[str, np.ndarray] = {}
        self._add_traces(PRE_TRACES, "pre_traces", pre, n_pre)
        self._add_traces(POST_TRACES, "post_traces", post, n_post)
        self._add_traces(ELIGIBILITY, "synapse_traces", synapse, self.n_synapses)
        self._add_traces(SIGNALS, "signals", signals, 1)
        if rewarded:
            self.add_array(REWARD, "reward", aligned(n_post), shown=True)
        if synapse:
            self.add_array(AWAKE, "awake", aligned(n_pre, np.int64))
        self.parameters = aligned(len(parameters))
        self.parameters[:] = parameters
        self._of_description, self._rates = self.parameters.copy(), list(rates)
        self.record[PARAMETERS] = self.parameters.ctypes.data
        self.record[SCRATCH] = self._address(np.zeros((scratch, n_post)), np.float32)
        if columns:
            self.index_columns()
        self.arrive, self.learn = arrive, learn

    def _add_traces(self, field: int, kind: str, names: Sequence[str], size: int) -> None:
        if names:
            traces = aligned((len(names), size))
            self.add_array(field, kind, traces)
            self._named |= dict(zip(names, traces, strict=True))

    def add_array(self, field: int, name: str, array: np.ndarray, shown: bool = False) -> None:
        """Keep an array that advances with time, with its address in the record; ``traces`` may show it."""
        self.arrays[name] = array
        self.record[field] = array.ctypes.data
        if shown:
            self._named[name] = array

    def index_columns(self) -> None:
        """Let kernels find the synapses of each postsynaptic neuron."""
        rows = self.wiring.rows
        assert rows is not None
        column_begin, column = reverse(rows.row_begin, rows.post, self.wiring.n_post)
        row = np.repeat(np.arange(self.wiring.n_pre, dtype=np.int32), np.diff(rows.row_begin))[column]
        self.record[COLUMN_BEGIN] = self._address(column_begin, np.int64)
        self.record[COLUMN], self.record[COLUMN_ROW] = self._address(column, np.int32), self._address(row, np.int32)

    def variable(self, name: str) -> int:
        """Place of a state variable of the postsynaptic model."""
        return self.wiring.post_variables.index(name)

    def traces(self, step: int) -> dict[str, np.ndarray]:
        return {name: trace.copy() for name, trace in self._named.items()}

    def set_reward(self, reward: np.ndarray) -> None:
        if "reward" in self.arrays:
            self.arrays["reward"][:] = reward

    def set_learning_rate(self, factor: float) -> None:
        if not self._rates:
            super().set_learning_rate(factor)
        self.parameters[self._rates] = self._of_description[self._rates] * np.float32(factor)

    def rest(self) -> None:
        for name, array in self.arrays.items():
            if name != "weights":
                array[:] = 0
