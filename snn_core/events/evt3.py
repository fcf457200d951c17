"""Encoding `evt3` of Prophesee's sensors: 16-bit words that change the pixel, the time or bring events.

    4 bits of type    12 bits of payload
    0 ADDR_Y          bits 0-10 y
    2 ADDR_X          bits 0-10 x, bit 11 polarity: one event
    3 VECT_BASE_X     bits 0-10 x, bit 11 polarity of the vector words that follow
    4 VECT_12         bit i: an event at base x + i; base x grows by 12
    5 VECT_8          the same with 8
    6 TIME_LOW        bits 0-11 of the time, us
    8 TIME_HIGH       bits 12-23 of the time, us
    A EXT_TRIGGER     skipped here, as are 7 and F CONTINUED (more data of the word before) and E OTHERS (vendor's own)

Source: Prophesee, "EVT 3.0 Format", data encoding formats, https://docs.prophesee.ai/stable/data/encoding_formats/evt3.html

The 24-bit time rolls over every 16.8 s. Sensors also step back by some us at times; a step back is held at the latest
time, and only one of more than half the range is a rollover. A step back over a rollover looks like one ahead of almost
the whole range: it is taken for a step back when it is one of at most ``MAX_STEP_OVER_ROLLOVER`` us.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.decoder import Decoder
from snn_core.events.events import Events

TIME_RANGE = 2**24  # us
MAX_STEP_OVER_ROLLOVER = 2**16  # us

ADDR_Y, ADDR_X, VECT_BASE_X, VECT_12, VECT_8, TIME_LOW = 0, 2, 3, 4, 5, 6
CONTINUED_4, TIME_HIGH, EXT_TRIGGER, OTHERS, CONTINUED_12 = 7, 8, 10, 14, 15

UNKNOWN = 2**15  # off every sensor, so that events of an unknown pixel are dropped
NEVER = -1  # before all times of the format

Y, BASE_X, POLARITY, HIGH, LOW, TIME_IS_NEW, LATEST, PREVIOUS = range(8)
DROPPED, UNKNOWN_WORDS, STEPS_BACK, TRIGGERS, STATE_SIZE = range(8, 13)


class Evt3Decoder(Decoder):
    """Decoder of `evt3`. Times are the sensor's, unrolled; ``time_base_ns`` is not used.

    The first TIME_HIGH begins the time. A TIME_HIGH after which an event comes without a TIME_LOW keeps the low bits.
    """

    encoding = "evt3"
    word_bytes = 2
    state_size = STATE_SIZE

    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events:
        timed = 0
        if self._state[HIGH] == NEVER:
            highs = np.flatnonzero(words >> 12 == TIME_HIGH)
            timed = int(highs[0]) if len(highs) else len(words)
            self._run(words[:timed], 0)
            self.dropped_untimed += self._take(DROPPED)
        events = self._run(words[timed:], self.width)
        self.dropped_outside += self._take(DROPPED)
        self.unknown_words += self._take(UNKNOWN_WORDS)
        self.steps_back += self._take(STEPS_BACK)
        self.triggers += self._take(TRIGGERS)
        return events

    def _run(self, words: NDArray[np.unsignedinteger], width: int) -> Events:
        n = _count(words) + 1  # the kernel writes each event before it knows whether to keep it
        t, x, y = np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint16)
        polarity = np.empty(n, np.uint8)
        kept = _decode(words, width, self.height, self._state, t, x, y, polarity)
        return Events(t[:kept], x[:kept], y[:kept], polarity[:kept])

    def _reset_time(self) -> None:
        self._state[[HIGH, LATEST, PREVIOUS]] = NEVER
        self._state[[LOW, TIME_IS_NEW]] = 0

    def _reset_pixel(self) -> None:
        self._state[[Y, BASE_X]] = UNKNOWN


@njit(cache=True, nogil=True)
def _count(words):
    """How many events the words can bring."""
    n = 0
    for word in words:
        kind = word >> 12
        if kind == ADDR_X:
            n += 1
        elif kind == VECT_12 or kind == VECT_8:
            bits = np.int64(word) & (0xFFF if kind == VECT_12 else 0xFF)
            while bits:
                bits &= bits - 1
                n += 1
    return n


@njit(cache=True, nogil=True)
def _unroll(time, latest):
    """The unrolled time, us, of a 24-bit time that comes after ``latest``; it may lie before it."""
    ahead = time - latest % TIME_RANGE
    if ahead < -(TIME_RANGE // 2):
        ahead += TIME_RANGE
    elif ahead >= TIME_RANGE - MAX_STEP_OVER_ROLLOVER:
        ahead -= TIME_RANGE
    return latest + ahead


@njit(cache=True, nogil=True)
def _decode(words, width, height, state, t, x, y, polarity):
    row, base, base_polarity = state[Y], state[BASE_X], state[POLARITY]
    high, low, latest, previous = state[HIGH], state[LOW], state[LATEST], state[PREVIOUS]
    time_is_new = state[TIME_IS_NEW] != 0
    kept = 0
    for word in words:
        kind = word >> 12
        payload = np.int64(word) & 0xFFF
        if kind == ADDR_Y:
            row = payload & 0x7FF
        elif kind == TIME_HIGH:
            time_is_new |= payload != high
            high = payload
        elif kind == VECT_BASE_X:
            base = payload & 0x7FF
            base_polarity = payload >> 11
        elif kind == CONTINUED_4 or kind == CONTINUED_12 or kind == OTHERS:
            pass
        elif kind == EXT_TRIGGER:
            state[TRIGGERS] += 1
        elif kind == TIME_LOW or kind == ADDR_X or kind == VECT_12 or kind == VECT_8:
            if kind == TIME_LOW:
                low = payload
                time_is_new = high != NEVER
            # A new TIME_HIGH counts with the TIME_LOW after it: with the old low bits it would run ahead.
            if time_is_new:
                time = high << 12 | low
                if latest != NEVER:
                    time = _unroll(time, latest)
                state[STEPS_BACK] += time < previous
                previous = time
                latest = max(latest, time)
                time_is_new = False
            if kind == ADDR_X:
                column = payload & 0x7FF
                inside = column < width and row < height
                t[kept] = latest
                x[kept] = column
                y[kept] = row
                polarity[kept] = payload >> 11
                kept += inside
                state[DROPPED] += not inside
            elif kind != TIME_LOW:
                size = 12 if kind == VECT_12 else 8
                for i in range(size):
                    if payload >> i & 1:
                        inside = base + i < width and row < height
                        t[kept] = latest
                        x[kept] = base + i
                        y[kept] = row
                        polarity[kept] = base_polarity
                        kept += inside
                        state[DROPPED] += not inside
                base += size
        else:
            state[UNKNOWN_WORDS] += 1
    state[Y], state[BASE_X], state[POLARITY] = row, base, base_polarity
    state[HIGH], state[LOW], state[TIME_IS_NEW] = high, low, time_is_new
    state[LATEST], state[PREVIOUS] = latest, previous
    return kept
