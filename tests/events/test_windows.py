"""Windows of a recording: every event once, in its window, whatever the batches."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.events import Events
from snn_core.events.windows import windows


def events_at(times: list[int]) -> Events:
    n = len(times)
    return Events(np.array(times, np.int64), np.zeros(n, np.uint16), np.zeros(n, np.uint16), np.zeros(n, np.uint8))


@given(st.lists(st.integers(10**15, 10**15 + 2000)), st.integers(1, 300), st.lists(st.integers(0, 30)))
def test_windows_hold_every_event_once_and_follow_each_other(times, window_us, cuts):
    times = sorted(times)
    bounds = [0, *sorted(min(cut, len(times)) for cut in cuts), len(times)]
    batches = [events_at(times[a:b]) for a, b in pairwise(bounds)]
    found = list(windows(batches, window_us))

    assert [t for window in found for t in window.events.t.tolist()] == times
    for window in found:
        assert window.end_us == window.begin_us + window_us
        assert all(window.begin_us <= t < window.end_us for t in window.events.t.tolist())
    for one, other in pairwise(found):
        assert other.begin_us == one.end_us
    if times:
        assert found[0].begin_us == times[0]
        assert found[-1].begin_us <= times[-1] < found[-1].end_us
    else:
        assert not found
