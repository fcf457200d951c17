"""Connection patterns: who is connected to whom, how often, and what is refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from snn_core.errors import UserError
from snn_core.network.patterns import Explicit, Pattern, delay_range, draw, draw_delays, scale_range
from tests.network.chance import chi_square_bound


def pattern(**values) -> Pattern:
    """The pattern as YAML would give it."""
    return TypeAdapter(Pattern).validate_python(values)


def connect(n_pre: int, n_post: int, seed: int = 0, same: bool = False, **values):
    """The synapses of the pattern that YAML would give."""
    return draw(pattern(**values), n_pre, n_post, np.random.default_rng(seed), same)


def matrix(synapses, n_post: int) -> np.ndarray:
    """Shape (n_pre, n_post): is the pair connected?"""
    counts = np.diff(synapses.row_begin)
    pairs = np.zeros((len(counts), n_post), bool)
    pairs[np.repeat(np.arange(len(counts)), counts), synapses.post] = True
    return pairs


@st.composite
def random_patterns(draw_value):
    """Values of a pattern that fits, and the arguments of ``draw``."""
    same = draw_value(st.booleans())
    n_pre = draw_value(st.integers(1, 15))
    n_post = n_pre if same else draw_value(st.integers(1, 15))
    kind = draw_value(st.sampled_from(["all_to_all", "bernoulli", "fixed_in_degree", "fixed_out_degree"]))
    allow_self = draw_value(st.booleans())
    values = {"kind": kind, "allow_self": allow_self}
    if kind == "bernoulli":
        values["probability"] = draw_value(st.sampled_from([0.0, 0.2, 0.9, 1.0]))
    elif kind != "all_to_all":
        partners = n_pre if kind == "fixed_in_degree" else n_post
        values["degree"] = draw_value(st.integers(0, partners - (same and not allow_self)))
    return values, n_pre, n_post, same


@given(random_patterns(), st.integers(0, 2**32))
def test_rows_are_ascending_and_distinct_and_degrees_exact(case, seed):
    values, n_pre, n_post, same = case
    synapses = connect(n_pre, n_post, seed, same, **values)
    assert (synapses.row_begin.dtype, synapses.post.dtype) == (np.int64, np.int32)
    assert synapses.row_begin.shape == (n_pre + 1,)
    assert synapses.row_begin[0] == 0
    assert np.all(np.diff(synapses.row_begin) >= 0)
    assert synapses.row_begin[-1] == synapses.post.size
    for begin, end in itertools.pairwise(synapses.row_begin):
        assert np.all(np.diff(synapses.post[begin:end]) > 0)
    assert np.all((synapses.post >= 0) & (synapses.post < n_post))
    assert synapses.scale is synapses.delay_steps is synapses.weight_na is None

    pairs = matrix(synapses, n_post)
    self_left_out = same and not values["allow_self"]
    if self_left_out:
        assert not np.any(np.diag(pairs))
    if values["kind"] == "all_to_all" or values.get("probability") == 1:
        assert np.all(pairs | (np.eye(n_pre, n_post, dtype=bool) & self_left_out))
    elif values["kind"] == "fixed_in_degree":
        assert np.all(pairs.sum(axis=0) == values["degree"])
    elif values["kind"] == "fixed_out_degree":
        assert np.all(pairs.sum(axis=1) == values["degree"])
    elif values["probability"] == 0:
        assert not np.any(pairs)


@given(random_patterns(), st.integers(0, 2**32))
def test_the_same_seed_draws_the_same_synapses(case, seed):
    values, n_pre, n_post, same = case
    first, again = connect(n_pre, n_post, seed, same, **values), connect(n_pre, n_post, seed, same, **values)
    assert np.array_equal(first.row_begin, again.row_begin)
    assert np.array_equal(first.post, again.post)


@pytest.mark.parametrize(
    ("values", "n_pre", "n_post"),
    [
        ({"kind": "bernoulli", "probability": 0.1}, 50, 60),
        ({"kind": "fixed_in_degree", "degree": 7}, 50, 60),
        ({"kind": "fixed_out_degree", "degree": 7}, 50, 60),
    ],
)
def test_another_seed_draws_others(values, n_pre, n_post):
    first, other = connect(n_pre, n_post, 1, **values), connect(n_pre, n_post, 2, **values)
    assert not np.array_equal(matrix(first, n_post), matrix(other, n_post))


def test_one_to_one():
    assert np.array_equal(matrix(connect(5, 5, kind="one_to_one"), 5), np.eye(5, dtype=bool))


def outcomes(n_pre: int, n_post: int, draws: int, same: bool = False, **values) -> dict[bytes, int]:
    """How often each matrix came out."""
    checked, rng = pattern(**values), np.random.default_rng(7)
    seen: dict[bytes, int] = {}
    for _ in range(draws):
        outcome = matrix(draw(checked, n_pre, n_post, rng, same), n_post).tobytes()
        seen[outcome] = seen.get(outcome, 0) + 1
    return seen


def chi_square(seen: dict[bytes, int], expected: dict[bytes, float]) -> float:
    """Of what was seen against what is expected; there must be no other outcome."""
    assert set(seen) <= set(expected)
    return sum((seen.get(outcome, 0) - mean) ** 2 / mean for outcome, mean in expected.items())


@pytest.mark.parametrize(("n_pre", "n_post", "same"), [(2, 3, False), (3, 2, False), (3, 3, True)])
def test_bernoulli_gives_each_matrix_with_the_probability_of_independent_pairs(n_pre, n_post, same):
    draws, probability = 20_000, 0.3
    free = ~np.eye(n_pre, dtype=bool) if same else np.ones((n_pre, n_post), bool)
    expected = {}
    for pairs in itertools.product([False, True], repeat=int(free.sum())):
        outcome = np.zeros((n_pre, n_post), bool)
        outcome[free] = pairs
        chance = probability ** sum(pairs) * (1 - probability) ** (len(pairs) - sum(pairs))
        expected[outcome.tobytes()] = draws * chance
    seen = outcomes(n_pre, n_post, draws, same, kind="bernoulli", probability=probability, allow_self=not same)
    assert chi_square(seen, expected) < chi_square_bound(len(expected))


@pytest.mark.parametrize("kind", ["fixed_in_degree", "fixed_out_degree"])
def test_each_matrix_of_a_fixed_degree_is_equally_likely(kind):
    draws, axis = 6_000, 0 if kind == "fixed_in_degree" else 1
    matrices = (np.array(pairs).reshape(3, 3) for pairs in itertools.product([False, True], repeat=9))
    possible = [pairs.tobytes() for pairs in matrices if np.all(pairs.sum(axis=axis) == 2)]
    assert len(possible) == 27
    seen = outcomes(3, 3, draws, kind=kind, degree=2)
    assert chi_square(seen, dict.fromkeys(possible, draws / 27)) < chi_square_bound(27)


def test_large_and_sparse():
    n, probability = 100_000, 1e-4
    synapses = connect(n, n, 3, True, kind="bernoulli", probability=probability, allow_self=False)
    pairs = n * (n - 1)
    assert abs(synapses.post.size - pairs * probability) < 6 * np.sqrt(pairs * probability)
    in_degree = np.bincount(synapses.post, minlength=n)
    for degree in (in_degree, np.diff(synapses.row_begin)):
        # For a binomial degree the statistic is chi-square distributed with n - 1 degrees of freedom, nearly.
        dispersion = np.sum((degree - degree.mean()) ** 2) / (n * probability * (1 - probability))
        assert abs(dispersion - n) < 6 * np.sqrt(2 * n * (1 + 1 / (2 * n * probability)))
    assert not np.any(np.repeat(np.arange(n), np.diff(synapses.row_begin)) == synapses.post)


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_mask_and_lists_say_the_same(n_pre, n_post, data):
    rows = data.draw(
        st.lists(st.lists(st.booleans(), min_size=n_post, max_size=n_post), min_size=n_pre, max_size=n_pre)
    )
    synapses = connect(n_pre, n_post, kind="mask", rows=rows)
    assert np.array_equal(matrix(synapses, n_post), rows)
    pairs = data.draw(st.permutations([(i, j) for i in range(n_pre) for j in range(n_post) if rows[i][j]]))
    lists = connect(n_pre, n_post, kind="explicit", pre=[i for i, _ in pairs], post=[j for _, j in pairs])
    assert np.array_equal(lists.row_begin, synapses.row_begin)
    assert np.array_equal(lists.post, synapses.post)
    assert lists.weight_na is lists.delay_steps is None


def test_a_file_gives_weights_and_delays_with_its_pairs_in_any_order(tmp_path):
    file = tmp_path / "synapses.npz"
    np.savez(
        file,
        pre=np.array([2, 0, 2, 0], np.uint16),
        post=np.array([1, 3, 0, 2]),
        weight_na=[0.1, 0.2, -0.3, 0.4],
        delay_steps=np.array([1, 255, 3, 4]),
    )
    synapses = connect(3, 4, kind="explicit", file=str(file))
    assert synapses.row_begin.tolist() == [0, 2, 2, 4]
    assert synapses.post.tolist() == [2, 3, 0, 1]
    assert synapses.weight_na is not None
    assert synapses.weight_na.tolist() == np.array([0.4, 0.2, -0.3, 0.1], np.float32).tolist()
    assert synapses.delay_steps is not None
    assert (synapses.delay_steps.dtype, synapses.delay_steps.tolist()) == (np.uint8, [4, 255, 3, 1])
    assert synapses.scale is None


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"pre": [0, 3]}, r"pre\[1\]: must be from 0 to 2, found 3"),
        ({"post": [-1, 0]}, r"post\[0\]: must be from 0 to 3, found -1"),
        ({"pre": [1, 1], "post": [2, 2]}, "pre, post: the pair 1, 2 is given twice"),
        ({"pre": [0, 1, 2]}, "pre and post must be of equal length, found pre 3, post 2"),
        ({"weight_na": [1.0]}, "must be of equal length, found pre 2, post 2, weight_na 1"),
        ({"pre": [0.0, 1.0]}, "pre: expected whole numbers, found float64"),
        ({"pre": np.array([0, 2**63], np.uint64)}, "pre: expected whole numbers below 2"),
        ({"weight_na": [1.0, np.inf]}, r"weight_na\[1\]: expected a finite number, found inf"),
        ({"delay_steps": [0, 1]}, r"delay_steps\[0\]: must be from 1 to 255, found 0"),
        ({"delay_steps": [1, 256]}, r"delay_steps\[1\]: must be from 1 to 255, found 256"),
        ({"delay_steps": [1.0, 2.0]}, "delay_steps: expected whole numbers"),
        ({"delay_ms": [1, 2]}, "delay_ms: unknown array; the file must have arrays pre and post, optionally weight_na"),
        ({"post": None}, "post: array is missing"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_key(tmp_path, arrays, expected):
    file = tmp_path / "synapses.npz"
    content = {"pre": [0, 1], "post": [2, 3]} | arrays
    np.savez(file, **{key: np.array(array) for key, array in content.items() if array is not None})  # pyright: ignore[reportArgumentType]
    explicit = pattern(kind="explicit", file=str(file))
    with pytest.raises(UserError, match=expected) as caught:
        explicit.check(3, 4)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"kind": "one_to_one"}, "kind one_to_one needs populations of one size, found 4 and 3"),
        ({"kind": "fixed_in_degree", "degree": 5}, "degree must be at most the 4 presynaptic neurons, found 5"),
        ({"kind": "fixed_out_degree", "degree": 4}, "degree must be at most the 3 postsynaptic neurons, found 4"),
        (
            {"kind": "mask", "rows": [[True] * 3] * 3},
            "rows must have a row for each of the 4 presynaptic neurons, found 3",
        ),
        ({"kind": "mask", "rows": [[True] * 3] * 3 + [[True]]}, r"rows\.3 must have a value for each of the 3"),
        ({"kind": "explicit", "pre": [0, 4], "post": [0, 0]}, r"^pre\[1\]: must be from 0 to 3, found 4"),
        ({"kind": "explicit", "pre": [0, 2**70], "post": [0, 0]}, "pre must be numbers of neurons"),
        ({"kind": "explicit", "pre": [3, 3], "post": [0, 0]}, "^pre, post: the pair 3, 0 is given twice"),
    ],
)
def test_a_pattern_that_does_not_fit_is_refused_by_key(values, expected):
    with pytest.raises(ValueError, match=expected):
        connect(4, 3, **values)


@pytest.mark.parametrize("kind", ["fixed_in_degree", "fixed_out_degree"])
def test_without_itself_a_neuron_has_one_partner_less(kind):
    values = {"kind": kind, "degree": 4, "allow_self": False}
    with pytest.raises(ValueError, match=r"degree must be at most the 3 other \w+ neurons, found 4"):
        connect(4, 4, same=True, **values)
    assert np.all(matrix(connect(4, 4, **values), 4))


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"kind": "all_to_all"}, "kind all_to_all"),
        ({"kind": "bernoulli", "probability": 0.5}, "probability must be at most 0.00215"),
        ({"kind": "fixed_in_degree", "degree": 10_000}, "degree"),
        ({"kind": "fixed_out_degree", "degree": 10_000}, "degree"),
    ],
)
def test_more_synapses_than_int32_counts_are_refused(values, key):
    with pytest.raises(ValueError, match=f"{key}.*2147483647 synapses"):
        connect(1_000_000, 1_000_000, **values)


def test_one_population_has_one_size():
    with pytest.raises(ValueError, match="one population has one size"):
        connect(3, 4, same=True, kind="all_to_all")


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "nearest"},
        {"kind": "bernoulli"},
        {"kind": "bernoulli", "probability": 1.1},
        {"kind": "bernoulli", "probability": float("nan")},
        {"kind": "fixed_in_degree", "degree": -1},
        {"kind": "fixed_out_degree", "degree": 1.5},
        {"kind": "one_to_one", "allow_self": False},
        {"kind": "explicit"},
        {"kind": "explicit", "pre": [0]},
        {"kind": "explicit", "pre": [0], "post": [0, 1]},
        {"kind": "explicit", "pre": [0], "post": [0], "file": "synapses.npz"},
    ],
)
def test_values_out_of_range_are_refused(values):
    with pytest.raises(ValidationError):
        pattern(**values)


def test_only_profiles_scale_weights():
    assert scale_range(Explicit(kind="explicit", pre=[], post=[])) == (1.0, 1.0)


@given(st.integers(1, 255), st.integers(1, 255), st.sampled_from([0.1, 0.25, 1.0, 3.0]), st.integers(0, 2**32))
def test_delays_are_whole_steps_between_both_ends(first, second, dt_ms, seed):
    low, high = sorted((first, second))
    delay_ms = (low * dt_ms, high * dt_ms)
    assert delay_range(delay_ms, dt_ms) == (low, high)
    delays = draw_delays(delay_ms, 100, dt_ms, np.random.default_rng(seed))
    assert (delays.shape, delays.dtype) == ((100,), np.uint8)
    assert np.all((low <= delays) & (delays <= high))
    assert np.array_equal(delays, draw_delays(delay_ms, 100, dt_ms, np.random.default_rng(seed)))
    assert np.all(draw_delays(low * dt_ms, 10, dt_ms, np.random.default_rng(seed)) == low)


def test_every_delay_is_equally_likely():
    n = 50_000
    counts = np.bincount(draw_delays((2.0, 6.0), n, 0.5, np.random.default_rng(5)))
    assert counts[:4].sum() == 0
    assert len(counts) == 13
    assert np.sum((counts[4:] - n / 9) ** 2 / (n / 9)) < chi_square_bound(9)


def test_no_delay_is_one_step():
    assert draw_delays(None, 4, 0.1, np.random.default_rng(0)).tolist() == [1] * 4


@pytest.mark.parametrize(
    ("delay_ms", "expected"),
    [
        (
            0.25,
            r"delay_ms must be 1 to 255 steps of dt_ms \(0\.1\): a multiple of it from 0\.1 to 25\.5 ms, found 0\.25",
        ),
        (0.0, "delay_ms must be 1 to 255 steps"),
        (-0.1, "delay_ms must be 1 to 255 steps"),
        (25.6, "delay_ms must be 1 to 255 steps"),
        (float("nan"), "delay_ms must be 1 to 255 steps"),
        (float("inf"), "delay_ms must be 1 to 255 steps"),
        ((0.1, 30.0), "delay_ms must be 1 to 255 steps"),
        ((0.3, 0.2), r"delay_ms must be \[low, high\] with low at most high, found \[0.3, 0.2\]"),
    ],
)
def test_delays_that_are_not_steps_are_refused(delay_ms, expected):
    with pytest.raises(ValueError, match=expected):
        delay_range(delay_ms, 0.1)
