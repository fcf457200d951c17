"""Events to words of EVT3 (see evt3_words.py), as the sensors write them: vector words come as a base and 12, 12, 8.

The vendor's own decoder and others read no other sequence of vector words.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.codecs.encoding import MAX_SILENCE_US, WordEncoder
from snn_core.events.codecs.evt3_words import (
    ADDR_X,
    ADDR_Y,
    EXT_TRIGGER,
    TIME_HIGH,
    TIME_LOW,
    VECT_8,
    VECT_12,
    VECT_BASE_X,
)
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers

COORDINATE_BITS = 11

SPAN = 32  # pixels of the vector words 12, 12, 8
MIN_VECTOR_EVENTS = 5  # fewer take no more words one by one


def encode_evt3(events: Events, triggers: Triggers | None = None, after_us: int | None = None) -> NDArray[np.uint8]:
    """The bytes of EVT3 words, little-endian, shape (bytes,). They begin with the whole time and row.

    events, triggers: each in order of time, us; the words hold the lower 24 bits of it.
    after_us: the last time of the stream's words so far. A silence since then, or between events, is bridged by time
        words, so that a decoder knows how often the time has rolled over.

    Raises ValueError for events or triggers that are not in order or 24 hours apart. Raises it also for a pixel of
    more than 11 bits, or a channel of more than 4.
    """
    return _ENCODER.encode(events, triggers, after_us)


@njit(cache=True, nogil=True)
def _encode(t, x, y, polarity, trigger_t, channel, edge, begin, max_step, words):
    """Returns how many words there are, and the silence, us, that broke it off, or 0."""
    last, low, row, n, i, k = begin, -1, -1, np.uint64(0), np.uint64(0), 0
    while i < np.uint64(len(t)) or k < len(trigger_t):
        is_trigger = k < len(trigger_t) and (i == np.uint64(len(t)) or trigger_t[k] <= t[i])
        time = trigger_t[k] if is_trigger else t[i]
        if time - last < 0 or time - last > MAX_SILENCE_US:
            return np.int64(n), time - last
        while low < 0 or time >> 12 != last >> 12:
            last = min(time, last + max_step)
            low = last & 0xFFF
            words[n] = TIME_HIGH << 12 | (last >> 12) & 0xFFF
            words[n + np.uint64(1)] = TIME_LOW << 12 | low
            n += np.uint64(2)
        if time & 0xFFF != low:
            low = time & 0xFFF
            words[n] = TIME_LOW << 12 | low
            n += np.uint64(1)
        last = time
        if is_trigger:
            words[n] = EXT_TRIGGER << 12 | channel[k] << 8 | (edge[k] != 0)
            n += np.uint64(1)
            k += 1
            continue
        end = i
        while (
            end < np.uint64(len(t))
            and t[end] == t[i]
            and y[end] == y[i]
            and (polarity[end] != 0) == (polarity[i] != 0)
            and (end == i or x[end - np.uint64(1)] < x[end] < x[i] + SPAN)
        ):
            end += np.uint64(1)
        if end >= i + np.uint64(MIN_VECTOR_EVENTS):
            if y[i] != row:
                row = np.int64(y[i])
                words[n] = ADDR_Y << 12 | row
                n += np.uint64(1)
            base, bits = np.int64(x[i]), 0
            while i < end:
                bits |= 1 << (x[i] - base)
                i += np.uint64(1)
            words[n] = VECT_BASE_X << 12 | np.int64(polarity[i - np.uint64(1)] != 0) << 11 | base
            words[n + np.uint64(1)] = VECT_12 << 12 | bits & 0xFFF
            words[n + np.uint64(2)] = VECT_12 << 12 | (bits >> 12) & 0xFFF
            words[n + np.uint64(3)] = VECT_8 << 12 | bits >> 24
            n += np.uint64(4)
            continue
        # A loop of its own, almost without branches, for what most events are: one by one, up to the next TIME_HIGH.
        stop = np.uint64(len(t))
        if k < len(trigger_t):
            stop = i + np.uint64(np.searchsorted(t[i:], trigger_t[k]))
        high = last >> 12
        while True:
            # A word that changes nothing is written over by the next.
            words[n] = TIME_LOW << 12 | last & 0xFFF
            n += np.uint64(last & 0xFFF != low)
            low = last & 0xFFF
            words[n] = ADDR_Y << 12 | y[i]
            n += np.uint64(y[i] != row)
            row = np.int64(y[i])
            words[n] = ADDR_X << 12 | np.int64(polarity[i] != 0) << 11 | x[i]
            n += np.uint64(1)
            i += np.uint64(1)
            if i >= stop or t[i] < last or t[i] >> 12 != high:
                break
            # The last of the fewest events that are a vector tells whether there may be one.
            end = i + np.uint64(MIN_VECTOR_EVENTS - 1)
            if end < stop and t[end] == t[i] and y[end] == y[i] and x[i] < x[end] < x[i] + SPAN:
                break
            last = t[i]
    return np.int64(n), 0


_ENCODER = WordEncoder(
    encoding="evt3",
    kernel=_encode,
    coordinate_bits=COORDINATE_BITS,
    channels=16,
    max_step_us=2**22,  # less than half the range
    word_type=np.dtype("<u2"),
    max_words=4,
    words_a_step=2,
)
