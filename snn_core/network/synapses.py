"""The synapses of one connection: what all kinds share, and those with fixed weights.

A spike reaches the synapses of its neuron one step after it was fired (a spike of an input in the step it falls into).
There it reads their weights, and there the rules pair it with others; the current reaches the postsynaptic neuron
``delay - 1`` steps later. So the first step of a delay is axonal, the others are dendritic.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from snn_core.network.compiled import (
    aligned,
    carray,
    float32_pointer,
    int32_pointer,
    int64_pointer,
    kernel,
    uint8_pointer,
)
from snn_core.network.compressed_rows import CompressedRows

# A connection's record, as all its kernels read it.
(
    N_PRE,
    N_POST,
    POST_FIRST,
    SIGN,
    INPUT,
    INPUT_STEPS,
    INPUT_PITCH,
    DELAY,
    ROW_BEGIN,
    POST,
    DELAYS,
    WEIGHTS,
    ROW_PITCH,
    LEARNING,
    PARAMETERS,
    POST_STATE,
    POST_PITCH,
    SYNAPTIC_EVENTS,
    LEARNING_UPDATES,
    MEMORY_BYTES,
) = range(20)
"""POST_FIRST: number of the first postsynaptic neuron among all. SIGN: 1 or -1. INPUT: address of the postsynaptic
channel's (INPUT_STEPS, INPUT_PITCH) float32. DELAY: steps after arrival, of all synapses, where DELAYS is 0. ROW_BEGIN,
POST, DELAYS: addresses of compressed rows: (N_PRE + 1,) int64, (synapses,) int32, (synapses,) uint8. WEIGHTS: (N_PRE,
ROW_PITCH) float32, or (synapses,). LEARNING: 0 holds the weights. PARAMETERS: the rule's numbers, float32. POST_STATE:
(variables, POST_PITCH) float32 of the postsynaptic model. The last three are counters."""
FIRST_OF_RULE = 24
"""From here on a record is the rule's own."""
RECORD_SIZE = 48

VECTOR = 16  # float32 numbers in a cache line


class Wiring(NamedTuple):
    """All that a connection needs to know to build its synapses."""

    n_pre: int
    n_post: int
    post_first: int
    rows: CompressedRows | None
    """None: all-to-all, every synapse with the same delay."""
    delay_steps: int | np.ndarray
    """1 to 255; (synapses,) uint8 with compressed rows."""
    weights: np.ndarray
    """Initial, float32: (n_pre, n_post), or (synapses,)."""
    sign: int
    input_channel: np.ndarray
    """(input steps, n) float32, where the postsynaptic model takes what arrives; a view with any pitch."""
    post_state: np.ndarray
    """(variables, n) float32, of the postsynaptic model; a view with any pitch."""
    post_variables: tuple[str, ...]
    rule: Any
    dt_ms: float
    bounds: tuple[float, float] = (-math.inf, math.inf)
    """What the rule clips weights to, nA: its own bounds, and 0 below where the presynaptic effect is told."""
    post_spec: Any = None
    """Description of the postsynaptic population."""
    spans: Mapping[str, slice] = {}
    """The range of each population's neurons among all."""


