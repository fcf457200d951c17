"""The queue between the packets as they come and the windows of the controller."""

from collections import deque

import numpy as np
from numba import njit

from snn_core.events.events import Events

NEVER = np.iinfo(np.int64).min

KEPT, OUTSIDE, LATE, OUT_OF_ORDER = range(4)


class EventIntake:
    """Takes decoded packets in, hands out windows; events after a window's end wait for the next.

    What cannot be used is dropped and counted, never an error:

    outside: events off the sensor.
    late: events before the network's time, that is the end of the last window taken or what ``restart`` set.
    out_of_order: events before the latest one accepted.

    An event to which several apply counts once, for the first of them. All times are event times in us.
    """

    def __init__(self, width: int, height: int) -> None:
        if width < 1 or height < 1:
            raise ValueError(f"sensor of {width} x {height} pixels")
        self.width = width
        self.height = height
        self.outside = 0
        self.late = 0
        self.out_of_order = 0
        self._waiting: deque[Events] = deque()
        self._now_us = NEVER
        self._latest_us = NEVER

    def __len__(self) -> int:
        """The number of events that wait."""
        return sum(len(part) for part in self._waiting)

    @property
    def latest_us(self) -> int | None:
        """Time of the latest event accepted, us; None before the first."""
        return None if self._latest_us == NEVER else self._latest_us

    def push(self, events: Events) -> int:
        """Let the events of a packet wait for their window; returns how many were accepted.

        The arrays are kept where all events are accepted, so the caller must not write to them afterwards.
        """
        fate = np.empty(len(events), np.uint8)
        counts = np.zeros(4, np.int64)
        latest = _judge(
            events.t, events.x, events.y, self.width, self.height, self._now_us, self._latest_us, fate, counts
        )
        kept, outside, late, out_of_order = counts.tolist()
        self.outside += outside
        self.late += late
        self.out_of_order += out_of_order
        self._latest_us = int(latest)
        if kept:
            self._waiting.append(events if kept == len(events) else events[fate == KEPT])
        return kept

    def take(self, end_us: int) -> Events:
        """All waiting events with t < ``end_us``, in order of time; ``end_us`` becomes the network's time.

        Raises ValueError when ``end_us`` lies before the network's time.
        """
        if end_us < self._now_us:
            raise ValueError(f"window ends at {end_us} us, before the network's time {self._now_us} us")
        self._now_us = end_us
        taken = []
        while self._waiting and self._waiting[0].t[0] < end_us:
            part = self._waiting.popleft()
            cut = int(np.searchsorted(part.t, end_us))
            taken.append(part[:cut])
            if cut < len(part):
                self._waiting.appendleft(part[cut:])
        return Events.concatenate(taken)

    def clear(self) -> None:
        """The stream restarts: forget what waits, without counting it as dropped, and all times."""
        self._waiting.clear()
        self._now_us = self._latest_us = NEVER

    def restart(self, start_us: int) -> None:
        """Set the network's time: the next window begins at ``start_us``.

        Forward, waiting events before it are dropped. Backward, the stream has restarted: all waiting events are
        dropped and the order is no longer compared with the old ones. What is dropped counts as late.
        """
        waiting = len(self)
        if start_us < self._now_us:
            self._waiting.clear()
            self._now_us = start_us
            self._latest_us = NEVER
            self.late += waiting
        else:
            self.late += len(self.take(start_us))


@njit(cache=True, nogil=True)
def _judge(t, x, y, width, height, now, latest, fate, counts):
    """Write the fate of each event, and how many have each; returns the time of the latest that is kept."""
    for i in range(len(t)):
        if x[i] >= width or y[i] >= height:
            fate[i] = OUTSIDE
        elif t[i] < now:
            fate[i] = LATE
        elif t[i] < latest:
            fate[i] = OUT_OF_ORDER
        else:
            fate[i] = KEPT
            latest = t[i]
        counts[fate[i]] += 1
    return latest
