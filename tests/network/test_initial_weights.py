"""Initial weights from distributions and files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.network.initial_weights import FileWeights, LogNormalWeights, NormalWeights, draw_weights
from tests.damage import fuzz


def normal(**values) -> NormalWeights:
    return NormalWeights(distribution="normal", **values)


def lognormal(**values) -> LogNormalWeights:
    return LogNormalWeights(distribution="lognormal", **values)


def test_normal_weights_have_their_mean_and_deviation():
    n = 200_000
    weights = draw_weights(normal(mean_na=1.5, std_na=0.4), n, np.random.default_rng(1))
    assert weights.dtype == np.float32
    assert abs(weights.mean(dtype=np.float64) - 1.5) < 6 * 0.4 / np.sqrt(n)
    assert abs(weights.std(dtype=np.float64) - 0.4) < 6 * 0.4 / np.sqrt(2 * n)


@pytest.mark.parametrize("median", [0.5, -0.5])
def test_logarithms_of_lognormal_weights_are_normal(median):
    n = 200_000
    weights = draw_weights(lognormal(median_na=median, sigma=0.9), n, np.random.default_rng(2))
    assert np.all(weights * median > 0)
    logarithm = np.log(weights / median, dtype=np.float64)
    assert abs(logarithm.mean()) < 6 * 0.9 / np.sqrt(n)
    assert abs(logarithm.std() - 0.9) < 6 * 0.9 / np.sqrt(2 * n)
    quartile = 0.6744897501960817  # of the standard normal distribution
    assert abs(np.mean(np.abs(logarithm) < 0.9 * quartile) - 0.5) < 6 * 0.5 / np.sqrt(n)


@given(st.integers(0, 2**32), st.floats(-2, 2), st.floats(0, 2), st.floats(0, 3))
def test_weights_beyond_the_bounds_are_put_on_them_and_the_others_stay(seed, low, width, spread):
    high = low + width
    for weights in (normal(mean_na=0.1, std_na=spread), lognormal(median_na=0.1, sigma=spread)):
        free = draw_weights(weights, 50, np.random.default_rng(seed))
        bounded = draw_weights(weights, 50, np.random.default_rng(seed), low, high)
        np.testing.assert_array_equal(bounded, np.clip(free, np.float32(low), np.float32(high)))


def test_no_spread_gives_the_mean_and_the_median():
    rng = np.random.default_rng(0)
    assert draw_weights(normal(mean_na=0.25, std_na=0), 3, rng).tolist() == [0.25] * 3
    assert draw_weights(lognormal(median_na=-0.25, sigma=0), 3, rng).tolist() == [-0.25] * 3


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="low must not exceed high"):
        draw_weights(normal(mean_na=0, std_na=1), 3, np.random.default_rng(0), 1.0, 0.0)


def test_weights_of_a_file_come_as_they_are(tmp_path):
    given_weights = np.array([0.5, 0.0, 2.0])
    np.savez(tmp_path / "weights.npz", weights=given_weights)
    weights = FileWeights(distribution="file", path=tmp_path / "weights.npz")
    read = draw_weights(weights, 3, np.random.default_rng(0), 0.0, 2.0)
    assert read.dtype == np.float32
    assert np.array_equal(read, given_weights)


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"weights": [1.0, 2.0]}, "weights: expected a weight for each of the 3 synapses, found 2"),
        ({"weights": [1.0, 2.5, 1.0]}, r"weights\[1\]: must lie in \[0, 2\] nA, found 2.5"),
        ({"weights": [1.0, -0.5, 1.0]}, r"weights\[1\]: must lie in"),
        ({"weights": [1.0, 1.0, np.nan]}, r"weights\[2\]: expected a finite number, found nan"),
        ({"weights": [1.0, 1e300, 1.0]}, r"weights\[1\]: expected a finite number, found 1e\+300"),
        ({"weights": [[1.0], [1.0], [1.0]]}, "weights: expected numbers in one dimension, found float64 in 2"),
        ({"weights": ["a", "b", "c"]}, "weights: expected numbers"),
        ({"weights": [True, True, False]}, "weights: expected numbers"),
        ({"weights": np.array([1, None, 2], object)}, "weights: damaged, or no NumPy array of plain types"),
        ({"weight": [1.0, 1.0, 1.0]}, "weight: unknown array; the file must have array weights"),
        ({}, "weights: array is missing"),
    ],
)
def test_a_bad_array_is_refused_by_file_and_key(tmp_path, arrays, expected):
    path = tmp_path / "bad.npz"
    np.savez(path, **{key: np.array(array) for key, array in arrays.items()})  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match=expected) as caught:
        draw_weights(FileWeights(distribution="file", path=path), 3, np.random.default_rng(0), 0.0, 2.0)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "text", "single array", "cut", "flipped bits"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, kind):
    path = tmp_path / "weights.npz"
    if kind == "folder":
        path.mkdir()
    elif kind in ("empty", "text"):
        path.write_text("" if kind == "empty" else "0.5, 0.5, 0.5\n", encoding="utf-8")
    elif kind == "single array":
        with path.open("wb") as file:
            np.save(file, np.ones(3))
    elif kind in ("cut", "flipped bits"):
        np.savez_compressed(path, weights=np.linspace(0, 1, 1000))
        content = bytearray(path.read_bytes())
        content[400:420] = bytes(255 - byte for byte in content[400:420])
        path.write_bytes(content if kind == "flipped bits" else content[: len(content) // 2])
    with pytest.raises(UserError) as caught:
        draw_weights(FileWeights(distribution="file", path=path), 1000, np.random.default_rng(0))
    assert str(caught.value).startswith(f"{path}: ")
    assert "weights" in str(caught.value)


@pytest.mark.filterwarnings("ignore")  # of NumPy and Python, about headers
def test_a_damaged_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, weights=[0.5, 0.0, 2.0])
    weights = FileWeights(distribution="file", path=path)
    assert 200 < fuzz(path, 400, lambda: draw_weights(weights, 3, np.random.default_rng(0))) < 400
