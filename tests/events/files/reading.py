"""How the tests read recordings."""

from pathlib import Path

import numpy as np

from snn_core.events.events import Events
from snn_core.events.recordings import Recording, open_recording

COUNTERS = ("dropped_outside", "dropped_untimed", "unknown_words", "damaged_bytes", "steps_back", "restarts")


def read(path: Path, size: tuple[int, int] | None = None) -> tuple[Events, Recording]:
    """All events of a recording, which are checked, and the recording, closed."""
    with open_recording(path, size) as recording:
        events = Events.concatenate(list(recording))
    check(events, recording)
    assert recording.fraction_read == 1.0
    return events, recording


def check(events: Events, recording: Recording) -> None:
    """What holds of every recording's events, whatever the file."""
    assert np.all(events.t[1:] >= events.t[:-1])
    assert np.all(events.x < recording.width)
    assert np.all(events.y < recording.height)
    assert np.all(events.polarity <= 1)


def counts(recording: Recording) -> dict[str, int]:
    """What was dropped and held, as far as anything was."""
    return {name: value for name in COUNTERS if (value := getattr(recording, name))}
