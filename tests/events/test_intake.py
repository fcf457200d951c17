from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.events import Events
from snn_core.events.intake import EventIntake
from tests.events.streams import as_tuples, make_events, random_events
from tests.reference import window

WIDTH, HEIGHT = 64, 48
ANY_EVENT = st.tuples(st.integers(0, 300), st.integers(0, WIDTH + 5), st.integers(0, HEIGHT + 5), st.integers(0, 1))
PACKETS = st.lists(st.lists(ANY_EVENT, max_size=20), max_size=8)


def test_events_after_the_end_wait_for_the_next_window():
    intake = EventIntake(WIDTH, HEIGHT)
    rows = [(10, 1, 1, 1), (49, 2, 2, 0), (50, 3, 3, 1), (120, 4, 4, 0)]
    assert intake.push(make_events(rows)) == 4
    assert as_tuples(intake.take(50)) == rows[:2]
    assert as_tuples(intake.take(100)) == rows[2:3]
    assert len(intake) == 1
    assert as_tuples(intake.take(150)) == rows[3:]
    assert len(intake.take(200)) == 0


@given(st.integers(0, 2**31), st.lists(st.integers(1, 400), max_size=6))
def test_windows_do_not_depend_on_how_the_stream_was_cut(seed, cuts):
    events = random_events(np.random.default_rng(seed), 400, WIDTH, HEIGHT)
    intake = EventIntake(WIDTH, HEIGHT)
    edges = [0, *sorted(cuts), 400]
    for a, b in pairwise(edges):
        assert intake.push(events[a:b]) == b - a
    for end_us in range(50, 2000, 50):
        assert as_tuples(intake.take(end_us)) == window(as_tuples(events), end_us - 50, end_us)
    assert (intake.outside, intake.late, intake.out_of_order) == (0, 0, 0)


def test_each_reason_to_drop_is_counted():
    intake = EventIntake(WIDTH, HEIGHT)
    intake.restart(100)
    rows = [(99, 0, 0, 0), (100, WIDTH, 0, 0), (100, 0, HEIGHT, 0), (150, 1, 1, 1), (140, 0, 0, 0), (150, 2, 2, 0)]
    assert intake.push(make_events(rows)) == 2
    assert (intake.outside, intake.late, intake.out_of_order) == (2, 1, 1)
    assert as_tuples(intake.take(200)) == [(150, 1, 1, 1), (150, 2, 2, 0)]
    assert intake.push(make_events([(149, 0, 0, 0), (199, 0, 0, 0), (200, 3, 3, 1)])) == 1
    assert intake.late == 3
    assert intake.latest_us == 200


@given(PACKETS, st.lists(st.integers(0, 60), max_size=8))
def test_whatever_comes_each_event_has_one_fate_and_windows_are_in_order(packets, steps):
    intake = EventIntake(WIDTH, HEIGHT)
    end_us, taken, pushed, accepted = 0, [], 0, 0
    for rows, step in zip(packets, [*steps, *[0] * 8], strict=False):
        pushed += len(rows)
        accepted += intake.push(make_events(rows))
        start_us, end_us = end_us, end_us + step
        part = as_tuples(intake.take(end_us))
        assert all(start_us <= t < end_us for t, _, _, _ in part)
        taken += part
    taken += as_tuples(intake.take(10_000))
    assert len(taken) == accepted
    assert pushed == accepted + intake.outside + intake.late + intake.out_of_order
    assert all(x < WIDTH and y < HEIGHT for _, x, y, _ in taken)
    assert [t for t, _, _, _ in taken] == sorted(t for t, _, _, _ in taken)


@given(PACKETS, st.integers(0, 200))
def test_kernel_and_rule_agree(packets, now_us):
    intake = EventIntake(WIDTH, HEIGHT)
    intake.restart(now_us)
    kept: list[tuple[int, int, int, int]] = []
    for rows in packets:
        intake.push(make_events(rows))
        for t, x, y, polarity in rows:
            if x < WIDTH and y < HEIGHT and t >= max([now_us, *(event[0] for event in kept)]):
                kept.append((t, x, y, polarity))
    assert as_tuples(intake.take(10_000)) == kept


def test_restart_forward_drops_what_is_older():
    intake = EventIntake(WIDTH, HEIGHT)
    intake.push(make_events([(10, 0, 0, 0), (60, 1, 1, 1)]))
    intake.restart(50)
    assert intake.late == 1
    assert as_tuples(intake.take(100)) == [(60, 1, 1, 1)]


def test_restart_backward_begins_a_new_stream():
    intake = EventIntake(WIDTH, HEIGHT)
    intake.push(make_events([(1000, 0, 0, 0), (1060, 1, 1, 1)]))
    intake.take(1050)
    intake.restart(0)
    assert intake.push(make_events([(10, 2, 2, 0)])) == 1
    assert as_tuples(intake.take(2000)) == [(10, 2, 2, 0)]
    assert intake.late == 1


def test_a_window_cannot_end_before_the_last():
    intake = EventIntake(WIDTH, HEIGHT)
    intake.take(100)
    intake.take(100)
    with pytest.raises(ValueError, match="window ends at 99 us, before the network's time 100 us"):
        intake.take(99)


def test_no_events_are_no_trouble():
    intake = EventIntake(WIDTH, HEIGHT)
    assert intake.push(Events.empty()) == 0
    assert intake.latest_us is None
    assert len(intake.take(0)) == 0
