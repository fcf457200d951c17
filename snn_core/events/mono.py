"""Encoding `mono` of event_camera_msgs: one 64-bit word an event, times relative to the packet's time base.

    bit 63: polarity    bits 48-62: y    bits 32-47: x    bits 0-31: ns after the time base

Source: README of the ROS package event_camera_msgs.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.decoder import Decoder, PacketData
from snn_core.events.events import Events

MAX_DT_NS = 2**32 - 1
MAX_Y = 2**15 - 1

NEVER = np.iinfo(np.int64).min
LATEST, PREVIOUS, DROPPED, STEPS_BACK, STATE_SIZE = range(5)


class MonoDecoder(Decoder):
    """Decoder of `mono`: t = (time_base_ns + dt) / 1000, rounded down to whole us.

    A word that the end of a packet cuts is completed by the next packet where that has the same time base; else it is
    dropped and counted in ``unknown_words``.
    """

    encoding = "mono"
    word_bytes = 8
    state_size = STATE_SIZE
    _time_base_ns = 0

    def decode(self, data: PacketData, time_base_ns: int = 0) -> Events:
        if self._cut_word and time_base_ns != self._time_base_ns:
            self.resynchronise()
        self._time_base_ns = time_base_ns
        return super().decode(data, time_base_ns)

    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events:
        n = len(words)
        t, x, y = np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint16)
        polarity = np.empty(n, np.uint8)
        # Whole us and the rest apart, so that no uint64 time base overflows.
        base_us, rest_ns = divmod(int(time_base_ns), 1000)
        kept = _decode(words.view(np.int64), base_us, rest_ns, self.width, self.height, self._state, t, x, y, polarity)
        self.dropped_outside += self._take(DROPPED)
        self.steps_back += self._take(STEPS_BACK)
        return Events(t[:kept], x[:kept], y[:kept], polarity[:kept])

    def _reset_time(self) -> None:
        self._state[[LATEST, PREVIOUS]] = NEVER

    def _reset_pixel(self) -> None:
        """Every word of `mono` holds its whole pixel."""


@njit(cache=True, nogil=True)
def _decode(words, base_us, rest_ns, width, height, state, t, x, y, polarity):
    latest, previous = state[LATEST], state[PREVIOUS]
    kept = 0
    for word in words:
        column = (word >> 32) & 0xFFFF
        row = (word >> 48) & 0x7FFF
        if column >= width or row >= height:
            state[DROPPED] += 1
            continue
        time = base_us + (rest_ns + (word & 0xFFFFFFFF)) // 1000
        state[STEPS_BACK] += time < previous
        previous = time
        latest = max(latest, time)
        t[kept] = latest
        x[kept] = column
        y[kept] = row
        polarity[kept] = word < 0
        kept += 1
    state[LATEST], state[PREVIOUS] = latest, previous
    return kept


def encode_mono(events: Events, time_base_ns: int) -> NDArray[np.uint8]:
    """The bytes of a `mono` packet, little-endian, shape (8 n,).

    time_base_ns: the ``time_base`` that the packet will carry, ns, 0 to 2**64 - 1.

    Raises ValueError for an event before the time base or more than 2**32 - 1 ns (4.29 s) after it, and for y of more
    than 15 bits.
    """
    if not 0 <= time_base_ns < 2**64:
        raise ValueError(f"mono: time base {time_base_ns} ns does not fit 64 bits")
    if len(events) == 0:
        return np.empty(0, np.uint8)
    for time_us in (int(events.t.min()), int(events.t.max())):
        dt_ns = 1000 * time_us - time_base_ns
        if not 0 <= dt_ns <= MAX_DT_NS:
            raise ValueError(f"mono: event at {time_us} us is {dt_ns} ns from the time base, expected 0 to {MAX_DT_NS}")
    if int(events.y.max()) > MAX_Y:
        raise ValueError(f"mono: y {int(events.y.max())} does not fit 15 bits")
    words = np.empty(len(events), np.int64)
    base_us, rest_ns = divmod(time_base_ns, 1000)
    _encode(events.t, events.x, events.y, events.polarity, base_us, rest_ns, words)
    return words.astype("<i8", copy=False).view(np.uint8)


@njit(cache=True, nogil=True)
def _encode(t, x, y, polarity, base_us, rest_ns, words):
    for i in range(len(t)):
        pixel = (np.int64(polarity[i] != 0) << 31) | (np.int64(y[i]) << 16) | np.int64(x[i])
        words[i] = (pixel << 32) | ((t[i] - base_us) * 1000 - rest_ns)
