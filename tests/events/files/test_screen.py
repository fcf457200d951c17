import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.events import Events
from snn_core.events.files.limits import UNTIMED
from snn_core.events.files.screen import Screen
from snn_core.events.files.unroll import Unroller
from tests import reference_files
from tests.events.streams import as_tuples, make_events

COUNTERS = ("dropped_outside", "dropped_untimed", "steps_back", "restarts")
S = 1_000_000

times = st.one_of(
    st.integers(0, 3000),
    st.integers(0, 10 * S),
    st.integers(-5, 5).map(lambda k: k * 10**12),
    st.sampled_from([UNTIMED, 2**62, -(2**62)]),
)
rows = st.lists(st.tuples(times, st.integers(0, 9), st.integers(0, 9), st.integers(0, 1)), max_size=30)


def screened(batches: list[list[tuple[int, int, int, int]]], width: int = 8, height: int = 8):
    screen = Screen(width, height)
    events = Events.concatenate([screen(make_events(batch)) for batch in batches])
    return as_tuples(events), screen


@given(rows)
def test_kernel_and_twin_agree(rows):
    kept, screen = screened([rows])
    expected, counts = reference_files.screen(rows, 8, 8)
    assert kept == expected
    assert {name: getattr(screen, name) for name in COUNTERS} == {name: counts[name] for name in COUNTERS}


@given(rows, st.integers(1, 7))
def test_times_go_on_wherever_batches_end(rows, size):
    kept, screen = screened([rows[i : i + size] for i in range(0, len(rows), size)])
    assert [row[0] for row in kept] == sorted(row[0] for row in kept)
    assert len(kept) == len(rows) - screen.dropped_outside - screen.dropped_untimed


def test_small_steps_are_held():
    kept, screen = screened([[(100, 1, 1, 0), (90, 2, 2, 1)], [(95, 3, 3, 1), (101, 1, 1, 1)]])
    assert [row[0] for row in kept] == [100, 100, 100, 101]
    assert (screen.steps_back, screen.restarts) == (1, 0)


def test_one_event_far_ahead_is_taken_back():
    kept, screen = screened([[(100, 1, 1, 0), (50 * S, 2, 2, 1), (110, 3, 3, 1), (120, 1, 1, 1)]])
    assert [row[0] for row in kept] == [100, 100, 110, 120]
    assert (screen.steps_back, screen.restarts) == (1, 0)
    assert [row[0] for row in screened([[(50 * S, 2, 2, 1), (110, 3, 3, 1)]])[0]] == [110, 110]


def test_a_clock_that_begins_anew_goes_on():
    kept, screen = screened([[(50 * S, 1, 1, 0), (51 * S, 1, 1, 0), (51 * S, 1, 1, 0), (0, 1, 1, 0)], [(7, 1, 1, 1)]])
    assert [row[0] for row in kept] == [50 * S, 51 * S, 51 * S, 51 * S, 51 * S + 7]
    assert (screen.steps_back, screen.restarts) == (1, 1)


def test_a_clock_that_is_said_to_begin_anew_goes_on_after_a_small_step():
    screen = Screen(8, 8)
    screen(make_events([(500, 1, 1, 0)]))
    screen.begin_anew()
    assert screen(make_events([(0, 1, 1, 0), (10, 1, 1, 0)])).t.tolist() == [500, 510]
    assert screen.restarts == 1


@given(
    st.lists(
        st.integers(0, 2**32 - 1).flatmap(lambda t: st.sampled_from([t, t % 1000, 2**32 - 1 - t % 1000])), max_size=20
    )
)
def test_unrolling_and_twin_agree(times):
    unroll = Unroller()
    array = np.array(times, np.uint32)
    assert [*unroll(array[:5]).tolist(), *unroll(array[5:]).tolist()] == reference_files.unroll(times)
