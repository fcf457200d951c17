"""Synapses in compressed sparse rows: a row per presynaptic neuron, its targets in ascending order."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

MAX_SYNAPSES = 2**31 - 1
"""Most synapses of one connection: their positions are int32."""

_DRAWS_AT_ONCE = 1 << 20


class CompressedRows(NamedTuple):
    """Who is connected to whom. The targets of presynaptic neuron i are ``post[row_begin[i] : row_begin[i + 1]]``."""

    row_begin: NDArray[np.int64]
    """Shape (n_pre + 1,): where each row begins; the last is the number of synapses n."""
    post: NDArray[np.int32]
    """Shape (n,): postsynaptic neuron, ascending and distinct within a row."""
    scale: NDArray[np.float32] | None = None
    """Shape (n,): what the initial weight is multiplied by (a field's profile); None is 1 everywhere."""
    delay_steps: NDArray[np.uint8] | None = None
    """Shape (n,): delay of each synapse, 1 to 255 steps; None where the pattern does not give any."""
    weight_na: NDArray[np.float32] | None = None
    """Shape (n,): the initial weight itself (nA), instead of a drawn one; None where the pattern does not give any."""


def begins(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where each row begins, shape (rows + 1,), from the number of synapses in each, shape (rows,).

    Raises ValueError above ``MAX_SYNAPSES``.
    """
    row_begin = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=row_begin[1:])
    check_size(int(row_begin[-1]))
    return row_begin


def check_size(n: int, key: str = "pattern") -> None:
    """Raises ValueError, naming the key, when n synapses are too many for one connection."""
    if n > MAX_SYNAPSES:
        raise ValueError(f"{key} must give at most {MAX_SYNAPSES} synapses, found {n}; split a population")


def distinct_columns(
    row_begin: NDArray[np.int64], columns: int, rng: np.random.Generator, skip_diagonal: bool = False
) -> NDArray[np.int32]:
    """For each row a set of distinct columns, each set of the row's size being equally likely.

    row_begin: shape (rows + 1,), as of ``begins``. columns: how many there are. skip_diagonal: column i is never in row
    i; the matrix must then be square. Returns shape (row_begin[-1],), ascending within each row.

    Floyd's algorithm F2 (Bentley and Floyd 1987, Commun. ACM 30, 754-757): k draws for k columns, of however many.
    Memory beyond the result: 4 bytes a column and some 40 MB.

    Raises ValueError when a row is longer than there are columns to choose from, or skip_diagonal is given for a matrix
    that is not square.
    """
    rows = len(row_begin) - 1
    counts = np.diff(row_begin)
    choices = columns - skip_diagonal
    if skip_diagonal and rows != columns:
        raise ValueError(f"skip_diagonal needs as many rows as columns, found {rows} and {columns}")
    if counts.size and not 0 <= counts.min() <= counts.max() <= choices:
        raise ValueError(f"rows must hold 0 to {choices} columns, found {counts.min()} to {counts.max()}")
    post = np.empty(row_begin[-1], np.int32)
    drawn_by = np.full(choices, -1, np.int32)
    first = 0
    while first < rows:
        last = int(np.searchsorted(row_begin, row_begin[first] + _DRAWS_AT_ONCE, side="right")) - 1
        last = max(first + 1, min(last, rows))
        begin = row_begin[first]
        row_ends = np.repeat(row_begin[first + 1 : last + 1], counts[first:last])
        highest = choices - row_ends + np.arange(begin, row_begin[last])
        draws = rng.integers(0, highest, endpoint=True)
        _choose(row_begin, first, last, choices, draws, skip_diagonal, drawn_by, post)
        first = last
    return post


def reverse(
    row_begin: NDArray[np.int64], post: NDArray[np.int32], n_post: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The same synapses by postsynaptic neuron.

    row_begin: shape (n_pre + 1,). post: shape (n,), below n_post. Returns column_begin, shape (n_post + 1,), and
    synapse, shape (n,): those onto neuron j are at positions ``synapse[column_begin[j] : column_begin[j + 1]]`` of
    ``post``, ascending. A counting sort; memory beyond the result: 8 bytes a postsynaptic neuron.

    Raises ValueError when ``post`` is not as long as ``row_begin`` says, too long, or out of range.
    """
    if row_begin[-1] != post.size:
        raise ValueError(f"post must have row_begin's last ({row_begin[-1]}) entries, found {post.size}")
    check_size(post.size)
    if post.size and not 0 <= post.min() <= post.max() < n_post:
        raise ValueError(f"post must be from 0 to n_post - 1 = {n_post - 1}, found {post.min()} to {post.max()}")
    column_begin = np.zeros(n_post + 1, np.int64)
    synapse = np.empty(post.size, np.int32)
    _sort_by_column(post, column_begin, np.empty(n_post, np.int64), synapse)
    return column_begin, synapse


@njit(cache=True, nogil=True)
def _choose(row_begin, first, last, choices, draws, skip_diagonal, drawn_by, post):
    """Rows first to last - 1 from their draws; ``drawn_by`` holds the row that took a column last."""
    begin_of_draws = row_begin[first]
    for row in range(first, last):
        begin, end = row_begin[row], row_begin[row + 1]
        for position in range(begin, end):
            column = draws[position - begin_of_draws]
            if drawn_by[column] == row:
                column = choices - end + position
            drawn_by[column] = row
            post[position] = column
        post[begin:end].sort()
        if skip_diagonal:
            for position in range(begin, end):
                if post[position] >= row:
                    post[position] += 1


@njit(cache=True, nogil=True)
def _sort_by_column(post, column_begin, place, synapse):
    for position in range(post.size):
        column_begin[post[position] + 1] += 1
    for column in range(place.size):
        column_begin[column + 1] += column_begin[column]
        place[column] = column_begin[column]
    for position in range(post.size):
        column = post[position]
        synapse[place[column]] = position
        place[column] += 1
