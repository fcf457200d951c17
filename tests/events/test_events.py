import numpy as np
import pytest

from snn_core.events.events import Events
from tests.events.streams import as_tuples, make_events, random_events

EVENTS = make_events([(10, 1, 2, 1), (20, 3, 4, 0), (20, 5, 6, 1)])


def test_slice_is_a_view_and_mask_selects():
    part = EVENTS[1:]
    assert len(part) == 2
    assert np.shares_memory(part.t, EVENTS.t)
    assert as_tuples(EVENTS[EVENTS.polarity == 1]) == [(10, 1, 2, 1), (20, 5, 6, 1)]


def test_arrays_are_kept_as_given():
    assert Events(EVENTS.t, EVENTS.x, EVENTS.y, EVENTS.polarity).x is EVENTS.x


def test_concatenate_restores_the_pieces_of_a_cut_stream():
    events = random_events(np.random.default_rng(1), 100, 64, 48)
    assert Events.concatenate([events[:30], Events.empty(), events[30:]]).equals(events)
    assert Events.concatenate([events]) is events
    assert Events.concatenate([]).equals(Events.empty())


def test_equality_sees_every_field():
    for changed in [(11, 1, 2, 1), (10, 0, 2, 1), (10, 1, 0, 1), (10, 1, 2, 0)]:
        assert not EVENTS.equals(make_events([changed, (20, 3, 4, 0), (20, 5, 6, 1)]))
    assert not EVENTS.equals(EVENTS[:2])


@pytest.mark.parametrize(
    ("field", "array", "message"),
    [
        ("t", np.zeros(3, np.int32), "t must be a 1-d array of int64, found int32, 1-d"),
        ("x", np.zeros((3, 1), np.uint16), "x must be a 1-d array of uint16, found uint16, 2-d"),
        ("y", [1, 2, 3], "y must be a 1-d array of uint16, found list"),
        ("polarity", np.zeros(2, np.uint8), "equal length, found t 3, x 3, y 3, polarity 2"),
    ],
)
def test_wrong_arrays_are_refused(field, array, message):
    arrays = {name: getattr(EVENTS, name) for name in ("t", "x", "y", "polarity")} | {field: array}
    with pytest.raises(ValueError, match=message):
        Events(**arrays)
