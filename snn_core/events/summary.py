"""What there is to say about a recording, found in one pass over its events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.events import Events
from snn_core.events.filters.hot_pixels import find_hot_pixels
from snn_core.events.recordings import Recording

RATE_WINDOW_US = 10_000
"""The peak rate is that of the busiest of the windows of this length that follow each other from the first event on."""
MIN_JUMP_US = 1_000_000
SHOWN_HOT_PIXELS = 20
BAND_ROWS = 32

EVENTS, ON, SUM_X, SUM_Y, FIRST, LAST, WINDOW_END, IN_WINDOW, PEAK, JUMPS, LONGEST_GAP, STATE_SIZE = range(12)


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """What is in a recording.

    format, camera: as the file says. width, height: size of the sensor, pixels.
    triggers: external triggers, of all channels, both edges.
    first_us, last_us: us, None without events. duration_s: s, from the first event to the last.
    mean_rate_hz, peak_rate_hz: events a second, over the duration, and in the busiest 10 ms; 0 without a duration.
    hot_pixels: how many pixels are hot, as ``find_hot_pixels`` has it. hottest_pixels: x, y and events of the first.
    time_jumps: how often nothing came for at least a second. longest_gap_us: the longest time without an event, us.
    sum_x, sum_y: sums of the coordinates, to compare readers by.
    dropped_outside, dropped_untimed, unknown_words, damaged_bytes, steps_back, restarts: see ``Recording``.
    notes: what the reader has to say.
    """

    format: str
    camera: str
    width: int
    height: int
    events: int
    on: int
    off: int
    triggers: int
    first_us: int | None
    last_us: int | None
    duration_s: float
    mean_rate_hz: float
    peak_rate_hz: float
    hot_pixels: int
    hottest_pixels: list[tuple[int, int, int]]
    time_jumps: int
    longest_gap_us: int
    sum_x: int
    sum_y: int
    dropped_outside: int
    dropped_untimed: int
    unknown_words: int
    damaged_bytes: int
    steps_back: int
    restarts: int
    notes: list[str]


class Summary:
    """Takes the batches of a recording; ``info`` says what was in them."""

    def __init__(self, width: int, height: int) -> None:
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._counts = np.zeros((height, width), np.uint32)

    def add(self, events: Events) -> None:
        """Take the next events, which lie on the sensor and are sorted by time."""
        if len(events):
            _add(events.t, events.x, events.y, events.polarity, self._state, self._counts)

    def info(self, recording: Recording) -> RecordingInfo:
        """What was in the recording."""
        state = self._state.tolist()
        events, on = state[EVENTS], state[ON]
        duration_us = state[LAST] - state[FIRST]
        duration_s = duration_us * 1e-6
        hot = _hottest(self._counts, duration_us)
        return RecordingInfo(
            format=recording.format,
            camera=recording.camera,
            width=recording.width,
            height=recording.height,
            events=events,
            on=on,
            off=events - on,
            triggers=recording.triggers,
            first_us=state[FIRST] if events else None,
            last_us=state[LAST] if events else None,
            duration_s=duration_s,
            mean_rate_hz=events / duration_s if duration_s else 0.0,
            peak_rate_hz=max(state[PEAK], state[IN_WINDOW]) * 1e6 / (min(duration_us, RATE_WINDOW_US) or np.inf),
            hot_pixels=len(hot),
            hottest_pixels=hot[:SHOWN_HOT_PIXELS],
            time_jumps=state[JUMPS],
            longest_gap_us=state[LONGEST_GAP],
            sum_x=state[SUM_X],
            sum_y=state[SUM_Y],
            dropped_outside=recording.dropped_outside,
            dropped_untimed=recording.dropped_untimed,
            unknown_words=recording.unknown_words,
            damaged_bytes=recording.damaged_bytes,
            steps_back=recording.steps_back,
            restarts=recording.restarts,
            notes=list(recording.notes),
        )


def summarise(recording: Recording) -> RecordingInfo:
    """Read a recording to its end and say what is in it. Raises UserError where nothing can be read."""
    summary = Summary(recording.width, recording.height)
    for events in recording:
        summary.add(events)
    return summary.info(recording)


def _hottest(counts: NDArray[np.uint32], duration_us: int) -> list[tuple[int, int, int]]:
    """x, y and events of the hot pixels, the hottest first."""
    rows: list[tuple[int, int, int]] = []
    height = len(counts)
    for begin in range(0, height, BAND_ROWS):
        # A band at a time, with a row more on either side to compare with, takes little memory.
        first, end = max(begin - 1, 0), min(begin + BAND_ROWS + 1, height)
        hot = find_hot_pixels(counts[first:end], duration_us)[begin - first : begin - first + BAND_ROWS]
        y, x = np.nonzero(hot)
        y += begin
        rows += zip(x.tolist(), y.tolist(), counts[y, x].tolist(), strict=True)
    return sorted(rows, key=lambda row: (-row[2], row[1], row[0]))


@njit(cache=True, nogil=True)
def _add(t, x, y, polarity, state, counts):
    n = len(t)
    on = sum_x = sum_y = np.int64(0)
    for i in range(n):
        on += polarity[i]
    for i in range(n):
        sum_x += x[i]
    for i in range(n):
        sum_y += y[i]
    for i in range(n):
        counts[y[i], x[i]] += 1
    if state[EVENTS] == 0:
        state[FIRST] = state[LAST] = t[0]
        state[WINDOW_END] = t[0] + RATE_WINDOW_US
    last, window_end, in_window = state[LAST], state[WINDOW_END], state[IN_WINDOW]
    for i in range(n):
        gap = t[i] - last
        if gap > state[LONGEST_GAP]:
            state[LONGEST_GAP] = gap
        state[JUMPS] += gap >= MIN_JUMP_US
        last = t[i]
        if last >= window_end:
            state[PEAK] = max(state[PEAK], in_window)
            in_window = 0
            window_end += ((last - window_end) // RATE_WINDOW_US + 1) * RATE_WINDOW_US
        in_window += 1
    state[EVENTS] += n
    state[ON] += on
    state[SUM_X] += sum_x
    state[SUM_Y] += sum_y
    state[LAST], state[WINDOW_END], state[IN_WINDOW] = last, window_end, in_window