def row_pitch(n_post: int) -> int:
    """Numbers from one row of an all-to-all connection to the next: long rows begin at cache lines."""
    return n_post if n_post < 4 * VECTOR else -(-n_post // VECTOR) * VECTOR


class Synapses:
    """The state of a connection. ``arrays`` is what advances with time, by name, and what a checkpoint holds.

    ``deliver(record, step, rows, count)`` gives the weights of the rows whose spikes arrive in ``step`` to the
    postsynaptic inputs. ``arrive`` (same arguments) learns from these spikes. ``learn(record, step, spikes, count)``
    learns from the neurons (numbered among all) that spiked in the step, and from the reward. Any may be None.
    """

    deliver: Any = None
    deliver_always = False
    """Whether ``deliver`` is called in steps without spikes, too."""
    arrive: Any = None
    learn: Any = None
    homeostasis: Any = None
    """kernel(record, step, spikes, count), after ``learn``."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.arrays: dict[str, np.ndarray] = {}
        self.record = aligned(RECORD_SIZE, np.int64)
        r, channel, state = self.record, wiring.input_channel, wiring.post_state
        r[N_PRE], r[N_POST], r[POST_FIRST], r[SIGN] = wiring.n_pre, wiring.n_post, wiring.post_first, wiring.sign
        r[INPUT], r[INPUT_STEPS], r[INPUT_PITCH] = channel.ctypes.data, channel.shape[0], channel.strides[0] // 4
        r[POST_STATE], r[POST_PITCH] = state.ctypes.data, state.strides[0] // 4
        r[LEARNING] = 1
        self._kept: list[np.ndarray] = []  # what only the record's addresses refer to
        if wiring.rows is None:
            r[DELAY], r[ROW_PITCH] = int(wiring.delay_steps) - 1, row_pitch(wiring.n_post)
        else:
            self._use_rows(wiring.rows)

    def _use_rows(self, rows: CompressedRows) -> None:
        delays = self.wiring.delay_steps
        self.record[ROW_BEGIN] = self._address(rows.row_begin, np.int64)
        self.record[POST] = self._address(rows.post, np.int32)
        if isinstance(delays, np.ndarray):
            self.record[DELAYS] = self._address(delays, np.uint8)
        else:
            self.record[DELAY] = delays - 1

    def _address(self, array: np.ndarray, dtype: Any) -> int:
        """Address of the array, which is kept for the record's sake."""
        kept = np.ascontiguousarray(array, dtype)
        self._kept.append(kept)
        return kept.ctypes.data

    def keep(self, array: np.ndarray) -> None:
        """Let an array live as long as the record that refers to it."""
        self._kept.append(array)

    @property
    def natural_rows(self) -> CompressedRows:
        """The compressed rows in the order of the description, whatever the order in memory."""
        assert self.wiring.rows is not None
        return self.wiring.rows

    def delays(self) -> np.ndarray:
        """Delay of each synapse in steps, (synapses,) uint8."""
        return np.broadcast_to(np.asarray(self.wiring.delay_steps, np.uint8), self.n_synapses)

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        rows = self.wiring.rows
        return self.wiring.n_pre * self.wiring.n_post if rows is None else rows.post.size

    @property
    def learning(self) -> bool:
        """Whether the weights change; traces and eligibility go on in any case."""
        return bool(self.record[LEARNING])

    @learning.setter
    def learning(self, learning: bool) -> None:
        if self.learning and not learning:
            self.settle()
        self.record[LEARNING] = learning

    def settle(self) -> None:
        """Make all changes of weights that have been put off, so that frozen weights stay as they are, bit by bit."""

    def memory(self) -> dict[str, int]:
        """Bytes of each array, state and wiring."""
        wiring = {f"wiring.{index}": array.nbytes for index, array in enumerate(self._kept)}
        return {name: array.nbytes for name, array in self.arrays.items()} | wiring

    def weights(self, step: int) -> np.ndarray:
        """The weights before ``step``, (n_pre, n_post) or (synapses,) float32; a copy."""
        raise NotImplementedError

    def set_weights(self, weights: np.ndarray, step: int) -> None:
        """Set the weights before ``step``; the traces stay."""
        raise NotImplementedError

    def traces(self, step: int) -> dict[str, np.ndarray]:
        """Traces and eligibility by name, as they are after the step before ``step``; copies."""
        return {}

    def set_reward(self, reward: np.ndarray) -> None:
        """Take a reward, one value (0-d) or (n_post,) float32. Fixed synapses and rules without one leave it."""

    def set_learning_rate(self, factor: float) -> None:
        """Learn at ``factor`` times the rate of the description. Raises ValueError where nothing is learnt."""
        raise ValueError("the connection does not learn")

    def rest(self) -> None:
        """Let traces, eligibility and reward be as after an endless silence; the weights stay."""


class FixedSynapses(Synapses):
    """All-to-all with weights that do not change."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__(wiring)
        self._padded = aligned((wiring.n_pre, int(self.record[ROW_PITCH])))
        self.arrays["weights"] = self._padded[:, : wiring.n_post]
        self.record[WEIGHTS] = self._padded.ctypes.data
        self.arrays["weights"][:] = wiring.weights
        self.deliver = _deliver

    def weights(self, step: int) -> np.ndarray:
        return self.arrays["weights"].copy()

    def set_weights(self, weights: np.ndarray, step: int) -> None:
        self.arrays["weights"][:] = weights


class SparseSynapses(Synapses):
    """Compressed rows with plain weights: fixed ones, and what rules that change them at once begin with."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__(wiring)
        weights = aligned(self.n_synapses)
        weights[:] = wiring.weights
        self.arrays["weights"] = weights
        self.record[WEIGHTS] = weights.ctypes.data
        self.deliver = _deliver_sparse

    def weights(self, step: int) -> np.ndarray:
        return self.arrays["weights"].copy()

    def set_weights(self, weights: np.ndarray, step: int) -> None:
        self.arrays["weights"][:] = weights


@njit(cache=True, nogil=True)
def _add(sign, weights, arriving):
    for j in range(weights.size):
        arriving[j] += sign * weights[j]


@kernel
def _deliver(record, step, rows, count):
    n_post, pitch = record[N_POST], record[ROW_PITCH]
    inputs = carray(float32_pointer(record[INPUT]), (record[INPUT_STEPS], record[INPUT_PITCH]))
    weights = carray(float32_pointer(record[WEIGHTS]), (record[N_PRE], pitch))
    arriving = inputs[(step + record[DELAY]) % record[INPUT_STEPS]][:n_post]
    sign = np.float32(record[SIGN])
    for n in range(count):
        _add(sign, weights[rows[n]][:n_post], arriving)
    record[SYNAPTIC_EVENTS] += count * n_post
    record[MEMORY_BYTES] += 4 * count * n_post
    return 0


@kernel
def _deliver_sparse(record, step, rows, count):
    steps, pitch, sign = record[INPUT_STEPS], record[INPUT_PITCH], np.float32(record[SIGN])
    inputs = carray(float32_pointer(record[INPUT]), (steps * pitch,))
    row_begin = int64_pointer(record[ROW_BEGIN])
    post, weights = int32_pointer(record[POST]), float32_pointer(record[WEIGHTS])
    delays = uint8_pointer(record[DELAYS])
    events = 0
    for n in range(count):
        begin, end = row_begin[rows[n]], row_begin[rows[n] + 1]
        events += end - begin
        if record[DELAYS]:
            for k in range(begin, end):
                inputs[(step + delays[k] - 1) % steps * pitch + post[k]] += sign * weights[k]
        else:
            arriving = (step + record[DELAY]) % steps * pitch
            for k in range(begin, end):
                inputs[arriving + post[k]] += sign * weights[k]
    record[SYNAPTIC_EVENTS] += events
    record[MEMORY_BYTES] += events * (9 if record[DELAYS] else 8)
    return 0
