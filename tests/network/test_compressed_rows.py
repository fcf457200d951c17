"""Compressed rows: distinct targets drawn at random, and the same synapses by postsynaptic neuron."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.network import compressed_rows
from snn_core.network.compressed_rows import MAX_SYNAPSES, begins, check_size, distinct_columns, reverse
from tests.network.chance import chi_square_bound


def slow_distinct_columns(counts, columns, seed, skip_diagonal):
    """Floyd's algorithm, a draw and a set at a time."""
    rng, choices = np.random.default_rng(seed), columns - skip_diagonal
    result = []
    for row, count in enumerate(counts):
        chosen = set()
        for highest in range(choices - count, choices):
            column = int(rng.integers(0, highest, endpoint=True))
            chosen.add(highest if column in chosen else column)
        result += [column + (skip_diagonal and column >= row) for column in sorted(chosen)]
    return result


@st.composite
def row_sizes(draw):
    """Numbers of columns in each row, columns, and whether the diagonal is left out."""
    skip_diagonal = draw(st.booleans())
    columns = draw(st.integers(1, 12))
    rows = columns if skip_diagonal else draw(st.integers(0, 12))
    counts = draw(st.lists(st.integers(0, columns - skip_diagonal), min_size=rows, max_size=rows))
    return counts, columns, skip_diagonal


@given(row_sizes(), st.integers(0, 2**32), st.sampled_from([1, 5, 1 << 20]))
def test_distinct_columns_are_those_of_a_set_at_a_time_however_many_are_drawn_at_once(sizes, seed, at_once):
    counts, columns, skip_diagonal = sizes
    row_begin = begins(np.array(counts, np.int64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compressed_rows, "_DRAWS_AT_ONCE", at_once)
        post = distinct_columns(row_begin, columns, np.random.default_rng(seed), skip_diagonal)
    assert post.tolist() == slow_distinct_columns(counts, columns, seed, skip_diagonal)


@pytest.mark.parametrize(("columns", "count"), [(5, 2), (6, 5), (4, 1)])
def test_each_set_of_columns_is_equally_likely(columns, count):
    rows = 30_000
    drawn = distinct_columns(begins(np.full(rows, count)), columns, np.random.default_rng(1)).reshape(rows, count)
    sets = list(itertools.combinations(range(columns), count))
    observed = [np.all(drawn == columns_of_set, axis=1).sum() for columns_of_set in sets]
    expected = rows / len(sets)
    assert sum(observed) == rows
    assert sum((o - expected) ** 2 / expected for o in observed) < chi_square_bound(len(sets))


def test_rows_longer_than_what_is_drawn_at_once():
    counts = np.array([700_000, 5, 1_500_000, 0, 700_000])
    row_begin = begins(counts)
    post = distinct_columns(row_begin, 1_500_000, np.random.default_rng(2))
    for row in range(len(counts)):
        targets = post[row_begin[row] : row_begin[row + 1]]
        assert np.all(np.diff(targets) > 0)
        assert targets.size == 0 or 0 <= targets[0] <= targets[-1] < 1_500_000
    assert np.array_equal(post[row_begin[2] : row_begin[3]], np.arange(1_500_000))


@pytest.mark.parametrize(
    ("counts", "columns", "skip_diagonal", "expected"),
    [
        ([3, 4], 3, False, "0 to 3 columns"),
        ([3, 0, 0], 3, True, "0 to 2 columns"),
        ([1, 1], 3, True, "as many rows as columns"),
    ],
)
def test_rows_that_do_not_fit_are_refused(counts, columns, skip_diagonal, expected):
    with pytest.raises(ValueError, match=expected):
        distinct_columns(begins(np.array(counts)), columns, np.random.default_rng(0), skip_diagonal)


@given(row_sizes(), st.integers(0, 2**32))
def test_reverse_lists_each_neurons_synapses_ascending(sizes, seed):
    counts, columns, skip_diagonal = sizes
    row_begin = begins(np.array(counts, np.int64))
    post = distinct_columns(row_begin, columns, np.random.default_rng(seed), skip_diagonal)
    column_begin, synapse = reverse(row_begin, post, columns)
    assert (column_begin.dtype, synapse.dtype) == (np.int64, np.int32)
    assert column_begin[-1] == synapse.size == post.size
    for neuron in range(columns):
        onto_neuron = synapse[column_begin[neuron] : column_begin[neuron + 1]].tolist()
        assert onto_neuron == [position for position, target in enumerate(post.tolist()) if target == neuron]


def test_reversed_twice_gives_the_rows_again():
    row_begin = begins(np.full(300, 40))
    post = distinct_columns(row_begin, 200, np.random.default_rng(3))
    column_begin, synapse = reverse(row_begin, post, 200)
    pre = np.repeat(np.arange(300, dtype=np.int32), np.diff(row_begin))[synapse]
    begin_again, place = reverse(column_begin, pre, 300)
    assert np.array_equal(begin_again, row_begin)
    assert np.array_equal(np.repeat(np.arange(200), np.diff(column_begin))[place], post)


def test_reverse_needs_little_more_memory_than_its_result():
    row_begin = begins(np.full(10_000, 100))
    post = distinct_columns(row_begin, 10_000, np.random.default_rng(4))
    reverse(row_begin, post, 10_000)
    tracemalloc.start()
    try:
        result = reverse(row_begin, post, 10_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * sum(array.nbytes for array in result)


@pytest.mark.parametrize(
    ("row_begin", "post", "expected"),
    [
        ([0, 2], [0], "must have row_begin's last"),
        ([0, 1], [3], "from 0 to n_post - 1 = 2"),
        ([0, 1], [-1], "found -1"),
    ],
)
def test_reverse_refuses_what_is_no_row(row_begin, post, expected):
    with pytest.raises(ValueError, match=expected):
        reverse(np.array(row_begin, np.int64), np.array(post, np.int32), 3)


def test_too_many_synapses_are_refused():
    check_size(MAX_SYNAPSES)
    with pytest.raises(ValueError, match=r"degree must give at most 2147483647 synapses, found 2147483648"):
        check_size(MAX_SYNAPSES + 1, "degree")
    with pytest.raises(ValueError, match="found 4000000000"):
        begins(np.full(2, 2_000_000_000))
