"""The compiled loops that read words of EVT3 (see evt3_words.py)."""

import numpy as np
from numba import njit

from snn_core.events.codecs.decoder import DROPPED, LATEST, NEVER, PREVIOUS, STEPS_BACK, UNKNOWN_WORDS, UNTIMED
from snn_core.events.codecs.evt3_words import (
    ADDR_X,
    ADDR_Y,
    BASE_X,
    CLOCK,
    CONTINUED_4,
    CONTINUED_12,
    EXT_TRIGGER,
    HIGH,
    LOW,
    MAX_STEP_OVER_ROLLOVER,
    ORIGIN,
    OTHERS,
    POLARITY,
    TIME_HIGH,
    TIME_IS_NEW,
    TIME_LOW,
    TIME_RANGE,
    VECT_8,
    VECT_12,
    VECT_BASE_X,
    Y,
)
from snn_core.events.codecs.simd import (
    HAS_COMPRESS,
    at_least,
    below,
    bits_of,
    both,
    compress,
    equal,
    fill_forward,
    lane_before,
    last_lane,
    load32,
    mask16,
    mask32,
    ones,
    rising16,
    shift_right,
    spread16,
    spread32,
    store,
    store_sums,
    trailing_zeros,
)

WORDS_AT_ONCE = 32
SLACK = WORDS_AT_ONCE  # elements that arrays for events need beyond the events: all lanes are written
WORDS_ONE_BY_ONE = 8  # before words are read at once again
COUNTED_AT_ONCE = 512  # so that 16 bits hold the number of events


@njit(cache=True, nogil=True)
def count(words):
    """How many events and triggers the words bring at most.

    Without a branch and in 16 bits, so that many words are counted at once.
    """
    n_events = n_triggers = 0
    for begin in range(0, len(words), COUNTED_AT_ONCE):
        block = words[begin : begin + COUNTED_AT_ONCE]
        events = triggers = np.uint16(0)
        for i in range(len(block)):
            kind = np.uint16(block[i] >> np.uint16(12))
            in_12 = np.uint16(np.uint16(block[i] & np.uint16(0xFFF)) * np.uint16(kind == VECT_12))
            in_8 = np.uint16(np.uint16(block[i] & np.uint16(0xFF)) * np.uint16(kind == VECT_8))
            # The number of bits set, added up in ever wider fields.
            bits = np.uint16(in_12 | in_8)
            bits = np.uint16(bits - np.uint16(np.uint16(bits >> np.uint16(1)) & np.uint16(0x555)))
            bits = np.uint16(
                np.uint16(bits & np.uint16(0x333)) + np.uint16(np.uint16(bits >> np.uint16(2)) & np.uint16(0x333))
            )
            bits = np.uint16(
                np.uint16(bits & np.uint16(15))
                + np.uint16(np.uint16(bits >> np.uint16(4)) & np.uint16(15))
                + np.uint16(bits >> np.uint16(8))
            )
            events = np.uint16(events + bits + np.uint16(kind == ADDR_X))
            triggers = np.uint16(triggers + np.uint16(kind == EXT_TRIGGER))
        n_events += np.int64(events)
        n_triggers += np.int64(triggers)
    return n_events, n_triggers


@njit(cache=True, nogil=True)
def decode(words, at_once, width, height, state, t, x, y, polarity, trigger_t, channel, edge):
    """Returns how many events and triggers there were. The arrays for events have ``SLACK`` elements more.

    at_once: whether words may be read many at once, where the processor can; what comes out is the same.
    """
    i = kept = kept_triggers = 0
    while i < len(words):
        stop = len(words)
        if HAS_COMPRESS and at_once and stop - i >= WORDS_AT_ONCE:
            i, kept, kept_triggers = _read_at_once(
                words, i, width, height, state, t, x, y, polarity, trigger_t, channel, edge, kept, kept_triggers
            )
            if stop - i >= WORDS_AT_ONCE:
                stop = i + WORDS_ONE_BY_ONE
        i, kept, kept_triggers = _read_one_by_one(
            words, i, stop, width, height, state, t, x, y, polarity, trigger_t, channel, edge, kept, kept_triggers
        )
    return kept, kept_triggers


