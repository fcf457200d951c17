"""What every file's events pass: off the sensor they are dropped, and times never run backwards."""

import numpy as np
from numba import njit

from snn_core.events.events import Events
from snn_core.events.files.limits import MAX_TIME

MAX_STEP_BACK = 1_000_000  # us
"""A larger step back is not a sensor's noise: the clock restarted, or one event was far ahead."""
NEVER = -(2**62)  # before all times
LATEST, BEFORE, PREVIOUS, SHIFT, ANEW, DROPPED_OUTSIDE, DROPPED_UNTIMED, STEPS_BACK, RESTARTS, STATE_SIZE = range(10)


class Screen:
    """Lets events of one recording through, in order, batch by batch.

    Events off the sensor and events without a time are dropped. A time before the latest is clamped to it. Where it is
    more than ``MAX_STEP_BACK`` before it, there are two cases. The one event before this one was that far ahead of the
    rest: its time is taken back to the rest's. Or the clock restarted: all times from here on are shifted so that time
    goes on.

    width, height: size of the sensor, pixels.

    dropped_outside, dropped_untimed: events off the sensor, events without a time (``UNTIMED``, or over ``MAX_TIME``).
    steps_back: times that lay before the one that preceded them. restarts: how often the clock restarted.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._state[[LATEST, BEFORE, PREVIOUS]] = NEVER

    @property
    def dropped_outside(self) -> int:
        return int(self._state[DROPPED_OUTSIDE])

    @property
    def dropped_untimed(self) -> int:
        return int(self._state[DROPPED_UNTIMED])

    @property
    def steps_back(self) -> int:
        return int(self._state[STEPS_BACK])

    @property
    def restarts(self) -> int:
        return int(self._state[RESTARTS])

    def begin_anew(self) -> None:
        """The camera's clock was reset: if the next event lies before the latest, the clock restarted."""
        self._state[ANEW] = 1

    def __call__(self, events: Events) -> Events:
        """The events that come through; the arrays given are written to and belong to what is returned."""
        arrays = (events.t, events.x, events.y, events.polarity)
        if _is_clean(*arrays[:3], self.width, self.height, self._state):
            return events
        return events[: _screen(*arrays, self.width, self.height, self._state)]


@njit(cache=True, nogil=True)
def _is_clean(t, x, y, width, height, state):
    """Whether nothing needs to be dropped or clamped, as in most batches; plain loops, which LLVM vectorises."""
    n = len(t)
    if n == 0:
        return True
    faults = 0
    for i in range(1, n):
        faults += t[i] < t[i - 1]
    for i in range(n):
        faults += x[i] >= width
    for i in range(n):
        faults += y[i] >= height
    if faults or state[SHIFT] or state[ANEW] or t[0] < state[LATEST] or t[0] < -MAX_TIME or t[n - 1] > MAX_TIME:
        return False
    before = state[LATEST]
    for i in range(n - 1, -1, -1):
        if t[i] < t[n - 1]:
            before = t[i]
            break
    if before < t[n - 1]:
        state[BEFORE] = before
    state[LATEST] = state[PREVIOUS] = t[n - 1]
    return True


@njit(cache=True, nogil=True)
def _screen(t, x, y, polarity, width, height, state):
    latest, before, previous, shift = state[LATEST], state[BEFORE], state[PREVIOUS], state[SHIFT]
    kept = 0
    ahead = -1  # the event that alone has the latest time, if it is of this batch
    for i in range(len(t)):
        if x[i] >= width or y[i] >= height:
            state[DROPPED_OUTSIDE] += 1
            continue
        if t[i] < -MAX_TIME or t[i] > MAX_TIME:
            state[DROPPED_UNTIMED] += 1
            continue
        time = t[i] + shift
        state[STEPS_BACK] += time < previous
        if time < latest - (0 if state[ANEW] else MAX_STEP_BACK):
            if not state[ANEW] and ahead >= 0 and time >= before - MAX_STEP_BACK:
                latest = time if before == NEVER else before
                t[ahead] = latest
            else:
                state[RESTARTS] += 1
                shift += latest - time
                time = latest
        state[ANEW] = 0
        previous = time
        if time > latest:
            before = latest
            latest = time
            ahead = kept
        else:
            ahead = -1
        t[kept] = latest
        x[kept] = x[i]
        y[kept] = y[i]
        polarity[kept] = polarity[i]
        kept += 1
    state[LATEST], state[BEFORE], state[PREVIOUS], state[SHIFT] = latest, before, previous, shift
    return kept
