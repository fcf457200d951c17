"""The events of dvs_msgs and prophesee_event_msgs, straight from the bytes of their messages.

An event has x and y (uint16), a time (seconds and nanoseconds, 32 bits each) and a polarity (bool), in this order.
Source: message definitions of dvs_msgs (https://github.com/uzh-rpg/rpg_dvs_ros) and prophesee_event_msgs.
"""

from collections.abc import Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.bags.messages import ArrayMessage
from snn_core.events.codecs.decoder import MAX_SENSOR_SIZE, uninitialised_events
from snn_core.events.events import Events
from snn_core.events.files.limits import UNTIMED
from snn_core.events.files.screen import Screen

MAX_BATCH = 2**20  # events; a message may hold many more
S_TO_NS = 10**9
MAX_SECONDS = 2**31 - 1


class EventArrayDecoder:
    """Turns the messages of one topic, in order, into events. Times are those of the messages, in whole us.

    What the events pass then, and what is counted, is said at ``Screen``; events before 0, after 2**31 s, or with 10**9
    ns or more have no time.

    width, height: size of the sensor, pixels.

    Raises UserError for a sensor size that cannot be.
    """

    def __init__(self, width: int, height: int) -> None:
        for name, value in (("width", width), ("height", height)):
            if not 1 <= value <= MAX_SENSOR_SIZE:
                raise UserError(f"sensor {name} {value}: expected 1 to {MAX_SENSOR_SIZE} pixels")
        self.screen = Screen(width, height)

    def decode(self, message: ArrayMessage) -> Iterator[Events]:
        """The events of the next message, at most ``MAX_BATCH`` or little more at a time."""
        *short, long = message.runs
        for begin in range(0, max(len(long), 1), MAX_BATCH):
            events = self.screen(unpack([*short, long[begin : begin + MAX_BATCH]]))
            short = []
            if len(events):
                yield events


def unpack(runs: list[NDArray[np.void]]) -> Events:
    """The events of ``ArrayMessage.runs`` as they stand there; one without a time has ``UNTIMED``."""
    events = uninitialised_events(sum(map(len, runs)))
    begin = 0
    for run in runs:
        part = events[begin : begin + len(run)]
        _unpack(run, part.t, part.x, part.y, part.polarity)
        begin += len(run)
    return events


@njit(cache=True, nogil=True)
def _unpack(events, t, x, y, polarity):
    for i in range(len(events)):
        event = events[i]
        time = np.int64(event.s) * 1_000_000 + np.int64(event.ns // np.uint32(1000))
        t[i] = UNTIMED if event.s > MAX_SECONDS or event.ns >= S_TO_NS else time
        x[i] = event.x
        y[i] = event.y
        polarity[i] = event.polarity != 0
