"""Raw format EVT2 of Prophesee's sensors: 32-bit words, one an event.

    4 bits of type     28 bits of payload
    0 CD_OFF, 1 CD_ON  bits 22-27 time, us modulo 64, bits 11-21 x, bits 0-10 y
    8 EVT_TIME_HIGH    the time of the words that follow, in units of 64 us
    A EXT_TRIGGER      bits 22-27 time, us modulo 64, bits 8-12 channel, bit 0 edge
    E OTHERS, F CONTINUED are the vendor's own and skipped

Source: Prophesee, "EVT 2.0 Format", data encoding formats, https://docs.prophesee.ai/stable/data/encoding_formats/evt2.html

The 34-bit time rolls over every 4.8 hours. A step back is clamped to the latest time, and only one of more than half
the range is a rollover. One ahead of all but ``MAX_STEP_OVER_ROLLOVER`` us of the range is one back over a rollover.
"""

from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.events.codecs.decoder import (
    DROPPED,
    LATEST,
    NEVER,
    OWN_STATE,
    PREVIOUS,
    STEPS_BACK,
    UNKNOWN_WORDS,
    UNTIMED,
    Decoder,
)
from snn_core.events.codecs.encoding import MAX_SILENCE_US, WordEncoder
from snn_core.events.codecs.simd import (
    at_least,
    below,
    bits_of,
    both,
    first_lane,
    lane_before,
    load16,
    shift_right,
    store,
    store_sums,
    trailing_zeros,
)
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers

TIME_RANGE = 2**34  # us
MAX_STEP_OVER_ROLLOVER = 2**16  # us
COORDINATE_BITS = 11
MAX_COORDINATE = 2**COORDINATE_BITS - 1
CHANNELS = 32

CD_OFF, CD_ON, TIME_HIGH, EXT_TRIGGER, OTHERS, CONTINUED = 0, 1, 8, 10, 14, 15

HIGH, STATE_SIZE = range(OWN_STATE, OWN_STATE + 2)

WORDS_AT_ONCE = 16
SLACK = WORDS_AT_ONCE  # elements that arrays for events need beyond the events: all lanes are written


class Evt2Decoder(Decoder):
    """Decoder of `evt2`. Times are the sensor's, unrolled; ``time_base_ns`` is not used."""

    encoding = "evt2"
    word_bytes = 4
    state_size = STATE_SIZE
    _head_bit: ClassVar[int] = 0
    """Where in a word its head begins: the 32 bits that this format's words consist of."""

    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events:
        n_events, n_triggers = map(int, _count(words, self._head_bit))
        return self._run(_decode, n_events + SLACK, n_triggers, words, self._head_bit, self.width, self.height)

    def reset(self) -> None:
        super().reset()
        self._state[HIGH] = NEVER


@njit(nogil=True, forceinline=True)
def _split(word, head_bit, has_pixels):
    """Type, payload and pixels of a word: bit i of the latter is an event i columns right of the word's own."""
    head = (word >> np.uint64(head_bit)) & np.uint64(0xFFFFFFFF)
    pixels = np.uint64(1)
    if has_pixels:
        pixels = (word >> np.uint64(32 - head_bit)) & np.uint64(0xFFFFFFFF)
    return np.int64(head >> np.uint64(28)), np.int64(head & np.uint64(0xFFFFFFF)), pixels


@njit(cache=True, nogil=True)
def _count(words, head_bit):
    """How many events and triggers the words bring."""
    n_events = n_triggers = 0
    for word in words:
        kind, _, pixels = _split(np.uint64(word), head_bit, words.itemsize == 8)
        if kind <= CD_ON:
            # The number of bits set, added up in ever wider fields.
            pixels -= (pixels >> np.uint64(1)) & np.uint64(0x55555555)
            pixels = (pixels & np.uint64(0x33333333)) + ((pixels >> np.uint64(2)) & np.uint64(0x33333333))
            pixels = (pixels + (pixels >> np.uint64(4))) & np.uint64(0x0F0F0F0F)
            n_events += np.int64((pixels * np.uint64(0x01010101)) >> np.uint64(24) & np.uint64(0xFF))
        n_triggers += kind == EXT_TRIGGER
    return n_events, n_triggers


