"""Event pixels: closed forms for ramps, mismatch, rates and refractory time; and the slow twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.events.events import FIELD_TYPES, Events
from snn_core.sim.event_pixel import EventPixelArray, EventPixelSpec
from tests.reference import ReferencePixel

QUIET = {"threshold_mismatch": 0.0, "leak_rate_hz": 0.0, "shot_noise_rate_hz": 0.0, "refractory_us": 0}


def sensor(width: int = 4, height: int = 3, seed: int = 0, **changes) -> EventPixelArray:
    spec = EventPixelSpec(**{**QUIET, **changes})
    return EventPixelArray(spec, width, height, np.random.default_rng(seed))


def flat(value: float, width: int = 4, height: int = 3) -> np.ndarray:
    return np.full((height, width), value, np.float32)


def test_a_ramp_gives_events_at_its_crossings():
    pixels = sensor(threshold_on=0.25, threshold_off=0.125)
    pixels.reset(flat(0.0), 1000)
    view = flat(0.0)
    view[1, 2] = 1.125
    up = pixels.update(view, 10_000)  # 9000 us for 1.125: a crossing every 2000 us
    assert up.t.tolist() == [3000, 5000, 7000, 9000]
    assert set(zip(up.x.tolist(), up.y.tolist(), up.polarity.tolist(), strict=True)) == {(2, 1, 1)}
    view[1, 2] = 0.625
    down = pixels.update(view, 14_000)  # the reference is 1.0; from 1.125 by 0.125 every 1000 us
    assert down.t.tolist() == [12_000, 13_000, 13_999]
    assert down.polarity.tolist() == [0, 0, 0]
    assert [getattr(up, name).dtype for name in FIELD_TYPES] == [np.int64, np.uint16, np.uint16, np.uint8]


def test_thresholds_add_up_over_intervals():
    pixels = sensor(threshold_on=0.5)
    pixels.reset(flat(0.0), 0)
    assert pixels.update(flat(0.3), 1000).t.size == 0
    assert pixels.update(flat(0.3), 2000).t.size == 0
    assert pixels.update(flat(0.7), 4000).t.tolist() == [3000] * 12


def test_events_of_one_time_are_ordered_by_pixel():
    pixels = sensor()
    pixels.reset(flat(0.0), 0)
    events = pixels.update(flat(0.5), 1000)
    order = np.lexsort((events.x, events.y, events.t))
    assert np.array_equal(order, np.arange(events.t.size))
    assert events.t.size == 24


def test_no_change_no_noise_no_events():
    pixels = sensor(threshold_mismatch=0.05)
    view = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    pixels.reset(view, 0)
    assert all(pixels.update(view, t).t.size == 0 for t in (10, 1000, 10**6, 10**9))


def test_reset_forgets_what_was_seen():
    pixels = sensor()
    pixels.reset(flat(0.0), 0)
    pixels.update(flat(3.0), 1000)
    pixels.reset(flat(-5.0), 1000)
    assert pixels.update(flat(-5.0), 2000).t.size == 0
    assert pixels.update(flat(-5.19), 3000).t.size == 0
    assert pixels.update(flat(-5.21), 4000).polarity.tolist() == [0] * 12


def test_refractory_time_holds_the_pixel_and_then_it_sees_anew():
    """A ramp of 0.1 a ms: the threshold of 0.2 takes 2 ms, the hold 5 ms, so an event comes every 7 ms."""
    pixels = sensor(1, 1, refractory_us=5000)
    pixels.reset(flat(0.0, 1, 1), 0)
    at_once = pixels.update(flat(9.9, 1, 1), 99_000).t
    assert np.abs(at_once - (2000 + 7000 * np.arange(at_once.size))).max() <= at_once.size
    assert at_once.size == 14
    pixels.reset(flat(0.0, 1, 1), 0)
    by_ms = np.concatenate([pixels.update(flat(0.1 * k, 1, 1), 1000 * k).t for k in range(1, 100)])
    assert np.abs(by_ms - at_once).max() <= at_once.size
    assert np.diff(by_ms).min() >= 5000


def test_what_happens_during_the_hold_is_not_seen():
    pixels = sensor(1, 1, refractory_us=1000)
    pixels.reset(flat(0.0, 1, 1), 0)
    assert pixels.update(flat(0.21, 1, 1), 100).t.size == 1
    assert pixels.update(flat(5.0, 1, 1), 600).t.size == 0
    assert pixels.update(flat(5.0, 1, 1), 90_000).t.size == 0
    assert pixels.update(flat(5.19, 1, 1), 91_000).t.size == 0
    assert pixels.update(flat(5.21, 1, 1), 92_000).t.size == 1


def test_mismatch_of_thresholds_has_its_mean_and_deviation():
    pixels = sensor(200, 200, threshold_on=0.3, threshold_off=0.2, threshold_mismatch=0.03)
    # 40000 pixels: 5 standard errors of mean and deviation.
    for thresholds, mean in ((pixels.on, 0.3), (pixels.off, 0.2)):
        assert thresholds.mean() == pytest.approx(mean, abs=5 * 0.03 / 200)
        assert thresholds.std() == pytest.approx(0.03, abs=5 * 0.03 / 283)
    assert abs(np.corrcoef(pixels.on, pixels.off)[0, 1]) < 5 / 200
    pixels.reset(flat(0.0, 200, 200), 0)
    events = pixels.update(flat(0.3, 200, 200), 1000)
    fired = np.unique(events.y.astype(int) * 200 + events.x)
    assert np.array_equal(fired, np.flatnonzero(pixels.on <= np.float32(0.3)))


@pytest.mark.parametrize(("leak", "shot", "on_part"), [(2.0, 0.0, 1.0), (0.0, 3.0, 0.5), (1.0, 2.0, 2.0 / 3.0)])
def test_noise_has_its_rates(leak: float, shot: float, on_part: float):
    pixels = sensor(32, 32, leak_rate_hz=leak, shot_noise_rate_hz=shot)
    view = flat(0.0, 32, 32)
    pixels.reset(view, 0)
    intervals = [pixels.update(view, 100_000 * k) for k in range(1, 101)]
    events = Events.concatenate(intervals)
    t, x, y, polarity = events.t, events.x, events.y, events.polarity
    expected = 32 * 32 * 10.0 * (leak + shot)
    assert t.size == pytest.approx(expected, abs=5 * expected**0.5)
    assert polarity.mean() == pytest.approx(on_part, abs=5 * 0.5 / expected**0.5)
    assert np.all(np.diff(t) >= 0)
    for part in (t / 1e7, (x + 0.5) / 32, (y + 0.5) / 32):  # even over time and over the sensor
        assert part.mean() == pytest.approx(0.5, abs=5 * 0.29 / expected**0.5)
        assert part.std() == pytest.approx(12**-0.5, abs=5 * 0.29 / expected**0.5)


def test_noise_events_keep_the_refractory_time_and_reset_the_pixel():
    pixels = sensor(1, 1, shot_noise_rate_hz=1000.0, refractory_us=3000)
    pixels.reset(flat(0.0, 1, 1), 0)
    times = np.concatenate([pixels.update(flat(0.05 * (k % 2), 1, 1), 7000 * k).t for k in range(1, 200)])
    assert times.size > 200
    assert np.diff(times).min() >= 3000
    # Reset at every noise event, a slow ramp never gets to the threshold.
    pixels = sensor(1, 1, shot_noise_rate_hz=1000.0)
    pixels.reset(flat(0.0, 1, 1), 0)
    noise_alone = sensor(1, 1, shot_noise_rate_hz=1000.0)
    noise_alone.reset(flat(0.0, 1, 1), 0)
    ramp, still = pixels.update(flat(1.0, 1, 1), 10**6), noise_alone.update(flat(0.0, 1, 1), 10**6)
    assert np.array_equal(ramp.t, still.t)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**31), refractory=st.sampled_from([0, 1, 300, 2500]), noise=st.sampled_from([0.0, 30.0, 900.0])
)
def test_every_pixel_fires_as_its_slow_twin(seed: int, refractory: int, noise: float):
    rng = np.random.default_rng(seed)
    changes = {
        "threshold_mismatch": 0.05,
        "refractory_us": refractory,
        "shot_noise_rate_hz": noise,
        "leak_rate_hz": noise,
    }
    pixels, same_noise = sensor(3, 2, seed, **changes), sensor(3, 2, seed, **changes)
    view = rng.normal(0.0, 0.5, (2, 3)).astype(np.float32)
    pixels.reset(view, 0)
    twins = [
        ReferencePixel(float(on), float(off), refractory, float(level), 0)
        for on, off, level in zip(pixels.on, pixels.off, view.ravel(), strict=True)
    ]
    now = 0
    for _ in range(12):
        begin, now = now, now + int(rng.integers(1, 4000))
        change = rng.normal(0.0, 0.6, (2, 3)) * (rng.random((2, 3)) < 0.6)
        view = (view + change).astype(np.float32)
        events = pixels.update(view, now)
        spurious = same_noise.draw_noise(begin, now)
        row = np.repeat([0, 1], np.diff(spurious.first))
        for p, twin in enumerate(twins):
            mine = np.flatnonzero((spurious.x == p % 3) & (row == p // 3))
            expected = twin.run(
                float(view.ravel()[p]), now, [(int(spurious.t[k]), int(spurious.on[k])) for k in mine]
            )  # fmt: skip
            here = (events.x == p % 3) & (events.y == p // 3)
            assert events.t[here].tolist() == [t for t, _ in expected]
            assert events.polarity[here].tolist() == [polarity for _, polarity in expected]
        assert np.all((events.t >= begin) & (events.t < now))
        assert np.all(np.diff(events.t) >= 0)


def test_the_same_seed_gives_the_same_events():
    def run(seed: int) -> Events:
        pixels = sensor(16, 16, seed, threshold_mismatch=0.05, shot_noise_rate_hz=50.0, refractory_us=100)
        pixels.reset(flat(0.0, 16, 16), 0)
        return Events.concatenate([pixels.update(flat(k % 3, 16, 16), 900 * k) for k in range(1, 9)])

    first, second, other = run(3), run(3), run(4)
    assert first.equals(second)
    assert not np.array_equal(first.t, other.t)


def test_bad_arguments_are_refused():
    pixels = sensor()
    pixels.reset(flat(0.0), 500)
    with pytest.raises(ValueError, match="shape"):
        pixels.update(np.zeros((4, 3), np.float32), 1000)
    with pytest.raises(ValueError, match="t_us"):
        pixels.update(flat(0.0), 500)
    with pytest.raises(ValueError, match="finite"):
        pixels.update(flat(np.nan), 1000)
    with pytest.raises(ValueError, match="width"):
        sensor(0, 3)