@njit(nogil=True, forceinline=True)
def _read_at_once(words, i, width, height, state, t, x, y, polarity, trigger_t, channel, edge, kept, kept_triggers):
    """Reads from word i on, many at once, up to the first that is out of the ordinary or where too few are left.

    Out of the ordinary are words that change TIME_HIGH or are unknown, times that step back and events off the sensor.
    Up to there the time of each word is that of the first one, ``begin``, and its TIME_LOW.
    """
    high = state[HIGH]
    if high == NEVER or state[TIME_IS_NEW]:
        return i, kept, kept_triggers
    row, low, base, base_polarity = state[Y], state[LOW], state[BASE_X], state[POLARITY]
    begin, latest = state[PREVIOUS] - low, state[LATEST]
    while i <= len(words) - WORDS_AT_ONCE:
        # First n words of the types ADDR_Y, ADDR_X, TIME_LOW and TIME_HIGH, the latter with what it was before.
        lanes = load32(words, i)
        kinds = shift_right(lanes, 12)
        is_row, is_event = bits_of(equal(kinds, ADDR_Y)), bits_of(equal(kinds, ADDR_X))
        is_low, is_same_high = bits_of(equal(kinds, TIME_LOW)), bits_of(equal(lanes, TIME_HIGH << 12 | high))
        n = trailing_zeros(~(is_row | is_event | is_low | is_same_high) | np.uint64(1 << WORDS_AT_ONCE))
        first_n = (np.uint64(1) << np.uint64(n)) - np.uint64(1)
        is_event &= first_n
        columns = both(lanes, 0x7FF)
        rows = fill_forward(columns, mask32(is_row & first_n), spread32(row))
        lows = fill_forward(both(lanes, 0xFFF), mask32(is_low & first_n), spread32(low))
        is_outside = bits_of(at_least(columns, width)) | bits_of(at_least(rows, height))
        if bits_of(below(lows, lane_before(lows, spread32(low)))) | (is_outside & is_event):
            break
        row, low = last_lane(rows), last_lane(lows)
        chosen = mask32(is_event)
        store(x, kept, compress(columns, chosen))
        store(y, kept, compress(rows, chosen))
        store(polarity, kept, shift_right(both(compress(lanes, chosen), 0x800), 11))
        store_sums(t, kept, compress(lows, chosen), begin, latest)
        kept += ones(is_event)
        i += n
        # Then words of other types, until n is as many as are read at once.
        is_ordinary = True
        while n < WORDS_AT_ONCE and i < len(words):
            kind, payload = np.int64(words[i]) >> 12, np.int64(words[i]) & 0xFFF
            if kind == VECT_BASE_X:
                base, base_polarity = payload & 0x7FF, payload >> 11
            elif kind == VECT_12 or kind == VECT_8:
                size = 12 if kind == VECT_12 else 8
                is_ordinary = base + size <= width and row < height
                if not is_ordinary:
                    break
                bits = np.uint64(payload & ((1 << size) - 1))
                store(x, kept, compress(rising16(base), mask16(bits)))
                store(y, kept, spread16(row))
                store(polarity, kept, spread16(base_polarity))
                store_sums(t, kept, spread16(low), begin, latest)
                kept += ones(bits)
                base += size
            elif kind == EXT_TRIGGER:
                trigger_t[kept_triggers] = max(latest, begin + low)
                channel[kept_triggers] = payload >> 8
                edge[kept_triggers] = payload & 1
                kept_triggers += 1
            elif kind != CONTINUED_4 and kind != CONTINUED_12 and kind != OTHERS:
                is_ordinary = n > 0
                break
            i += 1
            n += 1
        if not is_ordinary:
            break
    time = begin + low
    state[Y], state[LOW], state[BASE_X], state[POLARITY] = row, low, base, base_polarity
    state[PREVIOUS], state[LATEST] = time, max(latest, time)
    state[CLOCK] = max(state[CLOCK], time - state[ORIGIN])
    return i, kept, kept_triggers


@njit(nogil=True, forceinline=True)
def _unroll(time, clock):
    """The unrolled time, us, of a 24-bit time that comes after ``clock``; it may lie before it."""
    ahead = time - clock % TIME_RANGE
    if ahead < -(TIME_RANGE // 2):
        ahead += TIME_RANGE
    elif ahead >= TIME_RANGE - MAX_STEP_OVER_ROLLOVER:
        ahead -= TIME_RANGE
    return clock + ahead


@njit(nogil=True, forceinline=True)
def _read_one_by_one(
    words, i, stop, width, height, state, t, x, y, polarity, trigger_t, channel, edge, kept, kept_triggers
):
    """Reads from word i up to word ``stop``, and on to where the time has been told."""
    row, base, base_polarity = state[Y], state[BASE_X], state[POLARITY]
    high, low, clock, time_is_new = state[HIGH], state[LOW], state[CLOCK], state[TIME_IS_NEW] != 0
    origin, latest, previous = state[ORIGIN], state[LATEST], state[PREVIOUS]
    while i < stop or (time_is_new and i < len(words)):
        kind, payload = np.int64(words[i]) >> 12, np.int64(words[i]) & 0xFFF
        i += 1
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
        elif kind == TIME_LOW or kind == ADDR_X or kind == VECT_12 or kind == VECT_8 or kind == EXT_TRIGGER:
            if kind == TIME_LOW:
                low = payload
                time_is_new = high != NEVER
            # A new TIME_HIGH counts with the TIME_LOW after it: with the old low bits it would run ahead.
            if time_is_new:
                time = high << 12 | low
                if clock != NEVER:
                    time = _unroll(time, clock)
                clock = max(clock, time)
                time += origin
                state[STEPS_BACK] += time < previous
                previous = time
                latest = max(latest, time)
                time_is_new = False
            if kind == ADDR_X:
                column = payload & 0x7FF
                if column < width and row < height and latest != NEVER:
                    t[kept] = latest
                    x[kept] = column
                    y[kept] = row
                    polarity[kept] = payload >> 11
                    kept += 1
                elif latest == NEVER:
                    state[UNTIMED] += 1
                else:
                    state[DROPPED] += 1
            elif kind == VECT_12 or kind == VECT_8:
                size = 12 if kind == VECT_12 else 8
                for bit in range(size):
                    if payload >> bit & 1 == 0:
                        continue
                    if base + bit < width and row < height and latest != NEVER:
                        t[kept] = latest
                        x[kept] = base + bit
                        y[kept] = row
                        polarity[kept] = base_polarity
                        kept += 1
                    elif latest == NEVER:
                        state[UNTIMED] += 1
                    else:
                        state[DROPPED] += 1
                base += size
            elif kind == EXT_TRIGGER and latest != NEVER:
                trigger_t[kept_triggers] = latest
                channel[kept_triggers] = payload >> 8
                edge[kept_triggers] = payload & 1
                kept_triggers += 1
        else:
            state[UNKNOWN_WORDS] += 1
    state[Y], state[BASE_X], state[POLARITY] = row, base, base_polarity
    state[HIGH], state[LOW], state[CLOCK], state[TIME_IS_NEW] = high, low, clock, time_is_new
    state[LATEST], state[PREVIOUS] = latest, previous
    return i, kept, kept_triggers
