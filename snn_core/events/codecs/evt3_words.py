"""Encoding `evt3` of Prophesee's sensors: 16-bit words that change the pixel, the time or bring events.

    4 bits of type    12 bits of payload
    0 ADDR_Y          bits 0-10 y
    2 ADDR_X          bits 0-10 x, bit 11 polarity: one event
    3 VECT_BASE_X     bits 0-10 x, bit 11 polarity of the vector words that follow
    4 VECT_12         bit i: an event at base x + i; base x grows by 12
    5 VECT_8          the same with 8
    6 TIME_LOW        bits 0-11 of the time, us
    8 TIME_HIGH       bits 12-23 of the time, us
    A EXT_TRIGGER     bits 8-11 channel, bit 0 edge
    7 and F CONTINUED (more data of the word before) and E OTHERS are the vendor's own and skipped

Source: Prophesee, "EVT 3.0 Format", data encoding formats, https://docs.prophesee.ai/stable/data/encoding_formats/evt3.html

The 24-bit time rolls over every 16.8 s. Sensors also step back by some us at times; a step back is clamped to the
latest time, and only one of more than half the range is a rollover. A step back over a rollover looks like one ahead of
almost the whole range. It is taken for a step back when it is one of at most ``MAX_STEP_OVER_ROLLOVER`` us.
"""

from snn_core.events.codecs.decoder import OWN_STATE

TIME_RANGE = 2**24  # us
MAX_STEP_OVER_ROLLOVER = 2**16  # us

ADDR_Y, ADDR_X, VECT_BASE_X, VECT_12, VECT_8, TIME_LOW = 0, 2, 3, 4, 5, 6
CONTINUED_4, TIME_HIGH, EXT_TRIGGER, OTHERS, CONTINUED_12 = 7, 8, 10, 14, 15

UNKNOWN = 2**15  # off every sensor, so that events of an unknown pixel are dropped

Y, BASE_X, POLARITY, HIGH, LOW, TIME_IS_NEW, CLOCK, ORIGIN, STATE_SIZE = range(OWN_STATE, OWN_STATE + 9)
"""What a decoder knows from the words so far. TIME_IS_NEW: the words' time has changed and no event has told it yet.
CLOCK: the latest time of the words, unrolled, us. ORIGIN: what to add to it for the time of an event."""
