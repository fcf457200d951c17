import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.log_polar import LogPolarPooling
from snn_core.events.pooling import Pooling, RectanglePooling
from tests.events.streams import as_tuples, make_events, random_events
from tests.reference import pool


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


def build(case: dict) -> RectanglePooling:
    return RectanglePooling(**{k: v for k, v in case.items() if k != "crop"}, **case["crop"])


@given(poolings(), st.integers(0, 2**31))
def test_kernels_and_twin_agree(case, seed):
    pooling = build(case)
    # A sensor a little larger than the pooling's, so that some events lie off it.
    events = random_events(np.random.default_rng(seed), 40, case["width"] + 2, case["height"] + 2)
    expected = [pool(*event, **case) for event in zip(events.x, events.y, events.polarity, strict=True)]
    pools = pooling.assign(events.x, events.y, events.polarity)
    assert pools.tolist() == expected
    counts = pooling.counts(events.x, events.y, events.polarity)
    assert counts.tolist() == [expected.count(p) for p in range(pooling.size)]


@given(poolings())
def test_every_pixel_inside_the_crop_has_a_pool_and_no_pool_is_empty(case):
    pooling = build(case)
    crop = case["crop"]
    inside = np.zeros((case["height"], case["width"]), bool)
    inside[
        crop["crop_top"] : case["height"] - crop["crop_bottom"], crop["crop_left"] : case["width"] - crop["crop_right"]
    ] = True
    assert np.array_equal(pooling.pool_of_pixel >= 0, inside)
    pools = pooling.size // (2 if case["per_polarity"] else 1)
    assert np.array_equal(np.unique(pooling.pool_of_pixel[inside]), np.arange(pools))


def test_order_is_polarity_then_row_then_column():
    x, y = np.array([0, 127, 0, 127], np.uint16), np.array([40, 40, 103, 103], np.uint16)
    off, on = np.zeros(4, np.uint8), np.ones(4, np.uint8)
    both = RectanglePooling(128, 128, 4, 8, crop_top=40, crop_bottom=24, per_polarity=True)
    assert both.size == 64
    assert both.assign(x, y, off).tolist() == [0, 7, 24, 31]
    assert both.assign(x, y, on).tolist() == [32, 39, 56, 63]
    merged = RectanglePooling(128, 128, 4, 8, crop_top=40, crop_bottom=24)
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
        RectanglePooling(128, 128, **arguments)


def test_unequal_lengths_are_refused():
    pooling = RectanglePooling(8, 8, 2, 2)
    arrays = np.zeros(3, np.uint16), np.zeros(3, np.uint16), np.zeros(2, np.uint8)
    with pytest.raises(ValueError, match="equal length, found 3, 3, 2"):
        pooling.counts(*arrays)
    with pytest.raises(ValueError, match="equal length, found 3, 3, 2"):
        pooling.assign(*arrays)


# Streams in which steps have many events, few and none.
INTERVALS_US = st.lists(st.sampled_from([0, 0, 0, 1, 3, 40, 900, 20_000]), max_size=120)
POOLINGS = [
    RectanglePooling(10, 8, 2, 3, crop_left=1, crop_bottom=2, per_polarity=True),
    RectanglePooling(10, 8, 8, 10),
    LogPolarPooling(10, 8, 2, 4, 1.5, per_polarity=True),
]


@given(st.sampled_from(POOLINGS), INTERVALS_US, st.integers(1, 2000), st.integers(0, 2**32))
def test_counts_of_each_step(pooling: Pooling, intervals_us: list[int], step_us: int, seed: int):
    rng = np.random.default_rng(seed)
    begin_us = int(rng.integers(-(2**40), 2**40))
    t = begin_us + np.cumsum(intervals_us, dtype=np.int64)
    n = len(t)
    # Some events lie off the sensor.
    x, y, polarity = rng.integers(0, 12, n), rng.integers(0, 10, n), rng.integers(0, 2, n)
    events = make_events(list(zip(t, x, y, polarity, strict=True)))
    steps = int(t[-1] - begin_us) // step_us + 1 + int(rng.integers(3)) if n else 3
    expected = np.zeros((steps, pooling.size), np.int64)
    pools = pooling.assign(events.x, events.y, events.polarity)
    for (time_us, *_), event_pool in zip(as_tuples(events), pools, strict=True):
        if event_pool >= 0:
            expected[(time_us - begin_us) // step_us, event_pool] += 1
    counts = pooling.step_counts(events, begin_us, steps, step_us)
    assert np.array_equal(counts, expected)
    assert np.array_equal(pooling.counts(events.x, events.y, events.polarity), expected.sum(axis=0))


def test_counts_of_many_events_in_steps_of_any_length():
    rng = np.random.default_rng(4)
    pooling = RectanglePooling(640, 480, 32, 32, per_polarity=True)
    for mean_us in (0.02, 1.0, 50.0):
        events = random_events(rng, 20_000, 640, 480, start_us=7, mean_interval_us=mean_us)
        steps = int(events.t[-1]) // 1000 + 1
        pools = pooling.assign(events.x, events.y, events.polarity).astype(np.int64)
        expected = np.bincount(events.t // 1000 * pooling.size + pools, minlength=steps * pooling.size)
        assert np.array_equal(pooling.step_counts(events, 0, steps).reshape(-1), expected)


def test_counts_are_written_where_they_are_wanted():
    pooling = RectanglePooling(8, 8, 2, 2)
    out = np.full((3, 4), 7, np.int32)
    counts = pooling.step_counts(make_events([(1500, 7, 0, 1)]), 0, 3, out=out)
    assert counts is out
    assert out.tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    for wrong in (np.zeros((3, 5), np.int32), np.zeros((3, 4), np.int64), np.zeros((4, 3), np.int32).T):
        with pytest.raises(ValueError, match="out must be a C array of 3 x 4 int32"):
            pooling.step_counts(Events.empty(), 0, 3, out=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("t", [-1, 3000])
def test_events_outside_the_window_are_refused(t: int):
    with pytest.raises(ValueError, match="must lie within the 3 steps of 1000 us from 0 us"):
        RectanglePooling(8, 8, 2, 2).step_counts(make_events([(t, 0, 0, 0)]), 0, 3)


def test_a_window_has_steps():
    with pytest.raises(ValueError, match="0 steps of 1000 us: expected at least one"):
        RectanglePooling(8, 8, 2, 2).step_counts(Events.empty(), 0, 0)
