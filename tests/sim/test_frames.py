"""From frames to events: the response's closed form, and the same events as event pixels that are shown log images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.sim import pixel_kernels as kernels
from snn_core.sim.event_pixel import EventPixelArray, EventPixelSpec
from snn_core.sim.frames import FrameEvents, FrameResponse


@pytest.mark.parametrize("bits", [8, 16])
def test_the_response_is_linear_in_the_dark_and_logarithmic_above(bits: int) -> None:
    table = FrameResponse(linear_below=20.0).table(bits)
    intensity = 255.0 * np.arange(2**bits) / (2**bits - 1)
    dark = intensity < 20.0
    assert table[~dark] == pytest.approx(np.log(intensity[~dark]), abs=1e-6)
    assert table[dark] == pytest.approx(intensity[dark] * np.log(20.0) / 20.0, abs=1e-6)
    assert np.all(np.diff(table) > 0)


def test_srgb_is_decoded_first() -> None:
    """128 of 255 is 0.2159 of the intensity, and 10 is on the straight part."""
    table = FrameResponse(response="srgb", linear_below=2.0).table(8)
    assert table[128] == pytest.approx(np.log(0.21586 * 255), abs=1e-4)
    assert table[10] == pytest.approx(0.5 * np.log(2.0) * 10 / 12.92, abs=1e-6)


def noisy(**changes) -> EventPixelSpec:
    return EventPixelSpec(**{"shot_noise_rate_hz": 40.0, "leak_rate_hz": 20.0, **changes})


@pytest.mark.parametrize("refractory", [0, 500])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_the_same_bits_as_event_pixels_that_see_the_log_image(kind: type, refractory: int) -> None:
    rng = np.random.default_rng(3)
    response = FrameResponse()
    spec = noisy(refractory_us=refractory)
    frames = FrameEvents(spec, 40, 30, 7, response)
    twin = EventPixelArray(spec, 40, 30, np.random.default_rng(7))
    table = response.table(8 * np.dtype(kind).itemsize)
    now, total = 1000, 0
    image = rng.integers(0, table.size, (30, 40), kind)
    frames.reset(image, now)
    twin.reset(table[image], now)
    for part in (0.0, 0.01, 0.3, 1.0, 0.5, 0.0, 1.0):
        now += int(rng.integers(1, 30_000))
        image = np.where(rng.random(image.shape) < part, rng.integers(0, table.size, image.shape, kind), image)
        events, expected = frames.update(image, now), twin.update(table[image], now)
        assert events.equals(expected)  # Events have one type for each array
        total += events.t.size
    assert total > 10_000


def test_many_events_need_more_room() -> None:
    """A pixel of the least threshold has hundreds of events from black to white, here all of them at once."""
    spec = noisy(threshold_on=0.02, threshold_off=0.02, refractory_us=0, threshold_mismatch=0.0)
    frames, table = FrameEvents(spec, 64, 48, 7), FrameResponse().table(8)
    twin = EventPixelArray(spec, 64, 48, np.random.default_rng(7))
    frames.reset(np.zeros((48, 64), np.uint8), 0)
    twin.reset(np.zeros((48, 64), np.float32), 0)
    for t, value in ((20_000, 255), (40_000, 0)):
        image = np.full((48, 64), value, np.uint8)
        events, expected = frames.update(image, t), twin.update(table[image], t)
        assert events.t.size > 64 * 48 * 270
        assert events.equals(expected)


def test_how_an_image_lies_in_memory_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 30, 40), np.uint8)
    wide = np.zeros((30, 64), np.uint8)
    wide[:, 5:45] = images[1]
    read_only = np.frombuffer(images[1].tobytes(), np.uint8).reshape(30, 40)
    found = []
    for image in (images[1], wide[:, 5:45], read_only, np.asfortranarray(images[1])):
        frames = FrameEvents(noisy(), 40, 30, 1)
        frames.reset(images[0], 0)
        found.append(frames.update(image, 10_000))
    assert all(found[0].equals(other) for other in found[1:])


@given(
    rows=st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9), st.integers(0, 1)), max_size=20)),
    interval=st.integers(31, 40),
)
def test_sorted_by_counting_as_by_numpy(rows: list[list[tuple[int, int, int]]], interval: int) -> None:
    packed = np.array(
        [t << 32 | row << 16 | x << 1 | on for row, events in enumerate(rows) for t, x, on in events], np.int64
    )
    out = np.empty_like(packed)
    kernels.sort_events(packed, np.zeros(interval, np.int32), out)
    assert np.array_equal(out, np.sort(packed))


def test_an_image_of_another_size_or_type_is_refused() -> None:
    frames = FrameEvents(noisy(), 4, 3, 0)
    image = np.zeros((3, 4), np.uint8)
    with pytest.raises(UserError, match="image: expected uint8 of 4 x 3 px, found float32 of 4 x 3"):
        frames.reset(image.astype(np.float32), 0)
    frames.reset(image, 0)
    with pytest.raises(UserError, match="expected uint8 of 4 x 3 px, found uint8 of 3 x 4"):
        frames.update(image.T, 10)
    with pytest.raises(UserError, match="expected uint8 of 4 x 3 px, found uint16"):
        frames.update(image.astype(np.uint16), 10)
    with pytest.raises(ValueError, match="t_us"):
        frames.update(image, 0)
    frames.reset(image.astype(np.uint16), 0)
    assert frames.update(image.astype(np.uint16), 10).t.size == 0
