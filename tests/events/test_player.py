"""Playing a recording: windows without gaps, from any time, again and again, with a bag's other messages."""

from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.bags.raw_messages import RawMessage
from snn_core.events.events import Events
from snn_core.events.player import Player
from tests.events.bags import bags
from tests.events.streams import random_events

SENSOR = 64, 48
WINDOW_US = 5000


@pytest.fixture
def events() -> Events:
    return random_events(np.random.default_rng(3), 5000, *SENSOR, 1_000_000, 20.0)


@pytest.fixture
def bag(tmp_path: Path, events: Events) -> Path:
    """A rosbag2 that holds the events, and a message of another topic each 10 ms of the recorder's clock."""
    return write_bag(tmp_path / "bag", events)


def write_bag(path: Path, events: Events) -> Path:
    """The recorder's clock is 1 s ahead of the sensor's."""
    shift_ns = 10**9
    parts = bags.cut_into(events, 20)
    packets = [
        bags.packet(part, *SENSOR, seq, log_ns=1000 * int(part.t[0]) + shift_ns) for seq, part in enumerate(parts)
    ]
    begin_ns = packets[0].time_ns
    others = [bags.imu(begin_ns + 10_000_000 * n + 1, float(n)) for n in range(10)]
    return bags.write_rosbag2(path, sorted([*packets, *others], key=lambda sent: sent.time_ns))


def number_of(message: RawMessage) -> int:
    return round(bags.ROS2.deserialize_cdr(message.data, message.type).angular_velocity.x)


def test_windows_follow_each_other_and_hold_all_events(bag: Path, events: Events) -> None:
    player = Player(bag, WINDOW_US)
    played = list(player)
    assert played[0].begin_us == events.t[0] == player.first_us
    assert all(second.begin_us == first.end_us == first.begin_us + WINDOW_US for first, second in pairwise(played))
    assert Events.concatenate([window.events for window in played]).equals(events)
    assert [window.is_last for window in played] == [False] * (len(played) - 1) + [True]
    assert player.next_begin_us is None
    player.close()


def test_other_messages_come_in_the_window_of_their_time(bag: Path) -> None:
    player = Player(bag, WINDOW_US)
    assert set(player.other_topics) == {"/imu"}
    times = [(window.begin_us, number_of(message)) for window in player for message in window.messages]
    assert len(times) == 10
    # Message n was recorded 10 n ms after the first packet.
    assert [begin // WINDOW_US - player.first_us // WINDOW_US for begin, _ in times] == [2 * n for _, n in times]
    assert Player(bag, WINDOW_US, other_topics=False).other_topics == {}


def test_seek_goes_on_with_the_first_event_from_there(bag: Path, events: Events) -> None:
    player = Player(bag, WINDOW_US)
    next(player)
    player.seek(0.05)
    rest = list(player)
    expected = events[events.t >= events.t[0] + 50_000]
    assert Events.concatenate([window.events for window in rest]).equals(expected)
    assert rest[0].begin_us == expected.t[0]
    assert next(number_of(message) for window in rest for message in window.messages) == 5


def test_seek_beyond_the_end_changes_nothing(bag: Path, events: Events) -> None:
    player = Player(bag, WINDOW_US)
    first = next(player)
    with pytest.raises(UserError, match=r"bag: no events from 1000 s on$"):
        player.seek(1000.0)
    again = [first, *player]
    assert Events.concatenate([window.events for window in again]).equals(events)


def test_a_loop_begins_anew(bag: Path) -> None:
    once = [window.begin_us for window in Player(bag, WINDOW_US)]
    player = Player(bag, WINDOW_US, loop=True)
    looped = list(islice(player, 2 * len(once)))
    assert [window.begin_us for window in looped] == 2 * once
    assert not any(window.is_last for window in looped)
    player.loop = False
    assert sum(1 for _ in player) == len(once)
