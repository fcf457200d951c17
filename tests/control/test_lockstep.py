"""The inbox: a window is stepped once, when all of it has come, in whatever order, however often."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.control.lockstep import Episode, LockstepInbox
from snn_core.events.events import Events

WINDOW = 50_000


def events_at(*times: int) -> Events:
    n = len(times)
    return Events(np.array(times, np.int64), np.zeros(n, np.uint16), np.zeros(n, np.uint16), np.zeros(n, np.uint8))


def episode(window: int, first_seq: int, next_seq: int, begin_us: int | None = None, **changes) -> Episode:
    begin_us = window * WINDOW if begin_us is None else begin_us
    values = {
        "window": window,
        "begin_us": begin_us,
        "end_us": begin_us + WINDOW,
        "first_event_seq": first_seq,
        "next_event_seq": next_seq,
        "events": 0,
        "placed": False,
        "finished": False,
    }
    return Episode(**(values | changes))


def put_packet(inbox: LockstepInbox, seq: int, *times: int) -> None:
    if inbox.wants(seq):
        inbox.add_packet(seq, events_at(*times))


def messages_of(window: int) -> list:
    """A window with two packets, as calls on an inbox."""
    begin = window * WINDOW
    return [
        lambda inbox: put_packet(inbox, 2 * window, begin, begin + 10),
        lambda inbox: put_packet(inbox, 2 * window + 1, begin + 20),
        lambda inbox: inbox.add_episode(episode(window, 2 * window, 2 * window + 2)),
        lambda inbox: inbox.add_signals(begin + WINDOW, {"reward": float(window)}),
    ]


def take_all(inbox: LockstepInbox) -> list:
    taken = []
    while (ready := inbox.take(needs_signals=True)) is not None:
        taken.append((ready.episode.window, ready.events.t.tolist(), ready.signals))
    return taken


@given(st.data())
def test_any_order_with_repeats_gives_each_window_once(data):
    inbox, taken = LockstepInbox(4, 4), []
    for window in range(4):
        calls = messages_of(window)
        order = data.draw(st.lists(st.sampled_from(range(4)), max_size=6)) + list(data.draw(st.permutations(range(4))))
        for index in order:
            calls[index](inbox)
            taken += take_all(inbox)
        # A packet that overtook its predecessor is sent again with the window, as the source does.
        for call in calls:
            call(inbox)
            taken += take_all(inbox)
    assert taken == [(w, [w * WINDOW, w * WINDOW + 10, w * WINDOW + 20], {"reward": float(w)}) for w in range(4)]
    assert (inbox.intake.late, inbox.intake.out_of_order) == (0, 0)


def test_nothing_is_ready_while_a_part_is_missing():
    for missing in range(4):
        inbox = LockstepInbox(4, 4)
        for index, call in enumerate(messages_of(0)):
            if index != missing:
                call(inbox)
        assert inbox.take(needs_signals=True) is None
        assert (inbox.take(needs_signals=False) is not None) == (missing == 3)


def test_a_window_that_is_sent_again_is_answered_again():
    inbox = LockstepInbox(4, 4)
    for call in messages_of(0):
        call(inbox)
    assert not inbox.add_episode(episode(0, 0, 2))
    assert inbox.take(needs_signals=True) is not None
    assert inbox.add_episode(episode(0, 0, 2))
    assert inbox.take(needs_signals=True) is None


@pytest.mark.parametrize(
    "changes",
    [{"goal": 1}, {"completed": 1}, {"failed": 1}, {"state": (0.5,)}, {"finished": True}, {"placed": True}],
    ids=lambda changes: next(iter(changes)),
)
def test_an_episode_that_says_another_thing_of_the_window_is_not_the_one_that_was_answered(changes):
    inbox = LockstepInbox(4, 4)
    for call in messages_of(0):
        call(inbox)
    assert inbox.take(needs_signals=True) is not None
    assert not inbox.add_episode(episode(0, 0, 2, **changes))


def signals_of(window: int) -> dict[str, float]:
    return {"error": float(window), "error/deviation": 0.5 * window}


@pytest.mark.parametrize(("ahead", "kept"), [(16, True), (17, False)])
def test_signals_are_those_of_their_window_and_the_newest_16_are_kept(ahead, kept):
    inbox = LockstepInbox(4, 4)
    inbox.add_episode(episode(0, 0, 0))
    assert inbox.take(needs_signals=False) is not None
    for window in [2, 1, *range(3, ahead + 1)]:
        inbox.add_signals((window + 1) * WINDOW, signals_of(window))
    taken = []
    for window in (1, 2, 3):
        inbox.add_episode(episode(window, 0, 0))
        ready = inbox.take(needs_signals=False)
        assert ready is not None
        taken.append(ready.signals)
    assert taken == [signals_of(1), signals_of(2) if kept else None, signals_of(3)]


def test_events_after_the_end_wait_for_the_next_window():
    inbox = LockstepInbox(4, 4)
    put_packet(inbox, 0, 10, WINDOW - 1, WINDOW, WINDOW + 5)
    inbox.add_episode(episode(0, 0, 1))
    first = inbox.take(needs_signals=False)
    assert first is not None
    assert first.events.t.tolist() == [10, WINDOW - 1]
    put_packet(inbox, 1, WINDOW + 7)
    inbox.add_episode(episode(1, 1, 2))
    second = inbox.take(needs_signals=False)
    assert second is not None
    assert second.events.t.tolist() == [WINDOW, WINDOW + 5, WINDOW + 7]
    assert not second.joined


@pytest.mark.parametrize("packet_first", [True, False])
def test_joining_in_mid_run_starts_at_the_window_seen(packet_first):
    inbox = LockstepInbox(4, 4)
    begin = 7 * WINDOW
    if packet_first:
        put_packet(inbox, 101, begin + 20)  # its predecessor went by before the subscription was matched
    inbox.add_episode(episode(7, 100, 102))
    assert inbox.take(needs_signals=False) is None
    for seq, time_us in ((100, begin + 10), (101, begin + 20)):
        put_packet(inbox, seq, time_us)
    ready = inbox.take(needs_signals=False)
    assert ready is not None
    assert ready.joined
    assert ready.events.t.tolist() == [begin + 10, begin + 20]


def test_a_source_that_begins_anew_is_followed():
    inbox = LockstepInbox(4, 4)
    for window in range(3):
        for call in messages_of(window):
            call(inbox)
        take_all(inbox)
    streams = inbox.streams
    put_packet(inbox, 0, 5)
    inbox.add_episode(episode(0, 0, 1))
    put_packet(inbox, 0, 5)
    ready = inbox.take(needs_signals=False)
    assert ready is not None
    assert ready.joined
    assert ready.events.t.tolist() == [5]
    assert inbox.streams == streams + 1


def test_events_before_the_first_window_are_counted_and_dropped():
    inbox = LockstepInbox(4, 4)
    put_packet(inbox, 0, 3 * WINDOW - 1, 3 * WINDOW)
    inbox.add_episode(episode(3, 0, 1))
    ready = inbox.take(needs_signals=False)
    assert ready is not None
    assert ready.events.t.tolist() == [3 * WINDOW]
    assert inbox.intake.late == 1
