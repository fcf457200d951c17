"""Encoding `libcaer` of event_camera_msgs: events as the cameras of iniVation send them, two 32-bit words an event.

    first word     bits 17-31 x, bits 2-16 y, bit 1 polarity, bit 0 valid
    second word    bits 0-30 us after the packet's time base, bit 31 never set

Source: libcaer, "events/polarity.h", https://gitlab.com/inivation/dv/libcaer; the ROS packages libcaer_driver and
event_camera_codecs, which do not look at bit 0 either.

The 31-bit time rolls over every 36 minutes. The driver then adds 2^31 us to the time base of the next packet. Within a
packet, and from one to the next with the same time base, a step back of more than half the range is a rollover. A step
ahead of all but ``MAX_STEP_OVER_ROLLOVER`` us of the range is then a step back over the rollover.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.codecs.decoder import (
    LATEST,
    NEVER,
    OWN_STATE,
    PREVIOUS,
    UNKNOWN_WORDS,
    Decoder,
    sift,
    uninitialised_events,
)
from snn_core.events.codecs.encoding import check_pixels, check_time_base
from snn_core.events.events import Events

TIME_RANGE = 2**31  # us
MAX_STEP_OVER_ROLLOVER = 2**16  # us
COORDINATE_BITS = 15
MAX_COORDINATE = 2**COORDINATE_BITS - 1

EPOCH, LAST, STATE_SIZE = range(OWN_STATE, OWN_STATE + 3)
"""EPOCH: us that rollovers have added to the time base. LAST: the last 31-bit time."""


class LibcaerDecoder(Decoder):
    """Decoder of `libcaer`: t = time_base_ns / 1000, rounded down, plus the event's us.

    An event with bit 31 of its time set is dropped and counted in ``unknown_words``.
    """

    encoding = "libcaer"
    word_bytes = 8
    uses_time_base = True
    swapped_bytes = 4
    state_size = STATE_SIZE

    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events:
        events = uninitialised_events(len(words) // 2)
        if len(events) == 0:
            return events
        arrays = events.t, events.x, events.y, events.polarity
        base_us = int(time_base_ns) // 1000
        in_order = words[1] >= self._state[LAST] and _unpack(
            words.reshape(-1, 2), base_us + int(self._state[EPOCH]), self.width, self.height, *arrays
        )
        if in_order and events.t[0] >= self._state[LATEST]:
            self._state[LAST] = words[-1]
            self._state[LATEST] = self._state[PREVIOUS] = events.t[-1]
            return events
        kept = _unpack_in_order(words.reshape(-1, 2), base_us, self._state, *arrays)
        events = sift(events[:kept], self.width, self.height, self._state)
        self._collect_counters()
        return events

    def _begin_time_base(self, base_us: int) -> None:
        self._state[[EPOCH, LAST]] = 0, NEVER


@njit(cache=True, nogil=True)
def _unpack(words, base_us, width, height, t, x, y, polarity):
    """All events; returns whether they lie on the sensor and no time rolls over, steps back or has bit 31 set.

    Nothing depends on the word before, and there is no branch, so that several words are unpacked at once.
    """
    outside = False
    for i in range(len(t)):
        pixel, time = words[i, 0], words[i, 1]
        t[i] = base_us + np.int64(time)
        column = np.uint16(pixel >> np.uint32(17))
        row = np.uint16(pixel >> np.uint32(2)) & np.uint16(MAX_COORDINATE)
        x[i] = column
        y[i] = row
        polarity[i] = np.uint8(pixel >> np.uint32(1)) & np.uint8(1)
        outside |= (column >= width) | (row >= height) | (np.int32(time) < 0)
    back = False
    for i in range(1, len(t)):
        back |= t[i] < t[i - 1]
    return not (outside or back)


@njit(cache=True, nogil=True)
def _unpack_in_order(words, base_us, state, t, x, y, polarity):
    """Events with the rollovers taken out of their times, but not yet sifted; returns how many."""
    n = 0
    for i in range(len(words)):
        pixel, time = np.int64(words[i, 0]), np.int64(words[i, 1])
        if time >= TIME_RANGE:
            state[UNKNOWN_WORDS] += 1
            continue
        if state[LAST] != NEVER:
            ahead = time - state[LAST]
            if ahead < -(TIME_RANGE // 2):
                state[EPOCH] += TIME_RANGE
            elif ahead >= TIME_RANGE - MAX_STEP_OVER_ROLLOVER:
                state[EPOCH] -= TIME_RANGE
        state[LAST] = time
        t[n] = base_us + state[EPOCH] + time
        x[n] = pixel >> 17
        y[n] = (pixel >> 2) & MAX_COORDINATE
        polarity[n] = (pixel >> 1) & 1
        n += 1
    return n


def encode_libcaer(events: Events, time_base_ns: int) -> NDArray[np.uint8]:
    """The bytes of a `libcaer` packet, little-endian, shape (8 n,).

    time_base_ns: the ``time_base`` that the packet will carry, ns, 0 to 2**64 - 1.

    Raises ValueError for an event before the time base or 2**31 us (36 minutes) or more after it, and for x or y of
    more than 15 bits.
    """
    check_time_base("libcaer", time_base_ns)
    check_pixels("libcaer", events, COORDINATE_BITS, COORDINATE_BITS)
    if len(events) == 0:
        return np.empty(0, np.uint8)
    base_us = time_base_ns // 1000
    for time_us in (int(events.t.min()), int(events.t.max())):
        if not 0 <= time_us - base_us < TIME_RANGE:
            raise ValueError(
                f"libcaer: event at {time_us} us is {time_us - base_us} us from the time base, "
                f"expected 0 to {TIME_RANGE - 1}"
            )
    words = np.empty((len(events), 2), np.uint32)
    _encode(events.t, events.x, events.y, events.polarity, base_us, words)
    return words.astype("<u4", copy=False).view(np.uint8).reshape(-1)


@njit(cache=True, nogil=True)
def _encode(t, x, y, polarity, base_us, words):
    for i in range(len(t)):
        on = np.uint32(polarity[i] != 0)
        words[i, 0] = np.uint32(x[i]) << np.uint32(17) | np.uint32(y[i]) << np.uint32(2) | on << np.uint32(1) | 1
        words[i, 1] = t[i] - base_us
