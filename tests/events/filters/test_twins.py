"""Each filter against its slow twin, on streams cut anywhere."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.filters.background import MAX_SHORT_WINDOW_US, MAX_WINDOW_US, BackgroundActivityFilter
from snn_core.events.filters.base import Filter
from snn_core.events.filters.downsampling import SpatialDownsampling, TemporalDownsampling
from snn_core.events.filters.hot_pixels import HotPixelFilter, LearntHotPixelFilter, find_hot_pixels
from snn_core.events.filters.masks import MaskFilter, PolarityFilter, PolygonFilter, RectangleFilter, polygon_mask
from snn_core.events.filters.refractory import RefractoryFilter
from tests import reference_filters as twins
from tests.events.streams import as_tuples, make_events

WIDTH, HEIGHT = 7, 5
# Steps of time as cameras have them, and silences over which 16 and 32 bits of time run out.
STEPS_US = st.one_of(
    st.integers(0, 5), st.sampled_from([0, 900, 2**15, 2**16 - 900, 2**16, 2**30, 2**31, 2**32 - 1, 2**32, 2**40])
)


@st.composite
def streams(draw):
    """A stream and the places at which it is cut into batches."""
    start = draw(st.integers(-(2**50), 2**50))
    row = st.tuples(STEPS_US, st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.integers(0, 1))
    rows = draw(st.lists(row, min_size=1, max_size=60))
    times = start + np.cumsum([step for step, *_ in rows])
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    return make_events([(int(t), *pixel) for t, (_, *pixel) in zip(times, rows, strict=True)]), cuts


def run(a_filter: Filter, events: Events, cuts: list[int]) -> list[tuple[int, int, int, int]]:
    """What a filter keeps of a stream that comes in batches; what it dropped is counted."""
    borders = [0, *cuts, len(events)]
    kept = [a_filter(events[begin:end]) for begin, end in pairwise(borders)]
    result = as_tuples(Events.concatenate(kept))
    assert a_filter.dropped == len(events) - len(result)
    return result


@given(
    streams(),
    st.one_of(
        st.integers(0, 20), st.sampled_from([900, 2000, MAX_SHORT_WINDOW_US, MAX_SHORT_WINDOW_US + 1, MAX_WINDOW_US])
    ),
)
def test_background_activity(stream, window_us):
    events, cuts = stream
    expected = twins.background_activity(as_tuples(events), window_us)
    assert run(BackgroundActivityFilter(WIDTH, HEIGHT, window_us), events, cuts) == expected


@given(streams(), st.integers(1, 20))
def test_refractory(stream, period_us):
    events, cuts = stream
    assert run(RefractoryFilter(WIDTH, HEIGHT, period_us), events, cuts) == twins.refractory(
        as_tuples(events), period_us
    )


@given(streams(), st.integers(1, 20))
def test_temporal_downsampling(stream, step_us):
    events, cuts = stream
    kept = run(TemporalDownsampling(WIDTH, HEIGHT, step_us), events, cuts)
    assert kept == twins.temporal(as_tuples(events), step_us)


@given(streams(), st.integers(1, WIDTH))
def test_spatial_downsampling(stream, factor):
    events, cuts = stream
    a_filter = SpatialDownsampling(WIDTH, HEIGHT, factor)
    kept = run(a_filter, events, cuts)
    assert kept == [(t, x // factor, y // factor, polarity) for t, x, y, polarity in as_tuples(events)]
    assert (a_filter.out_width, a_filter.out_height) == (-(-WIDTH // factor), -(-HEIGHT // factor))


@given(streams(), st.sampled_from(["on", "off"]))
def test_polarity(stream, polarity):
    events, cuts = stream
    kept = run(PolarityFilter(WIDTH, HEIGHT, polarity), events, cuts)
    assert kept == [event for event in as_tuples(events) if event[3] == (polarity == "on")]


@given(streams(), st.integers(0, 6), st.integers(0, 4), st.data())
def test_rectangle(stream, left, top, data):
    events, cuts = stream
    width, height = data.draw(st.integers(1, WIDTH - left)), data.draw(st.integers(1, HEIGHT - top))
    kept = run(RectangleFilter(WIDTH, HEIGHT, left, top, width, height), events, cuts)
    assert kept == [
        (t, x - left, y - top, polarity)
        for t, x, y, polarity in as_tuples(events)
        if left <= x < left + width and top <= y < top + height
    ]


@given(streams(), st.sets(st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1))))
def test_given_hot_pixels(stream, pixels):
    events, cuts = stream
    kept = run(HotPixelFilter(WIDTH, HEIGHT, pixels), events, cuts)
    assert kept == [event for event in as_tuples(events) if event[1:3] not in pixels]


@st.composite
def streams_with_hot_pixels(draw):
    events, cuts = draw(streams())
    hot = np.array(draw(st.lists(st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1)), min_size=1)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(0, 300))
    x, y = hot[rng.integers(0, len(hot), n)].T
    times = events.t[0] + rng.integers(0, 4000, n)
    both = Events.concatenate([events, make_events(list(zip(times, x, y, times % 2, strict=True)))])
    return both[np.argsort(both.t, kind="stable")], cuts, draw(st.sampled_from([1000, 1500]))


@given(streams_with_hot_pixels(), st.sampled_from([(0.0, 3.0), (20.0, 10.0), (9000.0, 2.0)]))
def test_learnt_hot_pixels(stream, limits):
    events, cuts, period_us = stream
    kept = run(LearntHotPixelFilter(WIDTH, HEIGHT, period_us, *limits), events, cuts)
    assert kept == twins.without_learnt_hot_pixels(as_tuples(events), WIDTH, HEIGHT, period_us, *limits)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 1), (2, 2), (9, 8)])
def test_hot_pixels_of_any_sensor(shape):
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 3, shape)
    counts[rng.random(shape) < 0.2] += 60
    height, width = shape
    events = [(0, x, y, 1) for (y, x), count in np.ndenumerate(counts) for _ in range(count)]
    hot = find_hot_pixels(counts, 1_000_000)
    assert {(int(x), int(y)) for y, x in zip(*np.nonzero(hot), strict=True)} == twins.hot_pixels(
        events, width, height, 1_000_000, 20.0, 10.0
    )


CORNERS = st.lists(st.tuples(st.integers(-3, 10), st.integers(-3, 9)), min_size=3, max_size=7)


@given(CORNERS)
def test_polygon(corners):
    mask = polygon_mask(WIDTH, HEIGHT, corners)
    expected = [[twins.in_polygon(x, y, corners) for x in range(WIDTH)] for y in range(HEIGHT)]
    assert mask.tolist() == expected


@given(streams(), CORNERS)
def test_events_within_a_polygon(stream, corners):
    events, cuts = stream
    kept = run(PolygonFilter(WIDTH, HEIGHT, corners), events, cuts)
    assert kept == [event for event in as_tuples(events) if twins.in_polygon(event[1], event[2], corners)]


FILTERS: list[Callable[[], Filter]] = [
    lambda: BackgroundActivityFilter(WIDTH, HEIGHT, 100),
    lambda: RefractoryFilter(WIDTH, HEIGHT, 100),
    lambda: TemporalDownsampling(WIDTH, HEIGHT, 100),
    lambda: LearntHotPixelFilter(WIDTH, HEIGHT, 1000, 0.0, 2.0),
]


@pytest.mark.parametrize("make", [*FILTERS, lambda: BackgroundActivityFilter(WIDTH, HEIGHT, MAX_WINDOW_US)])
def test_times_at_the_ends_of_their_type_do_no_harm(make):
    """As a damaged file may have them."""
    least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    times = [least, least, least + 1, -1, 0, 1, most - 2**31, most - 1, most, most]
    kept = make()(make_events([(t, i % WIDTH, i % HEIGHT, 1) for i, t in enumerate(times)]))
    assert (np.diff(kept.t.astype(object)) >= 0).all()
    assert set(kept.x.tolist()) <= set(range(WIDTH))


@pytest.mark.parametrize("make", FILTERS)
def test_reset_begins_a_new_stream(make):
    rng = np.random.default_rng(0)
    t = np.sort(rng.integers(0, 3000, 500))
    x, y = np.where(rng.random(500) < 0.2, 3, rng.integers(0, WIDTH, 500)), rng.integers(0, HEIGHT, 500)
    events = make_events(list(zip(t, x, np.where(x == 3, 2, y), t % 2, strict=True)))
    a_filter = make()
    first = a_filter(events)
    assert 0 < len(first) < len(events)
    with pytest.raises(ValueError, match="call reset"):
        a_filter(events)
    a_filter.reset()
    assert a_filter(events).equals(first)
    assert a_filter.dropped == 2 * (len(events) - len(first))


@pytest.mark.parametrize("make", [*FILTERS, lambda: MaskFilter(np.ones((HEIGHT, WIDTH), bool))])
@pytest.mark.parametrize("pixel", [(WIDTH, 0), (0, HEIGHT), (65535, 65535)])
def test_events_off_the_sensor_are_refused(make, pixel):
    with pytest.raises(ValueError, match="must lie on the sensor of 7 x 5 pixels"):
        make()(make_events([(0, 1, 1, 1), (1, *pixel, 1)]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BackgroundActivityFilter(0, 5), "sensor width 0: expected 1 to 32768"),
        (lambda: BackgroundActivityFilter(7, 5, -1), "background: window of -1 us: expected 0 to"),
        (lambda: RefractoryFilter(7, 5, 0), "refractory: period of 0 us: expected 1 to"),
        (lambda: TemporalDownsampling(7, 5, 0), "temporal: step of 0 us: expected 1 to"),
        (lambda: SpatialDownsampling(7, 5, 8), "spatial: factor 8: expected 1 to 7"),
        (lambda: RectangleFilter(7, 5, 3, 0, 5, 5), "crop: 5 x 5 pixels from 3, 0: expected a rectangle on the sensor"),
        (lambda: PolygonFilter(7, 5, [(0, 0), (3, 3)]), "region: 2 corners: expected at least 3"),
        (lambda: HotPixelFilter(7, 5, [(7, 0)]), "hot_pixels: pixel 7, 0: expected one on the sensor of 7 x 5"),
        (lambda: LearntHotPixelFilter(7, 5, 10), "hot_pixels: period of 10 us: expected at least 1000"),
        (lambda: PolarityFilter(7, 5, "both"), "polarity: 'both': expected on or off"),  # type: ignore[arg-type]
    ],
)
def test_settings_that_cannot_be(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_what_is_kept_of_many_does_not_hold_on_to_their_memory():
    n = 10_000
    events = Events(np.zeros(n, np.int64), np.zeros(n, np.uint16), np.zeros(n, np.uint16), np.zeros(n, np.uint8))
    kept = RefractoryFilter(WIDTH, HEIGHT, 5)(events)
    assert len(kept) == 1
    assert kept.t.base is None