@njit(nogil=True, forceinline=True)
def _unroll(time, high):
    """The unrolled time, us, of a TIME_HIGH that comes after one of time ``high``; it may lie before it."""
    ahead = time - high % TIME_RANGE
    if ahead < -(TIME_RANGE // 2):
        ahead += TIME_RANGE
    elif ahead >= TIME_RANGE - MAX_STEP_OVER_ROLLOVER:
        ahead -= TIME_RANGE
    return high + ahead


@njit(cache=True, nogil=True)
def _decode(words, head_bit, width, height, state, t, x, y, polarity, trigger_t, channel, edge):
    """Returns how many events and triggers there were. The arrays for events have ``SLACK`` elements more."""
    high, latest, previous = state[HIGH], state[LATEST], state[PREVIOUS]
    i = kept = kept_triggers = 0
    while i < len(words):
        if words.itemsize == 4 and high != NEVER:
            i, kept, high, latest, previous = _read_at_once(
                words, i, width, height, high, latest, previous, t, x, y, polarity, kept
            )
            if i == len(words):
                break
        kind, payload, pixels = _split(np.uint64(words[i]), head_bit, words.itemsize == 8)
        i += 1
        if kind == TIME_HIGH:
            high = payload << 6 if high == NEVER else _unroll(payload << 6, high)
        elif kind <= CD_ON or kind == EXT_TRIGGER:
            if high != NEVER:
                time = high + (payload >> 22)
                state[STEPS_BACK] += time < previous
                previous = time
                latest = max(latest, time)
            if kind == EXT_TRIGGER:
                if high != NEVER:
                    trigger_t[kept_triggers] = latest
                    channel[kept_triggers] = (payload >> 8) & (CHANNELS - 1)
                    edge[kept_triggers] = payload & 1
                    kept_triggers += 1
                continue
            column, row = (payload >> 11) & MAX_COORDINATE, payload & MAX_COORDINATE
            while pixels:
                if pixels & np.uint64(1):
                    if high == NEVER:
                        state[UNTIMED] += 1
                    elif column < width and row < height:
                        t[kept] = latest
                        x[kept] = column
                        y[kept] = row
                        polarity[kept] = kind
                        kept += 1
                    else:
                        state[DROPPED] += 1
                pixels >>= np.uint64(1)
                column += 1
        elif kind != OTHERS and kind != CONTINUED:
            state[UNKNOWN_WORDS] += 1
    state[HIGH], state[LATEST], state[PREVIOUS] = high, latest, previous
    return kept, kept_triggers


@njit(nogil=True, forceinline=True)
def _read_at_once(words, i, width, height, high, latest, previous, t, x, y, polarity, kept):
    """Reads from word i on, many at once, up to the first that is out of the ordinary or where too few are left.

    Out of the ordinary are all but TIME_HIGH and events on the sensor that do not step back in time.
    """
    while i <= len(words) - WORDS_AT_ONCE:
        lanes = load16(words, i)
        kinds = shift_right(lanes, 28)
        n = trailing_zeros(bits_of(at_least(kinds, CD_ON + 1)) | np.uint64(1 << WORDS_AT_ONCE))
        if n > 0:
            columns, rows = both(shift_right(lanes, 11), MAX_COORDINATE), both(lanes, MAX_COORDINATE)
            lows = both(shift_right(lanes, 22), 63)
            is_odd = bits_of(at_least(columns, width)) | bits_of(at_least(rows, height))
            is_odd |= bits_of(below(lows, lane_before(lows, lows)))
            if high + first_lane(lows) < previous or is_odd & ((np.uint64(1) << np.uint64(n)) - np.uint64(1)):
                break
            store(x, kept, columns)
            store(y, kept, rows)
            store(polarity, kept, kinds)
            store_sums(t, kept, lows, high, latest)
            i += n
            kept += n
            previous = high + np.int64((words[i - 1] >> np.uint32(22)) & np.uint32(63))
            latest = max(latest, previous)
        if n < WORDS_AT_ONCE:
            if words[i] >> np.uint32(28) != TIME_HIGH:
                break
            high = _unroll(np.int64(words[i] & np.uint32(0xFFFFFFF)) << 6, high)
            i += 1
    return i, kept, high, latest, previous


def encode_evt2(events: Events, triggers: Triggers | None = None, after_us: int | None = None) -> NDArray[np.uint8]:
    """The bytes of EVT2 words, little-endian, shape (bytes,). They begin with a TIME_HIGH.

    events, triggers: each in order of time, us; the words hold the lower 34 bits of it.
    after_us: the last time of the stream's words so far. A silence since then, or between events, is bridged by time
        words, so that a decoder knows how often the time has rolled over.

    Raises ValueError for events or triggers that are not in order or 24 hours apart. Raises it also for a pixel of
    more than 11 bits, or a channel of more than 5.
    """
    return _ENCODER.encode(events, triggers, after_us)


@njit(cache=True, nogil=True)
def _encode(t, x, y, polarity, trigger_t, channel, edge, begin, max_step, words):
    """Returns how many words there are, and the silence, us, that broke it off, or 0."""
    last, high = begin, -1
    n = i = k = 0
    while i < len(t) or k < len(trigger_t):
        is_trigger = k < len(trigger_t) and (i == len(t) or trigger_t[k] <= t[i])
        time = trigger_t[k] if is_trigger else t[i]
        if time - last < 0 or time - last > MAX_SILENCE_US:
            return n, time - last
        while last != time or high < 0:
            last = min(time, last + max_step)
            if last >> 6 & 0xFFFFFFF != high:
                high = last >> 6 & 0xFFFFFFF
                words[n] = TIME_HIGH << 28 | high
                n += 1
        low = (last & 0x3F) << 22
        if is_trigger:
            words[n] = EXT_TRIGGER << 28 | low | np.int64(channel[k]) << 8 | (edge[k] != 0)
            k += 1
        else:
            words[n] = np.int64(polarity[i] != 0) << 28 | low | np.int64(x[i]) << 11 | y[i]
            i += 1
        n += 1
    return n, 0


_ENCODER = WordEncoder(
    encoding="evt2",
    kernel=_encode,
    coordinate_bits=COORDINATE_BITS,
    channels=CHANNELS,
    max_step_us=2**32,  # less than half the range
    word_type=np.dtype("<u4"),
    max_words=2,
    words_a_step=1,
)
