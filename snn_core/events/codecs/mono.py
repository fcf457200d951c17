"""Encoding `mono` of event_camera_msgs: one 64-bit word an event, times relative to the packet's time base.

    bit 63: polarity    bits 48-62: y    bits 32-47: x    bits 0-31: ns after the time base

Source: README of the ROS package event_camera_msgs.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.codecs.decoder import LATEST, PREVIOUS, Decoder, sift, uninitialised_events
from snn_core.events.codecs.encoding import check_pixels, check_time_base
from snn_core.events.events import Events

MAX_DT_NS = 2**32 - 1
X_BITS, Y_BITS = 16, 15
MAX_Y = 2**Y_BITS - 1

THOUSANDTH, SHIFT = 274877907, 38  # v // 1000 is v * THOUSANDTH >> SHIFT for v below 2**38 / 56, that is 4.9e9


class MonoDecoder(Decoder):
    """Decoder of `mono`: t = (time_base_ns + dt) / 1000, rounded down to whole us."""

    encoding = "mono"
    word_bytes = 8
    uses_time_base = True

    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events:
        events = uninitialised_events(len(words))
        if len(words) == 0:
            return events
        # Whole us and the rest apart, so that no uint64 time base overflows.
        base_us, rest_ns = divmod(int(time_base_ns), 1000)
        as_they_are = _unpack(
            words, base_us, rest_ns, self.width, self.height, events.t, events.x, events.y, events.polarity
        )
        if as_they_are and events.t[0] >= self._state[LATEST]:
            self._state[LATEST] = self._state[PREVIOUS] = events.t[-1]
            return events
        events = sift(events, self.width, self.height, self._state)
        self._collect_counters()
        return events


@njit(cache=True, nogil=True)
def _unpack(words, base_us, rest_ns, width, height, t, x, y, polarity):
    """All events; returns whether they lie on the sensor and no time steps back.

    Nothing depends on the word before, and there is no branch, so that several words are unpacked at once.
    """
    outside = False
    for i in range(len(words)):
        word = words[i]
        t[i] = base_us + np.int64(
            ((word & np.uint64(0xFFFFFFFF)) + np.uint64(rest_ns)) * np.uint64(THOUSANDTH) >> np.uint64(SHIFT)
        )
        column = np.uint16(word >> np.uint64(32))
        row = np.uint16(word >> np.uint64(48)) & np.uint16(MAX_Y)
        x[i] = column
        y[i] = row
        polarity[i] = word >> np.uint64(63)
        outside |= (column >= width) | (row >= height)
    back = False
    for i in range(1, len(words)):
        back |= np.uint32(words[i]) < np.uint32(words[i - 1])
    return not (outside or back)


def encode_mono(events: Events, time_base_ns: int) -> NDArray[np.uint8]:
    """The bytes of a `mono` packet, little-endian, shape (8 n,).

    time_base_ns: the ``time_base`` that the packet will carry, ns, 0 to 2**64 - 1.

    Raises ValueError for an event before the time base or more than 2**32 - 1 ns (4.29 s) after it, and for y of more
    than 15 bits.
    """
    check_time_base("mono", time_base_ns)
    check_pixels("mono", events, X_BITS, Y_BITS)
    if len(events) == 0:
        return np.empty(0, np.uint8)
    for time_us in (int(events.t.min()), int(events.t.max())):
        dt_ns = 1000 * time_us - time_base_ns
        if not 0 <= dt_ns <= MAX_DT_NS:
            raise ValueError(f"mono: event at {time_us} us is {dt_ns} ns from the time base, expected 0 to {MAX_DT_NS}")
    words = np.empty(len(events), np.int64)
    base_us, rest_ns = divmod(time_base_ns, 1000)
    _encode(events.t, events.x, events.y, events.polarity, base_us, rest_ns, words)
    return words.astype("<i8", copy=False).view(np.uint8)


@njit(cache=True, nogil=True)
def _encode(t, x, y, polarity, base_us, rest_ns, words):
    for i in range(len(t)):
        pixel = (np.int64(polarity[i] != 0) << 31) | (np.int64(y[i]) << 16) | np.int64(x[i])
        words[i] = (pixel << 32) | ((t[i] - base_us) * 1000 - rest_ns)
