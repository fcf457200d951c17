import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.external_triggers import Triggers
from snn_core.events.summary import MIN_JUMP_US, RATE_WINDOW_US, Summary, summarise
from tests import reference_files
from tests.events.streams import make_events, random_events

WIDTH, HEIGHT = 40, 70


class Made:
    """A recording of given batches."""

    format, camera, width, height = "made", "Test_1", WIDTH, HEIGHT
    triggers, dropped_outside, dropped_untimed, unknown_words, damaged_bytes, steps_back, restarts = range(1, 8)
    fraction_read = 1.0

    def __init__(self, batches):
        self.batches = batches
        self.notes = ["a note"]

    def __iter__(self):
        return iter(self.batches)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def close(self):
        pass

    def take_triggers(self):
        return Triggers.uninitialised(0)


rows = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 300), st.sampled_from([0, 9999, 10_000, 999_999, 1_000_000, 5_000_000])),
        st.integers(0, WIDTH - 1),
        st.integers(0, HEIGHT - 1),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=40,
)


@given(rows, st.integers(-(10**9), 10**15), st.integers(1, 50))
def test_kernel_and_twin_agree(rows, start, batch):
    times = start + np.cumsum([row[0] for row in rows])
    rows = [(int(t), *row[1:]) for t, row in zip(times, rows, strict=True)]
    info = summarise(Made([make_events(rows[i : i + batch]) for i in range(0, len(rows), batch)]))
    expected = reference_files.summarise(rows, RATE_WINDOW_US, MIN_JUMP_US)
    assert {name: getattr(info, name) for name in expected} == {
        name: pytest.approx(value) for name, value in expected.items()
    }
    assert info.off == info.events - info.on
    assert info.duration_s == pytest.approx((rows[-1][0] - rows[0][0]) * 1e-6)
    assert info.mean_rate_hz == pytest.approx(info.events / info.duration_s if info.duration_s else 0)


def test_what_the_recording_says_is_passed_on():
    info = summarise(Made([make_events([(5, 1, 1, 1)])]))
    assert (info.format, info.camera, info.width, info.height) == ("made", "Test_1", WIDTH, HEIGHT)
    assert (info.triggers, info.dropped_outside, info.damaged_bytes, info.restarts) == (1, 2, 5, 7)
    assert info.notes == ["a note"]


def test_nothing():
    info = summarise(Made([]))
    assert (info.events, info.first_us, info.last_us, info.duration_s) == (0, None, None, 0.0)
    assert (info.mean_rate_hz, info.peak_rate_hz, info.hot_pixels, info.longest_gap_us) == (0.0, 0.0, 0, 0)


def test_hot_pixels_wherever_they_are():
    """On the borders of the sensor and of the bands that are looked at, and not where all pixels are as busy."""
    events = random_events(np.random.default_rng(1), 20_000, WIDTH, HEIGHT, mean_interval_us=100.0)
    hot = [(0, 0), (39, 69), (17, 31), (18, 63), (5, 40)]
    for i, (x, y) in enumerate(hot):
        events.x[i::11], events.y[i::11] = x, y
    summary = Summary(WIDTH, HEIGHT)
    summary.add(events)
    info = summary.info(Made([]))
    assert info.hot_pixels == len(hot)
    assert {(x, y) for x, y, _ in info.hottest_pixels} == set(hot)
    assert [events for *_, events in info.hottest_pixels] == sorted((n for *_, n in info.hottest_pixels), reverse=True)
