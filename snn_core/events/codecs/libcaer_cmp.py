"""Encoding `libcaer_cmp` of event_camera_msgs: 16-bit words that change the pixel, the time or bring events.

    4 bits of type    12 bits of payload
    0 TIME_HIGH       bits 12-23 of the time, us after the packet's time base
    1 TIME_LOW        bits 0-11 of it
    2 ADDR_X          bits 0-10 x
    3 ADDR_Y          bits 0-10 y, bit 11 polarity: one event
    4 VECT_BASE_Y     bits 0-10 y, bit 11 polarity of the vector words that follow
    5 VECT_8          bit i: an event at base y + i; base y grows by 8

Source: the ROS packages libcaer_driver (compression_tokens.hpp, message_converter.cpp) and event_camera_codecs.

This is EVT3 (see evt3_words.py) with the axes exchanged and other numbers for the types, and so it is read. A packet
with another time base than the one before begins at its time 0. The 24-bit time rolls over as that of EVT3 does. The
time base has all bits of the camera's clock, so that rollovers of that are not seen here.
"""

import numpy as np
from numpy.typing import NDArray

from snn_core.events.codecs.decoder import NEVER
from snn_core.events.codecs.evt3 import Evt3Decoder
from snn_core.events.codecs.evt3_words import (
    ADDR_X,
    ADDR_Y,
    CLOCK,
    HIGH,
    LOW,
    ORIGIN,
    TIME_HIGH,
    TIME_IS_NEW,
    TIME_LOW,
    VECT_8,
    VECT_BASE_X,
)
from snn_core.events.events import Events

UNDEFINED = 1  # a type that EVT3 does not define

EVT3_TYPES = np.full(16, UNDEFINED << 12, np.uint16)
"""The high bits of a word of EVT3 for each type here."""
EVT3_TYPES[:6] = np.array([TIME_HIGH, TIME_LOW, ADDR_Y, ADDR_X, VECT_BASE_X, VECT_8]) << 12


class LibcaerCmpDecoder(Evt3Decoder):
    """Decoder of `libcaer_cmp`: t = time_base_ns / 1000, rounded down, plus the words' time."""

    encoding = "libcaer_cmp"
    uses_time_base = True

    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events:
        as_evt3 = EVT3_TYPES[words >> 12] | words & np.uint16(0xFFF)
        events = self._read(as_evt3, width=self.height, height=self.width)
        return Events(events.t, events.y, events.x, events.polarity)

    def _begin_time_base(self, base_us: int) -> None:
        self._state[[HIGH, LOW]] = 0
        self._state[TIME_IS_NEW] = 1
        self._state[CLOCK] = NEVER
        self._state[ORIGIN] = base_us
