"""Receptive fields against a loop over all pairs in exact fractions, and what their profiles mean."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from snn_core.events.pooling import RectanglePooling
from snn_core.network.patterns import Pattern, draw, scale_range
from snn_core.network.receptive_fields import ReceptiveField

GABOR = {"kind": "gabor", "sigma": 1.5, "wavelength": 4.0, "orientation_deg": 30.0, "phase_deg": 60.0}
DIFFERENCE = {"kind": "difference_of_gaussians", "sigma_centre": 1.0, "sigma_surround": 2.0, "surround_gain": 0.4}
PROFILES = [{"kind": "uniform"}, {"kind": "gaussian", "sigma": 0.8}, DIFFERENCE, GABOR]


def field(**values) -> ReceptiveField:
    """The pattern as YAML would give it."""
    pattern = TypeAdapter(Pattern).validate_python({"kind": "receptive_field", **values})
    assert isinstance(pattern, ReceptiveField)
    return pattern


def connect(pattern: ReceptiveField, same: bool = False):
    """Its synapses between populations of the right size."""
    n_pre, n_post = pattern.pre_channels * math.prod(pattern.pre_shape), math.prod(pattern.post_shape)
    return draw(pattern, n_pre, n_post, np.random.default_rng(0), same)


def matrix(synapses, n_post: int) -> np.ndarray:
    """Factor of each pair, shape (n_pre, n_post); nan where there is no synapse."""
    counts = np.diff(synapses.row_begin)
    pairs = np.full((len(counts), n_post), np.nan)
    pre = np.repeat(np.arange(len(counts)), counts)
    pairs[pre, synapses.post] = 1.0 if synapses.scale is None else synapses.scale
    return pairs


def slow_distance(pixel: int, place: int, pixels: int, places: int, wrap: bool) -> Fraction:
    """From the centre of a postsynaptic place to a pixel along one axis."""
    distance = pixel - (Fraction(2 * place + 1, 2) * Fraction(pixels, places) - Fraction(1, 2))
    if wrap:
        return min((distance + turn * pixels for turn in range(-2, 3)), key=lambda image: (abs(image), image))
    return distance


def slow_profile(profile: dict, down: float, right: float) -> float:
    """The profile at one point."""
    squared = down * down + right * right
    if profile["kind"] == "uniform":
        return 1.0
    if profile["kind"] == "gaussian":
        return math.exp(-squared / (2 * profile["sigma"] ** 2))
    if profile["kind"] == "difference_of_gaussians":
        centre = math.exp(-squared / (2 * profile["sigma_centre"] ** 2))
        return centre - profile["surround_gain"] * math.exp(-squared / (2 * profile["sigma_surround"] ** 2))
    angle = math.radians(profile["orientation_deg"])
    cycles = (right * math.cos(angle) + down * math.sin(angle)) / profile["wavelength"]
    wave = math.cos(2 * math.pi * cycles + math.radians(profile["phase_deg"]))
    return math.exp(-squared / (2 * profile["sigma"] ** 2)) * wave


def slow_matrix(values: dict) -> np.ndarray:
    """All pairs, one by one."""
    (rows, columns), (post_rows, post_columns) = values["pre_shape"], values["post_shape"]
    down_radius, right_radius = map(Fraction, values["radius"])
    pairs = np.full((values["pre_channels"] * rows * columns, post_rows * post_columns), np.nan)
    for pre in range(len(pairs)):
        y, x = divmod(pre % (rows * columns), columns)
        for post in range(post_rows * post_columns):
            r, c = divmod(post, post_columns)
            down = slow_distance(y, r, rows, post_rows, values["wrap"])
            right = slow_distance(x, c, columns, post_columns, values["wrap"])
            if values["shape"] == "rectangle":
                inside = abs(down) <= down_radius and abs(right) <= right_radius
            else:
                inside = (down / down_radius) ** 2 + (right / right_radius) ** 2 <= 1
            if inside:
                pairs[pre, post] = slow_profile(values["profile"], float(down), float(right))
    return pairs


@st.composite
def fields(draw):
    """Values of a receptive field; radii of quarters and at least 3/4, so that no field is empty."""
    radius = st.integers(3, 16).map(lambda quarters: quarters / 4)
    side = st.integers(1, 7)
    return {
        "pre_shape": [draw(side), draw(side)],
        "post_shape": [draw(side), draw(side)],
        "pre_channels": draw(st.integers(1, 2)),
        "radius": [draw(radius), draw(radius)],
        "shape": draw(st.sampled_from(["rectangle", "ellipse"])),
        "wrap": draw(st.booleans()),
        "profile": draw(st.sampled_from(PROFILES)),
    }


HALF_A_RING_AWAY = {
    "pre_shape": [4, 6],
    "post_shape": [4, 6],
    "pre_channels": 1,
    "radius": [3.0, 3.0],
    "shape": "rectangle",
    "wrap": True,
    "profile": GABOR,
}


@given(fields())
@example(HALF_A_RING_AWAY)
def test_fields_are_those_of_a_loop_over_all_pairs(values):
    pattern = field(**values)
    synapses = connect(pattern)
    expected = slow_matrix(values)
    np.testing.assert_allclose(matrix(synapses, expected.shape[1]), expected, rtol=1e-6, atol=1e-6)
    for begin, end in zip(synapses.row_begin, synapses.row_begin[1:], strict=False):
        assert np.all(np.diff(synapses.post[begin:end]) > 0)
    low, high = scale_range(pattern)
    assert synapses.scale is None or np.all((low <= synapses.scale) & (synapses.scale <= high))


@pytest.mark.parametrize(
    ("radius", "pixels"),
    [(1, 5), (5, 81), (0.5, 1)],
    ids=["cross", "circle with corners 3, 4 on its edge", "one pixel"],
)
def test_a_field_includes_its_edge(radius, pixels):
    synapses = connect(field(pre_shape=[11, 11], post_shape=[1, 1], radius=radius, shape="ellipse"))
    assert synapses.post.size == pixels


def test_one_radius_is_both_half_axes():
    values = {"pre_shape": [6, 9], "post_shape": [2, 3]}
    assert field(**values, radius=2) == field(**values, radius=[2.0, 2.0])
    assert field(**values, radius=2).model_dump(mode="json")["radius"] == [2.0, 2.0]


def test_presynaptic_neurons_are_numbered_as_a_pooling_with_separate_polarities_does():
    pooling = RectanglePooling(width=12, height=8, rows=4, columns=6, per_polarity=True)
    pattern = field(pre_shape=[4, 6], post_shape=[4, 6], pre_channels=2, radius=0.5)
    synapses = draw(pattern, pooling.size, 24, np.random.default_rng(0))
    x, y = np.meshgrid(np.arange(12, dtype=np.uint16), np.arange(8, dtype=np.uint16))
    for polarity in (0, 1):
        pool = pooling.assign(x.ravel(), y.ravel(), np.full(x.size, polarity, np.uint8))
        assert np.array_equal(np.diff(synapses.row_begin)[pool], np.ones(x.size))
        assert np.array_equal(synapses.post[synapses.row_begin[pool]], (y.ravel() // 2) * 6 + x.ravel() // 2)


def test_mirrored_sheets_have_mirrored_fields():
    pattern = field(pre_shape=[10, 7], post_shape=[3, 5], radius=[1.7, 0.9], shape="ellipse", profile=PROFILES[1])
    pairs = matrix(connect(pattern), 15).reshape(10, 7, 3, 5)
    assert np.array_equal(pairs, pairs[::-1, :, ::-1], equal_nan=True)
    assert np.array_equal(pairs, pairs[:, ::-1, :, ::-1], equal_nan=True)


def test_on_a_ring_every_field_is_the_first_one_moved():
    pattern = field(pre_shape=[8, 9], post_shape=[8, 9], radius=2.5, shape="ellipse", wrap=True, profile=GABOR)
    pairs = matrix(connect(pattern), 72).reshape(8, 9, 8, 9)
    for row in range(8):
        for column in range(9):
            moved = np.roll(pairs[:, :, 0, 0], (row, column), axis=(0, 1))
            np.testing.assert_array_equal(pairs[:, :, row, column], moved)


def test_an_orientation_of_0_has_upright_stripes_and_one_of_90_level_ones():
    values = {"pre_shape": [9, 9], "post_shape": [1, 1], "radius": 4}
    gabor = {"kind": "gabor", "sigma": 100.0, "wavelength": 4.0}
    upright = matrix(connect(field(**values, profile=gabor)), 1).reshape(9, 9)
    level = matrix(connect(field(**values, profile=gabor | {"orientation_deg": 90.0})), 1).reshape(9, 9)
    assert np.all(upright[:, 4] > 0.99)
    assert np.all(upright[:, [2, 6]] < -0.99)
    np.testing.assert_allclose(level, upright.T, atol=1e-6)


def test_an_odd_gabor_is_positive_on_one_side_of_its_centre():
    odd = GABOR | {"orientation_deg": 0.0, "phase_deg": -90.0}
    scale = matrix(connect(field(pre_shape=[9, 9], post_shape=[1, 1], radius=4, profile=odd)), 1).reshape(9, 9)
    np.testing.assert_allclose(scale, -scale[:, ::-1], atol=1e-6)
    assert np.all(scale[:, 5] > 0)


def test_centre_and_surround_cancel_at_the_gain_that_the_docstring_names():
    profile = DIFFERENCE | {"sigma_centre": 2.0, "sigma_surround": 5.0, "surround_gain": (2.0 / 5.0) ** 2}
    synapses = connect(field(pre_shape=[101, 101], post_shape=[1, 1], radius=50, profile=profile))
    assert synapses.scale is not None
    assert abs(synapses.scale.sum(dtype=np.float64)) < 1e-3
    assert synapses.scale.max() == pytest.approx(1 - 0.16)
    assert synapses.scale.min() < 0


def test_a_recurrent_field_can_leave_out_its_own_neuron():
    values = {"pre_shape": [5, 6], "post_shape": [5, 6], "radius": 1, "profile": PROFILES[1]}
    with_self, without = connect(field(**values), True), connect(field(**values, allow_self=False), True)
    expected = matrix(with_self, 30)
    assert np.all(np.diag(expected) == 1)
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_array_equal(matrix(without, 30), expected)
    assert np.array_equal(matrix(connect(field(**values, allow_self=False)), 30), matrix(with_self, 30), equal_nan=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"pre_shape": [3, 4]},
            r"pre_shape must have the presynaptic population's 20 neurons, found 3 x 4 in 1 channel$",
        ),
        ({"pre_channels": 2}, "found 4 x 5 in 2 channels"),
        ({"post_shape": [2, 2]}, r"post_shape must have the postsynaptic population's 6 neurons, found 2 x 2"),
        ({"radius": 0.2}, r"radius must reach the pixel nearest to each field's centre, up to 0.5 rows and 0.333"),
        ({"radius": 0.55, "shape": "ellipse"}, "radius must reach"),
    ],
)
def test_sheets_that_do_not_fit_are_refused_by_key(values, expected):
    pattern = field(**{"pre_shape": [4, 5], "post_shape": [2, 3], "radius": 1.0} | values)
    with pytest.raises(ValueError, match=expected):
        draw(pattern, 20, 6, np.random.default_rng(0))


@pytest.mark.parametrize(
    "values",
    [
        {"radius": 0},
        {"radius": [1, -1]},
        {"pre_shape": [0, 5]},
        {"pre_channels": 0},
        {"shape": "hexagon"},
        {"profile": {"kind": "gaussian"}},
        {"profile": {"kind": "gaussian", "sigma": 0}},
        {"profile": {"kind": "gabor", "sigma": 1}},
        {"colour": "red"},
    ],
)
def test_values_out_of_range_are_refused(values):
    with pytest.raises(ValidationError):
        field(**{"pre_shape": [4, 5], "post_shape": [2, 3], "radius": 1.0} | values)
