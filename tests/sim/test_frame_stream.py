"""A camera's stream of frames: as FrameEvents has it, until something happens to it."""

import numpy as np
import pytest

from snn_core.sim.frame_stream import DvsEmulatorParameters, FrameStream, FrameWindow
from snn_core.sim.frames import FrameEvents

PARAMETERS = DvsEmulatorParameters(seed=5, max_gap_ms=500.0)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 20, 30), np.uint8)


def window(stream: FrameStream, image: np.ndarray, t_us: int) -> FrameWindow:
    taken = stream.take(image, t_us)
    assert taken is not None
    return taken


def test_the_events_of_the_frames() -> None:
    stream = FrameStream(PARAMETERS)
    frames = FrameEvents(PARAMETERS.pixel, 30, 20, 5)
    first = window(stream, IMAGES[0], 1000)
    assert (first.begin_us, first.end_us, len(first.events)) == (1000, 1000, 0)
    assert first.remark == "30 x 20 px of 8 bits"
    frames.reset(IMAGES[0], 1000)
    for k, image in enumerate(IMAGES[1:], 1):
        taken, expected = window(stream, image, 1000 + 20_000 * k), frames.update(image, 1000 + 20_000 * k)
        assert (taken.begin_us, taken.end_us, taken.remark) == (20_000 * k - 19_000, 1000 + 20_000 * k, "")
        assert taken.events.t.size > 300
        assert taken.events.equals(expected)
    assert (stream.dropped, stream.restarts) == (0, 0)


def test_a_frame_that_is_not_later_is_dropped() -> None:
    """As if it had not been there."""
    stream, undisturbed = FrameStream(PARAMETERS), FrameStream(PARAMETERS)
    for each in (stream, undisturbed):
        each.take(IMAGES[0], 0)
        each.take(IMAGES[1], 900_000)
    for t in (900_000, 890_000, 890_000, 880_000):
        assert stream.take(IMAGES[2], t) is None
    assert (stream.dropped, stream.restarts) == (4, undisturbed.restarts)
    assert window(stream, IMAGES[3], 910_000).events.equals(window(undisturbed, IMAGES[3], 910_000).events)


@pytest.mark.parametrize("back_us", [1_000_001, 5_000_000])
def test_a_clock_that_goes_far_back_begins_anew(back_us: int) -> None:
    stream = FrameStream(PARAMETERS)
    stream.take(IMAGES[0], 9_000_000)
    taken = window(stream, IMAGES[1], 9_000_000 - back_us)
    assert (taken.begin_us, taken.end_us, len(taken.events)) == (9_000_000 - back_us, 9_000_000 - back_us, 0)
    assert taken.remark == f"time went back by {1e-6 * back_us:.3f} s"
    assert window(stream, IMAGES[1], 9_010_000 - back_us).events.t.size < 5  # noise
    assert window(stream, IMAGES[2], 9_020_000 - back_us).events.t.size > 300
    assert (stream.dropped, stream.restarts) == (0, 1)


def test_a_clock_that_goes_a_little_back_and_on_from_there_begins_anew() -> None:
    stream = FrameStream(PARAMETERS)
    stream.take(IMAGES[0], 400_000)
    assert stream.take(IMAGES[1], 0) is None
    assert window(stream, IMAGES[1], 10_000).remark == "time went back by 0.390 s"
    assert window(stream, IMAGES[2], 20_000).events.t.size > 300
    assert (stream.dropped, stream.restarts) == (1, 1)


def test_after_a_gap_the_frame_is_the_reference() -> None:
    stream = FrameStream(PARAMETERS)
    stream.take(IMAGES[0], 0)
    assert window(stream, IMAGES[1], 500_000).events.t.size > 300
    taken = window(stream, IMAGES[2], 1_000_001)
    assert (taken.begin_us, len(taken.events)) == (1_000_001, 0)
    assert taken.remark == "no image for 0.500 s of the camera's time"
    assert window(stream, IMAGES[2], 1_010_000).events.t.size < 5


def test_another_size_or_type_begins_anew() -> None:
    stream = FrameStream(PARAMETERS)
    stream.take(IMAGES[0], 0)
    turned = window(stream, IMAGES[1].T, 10_000)
    assert (turned.remark, len(turned.events)) == ("20 x 30 px of 8 bits", 0)
    assert window(stream, IMAGES[2].T, 20_000).events.t.size > 300
    words = IMAGES[2].T.astype(np.uint16)
    assert window(stream, words, 30_000).remark == "20 x 30 px of 16 bits"
    assert window(stream, 257 * words, 40_000).events.t.size > 300
    assert stream.restarts == 2
