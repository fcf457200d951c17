"""What chance decides of a connection when a network is made: its synapses, their delays and initial weights."""

from typing import NamedTuple

import numpy as np

from snn_core.errors import UserError
from snn_core.network.compressed_rows import CompressedRows
from snn_core.network.initial_weights import draw_weights
from snn_core.network.patterns import delay_range, draw, draw_delays
from snn_core.network.spec import Connection, ConstantWeights, ExplicitWeights, NetworkSpec, UniformWeights


class Drawn(NamedTuple):
    """What chance decides of a connection."""

    rows: CompressedRows | None
    delay_steps: int | np.ndarray
    weights: np.ndarray

    @property
    def longest_delay_steps(self) -> int:
        """The longest delay of a synapse (steps); 1 where there is none."""
        return int(np.max(self.delay_steps, initial=1))


def draw_connection(spec: NetworkSpec, connection: Connection, rng: np.random.Generator) -> Drawn:
    """Draw synapses, delays and initial weights. Raises UserError for weights out of the rule's bounds."""
    shape = (spec.populations[connection.pre].size, spec.populations[connection.post].size)
    low, high = spec.weight_bounds(connection)
    shortest, longest = delay_range(connection.delay_ms, spec.dt_ms)
    if connection.is_dense:
        return Drawn(None, shortest, _initial_weights(connection, shape, None, rng, (low, high)))
    rows = draw(connection.pattern, *shape, rng, same=connection.pre == connection.post)
    delays: int | np.ndarray = shortest
    if rows.delay_steps is not None:
        delays = rows.delay_steps
    elif longest > shortest:
        delays = draw_delays(connection.delay_ms, rows.post.size, spec.dt_ms, rng)
    if rows.weight_na is not None:
        weights = rows.weight_na
        if weights.size and not low <= weights.min() <= weights.max() <= high:
            raise UserError(f"{connection.pre} -> {connection.post}: weight_na must lie in [{low:g}, {high:g}] nA")
    else:
        weights = _initial_weights(connection, shape, rows, rng, (low, high))
    if rows.scale is not None:
        weights = np.clip(weights * rows.scale, low, high).astype(np.float32)
    return Drawn(CompressedRows(rows.row_begin, rows.post), delays, weights)


def _initial_weights(
    connection: Connection,
    shape: tuple[int, int],
    rows: CompressedRows | None,
    rng: np.random.Generator,
    bounds: tuple[float, float],
) -> np.ndarray:
    """(pre, post) float32, or (synapses,) for compressed rows."""
    weights = connection.weights
    size = shape if rows is None else rows.post.shape
    if isinstance(weights, ConstantWeights):
        return np.full(size, weights.value_na, np.float32)
    if isinstance(weights, UniformWeights):
        return rng.uniform(weights.low_na, weights.high_na, size).astype(np.float32)
    if isinstance(weights, ExplicitWeights):
        matrix = np.array(weights.values_na, np.float32)
        if rows is None:
            return matrix
        return matrix[np.repeat(np.arange(shape[0]), np.diff(rows.row_begin)), rows.post]
    return draw_weights(weights, int(np.prod(size)), rng, *bounds).reshape(size)
