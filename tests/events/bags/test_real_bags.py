"""The real bags give the figures of ../shared/data/README.md."""

from pathlib import Path

import pytest

from snn_core.events.bags.bag_recording import BagRecording
from snn_core.events.summary import summarise

pytestmark = pytest.mark.recordings


def test_evt3(recordings: Path):
    for path in (recordings / "bag_evt3_640x480", recordings / "bag_evt3_640x480" / "test_events_1.db3"):
        with BagRecording(path) as recording:
            info = summarise(recording)
        assert (info.events, info.on, info.sum_x, info.sum_y) == (343474, 125183, 116731888, 80879209)
        assert (info.first_us, info.last_us) == (7139845, 9218023)
        assert (info.width, info.height) == (640, 480)
        assert (info.dropped_outside, info.steps_back) == (0, 0)
        assert (recording.triggers, recording.lost_packets, recording.dropped_messages) == (4157, 0, 0)
        assert recording.topic == "/event_camera/events"
        assert recording.notes == []


def test_libcaer(recordings: Path):
    with BagRecording(recordings / "bag_libcaer_640x480") as recording:
        info = summarise(recording)
    assert (info.events, info.on, info.sum_x, info.sum_y) == (334331, 181908, 111651612, 82801007)
    assert (info.width, info.height) == (640, 480)
    assert (info.dropped_outside, info.steps_back) == (0, 0)
    assert (recording.lost_packets, recording.dropped_messages) == (0, 0)
    assert recording.notes == []
