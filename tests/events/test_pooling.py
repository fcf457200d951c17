import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.events.pooling import Pooling
from tests.reference import pool

from .streams import random_events


@st.composite
def poolings(draw):
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    right, bottom = draw(st.integers(0, width - 1 - left)), draw(st.integers(0, height - 1 - top))
    return {
        "width": width,
        "height": height,
        "rows": draw(st.integers(1, height - top - bottom)),
        "columns": draw(st.integers(1, width - left - right)),
        "crop": {"crop_left": left, "crop_top": top, "crop_right": right, "crop_bottom": bottom},
        "per_polarity": draw(st.booleans()),
    }


def build(case: dict) -> Pooling:
    return Pooling(**{k: v for k, v in case.items() if k != "crop"}, **case["crop"])


@given(poolings(), st.integers(0, 2**31))
def test_kernels_and_twin_agree(case, seed):
    pooling = build(case)
    # A sensor a little larger than the pooling's, so that some events lie off it.
    events = random_events(np.random.default_rng(seed), 40, case["width"] + 2, case["height"] + 2)
    expected = [pool(*event, **case) for event in zip(events.x, events.y, events.polarity, strict=True)]
    pools = pooling.assign(events.x, events.y, events.polarity)
    assert pools.tolist() == expected
    counts = pooling.counts(events.x, events.y, events.polarity)
    assert counts.dtype == np.int64
    assert counts.tolist() == [expected.count(p) for p in range(pooling.size)]


@given(poolings())
def test_every_pixel_inside_the_crop_has_a_pool_and_no_pool_is_empty(case):
    pooling = build(case)
    crop = case["crop"]
    inside = np.zeros((case["height"], case["width"]), bool)
    inside[
        crop["crop_top"] : case["height"] - crop["crop_bottom"], crop["crop_left"] : case["width"] - crop["crop_right"]
    ] = True
    assert np.array_equal(pooling.table >= 0, np.stack([inside, inside]))
    assert np.array_equal(np.unique(pooling.table[pooling.table >= 0]), np.arange(pooling.size))


def test_order_is_polarity_then_row_then_column():
    x, y = np.array([0, 127, 0, 127], np.uint16), np.array([40, 40, 103, 103], np.uint16)
    off, on = np.zeros(4, np.uint8), np.ones(4, np.uint8)
    both = Pooling(128, 128, 4, 8, crop_top=40, crop_bottom=24, per_polarity=True)
    assert both.size == 64
    assert both.assign(x, y, off).tolist() == [0, 7, 24, 31]
    assert both.assign(x, y, on).tolist() == [32, 39, 56, 63]
    merged = Pooling(128, 128, 4, 8, crop_top=40, crop_bottom=24)
    assert merged.size == 32
    assert merged.assign(x, y, on).tolist() == merged.assign(x, y, off).tolist() == [0, 7, 24, 31]
    assert merged.assign(x, np.array([39, 104, 0, 127], np.uint16), on).tolist() == [-1, -1, -1, -1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"rows": 65, "columns": 8, "crop_top": 40, "crop_bottom": 24},
            "65 rows of pools need as many rows of pixels, crop_top 40 and crop_bottom 24 leave 64 of 128; crop less",
        ),
        ({"rows": 1, "columns": 8, "crop_left": 100, "crop_right": 50}, "crop_right 50 leave 0 of 128"),
        ({"rows": 0, "columns": 8}, "rows is 0, expected at least 1"),
        ({"rows": 4, "columns": 8, "crop_right": -1}, "crop_right is -1, expected at least 0"),
    ],
)
def test_impossible_poolings_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Pooling(128, 128, **arguments)


def test_unequal_lengths_are_refused():
    pooling = Pooling(8, 8, 2, 2)
    arrays = np.zeros(3, np.uint16), np.zeros(3, np.uint16), np.zeros(2, np.uint8)
    with pytest.raises(ValueError, match="equal length, found 3, 3, 2"):
        pooling.counts(*arrays)
    with pytest.raises(ValueError, match="equal length, found 3, 3, 2"):
        pooling.assign(*arrays)
