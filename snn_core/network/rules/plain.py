"""What the rules share that change plain weights at once: compressed rows, a reverse index, traces that decay a step at
a time.

A rule's kernels get the record of ``synapses`` with these fields after FIRST_OF_RULE. Its traces cost a pass over the
neurons of both sides in every step, its weights only what its spikes touch, unless the rule says otherwise.
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
    SPIKED,
    SIGNALS,
) = range(FIRST_OF_RULE, FIRST_OF_RULE + 9)
"""Addresses, float32 where nothing else is said. PRE_TRACES: (pre traces, N_PRE). POST_TRACES: (post traces, N_POST).
ELIGIBILITY: (synapse traces, synapses). REWARD: (N_POST,). COLUMN_BEGIN: (N_POST + 1,) int64; COLUMN and COLUMN_ROW:
(synapses,) int32, the synapses of each postsynaptic neuron and their presynaptic neurons. SPIKED: (N_POST,), scratch.
SIGNALS: (signals,), what a rule keeps for the whole connection."""
FREE = FIRST_OF_RULE + 9
"""From here on the record is the one rule's."""


class PlainRule(SparseSynapses):
    """Compressed rows that a rule changes at once.

    Args:
        parameters: the rule's numbers, float32 in the kernel.
        pre, post, synapse, signals: names of its traces of each kind; ``traces`` shows them.
        arrive, learn: its kernels.
    """

    def __init__(
        self,
        wiring: Wiring,
        parameters: Sequence[float],
        arrive: Any,
        learn: Any,
        pre: Sequence[str] = (),
        post: Sequence[str] = (),
        synapse: Sequence[str] = (),
        signals: Sequence[str] = (),
    ) -> None:
        super().__init__(wiring)
        assert wiring.rows is not None
        self._names = {"pre_traces": pre, "post_traces": post, "synapse_traces": synapse, "signals": signals}
        self.arrays |= {
            "pre_traces": aligned((len(pre), wiring.n_pre)),
            "post_traces": aligned((len(post), wiring.n_post)),
            "synapse_traces": aligned((len(synapse), self.n_synapses)),
            "reward": aligned(wiring.n_post),
            "signals": aligned(len(signals)),
        }
        fields = {
            PRE_TRACES: "pre_traces",
            POST_TRACES: "post_traces",
            ELIGIBILITY: "synapse_traces",
            REWARD: "reward",
            SIGNALS: "signals",
        }
        r = self.record
        for field, name in fields.items():
            r[field] = self.arrays[name].ctypes.data
        self.parameters = np.array(parameters, np.float32)
        r[PARAMETERS] = self.parameters.ctypes.data
        row_begin, post_of = wiring.rows.row_begin, wiring.rows.post
        column_begin, column = reverse(row_begin, post_of, wiring.n_post)
        row = np.repeat(np.arange(wiring.n_pre, dtype=np.int32), np.diff(row_begin))[column]
        r[COLUMN_BEGIN], r[COLUMN] = self._address(column_begin, np.int64), self._address(column, np.int32)
        r[COLUMN_ROW], r[SPIKED] = self._address(row, np.int32), self._address(np.zeros(wiring.n_post), np.float32)
        self.arrive, self.learn = arrive, learn

    def variable(self, name: str) -> int:
        """Place of a state variable of the postsynaptic model."""
        return self.wiring.post_variables.index(name)

    def traces(self, step: int) -> dict[str, np.ndarray]:
        named = {}
        for kind, names in self._names.items():
            for place, name in enumerate(names):
                named[name] = np.atleast_1d(self.arrays[kind][place]).copy()
        return named | {"reward": self.arrays["reward"].copy()}

    def set_reward(self, reward: np.ndarray) -> None:
        self.arrays["reward"][:] = reward

    def rest(self) -> None:
        for name in ("pre_traces", "post_traces", "synapse_traces", "reward", "signals"):
            self.arrays[name][:] = 0
